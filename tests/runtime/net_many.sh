# 10,000 idle connections and 1,000 active ones on one nginx in a sandbox: none is lost, an idle one takes 4 KiB of the
# kernel's memory at most, both ends. Killing either side of 1,000 connections at random leaves nothing behind.
# long: yes
# seconds: 600
. "$(dirname "$0")/../lib/sh.sh"
command -v nginx >/dev/null || skip "nginx is not installed"
mkdir html tmp
chmod 755 . html
head -c 512 /dev/zero | tr '\0' 'x' >html/index.html
user=
[ "$(id -u)" = 0 ] && user='user root;'
cat >n.conf <<C
$user worker_processes 1; daemon off; pid $work/n.pid; error_log $work/err.log; worker_rlimit_nofile 30000;
events { worker_connections 25000; }
http { access_log off; keepalive_timeout 900; keepalive_requests 1000000; client_body_temp_path $work/tmp/1;
proxy_temp_path $work/tmp/2; fastcgi_temp_path $work/tmp/3; uwsgi_temp_path $work/tmp/4; scgi_temp_path $work/tmp/5;
server { listen 127.0.0.1:8099 backlog=4096; root $work/html; } }
C
cat >many.py <<'PY'
import re, resource, select, socket, sys, time
IDLE, ACTIVE, SECONDS = 10000, 1000, float(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (30000, 30000))
def memory(): return int(re.search(r"SUnreclaim:\s+(\d+)", open("/proc/meminfo").read()).group(1))
def live(): return sum(1 for l in open("/proc/net/tcp") if ":1FA3 " in l and l.split()[3] == "01")
ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
def connect():
    for _ in range(100):
        try: return socket.create_connection(("127.0.0.1", 8099), 60)
        except ConnectionRefusedError: time.sleep(0.1)
def answer(s):
    got = b""
    while not got.endswith(b"x" * 512): 
        d = s.recv(4096)
        if not d: return False
        got += d
    return got.startswith(b"HTTP/1.1 200")
# nginx has its own pools by then, and the kernel what it makes once.
warm = [connect() for _ in range(200)]
for s in warm: s.sendall(ask); assert answer(s)
for s in warm: s.close()
time.sleep(3)
before = memory()
idle = []
for i in range(IDLE):
    s = connect()
    s.sendall(ask)
    assert answer(s)
    idle.append(s)
time.sleep(6) # rings that nobody uses give their memory back
each = (memory() - before) * 1024 / IDLE
active = {}
poll = select.epoll()
for i in range(ACTIVE):
    s = connect()
    s.setblocking(False)
    active[s.fileno()] = [s, 0, b""]
    poll.register(s, select.EPOLLIN)
    s.send(ask)
end, lost = time.monotonic() + SECONDS, 0
while time.monotonic() < end:
    for f, e in poll.poll(1):
        c = active[f]
        try: d = c[0].recv(4096)
        except OSError: d = b""
        if not d:
            lost += 1
            poll.unregister(f)
            continue
        c[2] += d
        if c[2].endswith(b"x" * 512):
            c[1] += 1
            c[2] = b""
            c[0].send(ask)
least = min(c[1] for c in active.values())
ok = 0
for s in idle:
    s.sendall(ask)
    ok += answer(s)
print("idle %d lost %d starved %d" % (ok, lost, sum(c[1] == 0 for c in active.values())))
print("established %d" % live(), "bytes %d" % each, "requests %d" % sum(c[1] for c in active.values()), file=open("figures", "w"))
assert each <= 4096, each
PY
cat >all.sh <<C
nginx -c $work/n.conf -p $work & n=\$!
/usr/bin/python3 $work/many.py 10 || echo failed
kill \$n; wait \$n
C
says 'idle and active connections' 0 'idle 10000 lost 0 starved 0' "$LIMPET" do --platform "$PLATFORM" --rw "$work" -- bash all.sh
gcc -O1 -w -std=gnu17 -DPAIRS=1000 -DTEST_SECONDS=$((300 * ${TEST_SLOW:-1})) -static -o kill "$OLDPWD/tests/conformance/inet_kill.c" -pthread
says 'killed at random' 0 '0 of 1 failed' "$LIMPET" do --platform "$PLATFORM" --rw "$work" -- ./kill killed_at_random
echo "$(cat figures)"
finish
