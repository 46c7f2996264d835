# limpet check, help, version, the man page.
. "$(dirname "$0")/../lib/sh.sh"
matches 'check' "$(limpet check)" 'gate +(plain|pkey)'
calls=$(limpet check --host-syscalls | grep -c .)
[ "$calls" -gt 10 ] && [ "$calls" -lt 120 ] || fail "check --host-syscalls has $calls lines"
matches 'help' "$(limpet --help)" 'Usage: limpet COMMAND'
for c in do run check; do matches "help $c" "$(limpet help $c)" "Usage: limpet $c"; is "$c --help" "$(limpet $c --help)" "$(limpet help $c)"; done
matches 'man page' "$(limpet help --man)" '\.TH'
if command -v man >/dev/null; then limpet help --man >l.1; is 'man page warnings' "$(man --warnings -l l.1 2>&1 >/dev/null)" ''; fi
matches 'version' "$(limpet --version)" '^limpet version [0-9.]+'
matches 'one line for an error' "$(limpet do --bogus 2>&1 | wc -l)" '^[12]$'
finish
