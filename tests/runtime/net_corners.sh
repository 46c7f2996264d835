# --network host: what servers and clients run into seldom. Full buffers, corked bytes, many pieces, the queue of errors,
# options set early, addresses told and asked for, descriptors that run out.
# seconds: 120
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
command -v ip >/dev/null || skip "ip is not installed"
. "$lib/netns.sh"
ip link add "v$$a" netns "$out" type veth peer name eth0 netns "$in"
ip -n "$out" link set "v$$a" name eth0
ip -n "$out" addr add 10.98.0.1/24 dev eth0
ip -n "$in" addr add 10.98.0.2/24 dev eth0
ip -n "$out" addr add fd98::1/64 dev eth0 nodad
ip -n "$in" addr add fd98::2/64 dev eth0 nodad
for n in "$out" "$in"; do ip -n "$n" link set eth0 up; done
inside() { ip netns exec "$in" timeout 30 "$LIMPET" do --platform "$PLATFORM" --network host -- "$@"; }
py=/usr/bin/python3

# Outside: a slow reader and its count, an echo of lengths, somebody who sends first.
cat >server.py <<'PY'
import socket, sys, threading, time
last = -1
def slow(c):
    global last
    time.sleep(1)
    n = 0
    while d := c.recv(1 << 20): n += len(d)
    last = n
def serve(port, f):
    l = socket.create_server(("10.98.0.1", port))
    while True: threading.Thread(target=f, args=(l.accept()[0],)).start()
def tell(c):
    c.send(str(last).encode())
    c.close()
def lengths(fam, addr):
    s = socket.socket(fam, socket.SOCK_DGRAM)
    s.bind((addr, 7700))
    while True:
        d, who = s.recvfrom(70000)
        s.sendto(b"%d" % len(d) if d[:1] == b"n" else d, who)
threading.Thread(target=serve, args=(8100, slow)).start()
threading.Thread(target=serve, args=(8101, tell)).start()
threading.Thread(target=lengths, args=(socket.AF_INET, "10.98.0.1")).start()
threading.Thread(target=lengths, args=(socket.AF_INET6, "fd98::1")).start()
PY
ip netns exec "$out" $py server.py &
pids+=($!)
# A resolver as container engines have it.
cat >eleven.py <<'PY'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.11", 5300))
while True:
    d, who = s.recvfrom(1000)
    s.sendto(d[::-1], who)
PY
ip netns exec "$in" $py eleven.py &
pids+=($!)
sleep 0.5

cat >cases.py <<'PY'
import errno, mmap, os, resource, select, signal, socket, struct, sys, threading, time
A, A6 = "10.98.0.1", "fd98::1"
def udp(fam=socket.AF_INET):
    s = socket.socket(fam, socket.SOCK_DGRAM)
    s.settimeout(5)
    return s
def fails(e, f, *args):
    try: f(*args)
    except OSError as x:
        assert x.errno == e, x
        return
    raise SystemExit("no error %d" % e)

def corked_full():
    """What send accepted while corked arrives, also behind a full buffer."""
    t = socket.create_connection((A, 8100), 5)
    t.setblocking(False)
    n = 0
    def fill(b):
        nonlocal n
        try:
            while True: n += t.send(b)
        except BlockingIOError: pass
    fill(b"x" * 65536)
    time.sleep(0.2)
    fill(b"x" * 1000)
    t.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    fill(b"y" * 1000)
    t.close()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        time.sleep(0.2)
        got = int(socket.create_connection((A, 8101), 5).recv(100))
        if got >= 0: break
    assert got == n, (got, n)

def corked_late():
    """A connection that is over is told to who corks too."""
    t = socket.create_connection((A, 8101), 5)
    assert t.recv(100)
    t.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    t.send(b"a")
    time.sleep(0.7) # by then it has left, and the other end is closed: a reset
    fails(errno.EPIPE, t.send, b"b")

def pieces():
    """Datagrams in more pieces than one host call takes."""
    s = udp()
    s.connect((A, 7700))
    assert s.sendmsg([b"n"] + [b"x"] * 99) == 100
    assert s.recv(10) == b"100"
    b = [bytearray(1) for _ in range(100)]
    want = bytes(range(100))
    s.send(want)
    assert s.recvmsg_into(b)[0] == 100
    assert b"".join(b) == want

def fresh():
    """A datagram into memory that the host has not seen yet is not lost."""
    s = udp()
    s.connect((A, 7700))
    with open("fresh", "wb") as f: f.write(b"z" * 65536)
    f = open("fresh", "r+b")
    for flags in mmap.MAP_SHARED, mmap.MAP_PRIVATE:
        for off in 0, 4096 - 10, 8192:
            m = mmap.mmap(f.fileno(), 65536, flags)
            s.send(b"abc%d" % off)
            n = s.recv_into(memoryview(m)[off:off + 100])
            assert m[off:off + n] == b"abc%d" % off, m[off:off + 20]

def error_once():
    """An error read from the queue is not told again."""
    s = udp()
    s.setsockopt(socket.IPPROTO_IP, 11, 1)
    s.connect((A, 9))
    s.send(b"lost")
    p = select.poll()
    p.register(s, 0)
    assert p.poll(5000) == [(s.fileno(), select.POLLERR)]
    d = s.recvmsg(100, 200, socket.MSG_ERRQUEUE)[0]
    assert d == b"lost", d
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    s.send(b"again")

def error_unread():
    """One that nobody reads keeps nobody awake."""
    s = udp()
    s.setsockopt(socket.IPPROTO_IP, 11, 1)
    s.connect((A, 9))
    s.send(b"lost")
    time.sleep(0.3)
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 111
    ep = select.epoll()
    ep.register(s.fileno(), select.EPOLLIN)
    assert ep.poll(5) == [(s.fileno(), select.EPOLLERR)]
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 2, 0))
    s.settimeout(None)
    def busy():
        return sum(int(x) for x in open("/proc/stat").readline().split()[1:4])
    usage = time.process_time()
    try: s.recv(10)
    except BlockingIOError: pass
    assert time.process_time() - usage < 0.3
    # And others are heard.
    s.connect((A, 7700))
    s.send(b"n1")
    assert s.recv(10) == b"2"

def segments():
    s = udp()
    s.connect((A, 7700))
    s.setsockopt(socket.IPPROTO_UDP, 103, 100)
    assert s.send(b"n" * 250) == 250
    assert sorted(s.recv(10) for _ in range(3)) == [b"100", b"100", b"50"]
    s.setsockopt(socket.IPPROTO_UDP, 103, 0)
    assert s.sendmsg([b"n" * 30], [(socket.IPPROTO_UDP, 103, struct.pack("H", 20))]) == 30
    assert sorted(s.recv(10) for _ in range(2)) == [b"10", b"20"]

def gathered():
    """MSG_MORE and UDP_CORK make one datagram of several sends."""
    for named in False, True:
        s = udp()
        if named: send = lambda b, f=0: s.sendto(b, f, (A, 7700))
        else:
            s.connect((A, 7700))
            send = s.send
        assert send(b"n" * 40, socket.MSG_MORE) == 40
        assert send(b"n" * 2) == 2
        assert s.recv(10) == b"42"
        s.setsockopt(socket.IPPROTO_UDP, 1, 1)
        send(b"n" * 10)
        send(b"n" * 10)
        s.setsockopt(socket.IPPROTO_UDP, 1, 0)
        assert s.recv(10) == b"20"

def echoed():
    """Packet information of what was received, given back with the answer."""
    for fam, addr, level, name, size in ((socket.AF_INET, A, socket.IPPROTO_IP, 8, 12),
                                         (socket.AF_INET6, A6, socket.IPPROTO_IPV6, 50, 20)):
        s = udp(fam)
        s.bind(("", 0))
        s.setsockopt(level, name if fam == socket.AF_INET else 49, 1)
        s.sendto(b"n", (addr, 7700))
        d, anc, _, who = s.recvmsg(100, 200)
        info = [a[2] for a in anc if a[:2] == (level, name)][0]
        assert len(info) == size
        s.sendmsg([b"nn"], [(level, name, info)], 0, who)
        assert s.recv(10) == b"2"
        # An interface that is not there.
        bad = struct.pack("i", 999) + info[4:] if fam == socket.AF_INET else info[:16] + struct.pack("i", 999)
        try: s.sendmsg([b"nn"], [(level, name, bad)], 0, who)
        except OSError as e: assert e.errno == errno.ENODEV, e
        else: raise SystemExit("sent by interface 999")

def blocking():
    """A full device makes a sender wait, and poll says so."""
    s = udp()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 3000)
    s.settimeout(None)
    begin = time.monotonic()
    for i in range(20): s.sendto(b"q" * 1000, (A, 7799))
    assert time.monotonic() - begin > 0.5
    s.setblocking(False)
    p = select.poll()
    p.register(s, select.POLLOUT)
    met = False
    for i in range(20):
        try: s.sendto(b"q" * 1000, (A, 7799))
        except BlockingIOError:
            met = True
            assert p.poll(0) == [], "no room, but POLLOUT"
            assert p.poll(5000) == [(s.fileno(), select.POLLOUT)]
    assert met

def early():
    """Options that are set before there is a socket outside."""
    t = socket.socket()
    t.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 33)
    t.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 700)
    t.connect((A, 8100))
    s6 = udp(socket.AF_INET6)
    s6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0x48)
    u = udp()
    u.setsockopt(socket.IPPROTO_IP, 10, 3) # IP_MTU_DISCOVER: probe, so that nothing is cut to pieces
    fails(errno.EMSGSIZE, u.sendto, b"n" * 3000, (A, 7700))
    print("ready", flush=True)
    time.sleep(2)

def eleven():
    """One bound to loopback hears the answer of an engine's resolver."""
    s = udp()
    s.bind(("127.0.0.1", 0))
    for i in range(3):
        s.sendto(b"abc", ("127.0.0.11", 5300))
        assert s.recv(10) == b"cba"

def peeking():
    s = udp()
    s.bind(("", 7790))
    s.setsockopt(socket.SOL_SOCKET, 42, 0)
    s.setblocking(False)
    fails(errno.EAGAIN, s.recv, 10, socket.MSG_PEEK)

def descriptors():
    """When the host has no descriptor left, accept says so, and a signal is heard."""
    l = socket.create_server(("", 8200))
    print("ready", flush=True)
    keep = []
    signal.alarm(15)
    while True:
        try: keep.append(l.accept()[0])
        except OSError as e:
            assert e.errno in (errno.EMFILE, errno.ENFILE), e
            break
    assert keep

for name in sys.argv[1:]: globals()[name]()
print("fine")
PY
for c in corked_full corked_late pieces fresh error_once error_unread segments gathered echoed eleven peeking; do
	says "$c" 0 fine inside $py cases.py $c
done

inside $py cases.py early >early.out 2>&1 &
runner=$!
for _ in $(seq 100); do grep -q ready early.out && break; sleep 0.05; done
matches 'the segment size' "$(ip netns exec "$in" ss -Htni dport = 8100)" 'mss:6[0-9][0-9] '
wait "$runner"
is 'options set early' "$(cat early.out)" 'ready
fine'

# So few descriptors that connections use them up.
(ulimit -n 120; inside $py cases.py descriptors) >descriptors.out 2>&1 &
runner=$!
for _ in $(seq 100); do grep -q ready descriptors.out && break; sleep 0.05; done
ip netns exec "$out" $py -c 'import socket, time
keep = []
for i in range(150):
    try: keep.append(socket.create_connection(("10.98.0.2", 8200), 2))
    except OSError: break
time.sleep(5)' &
pids+=($!)
wait "$runner"
is 'no descriptor left' "$(cat descriptors.out)" 'ready
fine'

if ip netns exec "$in" tc qdisc add dev eth0 root tbf rate 100kbit burst 2000 limit 200000 2>/dev/null; then
	says blocking 0 fine inside $py cases.py blocking
fi
finish
