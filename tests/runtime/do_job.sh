# limpet do as a job of a shell on a terminal: ^Z, fg, bg, typing at the shell meanwhile, reading the terminal again.
. "$(dirname "$0")/../lib/sh.sh"
[ -x /usr/bin/python3 ] || skip "python3 is not installed"
cat >drive.py <<'PY'
import os, pty, re, select, sys, time
limpet = sys.argv[1] + ' do --platform ' + sys.argv[2] + ' -- '
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PS1='PROMPT> ', HISTFILE='', TERM='dumb')
    os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])
buf = ''; whole = ''
def expect(pattern, seconds=20):
    global buf, whole
    end = time.time() + seconds
    while not re.search(pattern, buf, re.S):
        if time.time() > end: print('failed: never saw', repr(pattern), 'after', repr(whole[-1500:])); os.kill(pid, 9); sys.exit(1)
        if select.select([fd], [], [], 0.1)[0]: data = os.read(fd, 4096).decode(errors='replace'); buf += data; whole += data
    buf = buf[re.search(pattern, buf, re.S).end():]
def send(text, pattern): os.write(fd, text.encode()); expect(pattern)
expect(r'PROMPT> $')
send(limpet + "sh -c 'echo began; sleep 2; echo done'\r", r'\r\nbegan\r\n')
send('\x1a', r'Stopped.*PROMPT> $')
time.sleep(2.5)
send('echo typed at the shell\r', r'\ntyped at the shell\r\n.*PROMPT> $')
send('fg\r', r'\r\ndone\r\n.*PROMPT> $')
send(limpet + "sh -c 'echo began; read x; echo got $x'\r", r'\r\nbegan\r\n')
send('\x1a', r'Stopped.*PROMPT> $')
send('echo not for it\r', r'\nnot for it\r\n.*PROMPT> $')
send('fg\r', r'read x[^\n]*\r\n'); time.sleep(0.3)
send('a line\r', r'\r\ngot a line\r\n.*PROMPT> $')
send(limpet + "sh -c 'echo began; sleep 1; echo in the background; read x; echo got $x'\r", r'\r\nbegan\r\n')
send('\x1a', r'Stopped.*PROMPT> $')
send('bg\r', r'&\r\n.*PROMPT> ')
expect(r'in the background\r*\n')
send('echo meanwhile\r', r'\nmeanwhile\r\n.*PROMPT> $')
send('fg\r', r'read x[^\n]*\r\n'); time.sleep(0.6)
send('again\r', r'\r\ngot again\r\n.*PROMPT> $')
send(limpet + 'sleep 30\r', r'sleep 30\r\n'); time.sleep(0.5)
send('\x1a', r'Stopped.*PROMPT> $')
send('fg\r', r'sleep 30\r\n'); time.sleep(0.3)
send('\x03', r'PROMPT> $')
send('echo status $?\r', r'\nstatus 130\r\n.*PROMPT> $')
send('stty -a | grep -o -- "-\\?icanon"\r', r'\nicanon\r\n.*PROMPT> $')
os.write(fd, b'exit\r')
print('fine')
PY
is 'a job of a shell' "$(/usr/bin/python3 drive.py "$LIMPET" "$PLATFORM")" fine
finish
