# Each rule of the host's filter refuses what it is for, and without the filter that would have passed. Needs a debug
# build (make debug), where a program may be given the kernel's way to the host.
src=$(cd "$(dirname "$0")" && pwd)/host_filter.c
debug=${LIMPET_DEBUG:-$(dirname "$LIMPET")/../build-debug/limpet}
[ -x "$debug" ] || { echo "SKIP no debug build"; exit 77; }
debug=$(readlink -f "$debug")
. "$(dirname "$0")/../lib/sh.sh"
${CC:-gcc} -std=gnu17 -O1 -Wall -Wextra -static -o host_filter "$src" || fail 'host_filter.c does not build'
with() { "$debug" do --platform "$PLATFORM" --defence-off calls "$@" 2>&1; }
ends 'rules' 0 with -- ./host_filter on
ends 'without the filter' 0 with --defence-off filter -- ./host_filter off
n=0
while :; do
	got=$(with -- ./host_filter ask $n)
	status=$?
	[ $status = 42 ] && break
	is "what kserver's filter refuses, $n: status" $status 125
	matches "what kserver's filter refuses, $n" "$got" 'outside its list'
	got=$(with --defence-off filter -- ./host_filter ask $n)
	matches "the same without it" "$?$got" '^0passed'
	n=$((n + 1))
	[ $n -lt 50 ] || break
done
[ $n -ge 10 ] || fail "only $n calls of kserver tried"
finish
