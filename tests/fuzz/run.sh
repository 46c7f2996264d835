#!/bin/bash
# tests/fuzz/run.sh [SEEDS [SECONDS [FIRST-SEED [BUILD...]]]]: sysfuzz in sandboxes of the given builds (default: build
# and build-debug), after the seeds of sysfuzz/seeds. A run is good when the fuzzer ends with 0 in time, the sandbox can
# still start a program afterwards, the guest kernel has said nothing of a panic or of a host call outside its list, no
# process of the sandbox is left on the host, and inside its counts are back where they were: processes, open files, and
# the kernel's heap but for its caches.
# SYSFUZZ_ARGS: more options of `limpet do`. FUZZER=inetfuzz: that one instead.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
seeds=${1:-10} secs=${2:-10} first=${3:-1}
shift $(($# < 3 ? $# : 3))
builds=("$@")
[ ${#builds[@]} -gt 0 ] || builds=("$here/build" "$here/build-debug")
work=$(mktemp -d "${TMPDIR:-/tmp}/fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT
fuzzer=${FUZZER:-sysfuzz}
sources=("$here/tests/fuzz/$fuzzer"*/*.c)
[ -e "${sources[0]}" ] || sources=("$here/tests/fuzz/$fuzzer.c")
${CC:-gcc} -O1 -static -pthread -Wall -Wextra "${sources[@]}" -o "$work/$fuzzer" || exit 2
bad=0

# Inside: the counts, the fuzzer, the counts again. The caches of names and inodes may have grown, by less than this.
HEAP_SLACK=65536 # KiB
cat >"$work/inside" <<'END'
# The fuzzer may have moved or covered any program and /proc itself: afterwards only what the shell has, and what is gone
# is not counted. The answer is an exit status: the fuzzer can get hold of our output.
# Nor is any file opened by a name that it could give to a FIFO: the open would wait for ever.
exec 9>/dev/null
counts() {
	files= heap= n=0
	read -r files rest 2>&9 </proc/sys/fs/file-nr
	while read -r name value rest; do
		[ "$name" = Slab: ] && heap=$value
	done 2>&9 </proc/meminfo
	for p in /proc/[1-9]*; do n=$((n + 1)); done
}
# What they are: a debug build says it.
census() {
	while read -r line; do echo "open: $line"; done 2>&9 </proc/sys/fs/file-census
}
counts
files0=$files heap0=$heap
"$SYSFUZZ" "$SYSFUZZ_SEED" "$SYSFUZZ_SECONDS" 9>&- || exit
[ -c /dev/null ] || echo "NOTE: /dev/null is replaced; a FIFO: $([ -p /dev/null ] && echo yes)"
(exit 0) || exit 1
rm -rf /tmp/sysfuzz.* 2>&9; ipcrm -a 2>&9
for i in 1 2 3 4 5 6 7 8 9 10; do
	counts
	[ -n "$files" ] && [ -n "$heap" ] || exit 42
	[ "$files" -le $((files0 + 4)) ] && break
	sleep 0.2
done
leak=42
[ "$files" -le $((files0 + 4)) ] || { echo "LEAK: $files0 open files before, $files after"; census; leak=43; }
[ "$heap" -le $((heap0 + HEAP_SLACK)) ] || { echo "LEAK: the kernel's heap was $heap0 KiB before, $heap after"; leak=43; }
[ "$n" -le 3 ] || { echo "LEAK: $n processes"; leak=43; }
[ $leak = 43 ] || echo "counts are back: $files files, $heap KiB, $n processes"
exit $leak
END

# A process of the run carries its mark in its environment.
leftovers()
{
	grep -lz "^SYSFUZZ_RUN=$1\$" /proc/[0-9]*/environ 2>/dev/null | tr -d '\000' | grep -cv "^/proc/$$/"
}

# Where every thread below a process is: the host call it waits in, and for what.
stuck()
{
	local p t
	echo "STUCK: thread, state, host call with arguments, stack pointer, instruction; addresses are of limpet-kernel.elf"
	for p in $(descendants "$1"); do
		for t in /proc/"$p"/task/*; do
			echo "${t#/proc/} $(awk '/^State/{print $2}' "$t/status" 2>/dev/null) $(cat "$t/syscall" 2>/dev/null)"
		done
	done
}
descendants()
{
	local p
	for p in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
		echo "$p"
		descendants "$p"
	done
}

one()
{
	local build=$1 seed=$2 mark log rc why=
	mark=$$.$RANDOM.$seed
	log=$work/$seed.log
	SYSFUZZ_RUN=$mark SYSFUZZ=$work/$fuzzer SYSFUZZ_SEED=$seed SYSFUZZ_SECONDS=$secs HEAP_SLACK=$HEAP_SLACK timeout -k 5 $((secs + 90)) "$build/limpet" do --platform plain --memory 1G --debug-log "$work/k.log" \
		${SYSFUZZ_ARGS:-} -- sh "$work/inside" >"$log" 2>&1 </dev/null &
	local pid=$!
	for ((t = 0; t < secs + 80; t++)); do
		kill -0 $pid 2>/dev/null || break
		sleep 1
	done
	kill -0 $pid 2>/dev/null && stuck $pid
	wait $pid
	rc=$?
	# A program that got hold of its output may have made it any size.
	tail -c 100000 "$log" | tr -d '\000' >"$log.end" && mv "$log.end" "$log"
	case $rc in
	42) ;;
	43) why="leaks" ;;
	*) why="exit status $rc" ;;
	esac
	grep -aq '^LEAK: ' "$log" && why="$why; $(grep -a '^LEAK: ' "$log" | tr '\n' ' ')"
	grep -aq "outside its list" "$log" && why="$why; a host call outside the list"
	grep -aqi "panic" "$log" "$work/k.log" 2>/dev/null && why="$why; panic"
	sleep 0.2
	[ "$(leftovers "$mark")" -eq 0 ] || why="$why; processes left on the host"
	if [ -n "$why" ]; then
		bad=$((bad + 1))
		echo "FAIL ${build##*/} seed $seed: $why"
		tail -5 "$log"
		tail -3 "$work/k.log" 2>/dev/null
	else
		grep -a '^NOTE: ' "$log"
		echo "ok   ${build##*/} $(grep -ao "$fuzzer: .*" "$log"), $(grep -ao 'counts are back' "$log" || echo 'no counts')"
	fi
	rm -f "$work/k.log"
}

for build in "${builds[@]}"; do
	[ -x "$build/limpet" ] || { echo "skip ${build##*/}: not built"; continue; }
	while read -r seed; do
		one "$build" "$seed"
	done < <(grep -v '^#' "$here/tests/fuzz/sysfuzz/seeds")
	for ((i = 0; i < seeds; i++)); do
		one "$build" $((first + i))
	done
done
echo "$bad failed"
[ $bad -eq 0 ]
