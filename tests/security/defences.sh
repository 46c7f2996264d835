# Every attack of this folder is known to attack something: with the defence that its opening comment names switched off in
# a debug build it does harm, says "HARM: ..." and ends with 1; with all defences on it does none.
# long: yes
# seconds: 1500
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/sh.sh"
root=$here/../..
# The debug build: $LIMPET itself in the emulated machine, else the one beside it.
debug=
for d in "$LIMPET" "$root/build-debug/limpet"; do
	[ -x "$d" ] && "$d" do --platform plain --defence-off filter -- true 2>/dev/null && debug=$d && break
done
[ -n "$debug" ] || skip "no debug build: make debug"
programs=$(dirname "$LIMPET")/tests/security
mkdir -p "$work/bin"

# attack NAME DEFENCE...: its status, its output in $work/out
attack() {
	local name=$1 defences=()
	shift
	for d; do defences+=(--defence-off "$d"); done
	# Plain has no need of the scan: it is asked for, so that it can be seen at work.
	case $defence-$PLATFORM in
	scan-plain | wx+filter-plain | copy-plain) defences+=(--defence-on scan --env SCAN=1) ;;
	esac
	LIMPET=$debug timeout 300 "$debug" do --platform "$PLATFORM" --env "PLATFORM=$PLATFORM" ${1:+--env "DEFENCE_OFF=$1"} "${defences[@]}" -- \
		"$work/bin/$name" >"$work/out" 2>&1
}

shown=0 silent=0
for src in "$here"/*.c; do
	name=${src##*/} name=${name%.c}
	line=$(sed -n '1,20s/^ \* defence: *//p' "$src" | head -n 1)
	[ -n "$line" ] || { fail "$name does not say which defence it attacks"; continue; }
	case $line in none,*) continue ;; esac
	read -r defence platform <<<"$line"
	# An attack on the keys needs some; what plain shows is true of both.
	[ "${platform:-$PLATFORM}" = "$PLATFORM" ] || { silent=$((silent + 1)); continue; }
	if [ -x "$programs/$name" ] && [ "$programs/$name" -nt "$src" ]; then
		cp "$programs/$name" "$work/bin/"
	else
		gcc -w -std=gnu17 -O1 -static -I "$here/../conformance" -o "$work/bin/$name" "$src" -pthread ||
			{ fail "$name: does not compile"; continue; }
	fi
	attack "$name"
	status=$?
	if [ $status = 77 ]; then
		echo "skipped: $name: $(grep '^SKIP' "$work/out" | tail -n 1)"
		continue
	fi
	[ $status = 0 ] || { fail "$name: status $status with all defences on"; tail -n 5 "$work/out"; }
	# Two joined by + stand behind each other: both are taken away.
	attack "$name" ${defence/+/ }
	status=$?
	if [ $status = 1 ] && grep -q '^HARM: ' "$work/out"; then
		echo "$name: without $defence: $(grep '^HARM: ' "$work/out" | head -n 1)"
		shown=$((shown + 1))
	else
		fail "$name: no harm without $defence: status $status"
		tail -n 5 "$work/out"
	fi
done
echo "$shown attacks do harm without their defence; $silent are for another platform"
[ $shown -gt 0 ] || fail 'no attack was tried'
finish
