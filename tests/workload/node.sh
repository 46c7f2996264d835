# needs: node
# node: timers, files, worker threads, child processes, streams, sockets.
cat >t.js <<'JS'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const fs = require('fs'), cp = require('child_process'), net = require('net'), zlib = require('zlib'), crypto = require('crypto');
if (!isMainThread) { let s = 0; for (let i = 0; i < 1e6; i++) s += i % workerData; parentPort.postMessage(s); }
else (async () => {
	const workers = [3, 5, 7].map(n => new Promise((ok, bad) => { const w = new Worker(__filename, { workerData: n }); w.on('message', ok); w.on('error', bad); }));
	console.log(await Promise.all(workers));
	console.log(cp.execSync('echo sync').toString());
	console.log(await new Promise(ok => { const c = cp.spawn('cat'); let s = ''; c.stdout.on('data', d => s += d); c.on('close', (code) => ok([s, code])); c.stdin.end('piped'); }));
	console.log(await new Promise(ok => cp.exec('exit 4', e => ok(e.code))));
	const c = cp.fork(process.argv[1].replace('t.js', 'child.js')); c.send({ n: 20 }); console.log(await new Promise(ok => c.on('message', ok)));
	console.log(await new Promise(ok => c.on('exit', (code, sig) => ok([code, sig]))));
	fs.writeFileSync('f', 'x'.repeat(100000)); console.log((await fs.promises.readFile('f')).length, fs.statSync('f').size);
	const srv = net.createServer(s => s.pipe(s)); await new Promise(ok => srv.listen('s.sock', ok));
	console.log(await new Promise(ok => { const s = net.connect('s.sock', () => s.write('echo')); s.on('data', d => { s.end(); ok(d.toString()); }); })); srv.close();
	console.log(zlib.gunzipSync(zlib.gzipSync('zipped')).toString(), crypto.createHash('sha1').update('a').digest('hex'));
	console.log(await new Promise(ok => crypto.pbkdf2('p', 's', 1000, 16, 'sha256', (e, k) => ok(k.toString('hex')))));
	let ev = []; setTimeout(() => ev.push(2), 20); setImmediate(() => ev.push(1)); await new Promise(ok => setTimeout(ok, 100)); console.log(ev);
	process.on('SIGUSR2', () => { console.log('signal'); process.exit(6); }); process.kill(process.pid, 'SIGUSR2'); setTimeout(() => {}, 5000);
})();
JS
echo 'process.on("message", m => { process.send(m.n * 2); process.disconnect(); process.exitCode = 3; });' >child.js
node t.js; echo $?
