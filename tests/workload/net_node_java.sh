# seconds: 120
# needs: node java
# node's http with connections that are kept; Java's channels, selectors, datagrams and asynchronous channels.
cat >keep.js <<'JS'
const http = require('http');
const srv = http.createServer((q, r) => { let n = 0; q.on('data', d => n += d.length); q.on('end', () => r.end('x'.repeat(1000) + n)); });
srv.listen(0, '127.0.0.1', () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 50 }), seen = new Set(), N = 5000;
  let started = 0, done = 0, ok = 0;
  const one = () => {
    if (started++ >= N) return;
    const q = http.request({ agent, host: '127.0.0.1', port: srv.address().port, method: 'POST' }, r => {
      let s = '';
      r.on('data', d => s += d);
      r.on('end', () => {
        ok += s === 'x'.repeat(1000) + '5';
        if (++done === N) { console.log(ok, seen.size); agent.destroy(); srv.close(); }
        one();
      });
    });
    q.on('socket', s => seen.add(s));
    q.end('hello');
  };
  for (let i = 0; i < 50; i++) one();
});
JS
node keep.js
node -e 'require("dns").lookup("localhost", { all: true }, (e, a) => console.log(JSON.stringify(a)))'
cat >Nio.java <<'J'
import java.io.*;
import java.net.*;
import java.nio.*;
import java.nio.channels.*;
import java.util.*;

public class Nio {
    static void serve(Selector sel, ServerSocketChannel l) throws IOException {
        ByteBuffer b = ByteBuffer.allocateDirect(65536);
        while (true) {
            sel.select();
            if (!sel.isOpen()) return;
            for (Iterator<SelectionKey> it = sel.selectedKeys().iterator(); it.hasNext(); ) {
                SelectionKey k = it.next();
                it.remove();
                if (k.isAcceptable()) {
                    SocketChannel c = l.accept();
                    if (c == null) continue;
                    c.configureBlocking(false);
                    c.register(sel, SelectionKey.OP_READ);
                } else {
                    SocketChannel c = (SocketChannel) k.channel();
                    b.clear();
                    if (c.read(b) < 0) { c.close(); continue; }
                    b.flip();
                    while (b.hasRemaining()) c.write(b);
                }
            }
        }
    }
    static int talk(int port, int me) throws IOException {
        byte[] o = new byte[100], r = new byte[100];
        int ok = 0;
        try (Socket s = new Socket("127.0.0.1", port)) {
            s.setTcpNoDelay(true);
            for (int k = 0; k < 300; k++) {
                Arrays.fill(o, (byte) (k + me));
                s.getOutputStream().write(o);
                for (int got = 0; got < 100; ) got += s.getInputStream().read(r, got, 100 - got);
                if (Arrays.equals(o, r)) ok++;
            }
        }
        return ok;
    }
    public static void main(String[] a) throws Exception {
        Selector sel = Selector.open();
        ServerSocketChannel l = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
        l.configureBlocking(false);
        l.register(sel, SelectionKey.OP_ACCEPT);
        Thread server = new Thread(() -> { try { serve(sel, l); } catch (ClosedSelectorException e) { } catch (IOException e) { System.out.println(e); } });
        server.start();
        int port = l.socket().getLocalPort();
        int[] ok = new int[20];
        Thread[] t = new Thread[20];
        for (int i = 0; i < 20; i++) {
            int me = i;
            (t[i] = new Thread(() -> { try { ok[me] = talk(port, me); } catch (IOException e) { System.out.println(e); } })).start();
        }
        for (Thread x : t) x.join();
        System.out.println(Arrays.stream(ok).sum());
        sel.close();
        DatagramChannel d = DatagramChannel.open().bind(new InetSocketAddress("127.0.0.1", 0)), e = DatagramChannel.open();
        e.send(ByteBuffer.wrap("dgram".getBytes()), d.getLocalAddress());
        ByteBuffer b = ByteBuffer.allocate(100);
        d.receive(b);
        System.out.println(b.position());
        e.connect(new InetSocketAddress("127.0.0.1", 9));
        e.write(ByteBuffer.wrap(new byte[1]));
        Thread.sleep(50);
        try { e.socket().setSoTimeout(2000); e.read(ByteBuffer.allocate(1)); } catch (PortUnreachableException x) { System.out.println("unreachable"); }
        AsynchronousServerSocketChannel as = AsynchronousServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
        var f = as.accept();
        AsynchronousSocketChannel ac = AsynchronousSocketChannel.open();
        ac.connect(as.getLocalAddress()).get();
        ac.write(ByteBuffer.wrap(new byte[77])).get();
        System.out.println(f.get().read(ByteBuffer.allocate(100)).get());
        System.exit(0);
    }
}
J
java Nio.java
