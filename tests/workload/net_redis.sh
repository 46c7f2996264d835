# long: yes
# seconds: 240
# needs: redis-server redis-cli redis-benchmark
# redis-benchmark, all that it does by default, with pipelining too; what was written is there again after a restart.
cli() { redis-cli -p 7411 "$@"; }
await() { for _ in $(seq 200); do cli ping 2>/dev/null | grep -q PONG && return; sleep 0.05; done; echo "never"; }
start() { redis-server --port 7411 --bind 127.0.0.1 --save '' --dir "$PWD" "$@" >redis.log 2>&1 & server=$!; await; }
# Names of the tests that have come to an end with more than no requests per second.
names() { sed -n 's/^"\([A-Z_ ()a-z0-9]*\)","[1-9][0-9.]*",.*/\1/p'; }
start
redis-benchmark -p 7411 --csv -n 5000 2>&1 | names
redis-benchmark -p 7411 --csv -n 20000 -P 16 2>&1 | names
redis-benchmark -p 7411 --csv -n 20000 -c 500 -t get,set 2>&1 | names
cli flushall
for i in $(seq 2000); do echo "set key:$i $i"; done | cli --pipe 2>&1 | tail -n 1
cli save; cli shutdown nosave; wait $server; echo "exit $?"
start; cli dbsize; cli get key:1234
cli config set appendonly yes
until cli info persistence | tr -d '\r' | grep -qx aof_rewrite_in_progress:0 && cli info persistence | grep -q '^aof_enabled:1' &&
	[ -e appendonlydir/appendonly.aof.manifest ]; do sleep 0.05; done
for i in $(seq 100); do echo "incr counter"; done | cli | tail -n 1
kill -9 $server; wait $server 2>/dev/null
start --appendonly yes; cli get counter; cli dbsize; cli shutdown nosave; wait $server; echo "exit $?"
