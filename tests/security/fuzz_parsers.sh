# Every parser of the runtime, ELF loading and name resolution under libFuzzer, 20 seconds each.
# long: yes
# seconds: 900
root=$(cd "$(dirname "$0")/../.." && pwd)
exec "$root/tests/fuzz/libfuzzer.sh" 20
