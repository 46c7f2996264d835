# limpet do at a terminal: it is one inside too; job control, ^C, ^Z and window sizes work through it.
. "$(dirname "$0")/../lib/sh.sh"
[ -x /usr/bin/python3 ] || skip "python3 is not installed"
cat >drive.py <<'PY'
import fcntl, os, pty, re, select, struct, sys, termios, time
failed = False
buf = ''
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PS1='PROMPT> ', HISTFILE='', TERM='dumb')
    os.execv(sys.argv[1], [sys.argv[1], 'do', '--platform', sys.argv[2], '--', 'bash', '--norc', '--noprofile', '-i'])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 99, 0, 0))
def expect(pattern, seconds=10):
    global buf, failed
    end = time.time() + seconds
    while not re.search(pattern, buf, re.S):
        if time.time() > end or not select.select([fd], [], [], max(0, end - time.time()))[0]:
            print('failed: never saw', repr(pattern), 'in', repr(buf)); failed = True; os.kill(pid, 9); sys.exit(1)
        try: data = os.read(fd, 4000).decode(errors='replace')
        except OSError: data = ''
        if not data:
            print('failed: end before', repr(pattern), 'in', repr(buf)); sys.exit(1)
        buf += data
    m = re.search(pattern, buf, re.S); seen = buf[:m.end()]; buf = buf[m.end():]; return seen
def send(s, pattern):
    os.write(fd, s.encode()); return expect(pattern)
expect(r'PROMPT> $')
send('echo $((40 + 2))\r', r'\r\n42\r\n.*PROMPT> $')
send('stty size\r', r'33 99\r\n.*PROMPT> $')
send('tty; test -t 0 && test -t 1 && test -t 2 && echo all three\r', r'/dev/\S+\r\nall three\r\n.*PROMPT> $')
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 21, 77, 0, 0))
time.sleep(0.3)
send('stty size\r', r'21 77\r\n.*PROMPT> $')
send('trap "echo winch" WINCH; echo set\r', r'set\r\n.*PROMPT> $')
send('sleep 60\r', r'sleep 60\r\n'); time.sleep(0.3); send('\x03', r'\^C.*PROMPT> $')
send('echo $?\r', r'130\r\n.*PROMPT> $')
send('sleep 61\r', r'sleep 61\r\n'); time.sleep(0.3); send('\x1a', r'Stopped.*\r\n.*PROMPT> $')
send('jobs; bg\r', r'sleep 61 &\r\n.*PROMPT> $')
send('fg\r', r'sleep 61\r\n'); time.sleep(0.3); send('\x03', r'PROMPT> $')
send('cat\r', r'cat\r\n'); send('abc\r', r'abc\r\nabc\r\n'); send('\x04', r'PROMPT> $')
send('read -s x; echo "<$x>"\r', r'\r\n'); time.sleep(0.3); send('hidden\r', r'<hidden>\r\n.*PROMPT> $')
send('sleep 0.2 & wait\r', r'Done.*\r\n.*PROMPT> $')
send("python3 -c 'import time; time.sleep(60)'\r", r'\r\n'); time.sleep(0.5); send('\x03', r'KeyboardInterrupt.*\r\n.*PROMPT> $' if False else r'PROMPT> $')
send('exec 3<>/dev/tty; echo over tty >&3\r', r'over tty\r\n.*PROMPT> $')
os.write(fd, b'exit 9\r')
end = time.time() + 10
while time.time() < end:
    p, st = os.waitpid(pid, os.WNOHANG)
    if p: break
    try:
        if select.select([fd], [], [], 0.05)[0]: os.read(fd, 1000)
    except OSError: pass
else: print('failed: does not end'); os.kill(pid, 9); sys.exit(1)
if os.waitstatus_to_exitcode(st) != 9: print('failed: status', st); failed = True
sys.exit(failed)
PY
/usr/bin/python3 drive.py "$LIMPET" "$PLATFORM" || fail 'interactive session'
# Settings go in with the terminal; where the terminal is not raw, nothing gets a CR too many.
cat >settings.py <<'PY'
import os, pty, re, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PS1='PROMPT> ', HISTFILE='', TERM='dumb')
    os.execvp('bash', ['bash', '--norc', '--noprofile', '--noediting', '-i'])
def until(pattern, seconds=10):
    seen, end = '', time.time() + seconds
    while not re.search(pattern, seen, re.S):
        if time.time() > end: print('failed: never saw', repr(pattern), 'in', repr(seen)); sys.exit(1)
        if select.select([fd], [], [], 0.1)[0]: seen += os.read(fd, 4000).decode(errors='replace')
    return seen
def send(s, pattern=r'\n[^\n]*PROMPT> $'):
    os.write(fd, s.encode()); return until(pattern)
run = '%s do --platform %s -- ' % (sys.argv[1], sys.argv[2])
until('PROMPT> $')
send('stty intr ^X erase ^H -iutf8 -ixon cols 77 rows 11; stty -a >outside; %s stty -a >inside\r' % run)
send(run + "sh -c 'stty intr ^T -echo'; stty -a >after\r")
for name in 'inside', 'after':
    if open(name).read() != open('outside').read(): print('failed: settings', name, open(name).read())
os.write(fd, (run + "sh -c 'echo one; sleep 1; echo two; echo three; sleep 1'\r").encode()); until('one\r\n')
send('\x1a', 'Stopped.*PROMPT> $')
seen = send('bg\r', 'three\r+\n')
seen += send(run + "sh -c 'echo four; echo five' & wait\r", 'five\r+\n')
seen += send('echo six | %s cat\r' % run, 'six\r+\n')
if '\r\r' in seen: print('failed: CR CR LF', repr(seen))
os.write(fd, b'wait; exit\r')
PY
is 'settings of the terminal' "$(/usr/bin/python3 settings.py "$LIMPET" "$PLATFORM" 2>&1)" ''
if command -v script >/dev/null; then
	is 'under script(1)' "$(script -qec "$LIMPET do --platform $PLATFORM -- tty" /dev/null </dev/null | tr -d '\r' | grep -c /dev/)" 1
	script -qec "$LIMPET do --platform $PLATFORM -- sh -c 'exit 17'" /dev/null </dev/null >/dev/null
	is 'status under script(1)' $? 17
fi
finish
