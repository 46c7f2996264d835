# Sourced behind sh.sh by tests with two network namespaces: $in for the sandbox, $out for the world around it. Both are
# made here, lo is up in both; they and what stands in pids end with the test.
[ "$(id -u)" = 0 ] || skip "needs root"
out=lo$$ in=li$$
ip netns add "$out" 2>/dev/null || skip "network namespaces cannot be made here"
pids=()
cleanup() {
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
	ip netns del "$out"
	ip netns del "$in" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
ip netns add "$in"
for n in "$out" "$in"; do ip -n "$n" link set lo up; done
