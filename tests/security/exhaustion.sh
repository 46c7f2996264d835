# Programs that use up what they can get: they are refused or die, limpet ends in time and leaves nothing.
# seconds: 200
. "$(dirname "$0")/../lib/sh.sh"
t() {
	timeout -k 2 $((60 * ${TEST_SLOW:-1})) "$@" >/dev/null 2>&1
	local status=$?
	# 125: the host ran out of memory for the kernel itself
	[ $status != 124 ] && [ $status != 137 ] || fail "status $status: $*"
}
t "$LIMPET" do --platform "$PLATFORM" --user 1234 -- bash -c 'ulimit -u 100; exec 3< <(sleep 100); f() { f | f & }; f & read -t 2 -u 3; exit 0'
t "$LIMPET" do --platform "$PLATFORM" -- bash -c 'ulimit -n 100000; for ((i = 3; i < 30000; i++)); do eval "exec $i</dev/null" || break; done; exit 0'
t "$LIMPET" do --platform "$PLATFORM" --memory 256M -- /usr/bin/python3 -c '
import os
l = []
try:
    while True: l.append(os.pipe()); os.write(l[-1][1], b"x" * 65536)
except (OSError, MemoryError) as e: print(type(e))'
t "$LIMPET" do --platform "$PLATFORM" --memory 256M -- sh -c 'head -c 2G /dev/zero >/tmp/fill; exit 0'
t "$LIMPET" do --platform "$PLATFORM" --memory 256M -- sh -c 'i=0; while mkdir -p /tmp/d$i/a/b/c && [ $i -lt 1000 ]; do i=$((i+1)); done; exit 0'
t "$LIMPET" do --platform "$PLATFORM" --memory 256M -- /usr/bin/python3 -c '
import threading, time
ts = []
try:
    for i in range(3000):
        t = threading.Thread(target=time.sleep, args=(1,)); t.start(); ts.append(t)
except RuntimeError: pass
for t in ts: t.join()'
t "$LIMPET" do --platform "$PLATFORM" --memory 256M -- /usr/bin/python3 -c '
import mmap
l = []
try:
    for i in range(70000): l.append(mmap.mmap(-1, 4096 * (1 + i % 2), prot=mmap.PROT_READ if i % 2 else mmap.PROT_READ | mmap.PROT_WRITE))
except (OSError, MemoryError): pass'
t "$LIMPET" do --platform "$PLATFORM" -- sh -c 'while :; do :; done & yes >/dev/null & cat /dev/zero >/dev/null & sleep 0.5; exit 0'
# Either the program is refused, or the one line says why all ended.
if [ "$(id -u)" = 0 ]; then
	out=$(timeout -k 2 $((60 * ${TEST_SLOW:-1})) "$LIMPET" do --platform "$PLATFORM" --memory 1M -- true 2>&1)
	[ $? = 0 ] || is 'the limit is named' "$out" 'limpet: out of memory: the limit was reached, and the host killed the guest kernel'
fi
is 'limpet still works' "$(do_ -- echo fine)" fine
finish
