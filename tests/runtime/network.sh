# --network and config.json's network namespace: a veth pair between two namespaces made here, the sandbox in one of
# them, plain programs in the other: TCP and UDP both ways, names, notifications, and nothing left behind.
# seconds: 240
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
command -v ip >/dev/null && command -v curl >/dev/null || skip "ip or curl is not installed"
. "$lib/netns.sh"
ip link add "v$$a" netns "$out" type veth peer name eth0 netns "$in"
ip -n "$out" link set "v$$a" name eth0
ip -n "$out" addr add 10.99.0.1/24 dev eth0
ip -n "$in" addr add 10.99.0.2/24 dev eth0
ip -n "$out" addr add fd99::1/64 dev eth0 nodad
ip -n "$in" addr add fd99::2/64 dev eth0 nodad
for n in "$out" "$in"; do ip -n "$n" link set eth0 up; done
ip -n "$in" route add default via 10.99.0.1

outside() { ip netns exec "$out" "$@"; }
inside() { ip netns exec "$in" "$LIMPET" do --platform "$PLATFORM" --network host -- "$@"; }
py=/usr/bin/python3
# soon WHAT COMMAND...: succeeds within five seconds
soon() {
	local what=$1
	shift
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	fail "$what: did not happen"
}

# Servers outside: files by HTTP, names by DNS, echo by UDP.
mkdir www && echo hello >www/index.html && head -c 20000000 /dev/urandom >www/big
ip netns exec "$out" $py -m http.server --bind 10.99.0.1 --directory www 8000 >/dev/null 2>&1 &
pids+=($!)
cat >udp.py <<'PY'
import socket, struct, sys, threading
def dns():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((sys.argv[1], 53))
    while True:
        q, who = s.recvfrom(512)
        end = q.index(0, 12) + 5
        a = q[end - 4:end] == b"\0\1\0\1"
        head = q[:2] + struct.pack("!HHHHH", 0x8180, 1, 1 if a else 0, 0, 0)
        s.sendto(head + q[12:end] + (b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\x63\0\1" if a else b""), who)
def echo(family, addr):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((addr, 7777))
    while True:
        d, who = s.recvfrom(65536)
        s.sendto(d[::-1] + b" " + str(who[1]).encode(), who)
threading.Thread(target=dns).start()
if len(sys.argv) > 2:
    threading.Thread(target=echo, args=(socket.AF_INET, sys.argv[1])).start()
    threading.Thread(target=echo, args=(socket.AF_INET6, "fd99::1")).start()
PY
ip netns exec "$out" $py udp.py 10.99.0.1 echo &
pids+=($!)
soon 'servers' outside curl -s http://10.99.0.1:8000/

# What is there.
matches 'interfaces' "$(inside ip -br -4 addr)" 'eth0@.* 10.99.0.2/24'
matches 'routes' "$(inside ip route)" 'default via 10.99.0.1 dev eth0'
matches 'the chosen route' "$(inside ip route get 1.2.3.4)" 'via 10.99.0.1 dev eth0.* src 10.99.0.2'
matches 'sysfs' "$(inside sh -c 'ls /sys/class/net; cat /sys/class/net/eth0/address')" "eth0.*lo.$(ip -n "$in" -br link show eth0 | awk '{ print $3 }')"
is 'routes of procfs' "$(inside cat /proc/net/route)" "$(ip netns exec "$in" cat /proc/net/route)"
is 'interface counters' "$(inside cat /proc/net/dev | cut -c 1-7)" "$(ip netns exec "$in" cat /proc/net/dev | cut -c 1-7)"
is 'no network' "$("$LIMPET" do ip -br addr | tr -s ' ')" 'lo UNKNOWN 127.0.0.1/8 ::1/128 '
[[ $("$LIMPET" do curl -sS -m 5 http://10.99.0.1:8000/ 2>&1) = *'Could'* ]] || fail 'no network, but a connection'
inside ip link set eth0 down >/dev/null 2>&1 && fail 'changed an interface'
[[ $(ip -n "$in" -br link show eth0) = *UP* ]] || fail 'an interface went down'
says 'no packet sockets' 0 'refused' inside $py -c 'import socket
try: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
except OSError: print("refused")'

# Out: TCP, UDP, names.
says 'curl' 0 hello inside curl -sS -m 10 http://10.99.0.1:8000/
is 'a large file' "$(inside curl -sS -m 60 http://10.99.0.1:8000/big | sha256sum)" "$(sha256sum <www/big)"
says 'refused' 7 '' inside curl -s -m 10 http://10.99.0.1:81/
cat >client.py <<'PY'
import errno, select, socket, struct
for fam, addr in (socket.AF_INET, "10.99.0.1"), (socket.AF_INET6, "fd99::1"):
    s = socket.socket(fam, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(b"abc", (addr, 7777))
    d, who = s.recvfrom(100)
    assert d.split() == [b"cba", str(s.getsockname()[1]).encode()], (d, s.getsockname())
    assert who[:2] == (addr, 7777), who
    s.connect((addr, 7777))
    assert s.getsockname()[0] == ("10.99.0.2" if fam == socket.AF_INET else "fd99::2"), s.getsockname()
    s.send(b"x" * 1000)
    assert s.recv(10, socket.MSG_PEEK) == b"x" * 10
    d, _, flags, _ = s.recvmsg(500)
    assert d == b"x" * 500 and flags & socket.MSG_TRUNC
    s.close()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 8, 1)
s.bind(("", 0))
s.sendto(b"a", ("10.99.0.1", 7777))
s.settimeout(5)
d, anc, _, _ = s.recvmsg(100, 200)
(idx, spec, dst) = struct.unpack("=i4s4s", [a for a in anc if a[1] == 8][0][2][:12])
assert socket.inet_ntoa(dst) == "10.99.0.2" and idx == socket.if_nametoindex("eth0"), (idx, dst)
s.connect(("10.99.0.1", 9))
s.send(b"x")
try:
    s.recv(10)
    raise SystemExit("no error from a closed port")
except ConnectionRefusedError:
    pass
t = socket.socket()
t.setblocking(False)
assert t.connect_ex(("10.99.0.1", 8000)) == errno.EINPROGRESS
p = select.poll()
p.register(t, select.POLLOUT)
assert p.poll(5000) == [(t.fileno(), select.POLLOUT)]
assert t.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
assert t.getsockname()[0] == "10.99.0.2" and t.getpeername() == ("10.99.0.1", 8000)
try:
    t.recv(1)
    raise SystemExit("data from nowhere")
except BlockingIOError:
    pass
t.settimeout(0.2)
try:
    t.recv(1)
    raise SystemExit("data from nowhere")
except TimeoutError:
    pass
t.send(b"GET / HTTP/1.0\r\n\r\n")
t.shutdown(socket.SHUT_WR)
got = b""
while True:
    d = t.recv(1000)
    if not d: break
    got += d
assert got.endswith(b"hello\n")
print("fine")
PY
says 'sockets' 0 fine inside $py client.py
echo nameserver 10.99.0.1 >resolv.conf
says 'names' 0 hello ip netns exec "$in" "$LIMPET" do --platform "$PLATFORM" --network host --bind "$work/resolv.conf:/etc/resolv.conf:ro" -- curl -sS -m 10 http://some.host.test:8000/

# The queue of errors; options set on a socket that the host has already; corked and edge-triggered sockets.
cat >more.py <<'PY'
import os, select, socket, struct, subprocess, threading, time
IP_RECVERR, IPV6_RECVERR = 11, 25
def closed(fam, addr):
    s = socket.socket(fam, socket.SOCK_DGRAM)
    s.setsockopt(*((socket.IPPROTO_IP, IP_RECVERR) if fam == socket.AF_INET else (socket.IPPROTO_IPV6, IPV6_RECVERR)), 1)
    s.sendto(b"lost", (addr, 9))
    p = select.poll()
    p.register(s, select.POLLIN)
    assert p.poll(5000) == [(s.fileno(), select.POLLERR)]
    s.settimeout(5)
    try:
        s.recv(10)
        raise SystemExit("no error from a closed port")
    except ConnectionRefusedError: pass
    d, anc, flags, to = s.recvmsg(100, 200, socket.MSG_ERRQUEUE)
    errno_, origin, type_, code, _, _, _ = struct.unpack("=IBBBBII", anc[0][2][:16])
    assert (d, to[:2], flags & socket.MSG_ERRQUEUE) == (b"lost", (addr, 9), socket.MSG_ERRQUEUE), (d, to, flags)
    assert (errno_, origin, type_, code) == ((111, 2, 3, 3) if fam == socket.AF_INET else (111, 3, 1, 4))
    off = socket.inet_ntop(fam, anc[0][2][20:24] if fam == socket.AF_INET else anc[0][2][24:40])
    assert off == addr, off
    assert p.poll(0) == []
    s.setblocking(False)
    try:
        s.recvmsg(100, 200, socket.MSG_ERRQUEUE)
        raise SystemExit("an error too many")
    except BlockingIOError: pass
    s.settimeout(5)
    # A datagram comes through all the same, and errors do not keep who waits awake.
    s.sendto(b"abc", (addr, 9))
    time.sleep(0.3)
    try: s.recv(10)
    except ConnectionRefusedError: pass
    s.settimeout(None)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 300000))
    cpu = time.process_time()
    try: s.recv(10)
    except BlockingIOError: pass
    assert time.process_time() - cpu < 0.2
    s.settimeout(5)
    s.sendto(b"abc", (addr, 7777))
    assert s.recv(100).startswith(b"cba")
closed(socket.AF_INET, "10.99.0.1")
closed(socket.AF_INET6, "fd99::1")

# SO_PEEK_OFF: datagrams, and a stream where the host has it, with somebody who waits behind all that was seen.
def peek(s, want): assert s.recv(100, socket.MSG_PEEK) == want, want
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.settimeout(5)
u.connect(("10.99.0.1", 7777))
u.setsockopt(socket.SOL_SOCKET, 42, 0)
u.send(b"abc")
assert u.recv(2, socket.MSG_PEEK) == b"cb" and u.getsockopt(socket.SOL_SOCKET, 42) == 2
peek(u, b"a " + str(u.getsockname()[1]).encode())
u.send(b"de")
peek(u, b"ed " + str(u.getsockname()[1]).encode())
assert u.recv(100).startswith(b"cba")
assert u.recv(100).startswith(b"ed") and u.getsockopt(socket.SOL_SOCKET, 42) == 0
t = socket.create_connection(("10.99.0.1", 8002), 5)
t.settimeout(None) # blocks in the guest kernel itself
t.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))
t.setsockopt(socket.SOL_SOCKET, 42, 0)
t.send(b"x" * 12)
try: peek(t, b"12")
except OSError as e: assert e.errno == 95, e
else:
    assert t.getsockopt(socket.SOL_SOCKET, 42) == 2
    threading.Timer(0.3, t.send, (b"x" * 345,)).start()
    cpu = time.process_time()
    peek(t, b"345")
    assert time.process_time() - cpu < 0.2
    assert t.recv(3) == b"123" and t.getsockopt(socket.SOL_SOCKET, 42) == 2
    t.send(b"x" * 67)
    peek(t, b"67")
    t.setsockopt(socket.SOL_SOCKET, 42, -1)
    peek(t, b"4567")
t.close()

# Corked pieces arrive as one; bytes that wait leave when the cork goes, or after a while.
t = socket.create_connection(("10.99.0.1", 8002), 5)
def says(): return eval(t.recv(1000).decode())
t.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
t.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
for i in range(10): t.send(b"x" * 100); time.sleep(0.005)
t.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
assert says() == 1000
time.sleep(0.3) # the clock of that cork has run out
t.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
begin = time.monotonic()
t.send(b"y" * 10)
assert says() == 10
assert 0.1 < time.monotonic() - begin < 2, time.monotonic() - begin
t.send(b"z" * 10)
t.shutdown(socket.SHUT_WR)
assert says() == 10
t.close()

# Edge-triggered: each arrival is told once, what was left is not, many at once lose nothing.
conns = {}
ep = select.epoll()
for i in range(50):
    c = socket.create_connection(("10.99.0.1", 8002), 5)
    c.setblocking(False)
    conns[c.fileno()] = c
    ep.register(c.fileno(), select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
first = ep.poll(1)
assert len(first) == 50, len(first)
one = next(iter(conns.values()))
one.send(b"a" * 100)
while not [e for f, e in ep.poll(5) if f == one.fileno() and e & select.EPOLLIN]: pass
assert one.recv(1) == b"1"
extra = sum(bool(ep.poll(0.1)) for _ in range(5))
assert extra < 2, extra # one: when the watch becomes edge-triggered itself
assert one.recv(10) == b"00"
one.send(b"b" * 7)
while not [e for f, e in ep.poll(5) if f == one.fileno() and e & select.EPOLLIN]: pass
assert one.recv(10) == b"7"
rounds = {f: 0 for f in conns}
for c in conns.values(): c.send(b"r" * 5)
end = time.monotonic() + 20
while min(rounds.values()) < 40:
    assert time.monotonic() < end, rounds
    for f, e in ep.poll(5):
        if not e & select.EPOLLIN: continue
        try:
            while d := conns[f].recv(100):
                assert d == b"5", d
                rounds[f] += 1
                conns[f].send(b"r" * 5)
        except BlockingIOError: pass
for c in conns.values(): c.close()

# Connected to each other inside, by way of a wildcard; and the address that one would have, asked for with port 0.
a, b = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "ab"]
for s in a, b: s.settimeout(5)
a.bind(("", 0))
b.connect(("127.0.0.1", a.getsockname()[1]))
b.send(b"one")
a.connect(a.recvfrom(10)[1])
a.send(b"two")
assert b.recv(10) == b"two"
b.send(b"three")
assert a.recv(10) == b"three"
for fam, to, me in (socket.AF_INET, "127.0.0.1", "127.0.0.1"), (socket.AF_INET6, "::1", "::1"), (socket.AF_INET, "10.99.0.1", "10.99.0.2"):
    s = socket.socket(fam, socket.SOCK_DGRAM)
    s.connect((to, 0))
    assert s.getsockname()[0] == me, (to, s.getsockname())

# Reused after connect to nobody; buffers and keepalive of a socket that is connected.
t = socket.create_connection(("10.99.0.1", 8002), 5)
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for _ in range(3):
    assert libc.connect(t.fileno(), b"\0" * 16, 16) == 0
    t.connect(("10.99.0.1", 8002))
    t.send(b"q" * 3)
    assert says() == 3
t.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 9000)
t.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
t.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
print("ready", t.getsockname()[1], flush=True)
time.sleep(3)
PY
cat >sizes.py <<'PY'
import socket, threading
def serve(c):
    while True:
        try: d = c.recv(100000)
        except OSError: return
        if not d: return
        c.send(str(len(d)).encode())
l = socket.create_server(("10.99.0.1", 8002), backlog=100)
while True: threading.Thread(target=serve, args=(l.accept()[0],)).start()
PY
ip netns exec "$out" $py sizes.py &
pids+=($!)
sleep 0.5
inside $py more.py >more.out 2>&1 &
runner=$!
soon 'sockets, more' grep -q ready more.out
matches 'keepalive' "$(ip netns exec "$in" ss -Htno dport = 8002)" 'timer:.keepalive,1min'
matches 'the buffer' "$(ip netns exec "$in" ss -Htnm dport = 8002)" 'rb18000'
wait "$runner"
[[ $(cat more.out) = "ready "* ]] || fail "sockets, more: $(tail -n 3 more.out)"

# Bound to an interface: out by that one only, and in.
says 'out by eth0' 0 hello inside curl -sS -m 10 --interface 'if!eth0' http://10.99.0.1:8000/
cat >device.py <<'PY'
import socket
DEVICE = 25
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, DEVICE, b"eth0")
assert s.getsockopt(socket.SOL_SOCKET, DEVICE, 16) == b"eth0\0"
s.connect(("10.99.0.1", 8000))
t = socket.socket()
t.setsockopt(socket.SOL_SOCKET, DEVICE, b"lo")
t.settimeout(1)
try:
    t.connect(("10.99.0.1", 8000))
    raise SystemExit("out by the loopback")
except OSError: pass
l = [socket.socket() for _ in "ab"]
for x, d in zip(l, (b"lo", b"eth0")):
    x.setsockopt(socket.SOL_SOCKET, DEVICE, d)
    x.bind(("", 9007))
    x.listen()
    x.settimeout(5)
print("ready", flush=True)
a = l[1].accept()[0]
assert a.recv(10) == b"out", a
l[0].setblocking(False)
try:
    l[0].accept()
    raise SystemExit("in by eth0")
except BlockingIOError: pass
c = socket.create_connection(("127.0.0.1", 9007), 2)
l[0].settimeout(2)
l[0].accept()
print("fine")
PY
inside $py device.py >device.out 2>&1 &
runner=$!
soon 'bound to interfaces' grep -q ready device.out
outside $py -c 'import socket; s = socket.create_connection(("10.99.0.2", 9007), 5); s.send(b"out"); s.recv(1)'
wait "$runner"
is 'bound to interfaces' "$(cat device.out)" "ready
fine"

# Groups: joined on the namespace's interface by number, by address and by route; filters of sources; both families;
# sent there, with copies for the sandbox itself.
cat >groups.py <<'PY'
import os, socket, struct, sys, time
IP, V6, UDP = socket.IPPROTO_IP, socket.IPPROTO_IPV6, socket.SOCK_DGRAM
aton = socket.inet_aton
me, peer = sys.argv[1], sys.argv[2]
eth = socket.if_nametoindex("eth0")
def receiver(group, port):
    s = socket.socket(socket.AF_INET, UDP)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((group, port))
    s.settimeout(5)
    return s
def silent(s):
    s.settimeout(0.5)
    try: raise SystemExit("heard %r" % s.recv(100))
    except TimeoutError: pass
    s.settimeout(5)
def ask(what, group, port): # the one outside sends that to the group
    cmd.send(("%s %s %d" % (what, group, port)).encode())
    assert cmd.recv(100) == b"sent"
if sys.argv[3] == "server":
    s = socket.socket(socket.AF_INET, UDP)
    s.bind((me, 7100))
    o4, o6 = socket.socket(socket.AF_INET, UDP), socket.socket(socket.AF_INET6, UDP)
    o4.setsockopt(IP, socket.IP_MULTICAST_IF, aton(me))
    o6.setsockopt(V6, socket.IPV6_MULTICAST_IF, eth)
    in4 = receiver("", 7105)
    in4.setsockopt(IP, socket.IP_ADD_MEMBERSHIP, aton("239.7.0.5") + aton(me))
    while True:
        d, who = s.recvfrom(100)
        what, group, port = d.decode().split()
        if what == "heard": # what came to our own group
            d, a = in4.recvfrom(100)
            s.sendto(b"%s from %s" % (d, a[0].encode()), who)
            continue
        (o6 if ":" in group else o4).sendto(what.encode(), (group, int(port)))
        s.sendto(b"sent", who)
cmd = socket.socket(socket.AF_INET, UDP)
cmd.connect((peer, 7100))
cmd.settimeout(5)
ways = [aton("239.7.0.1") + aton(me), struct.pack("=4s4si", aton("239.7.0.1"), aton("0.0.0.0"), eth), aton("239.7.0.1") + aton("0.0.0.0")]
for n, way in enumerate(ways):
    s = receiver("" if n else "239.7.0.1", 7101)
    s.setsockopt(IP, socket.IP_ADD_MEMBERSHIP, way)
    s.setsockopt(IP, 8, 1)
    ask("one%d" % n, "239.7.0.1", 7101)
    d, anc, _, a = s.recvmsg(100, 100)
    assert d == b"one%d" % n and a[0] == peer, (d, a)
    assert struct.unpack("=i4s4s", anc[0][2]) [::2] == (eth, aton("239.7.0.1")), anc
    if n == 0: assert "010007EF" in open("/proc/net/igmp").read()
    s.setsockopt(IP, socket.IP_DROP_MEMBERSHIP, way)
    ask("two", "239.7.0.1", 7101)
    silent(s)
    s.close()
# Joined before it is bound, and bound without a number.
s = socket.socket(socket.AF_INET, UDP)
s.setsockopt(IP, socket.IP_ADD_MEMBERSHIP, ways[0])
s.bind(("", 0))
s.settimeout(5)
ask("late", "239.7.0.1", s.getsockname()[1])
assert s.recv(100) == b"late"
s.close()
# Sources.
s = receiver("", 7102)
source = aton("239.7.0.2") + aton(me)
s.setsockopt(IP, 39, source + aton(peer)) # IP_ADD_SOURCE_MEMBERSHIP
ask("wanted", "239.7.0.2", 7102)
assert s.recv(100) == b"wanted"
whole = struct.pack("=4s4sII4s", aton("239.7.0.2"), aton(me), 1, 1, aton("10.99.0.77"))
s.setsockopt(IP, 41, whole) # IP_MSFILTER
ask("unwanted", "239.7.0.2", 7102)
silent(s)
s.setsockopt(IP, 41, whole[:8] + struct.pack("=II", 0, 0))
ask("all", "239.7.0.2", 7102)
assert s.recv(100) == b"all"
try:
    s.setsockopt(IP, socket.IP_ADD_MEMBERSHIP, struct.pack("=4s4si", aton("239.7.0.9"), aton("0.0.0.0"), 9999))
    raise SystemExit("joined on an interface that is not there")
except OSError as e: assert e.errno == 19, e
# IPv6: an own group of the link.
s = socket.socket(socket.AF_INET6, UDP)
s.bind(("", 7103))
s.settimeout(5)
s.setsockopt(V6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, "ff02::7:1") + struct.pack("=I", eth))
ask("six", "ff02::7:1", 7103)
assert s.recv(100) == b"six"
# Out: heard there, and by a member inside, unless that is not wanted; by default, by option, by control data.
s = receiver("", 7105)
s.setsockopt(IP, socket.IP_ADD_MEMBERSHIP, aton("239.7.0.5") + aton(me))
o = socket.socket(socket.AF_INET, UDP)
for n in range(4):
    anc = []
    if n == 1: o.setsockopt(IP, socket.IP_MULTICAST_IF, aton(me))
    if n == 2: o.setsockopt(IP, socket.IP_MULTICAST_LOOP, 0)
    if n == 3: anc = [(IP, 8, struct.pack("=i4s4s", eth, aton("0.0.0.0"), aton("0.0.0.0")))]
    o.sendmsg([b"out%d" % n], anc, 0, ("239.7.0.5", 7105))
    cmd.send(b"heard 0 0")
    assert cmd.recv(100) == b"out%d from %s" % (n, me.encode())
    if n < 2: assert s.recv(100) == b"out%d" % n
silent(s)
print("fine")
PY
ip netns exec "$out" $py groups.py 10.99.0.1 10.99.0.2 server &
pids+=($!)
sleep ${TEST_SLOW:-1}
is 'groups, without limpet' "$(ip netns exec "$in" $py groups.py 10.99.0.2 10.99.0.1 client 2>&1)" fine
is 'groups' "$(inside $py groups.py 10.99.0.2 10.99.0.1 client 2>&1)" fine

# In: a listener inside is reached from outside and from inside; 127.0.0.11 is the namespace's.
ip netns exec "$in" "$LIMPET" do --platform "$PLATFORM" --network host -- $py -m http.server --directory www 9000 >/dev/null 2>&1 &
pids+=($!)
soon 'a listener inside' outside curl -s -m 2 http://10.99.0.2:9000/
says 'from outside' 0 hello outside curl -sS -m 10 http://10.99.0.2:9000/
is 'a large file to outside' "$(outside curl -sS -m 60 http://10.99.0.2:9000/big | sha256sum)" "$(sha256sum <www/big)"
says 'its own address, from inside the namespace' 0 hello inside curl -sS -m 10 http://10.99.0.2:9000/
says 'the host side of loopback' 0 hello inside curl -sS -m 10 http://127.0.0.1:9000/
cat >both.py <<'PY'
import socket, threading, urllib.request, http.server
h = http.server.ThreadingHTTPServer(("", 9001), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=h.serve_forever, daemon=True).start()
for a in "127.0.0.1", "10.99.0.2", "localhost":
    assert urllib.request.urlopen("http://%s:9001/www/index.html" % a, timeout=5).read() == b"hello\n"
try:
    socket.socket().bind(("10.99.0.77", 1))
    raise SystemExit("bound to a foreign address")
except OSError as e:
    print(e.errno)
PY
says 'loopback and the own address' 0 99 inside sh -c "exec $py both.py 2>/dev/null"
ip netns exec "$in" $py udp.py 127.0.0.11 &
pids+=($!)
echo nameserver 127.0.0.11 >resolv.conf
sleep 0.5
says 'a container engine'"'"'s names' 0 hello ip netns exec "$in" "$LIMPET" do --platform "$PLATFORM" --network host --bind "$work/resolv.conf:/etc/resolv.conf:ro" -- curl -sS -m 10 http://some.host.test:8000/

# Notifications.
(sleep ${TEST_SLOW:-1}; ip -n "$in" addr add 10.99.0.3/24 dev eth0) &
matches 'notification' "$(inside timeout $((3 * ${TEST_SLOW:-1})) ip monitor address)" '10.99.0.3/24'

# A thousand connections, closed by either side at random: nothing is left on the host.
cat >many.py <<'PY'
import os, random, socket, sys
fds = len(os.listdir("/proc/self/fd"))
for i in range(1000):
    s = socket.create_connection(("10.99.0.1", 8001), 5)
    s.send(b"x")
    if random.random() < 0.5:
        s.recv(10)
    if random.random() < 0.3:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.close()
assert len(os.listdir("/proc/self/fd")) == fds
print("done")
sys.stdout.flush()
sys.stdin.read()
PY
cat >server.py <<'PY'
import random, socket
l = socket.create_server(("10.99.0.1", 8001), backlog=100)
while True:
    c, _ = l.accept()
    try:
        c.recv(1)
        if random.random() < 0.5: c.send(b"y")
    except OSError: pass
    c.close()
PY
ip netns exec "$out" $py server.py &
pids+=($!)
sleep 0.5
mkfifo hold
ip netns exec "$in" "$LIMPET" do --platform "$PLATFORM" --network host -- $py many.py <hold >many.out 2>&1 &
runner=$!
exec 7>hold
for _ in $(seq 600); do [ -s many.out ] && break; sleep 0.1; done
is 'a thousand connections' "$(cat many.out)" done
kserver=$(pgrep -P "$runner" | head -n 1)
[ -n "$kserver" ] || kserver=$runner
left=$(ls -l "/proc/$kserver/fd" 2>/dev/null | grep -c 'socket:')
[ "$left" -lt 12 ] || fail "$left host sockets are left"
established=$(ip netns exec "$in" ss -Htn state established | wc -l)
[ "$established" = 0 ] || fail "$established connections are left"
exec 7>&-
wait "$runner"

# A bundle that names the namespace; one that has a new one; one with the host's.
mkdir -p b/rootfs
config() { # NAMESPACE COMMAND
	$py - "$@" >b/config.json <<'PY'
import json, os, sys
ns = [{"type": t} for t in ("pid", "ipc", "uts", "mount")] + json.loads(sys.argv[1])
mounts = [{"destination": "/proc", "type": "proc", "source": "proc"}, {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}]
for p in "/usr", "/etc", "/bin", "/lib", "/lib64", "/sbin":
    if os.path.exists(p): mounts.append({"destination": p, "type": "bind", "source": p, "options": ["rbind", "ro"]})
caps = ["CAP_NET_BIND_SERVICE"]
json.dump({"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "mounts": mounts, "linux": {"namespaces": ns},
  "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["sh", "-c", sys.argv[2]],
    "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "capabilities": {k: caps for k in ("bounding", "effective", "permitted")}}}, sys.stdout)
PY
}
bundle() { "$LIMPET" run --platform "$PLATFORM" -b b "net-$$"; }
config "[{\"type\": \"network\", \"path\": \"/run/netns/$in\"}]" 'curl -sS -m 10 http://10.99.0.1:8000/'
says 'a namespace by path' 0 hello bundle
config "[{\"type\": \"network\", \"path\": \"/run/netns/none\"}]" 'true'
ends 'a namespace that is not there' 1 bundle
config '[{"type": "network"}]' 'ip -br addr | tr -s " "'
says 'a new namespace' 0 'lo UNKNOWN 127.0.0.1/8 ::1/128 ' bundle
config '[]' 'ip -br link show eth0 | cut -c 1-4'
says 'no network namespace' 0 eth0 ip netns exec "$in" "$LIMPET" run --platform "$PLATFORM" -b b "net-$$"
config "[{\"type\": \"network\", \"path\": \"/run/netns/$in\"}]" "$py -c 'import socket; s = socket.create_server((\"\", 80)); print(s.getsockname()[1])'"
says 'a low port' 0 80 bundle
finish
