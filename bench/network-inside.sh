# Runs inside the container: servers and their clients, a line "row value" for each row. $1 = quick or full.
set -u
cd /tmp
s=2 n=200000
[ "$1" = quick ] && s=1 n=50000
await() { for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return; sleep 0.05; done; echo "never: $*" >&2; }
for row in unix-ping-pong tcp-ping-pong tcp-1m; do /bench/bench $row; done

redis-server --port 7001 --bind 127.0.0.1 --save '' --dir /tmp >/tmp/redis.log 2>&1 &
r=$!
await redis-cli -p 7001 ping
bench() { redis-benchmark -p 7001 -q --csv -t get,set "$@" | awk -F'"' -v p="$p" '$2 == "GET" || $2 == "SET" { print "redis-" tolower($2) p, $4 }'; }
p='' bench -n $n
p=-P16 bench -n $((n * 8)) -P 16
kill $r; wait $r

mkdir -p html body; head -c 612 /dev/zero | tr '\0' x >html/index.html; chmod -R a+rX /tmp
cat >n.conf <<C
worker_processes 1; daemon off; pid /tmp/n.pid; error_log /tmp/err.log; user root;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; client_body_temp_path body/1;
proxy_temp_path body/2; fastcgi_temp_path body/3; uwsgi_temp_path body/4; scgi_temp_path body/5;
server { listen 8080; root /tmp/html; } }
C
nginx -c /tmp/n.conf -p /tmp 2>/tmp/nginx.log &
x=$!
await curl -sf http://127.0.0.1:8080/
wrk -t1 -c64 -d${s}s http://127.0.0.1:8080/ | awk '/Requests.sec/ { print "nginx-inside", $2 }'
echo "ready"
sleep $((s + 2))
kill $x; wait $x

iperf3 -c "$2" -t $s -f k | awk '/receiver/ { print "iperf3-out", $7 }'

pg=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
[ -n "$pg" ] || exit 0
mkdir pg; chown postgres pg
as() { setpriv --reuid postgres --regid postgres --clear-groups env HOME=/tmp/pg PGHOST=/tmp/pg "$@"; }
as "$pg/initdb" -D pg/d -A trust >/dev/null
as "$pg/postgres" -D pg/d -k /tmp/pg -c fsync=off -c shared_buffers=64MB >pg.log 2>&1 &
g=$!
await as "$pg/pg_isready"
as "$pg/pgbench" -q -i -s 2 postgres >/dev/null 2>&1
tps() { as "$pg/pgbench" -S -n -c 4 -T $s "$@" postgres 2>/dev/null | awk -v r="$row" '/^tps/ { print r, $3 }'; }
row=pgbench-unix tps
row=pgbench-tcp tps -h 127.0.0.1
pkill -INT -P $$ -x setpriv 2>/dev/null; as "$pg/pg_ctl" -D pg/d -m fast stop >/dev/null 2>&1; wait $g
