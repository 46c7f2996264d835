# long: yes
# needs: sqlite3
# seconds: 300
# sqlite3: 100,000 inserts, 2,000 transactions of their own.
{ echo 'create table t (id integer primary key, a, b); create index i on t (a); begin;'
	seq 100000 | awk '{ printf "insert into t values (%d, %d, '"'text %d'"');\n", $1, $1 * 7919 % 10007, $1 }'; echo 'commit;'
	for i in $(seq 2000); do echo "update t set b = 'x$i' where id = $i;"; done
	echo 'select count(*), sum(a), max(b) from t; pragma integrity_check;'; } | sqlite3 db
