#!/bin/bash
# tests/fuzz/run.sh [SEEDS [SECONDS [FIRST-SEED [BUILD...]]]]: sysfuzz in sandboxes of the given builds (default: build
# and build-debug). A run is good when the fuzzer ends with 0 in time, the sandbox can still start a program afterwards,
# the guest kernel has said nothing of a panic, and no process of the sandbox is left on the host.
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
${CC:-gcc} -O1 -static -pthread -Wall -Wextra "$here/tests/fuzz/$fuzzer.c" -o "$work/$fuzzer" || exit 2
bad=0

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
	SYSFUZZ_RUN=$mark timeout -k 5 $((secs + 90)) "$build/limpet" do --platform plain --memory 1G --debug-log "$work/k.log" \
		${SYSFUZZ_ARGS:-} -- sh -c "'$work/$fuzzer' $seed $secs && true && echo answered" >"$log" 2>&1 </dev/null &
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
	[ $rc -eq 0 ] || why="exit status $rc"
	grep -aq answered "$log" || why="$why; no answer afterwards"
	grep -aqi "panic" "$log" "$work/k.log" 2>/dev/null && why="$why; panic"
	sleep 0.2
	[ "$(leftovers "$mark")" -eq 0 ] || why="$why; processes left on the host"
	if [ -n "$why" ]; then
		bad=$((bad + 1))
		echo "FAIL ${build##*/} seed $seed: $why"
		tail -5 "$log"
		tail -3 "$work/k.log" 2>/dev/null
	else
		echo "ok   ${build##*/} $(grep -ao "$fuzzer: .*" "$log")"
	fi
	rm -f "$work/k.log"
}

for build in "${builds[@]}"; do
	[ -x "$build/limpet" ] || { echo "skip ${build##*/}: not built"; continue; }
	for ((i = 0; i < seeds; i++)); do
		one "$build" $((first + i))
	done
done
echo "$bad failed"
[ $bad -eq 0 ]
