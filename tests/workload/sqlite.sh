# needs: sqlite3
# sqlite3: a few thousand inserts with indexes, in both journal modes.
for mode in delete wal; do
	{ echo "pragma journal_mode=$mode; create table t (id integer primary key, a, b); create index i on t (a);"; echo 'begin;'
		seq 20000 | awk '{ printf "insert into t values (%d, %d, '"'text %d'"');\n", $1, $1 * 7919 % 10007, $1 }'; echo 'commit;'
		for i in $(seq 30); do echo "insert into t values (null, $i, 'single');"; done
		echo 'select count(*), sum(a), max(b) from t; select b from t where a = 77 order by id; delete from t where a % 2; vacuum; pragma integrity_check; select count(*) from t;'; } | sqlite3 db.$mode
done; sqlite3 db.wal .dump | md5sum
