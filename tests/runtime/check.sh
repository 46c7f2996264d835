# limpet check, help, version, the man page.
. "$(dirname "$0")/../lib/sh.sh"
matches 'check' "$(limpet check)" 'gate +(plain|pkey)'
# What a program's process may ask the host: few calls, and none that makes, finds or changes anything beyond its files.
calls=$(limpet check --host-syscalls)
[ "$(wc -l <<<"$calls")" -gt 30 ] && [ "$(wc -l <<<"$calls")" -le 40 ] || fail "check --host-syscalls: $(wc -l <<<"$calls") calls"
for c in read write mprotect socket connect execve ptrace mount kill ioctl fcntl seccomp rt_sigaction bpf; do
	grep -qx $c <<<"$calls" && fail "the filter allows $c"
done
for c in preadv2 futex clone mmap openat; do grep -qx $c <<<"$calls" || fail "the filter does not allow $c"; done
server=$(limpet check --host-syscalls=server)
is 'the server has all of them' "$(comm -23 <(sort <<<"$calls") <(sort <<<"$server"))" ''
grep -qx wait4 <<<"$server" || fail 'the server may not wait'
for c in execve ptrace mount bpf unshare open_by_handle_at; do grep -qx $c <<<"$server" && fail "the server's filter allows $c"; done
for c in socket connect bind accept4; do grep -qx $c <<<"$server" && fail "without a network the server's filter allows $c"; done
network=$(limpet check --host-syscalls=network)
is 'sockets come with a network' "$(comm -13 <(sort <<<"$server") <(sort <<<"$network") | tr '\n' ' ')" 'accept4 bind connect getsockname getsockopt listen setsockopt shutdown socket '
supervisor=$(limpet check --host-syscalls=supervisor)
for c in recvfrom poll kill; do grep -qx $c <<<"$supervisor" || fail "the supervisor's filter does not allow $c"; done
for c in execve openat open socket connect clone clone3 fork ptrace; do
	grep -qx $c <<<"$supervisor" && fail "the supervisor's filter allows $c"
done
"$LIMPET" do --platform "$PLATFORM" -- sleep 20 & outside=$!
for _ in $(seq 100); do grep -q '^Seccomp:.*2' /proc/$outside/status && break; sleep 0.05; done
matches 'the supervisor has a filter' "$(grep ^Seccomp: /proc/$outside/status)" '2$'
kill $outside; wait $outside
ends 'of nobody' 125 limpet check --host-syscalls=nobody
matches 'help' "$(limpet --help)" 'Usage: limpet \[OPTION...\] COMMAND'
for c in do run check; do matches "help $c" "$(limpet help $c)" "Usage: limpet $c"; is "$c --help" "$(limpet $c --help)" "$(limpet help $c)"; done
matches 'man page' "$(limpet help --man)" '\.TH'
if command -v man >/dev/null; then limpet help --man >l.1; is 'man page warnings' "$(man --warnings -l l.1 2>&1 >/dev/null)" ''; fi
matches 'version' "$(limpet --version)" '^limpet version [0-9.]+'
matches 'one line for an error' "$(limpet do --bogus 2>&1 | wc -l)" '^[12]$'
finish
