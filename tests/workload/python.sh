# needs: /usr/bin/python3
# python3: threads, subprocesses, multiprocessing, asyncio, sqlite3, temporary files, signals, mmap, select.
cat >t.py <<'PY'
import asyncio, concurrent.futures, fcntl, hashlib, json, mmap, multiprocessing, os, queue, select, shutil, signal
import socket, sqlite3, struct, subprocess, sys, tempfile, threading, time

def square(n): return n * n

def threads():
    q, out = queue.Queue(), []
    lock = threading.Lock()
    def work():
        while (n := q.get()) is not None:
            with lock: out.append(n * 2)
    ts = [threading.Thread(target=work) for _ in range(8)]
    for t in ts: t.start()
    for n in range(1000): q.put(n)
    for t in ts: q.put(None)
    for t in ts: t.join()
    print(sum(out), len(out))
    with concurrent.futures.ThreadPoolExecutor(4) as ex: print(sum(ex.map(square, range(100))))
    e = threading.Event(); threading.Timer(0.1, e.set).start(); print(e.wait(5))

def processes():
    print(subprocess.run(['tr', 'a-z', 'A-Z'], input='hello', capture_output=True, text=True).stdout)
    p = subprocess.Popen(['sleep', '50']); p.terminate(); print(p.wait())
    try: subprocess.run(['sleep', '50'], timeout=0.2)
    except subprocess.TimeoutExpired as e: print('timeout')
    print(subprocess.run('echo out; echo err >&2; exit 3', shell=True, capture_output=True))
    try: subprocess.run(['/nonexistent'])
    except FileNotFoundError as e: print(e)
    with multiprocessing.Pool(3) as pool: print(sum(pool.map(square, range(200))))
    a, b = multiprocessing.Pipe()
    pr = multiprocessing.Process(target=lambda: b.send({'x': [1, 2]})); pr.start(); print(a.recv()); pr.join(); print(pr.exitcode)
    v = multiprocessing.Value('i', 0)
    def inc():
        for _ in range(500):
            with v.get_lock(): v.value += 1
    ps = [multiprocessing.Process(target=inc) for _ in range(3)]
    for x in ps: x.start()
    for x in ps: x.join()
    print(v.value)
    q = multiprocessing.Queue(); pr = multiprocessing.Process(target=lambda: [q.put(i) for i in range(50)]); pr.start()
    print(sum(q.get() for _ in range(50))); pr.join()
    ctx = multiprocessing.get_context('spawn')
    with ctx.Pool(2) as pool: print(pool.map(square, [3, 4]))

async def aio():
    async def client(port, n):
        r, w = await asyncio.open_unix_connection(port)
        w.write(f'{n}\n'.encode()); await w.drain()
        line = await r.readline(); w.close(); return int(line)
    async def serve(r, w):
        n = int(await r.readline()); w.write(f'{n * 10}\n'.encode()); await w.drain(); w.close()
    s = await asyncio.start_unix_server(serve, 'sock')
    print(sum(await asyncio.gather(*[client('sock', n) for n in range(30)])))
    s.close()
    p = await asyncio.create_subprocess_exec('cat', stdin=-1, stdout=-1)
    print(await p.communicate(b'via cat')); print(p.returncode)
    try: await asyncio.wait_for(asyncio.sleep(10), 0.1)
    except asyncio.TimeoutError: print('async timeout')

def database():
    d = sqlite3.connect('db'); d.execute('create table t (a integer primary key, b text)')
    with d: d.executemany('insert into t values (?, ?)', [(i, f'row {i}') for i in range(5000)])
    print(d.execute('select count(*), sum(a), max(b) from t').fetchone())
    e = sqlite3.connect('db', timeout=0.1); d.execute('begin exclusive')
    try: e.execute('insert into t values (9999, 1)')
    except sqlite3.OperationalError as x: print(x)
    d.rollback(); d.close(); e.close()
    d = sqlite3.connect('wal'); print(d.execute('pragma journal_mode=wal').fetchone())
    with d: d.execute('create table t (a)'); d.executemany('insert into t values (?)', [(i,) for i in range(1000)])
    print(sqlite3.connect('wal').execute('select sum(a) from t').fetchone()); d.close()

def system():
    with tempfile.TemporaryDirectory() as d: open(d + '/f', 'w').write('x'); print(os.listdir(d))
    f = tempfile.TemporaryFile(); f.write(b'abc' * 5000); f.flush()
    m = mmap.mmap(f.fileno(), 0); print(hashlib.md5(m[:]).hexdigest()); m[0:3] = b'XYZ'; f.seek(0); print(f.read(6)); m.close()
    got = []; signal.signal(signal.SIGUSR1, lambda s, fr: got.append(s)); os.kill(os.getpid(), signal.SIGUSR1); time.sleep(0.01); print(got)
    signal.setitimer(signal.ITIMER_REAL, 0.1); signal.signal(signal.SIGALRM, lambda s, fr: got.append('alarm'))
    time.sleep(0.3); print(got)
    r, w = os.pipe(); print(select.select([r], [w], [], 0)[1] == [w]); os.write(w, b'1'); ep = select.epoll(); ep.register(r, select.EPOLLIN); print(len(ep.poll(1)))
    a, b = socket.socketpair(); socket.send_fds(a, [b'fd'], [r]); m, fds, fl, ad = socket.recv_fds(b, 10, 1); print(m, os.read(fds[0], 5))
    with open('l', 'w') as f: fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB); print('locked')
    print(os.stat('l').st_mode, os.getcwd() == os.path.realpath('.'), os.path.exists('/proc/self/exe'))
    pid = os.fork()
    if pid == 0: os._exit(9)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os.makedirs('x/y/z'); shutil.copytree('x', 'x2'); shutil.rmtree('x'); print(sorted(os.listdir('.'))); print(len(os.urandom(16)), os.cpu_count() > 0)
    print(shutil.which('bash'), os.get_terminal_size.__name__, os.access('/root/x', os.R_OK)); os.symlink('a', 'b'); print(os.readlink('b'))

if __name__ == '__main__':
    for part in threads, processes, lambda: asyncio.run(aio()), database, system:
        try: part()
        except Exception as e: print('failed:', repr(e))
        sys.stdout.flush()
PY
/usr/bin/python3 t.py
