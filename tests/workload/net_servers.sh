# needs: redis-server redis-cli nginx memcached curl python3
# Servers and their clients over loopback: redis with persistence, nginx with keep-alive and sendfile, memcached.
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
await() { for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return; sleep 0.05; done; echo "never: $*"; }
cli() { redis-cli -p "$R" "$@"; }

R=$(port)
redis-server --port "$R" --bind 127.0.0.1 --save '' --dir "$PWD" --appendonly yes >redis.log 2>&1 &
await cli ping
cli set a 1; cli incr a; cli rpush l x y z; cli lrange l 0 -1
for i in $(seq 300); do echo "set k$i v$i"; done | cli | sort | uniq -c | sed 's/^ *//'
printf 'subscribe c\n' | timeout 5 redis-cli -p "$R" >sub.txt & sub=$!
sleep 0.3; cli publish c hello >/dev/null; wait $sub; cli bgsave >/dev/null; await test -f dump.rdb
cli shutdown nosave; wait %1
redis-server --port "$R" --bind 127.0.0.1 --save '' --dir "$PWD" --appendonly yes >redis2.log 2>&1 & r2=$!
await cli ping; cli get a; cli dbsize; cli shutdown nosave; wait $r2

N=$(port)
mkdir html tmp; chmod 755 . html; echo hello >html/index.html; head -c 3000000 /dev/zero | tr '\0' 'q' >html/big
cat >n.conf <<E
worker_processes 2; daemon off; pid $PWD/n.pid; error_log $PWD/err.log;
events { worker_connections 256; }
http { access_log off; sendfile on; tcp_nopush on; client_body_temp_path $PWD/tmp/1; proxy_temp_path $PWD/tmp/2;
fastcgi_temp_path $PWD/tmp/3; uwsgi_temp_path $PWD/tmp/4; scgi_temp_path $PWD/tmp/5;
server { listen 127.0.0.1:$N; root $PWD/html; location /p/ { proxy_pass http://127.0.0.1:$N/; } } }
E
[ "$(id -u)" = 0 ] && sed -i '1i user root;' n.conf
nginx -c "$PWD/n.conf" -p "$PWD" 2>nginx.log & n=$!
await curl -sf "http://127.0.0.1:$N/"
curl -s "http://127.0.0.1:$N/" "http://127.0.0.1:$N/p/" "http://127.0.0.1:$N/index.html"
curl -s "http://127.0.0.1:$N/big" | cksum
curl -s "http://127.0.0.1:$N/p/big" | cksum
curl -s -o /dev/null -w '%{http_code}\n' "http://127.0.0.1:$N/none"
if command -v wrk >/dev/null; then
	for o in '' '-H Connection:close'; do
		# shellcheck disable=SC2086
		wrk -t 2 -c 50 -d 2 $o "http://127.0.0.1:$N/" >wrk.log 2>&1
		grep -cE '^Requests/sec: +[1-9]' wrk.log; grep -E 'Non-2xx|Socket errors' wrk.log
	done
fi
kill $n; wait $n; echo "nginx $?"

M=$(port)
user=; [ "$(id -u)" = 0 ] && user='-u root'
memcached -l 127.0.0.1 -p "$M" $user & m=$!
python3 - "$M" <<'PY'
import socket, sys, time
for _ in range(200):
    try: s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); break
    except ConnectionRefusedError: time.sleep(0.05)
f = s.makefile('rwb'); ok = 0
for i in range(1000):
    f.write(b'set k%d 0 0 5\r\nhello\r\nget k%d\r\n' % (i, i)); f.flush()
    ok += [f.readline() for _ in range(4)] == [b'STORED\r\n', b'VALUE k%d 0 5\r\n' % i, b'hello\r\n', b'END\r\n']
print(ok)
PY
kill $m; wait $m; echo "memcached $?"
