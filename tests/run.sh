#!/bin/bash
# Runs the tests. `tests/run.sh [--long] [--platform NAME]... [-j N] [PATTERN...]`: a pattern is a group (unit,
# conformance, runtime, security, workload) or a shell pattern for GROUP/NAME. One line a test; the output of a failing
# one follows it. A conformance test first has to pass on the host's own kernel. After every sandbox nothing may be left:
# no process, mount or control group. Ends with 1 when something failed. TEST_SLOW=N: limits of time are N times as long.
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD
export LC_ALL=C TZ=UTC
export LIMPET=${LIMPET:-$root/build/limpet}
out=${TEST_OUT:-$root/build/tests}
long=0 jobs=$(nproc) patterns=() platforms=()
while [ $# -gt 0 ]; do
	case $1 in
	--long) long=1 ;;
	--platform) platforms+=("$2"); shift ;;
	-j) jobs=$2; shift ;;
	-*) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
	*) patterns+=("$1") ;;
	esac
	shift
done

[ -x "$LIMPET" ] || { echo "no $LIMPET: run make build" >&2; exit 1; }
mkdir -p "$out"
results=$(mktemp -d "$out/results.XXXXXX")
trap 'rm -rf "$results"' EXIT
trap 'exit 130' INT TERM
cflags="-std=gnu17 -O1 -g -Wall -Wextra -Wno-unused-result -Wno-nonnull -Wno-stringop-overflow"
cflags+=" -Wno-stringop-overread -Wno-format-overflow -Wno-format-truncation"

selected() { # GROUP/NAME
	[ ${#patterns[@]} = 0 ] && return 0
	local p
	for p in "${patterns[@]}"; do
		# shellcheck disable=SC2053
		[[ $1 == $p || ${1%%/*} == "$p" || ${1#*/} == $p ]] && return 0
	done
	return 1
}

# The reason why a test is skipped: skips.txt has lines "GROUP/NAME PLATFORM|* REASON".
skip_reason() { # GROUP/NAME PLATFORM
	awk -v t="$1" -v p="$2" '!/^#/ && $1 == t && ($2 == p || $2 == "*") { sub(/^[^ ]+ +[^ ]+ +/, ""); print; exit }' \
		tests/skips.txt
}

# A word of the form "# KEY: VALUE" at the beginning of a script.
header() { # FILE KEY
	sed -n "1,12s/^# $2: *//p" "$1" | head -n 1
}

# host_traces COMMAND...: mounts, but network namespaces, which tests make for themselves side by side; control groups only for scripts that make some, since other sandboxes may come and go.
host_traces() {
	local dir
	cut -d ' ' -f 4,5,10- /proc/self/mountinfo | grep -v ' /run/netns'
	[ "$1" = bash ] && grep -qs -e '--memory' -e '--cpus' "${!#}" || return 0
	find /sys/fs/cgroup -maxdepth 8 -type d -name 'limpet-[0-9]*' 2>/dev/null | while read -r dir; do
		[ -e "/proc/${dir##*-}" ] || echo "$dir" # else it is that of another sandbox
	done
}

now_ms() { local t=$EPOCHREALTIME; echo $((${t/./} / 1000)); }

# report NAME PLATFORM RESULT MS [REASON-OR-FILE [FIRST-LOG]]: one line, one more letter in the tally.
report() {
	local text
	text=$(printf '%-4s %-44s %-6s %6d ms' "$3" "$1" "$2" "$4")
	[ "$3" != FAIL ] && text+="  ${5:-}"
	# A pass at the second try shows why there was one.
	[ "$3" = PASS ] && [ -n "${6:-}" ] && text+=$'\n'$(tail -n 12 "$6" | sed 's/^/    . /')
	if [ "$3" = FAIL ]; then
		text+=$'\n'$(tail -n 60 "$5" | sed 's/^/    | /')
	fi
	printf '%s\n' "$text"
	echo "$3" >>"$results/tally"
}

# try_once NAME PLATFORM SECONDS LOG COMMAND...: its status; 123 when it left something behind.
try_once() {
	local platform=$2 seconds=$3 log=$4 before after status i
	shift 4
	before=$(host_traces "$@")
	"$out/leash" $((seconds * ${TEST_SLOW:-1})) "$log" env PLATFORM="$platform" "$@"
	status=$?
	[ "$platform" = host ] && return $status
	for ((i = 0; i < 20; i++)); do
		after=$(diff <(echo "$before") <(host_traces "$@") | grep '^>') || return $status
		sleep 0.1
	done
	printf 'left behind on the host:\n%s\n' "$after" >>"$log"
	return 123
}

# run_one NAME PLATFORM SECONDS COMMAND...: 0 pass, 77 skip, else failure. Many tests race real clocks, and machines are
# shared: what fails gets a second try, and the line says so.
run_one() {
	local name=$1 platform=$2 reason start status log again=
	reason=$(skip_reason "$name" "$platform")
	if [ -n "$reason" ]; then
		report "$name" "$platform" SKIP 0 "$reason"
		return 77
	fi
	log=$out/log/${name//\//.}.$platform
	start=$(now_ms)
	try_once "$1" "$2" "$3" "$log" "${@:4}"
	status=$?
	if [ $status != 0 ] && [ $status != 77 ]; then
		echo "status $status" >>"$log"
		mv "$log" "$log.first"
		sleep 1
		again="second try; the first: ${log#"$root"/}.first"
		try_once "$1" "$2" "$3" "$log" "${@:4}"
		status=$?
	fi
	case $status in
	0) report "$name" "$platform" PASS $(($(now_ms) - start)) "$again" ${again:+"$log.first"} ;;
	77) report "$name" "$platform" SKIP $(($(now_ms) - start)) "$(sed -n 's/^SKIP //p' "$log" | tail -n 1)" ;;
	*)
		echo "status $status" >>"$log"
		report "$name" "$platform" FAIL $(($(now_ms) - start)) "$log"
		;;
	esac
	return $status
}

built() { # NAME PLATFORM LOG: a failed build is a failed test
	report "$1" "$2" FAIL 0 "$3"
}

# newer TARGET SOURCE...: nothing to do
newer() {
	local target=$1 s
	shift
	for s; do [ "$target" -nt "$s" ] || return 1; done
}

# --- what each kind of test does -------------------------------------------------------------------------------------

do_conformance() { # NAME COMPILER
	local name=$1 compiler=$2 suffix= src=tests/conformance/$1.c bin p test
	[ "$compiler" = gcc ] || suffix=.musl
	bin=$out/conformance/$name$suffix
	test=conformance/$name$suffix
	if ! newer "$bin" "$src" tests/conformance/*.h; then
		# shellcheck disable=SC2086
		if ! $compiler $cflags -static -o "$bin" "$src" -pthread -lrt >"$bin.log" 2>&1; then
			built "$test" build "$bin.log"
			return
		fi
	fi
	run_one "$test" host 100 "$bin"
	case $? in 0 | 77) ;; *) return ;; esac
	for p in "${platforms[@]}"; do
		run_one "$test" "$p" 100 "$LIMPET" do --platform "$p" -- "$bin"
	done
}

do_security() { # NAME (a C program: only inside)
	local bin=$out/security/$1 src=tests/security/$1.c p
	if ! newer "$bin" "$src" tests/conformance/*.h; then
		# shellcheck disable=SC2086
		if ! gcc $cflags -static -I tests/conformance -o "$bin" "$src" -pthread >"$bin.log" 2>&1; then
			built "security/$1" build "$bin.log"
			return
		fi
	fi
	for p in "${platforms[@]}"; do
		run_one "security/$1" "$p" 100 "$LIMPET" do --platform "$p" --env "PLATFORM=$p" -- "$bin"
	done
}

do_script() { # GROUP NAME
	local src=tests/$1/$2.sh p seconds
	seconds=$(header "$src" seconds)
	for p in "${platforms[@]}"; do
		run_one "$1/$2" "$p" "${seconds:-100}" bash "$src"
	done
}

# A workload is run on the host and in a sandbox; both must say the same.
do_workload() { # NAME
	local src=$root/tests/workload/$1.sh p seconds need
	for need in $(header "$src" needs); do
		if ! command -v "$need" >/dev/null; then
			for p in "${platforms[@]}"; do
				report "workload/$1" "$p" SKIP 0 "$need is not installed"
			done
			return
		fi
	done
	seconds=$(header "$src" seconds)
	for p in "${platforms[@]}"; do
		run_one "workload/$1" "$p" "${seconds:-100}" bash tests/lib/compare.sh "$src"
	done
}

do_unit() { # NAME
	run_one "unit/$1" host 120 bash tests/lib/unit.sh "$1" "$out/unit"
}

# --- which tests there are -------------------------------------------------------------------------------------------

list() {
	local f n
	for f in tests/unit/test_*.c; do
		n=${f##*/test_}
		echo "unit/${n%.c} do_unit ${n%.c}"
	done
	for f in tests/conformance/*.c; do
		n=${f##*/} n=${n%.c}
		echo "conformance/$n do_conformance $n gcc"
		if grep -q '^/\*.*(musl too)' "$f" && command -v musl-gcc >/dev/null; then
			echo "conformance/$n.musl do_conformance $n musl-gcc"
		fi
	done
	for f in tests/security/*.c; do
		n=${f##*/} n=${n%.c}
		[ -e "$f" ] && echo "security/$n do_security $n"
	done
	for f in tests/runtime/*.sh tests/security/*.sh; do
		[ -e "$f" ] || continue
		[ $long = 0 ] && [ -n "$(header "$f" long)" ] && continue
		n=${f##*/} n=${n%.sh} f=${f%/*} f=${f##*/}
		echo "$f/$n do_script $f $n"
	done
	for f in tests/workload/*.sh; do
		[ $long = 0 ] && [ -n "$(header "$f" long)" ] && continue
		n=${f##*/} n=${n%.sh}
		echo "workload/$n do_workload $n"
	done
}

if [ ${#platforms[@]} = 0 ]; then
	platforms=(plain)
	if "$LIMPET" check | grep -q '^gate  *pkey'; then
		platforms=(pkey plain)
	fi
fi
mkdir -p "$out"/{conformance,security,unit,log}
gcc -O1 -Wall -o "$out/leash" tests/lib/leash.c || exit 1
: >"$results/tally"
start=$(now_ms)
running=0
while read -r name function args; do
	selected "$name" || continue
	# shellcheck disable=SC2086
	$function $args </dev/null &
	running=$((running + 1))
	if [ $running -ge "$jobs" ]; then
		wait -n
		running=$((running - 1))
	fi
done < <(list)
wait
count() { grep -c "^$1" "$results/tally"; }
echo "$(($(now_ms) - start)) ms on ${platforms[*]}"
failed=$(count FAIL)
echo "$(count PASS) passed, $failed failed, $(count SKIP) skipped"
[ "$failed" = 0 ] && [ -s "$results/tally" ]
