# needs: /usr/bin/python3
# bash on a pseudo terminal, with job control: ^C, ^Z, fg, bg, window size, line editing.
cat >drive.py <<'PY'
import os, pty, re, select, struct, fcntl, termios, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.environ['PS1'] = 'PROMPT> '; os.environ['HISTFILE'] = ''
    os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 99, 0, 0))
buf = ''
def until(pattern, seconds=20):
    global buf
    end = time.time() + seconds
    while not re.search(pattern, buf):
        if time.time() > end or not select.select([fd], [], [], max(0, end - time.time()))[0]:
            print('never saw', pattern, 'in', repr(buf)); os.kill(pid, 9); sys.exit(1)
        try: data = os.read(fd, 1000).decode()
        except OSError: data = ''
        if not data: break
        buf += data
    m = re.search(pattern, buf)
    if not m: print('eof before', pattern, repr(buf)); sys.exit(1)
    seen, buf = buf[:m.end()], buf[m.end():]
    return seen
def cmd(line, pattern='PROMPT> $', pause=0.3):
    os.write(fd, line.encode()); time.sleep(pause)
    out = until(pattern)
    print(repr(re.sub(r'\x1b\[\?2004[hl]\r?|(?<=\] )\d+(?=\r)', '', out)))
until('PROMPT> $')
cmd('echo hello\r')
cmd('stty size\r')
cmd('tty >/dev/null && echo is a tty\r')
cmd('cat\r', 'cat\r\n'); cmd('line\r', 'line\r\n.*line\r\n'); cmd('\x04')
cmd('sleep 50\r', 'sleep \d+\r\n'); cmd('\x03'); cmd('echo $?\r')
cmd('sleep 60\r', 'sleep \d+\r\n'); cmd('\x1a', 'Stopped.*\r\n.*PROMPT> $'); cmd('jobs\r'); cmd('bg\r'); cmd('fg\r', 'sleep \d+\r\n'); cmd('\x03')
cmd('sleep 0.2 & wait\r', 'Done.*\r\n.*PROMPT> $')
cmd('cat & sleep 0.3; jobs\r'); cmd('kill %1; sleep 0.3; echo waited\r', 'waited\r\n.*PROMPT> $')
cmd('echo one two\x7f\x7f\x7fthree\x01\x05\r')
cmd('set -o | grep monitor\r')
cmd('sleep 30 | sleep 30\r', 'sleep \d+\r\n'); cmd('\x03')
cmd('(trap "echo caught" INT; sleep 20; echo rest)\r', 'rest\W+\r\n'); cmd('\x03')
cmd('stty -echo; read x; stty echo; echo "<$x>"\r', '"\r\n'); cmd('quiet\r', 'PROMPT> $')
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 11, 44, 0, 0))
cmd('stty size\r')
os.write(fd, b'exit 9\r')
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
/usr/bin/python3 drive.py
