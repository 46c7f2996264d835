# Servers as people run them: detached, on a podman network, with a published port. Each is reached from the host and from
# another container by its name, looked into, restarted, stopped; its log is read.
. "$(dirname "$0")/lib.sh"
podman_setup
net=limpet-services
busybox_image
debian_image python "python3-minimal libpython3-stdlib"
debian_image node nodejs
debian_image nginx nginx-light 'ln -sf /dev/stdout /var/log/nginx/access.log; ln -sf /dev/stderr /var/log/nginx/error.log; echo served >/var/www/html/index.html'
debian_image redis "redis-server redis-tools"
# shellcheck disable=SC2016
debian_image postgres postgresql-15 'printf "%s\n" "#!/bin/sh" "PATH=/usr/lib/postgresql/15/bin:\$PATH; d=/var/lib/postgresql/data" "[ -e \$d/PG_VERSION ] || { initdb -A trust \$d >/dev/null; echo host all all all trust >>\$d/pg_hba.conf; }" "exec postgres -D \$d -c listen_addresses=*" >/start; chmod +x /start'
for name in S-web S-python S-node S-redis S-postgres; do $P rm -f -t 0 $name >/dev/null 2>&1; done
$P network exists $net || $P network create $net >/dev/null

img() { echo "localhost/limpet-test-$1:1"; }
# from COMMAND...: from another container of the network; the image is $1
from() { $P run --rm --network $net "$(img "$1")" "${@:2}"; }
tcp() { # tcp PORT TEXT COUNT: what a published port answers on the host
	exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "$2" >&3 && timeout 5 head -c "$3" <&3 | tr '\0' 0 | grep .
}
http() { tcp "$1" 'GET / HTTP/1.0\r\n\r\n' 15; }
export P net host other
export -f img from tcp http

# service NAME IMAGE PORT PUBLISHED "HOST-CHECK" "OTHER-CONTAINER-CHECK" "EXEC" -- COMMAND...
service() {
	local name=$1 image=$2 port=$3 published=$4 exec=$7
	host=$5 other=$6
	shift 8
	t "$name" bash -c "$P run -d --name S-$name --network $net -p 127.0.0.1:$published:$port $options $(img "$image") $(printf '%q ' "$@") >/dev/null"
	t "$name-host" bash -c 'soon 30 bash -c "$host"'
	t "$name-by-name" bash -c 'soon 10 bash -c "$other"'
	t "$name-exec" $P exec "S-$name" sh -c "$exec"
	t "$name-restart" bash -c "$P restart -t 3 S-$name >/dev/null 2>&1"
	t "$name-again" bash -c 'soon 30 bash -c "$host"'
	t "$name-other" bash -c 'soon 10 bash -c "$other"'
	t "$name-exec-2" $P exec "S-$name" sh -c "$exec"
	t "$name-logs" bash -c "$P logs S-$name 2>&1 | grep -oE '$log' | sort -u | head -n 2"
	t "$name-stop" bash -c "$P stop -t 3 S-$name 2>&1 | grep -c ."
	t "$name-status" $P inspect "S-$name" --format '{{.State.ExitCode}} {{.State.Status}}'
	t "$name-start" bash -c "$P start S-$name >/dev/null"
	t "$name-back" bash -c 'soon 30 bash -c "$host"'
	t "$name-kill" bash -c "$P kill S-$name >/dev/null; $P wait S-$name"
	t "$name-rm" bash -c "$P rm -f -t 0 S-$name >/dev/null"
}

options='' log='GET / HTTP/1.[01]" 200'
service web nginx 80 18081 'http 18081' 'from busybox wget -qO- http://S-web/' 'nginx -v 2>&1 | cut -c1-20; cat /proc/1/comm' -- nginx -g 'daemon off;'
service python python 8000 18082 'http 18082' 'from busybox wget -qO- http://S-python:8000/etc/os-release | head -n 1' 'python3 -c "print(6*7)"' -- python3 -u -m http.server 8000
log='asked for /$'
service node node 8000 18083 'http 18083' 'from busybox wget -qO- http://S-node:8000/' 'node -e "console.log(process.version)"' -- \
	node -e 'require("http").createServer((q, r) => { console.log("asked for " + q.url); r.end("from node\n") }).listen(8000)'
log='Ready to accept connections|Redis is starting'
service redis redis 6379 18084 'tcp 18084 "PING\r\n" 7' 'from redis redis-cli -h S-redis incr seen | grep -c .' 'redis-cli set k v; redis-cli get k' -- \
	redis-server --bind 0.0.0.0 --protected-mode no
options='-u postgres' log='database system is (ready to accept connections|shut down)'
service postgres postgres 5432 18085 'tcp 18085 "\0\0\0\10\4\322\26\57" 1' 'from postgres psql -h S-postgres -U postgres -Atc "select 6*7"' \
	'psql -Atc "create table if not exists t(x int); insert into t values (1); select count(*) > 0 from t" | tail -n 1' -- /start
$P network rm -f $net >/dev/null 2>&1
t network-gone $P network exists $net
