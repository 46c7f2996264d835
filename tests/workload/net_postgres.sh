# long: yes
# seconds: 180
# needs: psql setpriv
# PostgreSQL with pgbench over its unix socket and TCP: select-only and writing, sums that must agree, notifications.
[ "$(id -u)" = 0 ] && id postgres >/dev/null || { echo "needs root and a user postgres"; exit 0; }
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
chmod 711 .. . ; mkdir pg; chown postgres pg
as() { setpriv --reuid postgres --regid postgres --clear-groups env HOME="$PWD/pg" PGHOST="$PWD/pg" PGPORT=5499 "$@"; }
as "$bin/initdb" -D "$PWD/pg/d" -A trust >/dev/null
cd pg || exit 1
as "$bin/pg_ctl" -D "$PWD/d" -o "-k $PWD -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=64MB" -l "$PWD/log" -w start >/dev/null; echo "started $?"
as() { setpriv --reuid postgres --regid postgres --clear-groups env HOME="$PWD" PGHOST="$PWD" PGPORT=5499 "$@"; }
bench() { as "$bin/pgbench" -n -j 2 -T 3 "$@" postgres 2>&1 | sed -n 's/^tps = [1-9][0-9.]* .*/fine/p; /failed/p; /aborted/p'; }
as "$bin/pgbench" -i -q -s 2 postgres 2>&1 | grep -c '^done'
for host in "$PWD" 127.0.0.1; do
	bench -S -c 4 -h "$host"
	bench -c 8 -h "$host"
	as psql -h "$host" -At postgres -c 'select count(*), sum(abalance) = (select sum(bbalance) from pgbench_branches) from pgbench_accounts' \
		-c 'select sum(tbalance) = (select sum(bbalance) from pgbench_branches), (select count(*) > 0 from pgbench_history) from pgbench_tellers'
done
as psql -At postgres -c 'listen x' -c 'notify x' 2>&1 | sed 's/PID [0-9]*/PID/'
as psql -At postgres -c "copy (select g, md5(g::text) from generate_series(1, 200000) g) to stdout" | cksum
as "$bin/pg_ctl" -D "$PWD/d" -m fast stop | tail -n 1
grep -cE 'PANIC|ERROR|could not' log
