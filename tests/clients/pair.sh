# A web server and the database that it asks, restarted 50 times in turn: it answers every time, counts on, and nothing
# is left over of the earlier ones.
. "$(dirname "$0")/lib.sh"
podman_setup
net=limpet-pair rounds=${ROUNDS:-50}
debian_image python "python3-minimal libpython3-stdlib"
debian_image redis "redis-server redis-tools"
$P rm -f -t 0 P-web P-db >/dev/null 2>&1
$P volume rm -f limpet-pair >/dev/null 2>&1
$P network exists $net || $P network create $net >/dev/null
cat >"$WORK/vol/web.py" <<'PY'
import http.server, signal, socket, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with socket.create_connection(("P-db", 6379), 5) as db:
            db.sendall(b"INCR visits\r\n")
            text = db.recv(100)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("", 8000), Page).serve_forever()
PY
t database bash -c "$P run -d --name P-db --network $net -v limpet-pair:/data -w /data --log-driver none \
	localhost/limpet-test-redis:1 redis-server --bind 0.0.0.0 --protected-mode no --appendonly yes >/dev/null"
t web bash -c "$P run -d --name P-web --network $net -p 127.0.0.1:18090:8000 -v $WORK/vol:/app:ro --log-driver none \
	localhost/limpet-test-python:1 python3 /app/web.py >/dev/null"
visit() { exec 3<>/dev/tcp/127.0.0.1/18090 && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && timeout 5 cat <&3 | grep -ao '^:[0-9]*'; }
export -f visit
export P rounds
t answer bash -c 'soon 20 visit'

# Everything of the two on the machine: processes, their memory in MiB, mounts, groups, namespaces, states.
census() {
	local ids pids pid groups
	ids=$($P ps -a --no-trunc --format '{{.ID}}' --filter name=P- | paste -sd '|')
	groups=$(find /sys/fs/cgroup -type d | grep -E "$ids")
	pids=$({ pgrep -f "$ids"; for pid in $groups; do cat "$pid/cgroup.procs"; done; } | sort -u)
	echo "processes $(echo "$pids" | wc -l)"
	echo "memory $(for pid in $pids; do sed -n 's/^Pss: *\([0-9]*\).*/\1/p' "/proc/$pid/smaps_rollup" 2>/dev/null; done | awk '{ s += $1 } END { print int(s / 1024) }')"
	echo "mounts $(nsenter --mount="$WORK/ns/mnt" grep -cE "$WORK|netns" /proc/self/mountinfo)"
	echo "groups $(echo "$groups" | wc -l)"
	echo "namespaces $(ls /run/netns 2>/dev/null | wc -l)"
	echo "states $(ls "/run/$(basename "$RUNTIME")" | grep -cE "$ids")"
	echo "handles $(for pid in $pids; do ls "/proc/$pid/fd"; done 2>/dev/null | wc -l)"
}
restart() {
	local i n=0 out
	for i in $(seq "$rounds"); do
		$P restart -t 5 $([ $((i % 2)) = 0 ] && echo P-web || echo P-db) $([ $((i % 10)) = 0 ] && echo P-db) >/dev/null 2>&1 || { echo "restart $i failed"; return 1; }
		out=$(soon 20 visit) || { echo "no answer after restart $i: $out"; return 1; }
		[ "${out#:}" -gt "$n" ] || { echo "after restart $i it has forgotten: $out, was $n"; return 1; }
		n=${out#:}
	done
	echo "$rounds"
}
export -f restart
$P restart -t 5 P-web P-db >/dev/null 2>&1
soon 20 visit >/dev/null
census >"$WORK/pair.before"
LIMIT=900 t restarts bash -c restart
sleep 1
census >"$WORK/pair.after"
# Memory and handles come and go a little.
t leaks bash -c 'paste -d " " "$WORK/pair.before" "$WORK/pair.after" | awk "{ slack = \$1 == \"memory\" ? 4 : \$1 == \"handles\" ? 8 : 0; if (\$4 > \$2 + slack) print \$1, \$2, \"->\", \$4 }"'
t rm bash -c "$P rm -f -t 0 P-web P-db >/dev/null && $P volume rm limpet-pair >/dev/null && $P network rm -f $net >/dev/null"
