# needs: python3
# python over loopback: http.server and urllib, asyncio, socketserver, UDP, selectors, IPv6 where there is one.
cat >t.py <<'PY'
import asyncio, http.server, os, selectors, socket, socketserver, threading, urllib.request

os.mkdir('www'); open('www/big', 'wb').write(bytes(range(256)) * 4000)
class Quiet(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *a): super().__init__(*a, directory='www')
    def log_message(self, *a): pass
srv = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Quiet)
threading.Thread(target=srv.serve_forever, daemon=True).start()
base = 'http://127.0.0.1:%d/' % srv.server_port
print(len(urllib.request.urlopen(base + 'big').read()))
try: urllib.request.urlopen(base + 'none')
except urllib.error.HTTPError as e: print(e.code)
srv.shutdown(); srv.server_close()

async def echo(r, w):
    while d := await r.readline():
        w.write(d.upper()); await w.drain()
    w.close()
async def client(port, i):
    r, w = await asyncio.open_connection('127.0.0.1', port)
    ok = 0
    for k in range(20):
        w.write(b'line %d %d\n' % (i, k)); ok += await r.readline() == b'LINE %d %d\n' % (i, k)
    w.close(); await w.wait_closed()
    return ok
async def main():
    s = await asyncio.start_server(echo, '127.0.0.1', 0)
    print(sum(await asyncio.gather(*[client(s.sockets[0].getsockname()[1], i) for i in range(100)])))
    s.close(); await s.wait_closed()
asyncio.run(main())

class H(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile: self.wfile.write(line[::-1])
class F(socketserver.ForkingTCPServer): allow_reuse_address = True
with F(('127.0.0.1', 0), H) as s:
    threading.Thread(target=s.serve_forever, daemon=True).start()
    got = []
    for i in range(5):
        c = socket.create_connection(s.server_address); c.sendall(b'abc%d' % i); c.shutdown(socket.SHUT_WR)
        got.append(c.makefile('rb').read()); c.close()
    print(got); s.shutdown()

u = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
sel = selectors.DefaultSelector()
for s in u: s.bind(('127.0.0.1', 0)); sel.register(s, selectors.EVENT_READ)
for i, s in enumerate(u): s.sendto(b'%d' % i, u[(i * 7) % 20].getsockname())
seen = {}
while len(seen) < 20:
    for k, _ in sel.select(1): d, a = k.fileobj.recvfrom(100); seen[d] = a == u[int(d)].getsockname()
print(len(seen), all(seen.values()))
if socket.has_ipv6:
    s = socket.create_server(('::', 0), family=socket.AF_INET6, dualstack_ipv6=True)
    for a in '127.0.0.1', '::1':
        c = socket.create_connection((a, s.getsockname()[1])); n, who = s.accept(); print(who[0]); c.close(); n.close()
a, b = socket.create_server(('127.0.0.1', 0)), None
b = socket.create_connection(a.getsockname()); c, _ = a.accept()
n = 32 << 20; t = threading.Thread(target=lambda: (b.sendall(bytes(n)), b.close())); t.start(); got = 0
while d := c.recv(1 << 16): got += len(d)
t.join(); print(got == n)
PY
python3 t.py
