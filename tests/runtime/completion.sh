# The completion of shells, made from the same tables as --help.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"
"$LIMPET" help --completion bash >c.bash
"$LIMPET" help --completion zsh >_limpet
"$LIMPET" help --completion fish >c.fish
cat >try <<'B'
. ./c.bash
COMP_WORDS=(limpet "$@")
COMP_CWORD=$#
_limpet
echo "${COMPREPLY[@]}"
B
says 'a command' 0 'update' bash try up
says 'a global option' 0 '--log --log-format' bash try --log
says 'an option behind a global one with an argument' 0 '--memory' bash try --root /x do --mem
says 'a file as argument' 0 'c.bash' bash try do --strace=x --debug-log c.b
says 'no containers' 0 '' bash try --root nothere delete ''
for c in $("$LIMPET" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
	for o in $("$LIMPET" $c --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
		grep -qE "^	$c\) words=.* $o|^	$c\) words='$o" c.bash || fail "bash lacks $c $o"
		[ $o = --help ] || grep -q -- "from $c' -l ${o#--} " c.fish || fail "fish lacks $c $o"
		n=$((${n:-0} + 1))
	done
done
[ "${n:-0}" -gt 50 ] || fail "only ${n:-0} options were looked at"
matches 'zsh' "$(head -n 1 _limpet)" '^#compdef limpet$'
! command -v zsh >/dev/null || ends 'zsh reads it' 0 zsh -n _limpet
! command -v fish >/dev/null || ends 'fish reads it' 0 fish -n c.fish
ends 'another shell' 125 "$LIMPET" help --completion csh
finish
