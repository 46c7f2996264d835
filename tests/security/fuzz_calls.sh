# Random system calls from several threads and processes of a sandbox; see tests/fuzz/run.sh.
# long: yes
# seconds: 600
root=$(cd "$(dirname "$0")/../.." && pwd)
exec "$root/tests/fuzz/run.sh" 2 15 $((RANDOM % 10000 + 100))
