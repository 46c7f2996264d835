# Every allocation of the guest kernel fails once: programs get errors or die, the kernel does not panic, no process stays
# behind, and no error opens a door.
# long: yes
# seconds: 600
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/sh.sh"
root=$here/../..
debug=
for d in "$LIMPET" "$root/build-debug/limpet"; do
	[ -x "$d" ] && "$d" do --platform plain --defence-off filter -- true 2>/dev/null && debug=$d && break
done
[ -n "$debug" ] || skip "no debug build: make debug"
ended=0 fine=0
work_of_all_sorts='for i in 1 2 3; do (echo a | cat | wc -c) >/tmp/x; done; cat /tmp/x /etc/passwd >/dev/null; ln -s x /tmp/y
mkdir -p /tmp/d/e; mv /tmp/x /tmp/d/e/; find /tmp/d /proc/self/fd >/dev/null; sleep 0.01 & wait; grep -r model /proc/cpuinfo >/dev/null; exit 0'
# Every n-th from dense to rare, so that each place is hit at some n.
for n in $(seq 2 60) 71 83 97 113 131 151 173 199 229 263 307 353 409 467 541 619 709 821 941; do
	timeout 20 "$debug" do --platform "$PLATFORM" --fail-alloc-every "$n" -- sh -c "$work_of_all_sorts" >out 2>&1
	status=$?
	ended=$((ended + 1))
	[ $status = 0 ] && fine=$((fine + 1))
	if grep -q '^limpet: .*panic' out; then
		fail "every $n-th allocation: $(grep '^limpet: .*panic' out | head -n 1)"
	elif [ $status = 124 ]; then
		fail "every $n-th allocation: it hangs"
	fi
done
echo "$ended sandboxes, $fine of them did all their work"
[ $fine -gt 0 ] || fail 'no sandbox did its work: nothing was tried'
finish
