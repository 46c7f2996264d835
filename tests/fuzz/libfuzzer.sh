#!/bin/bash
# tests/fuzz/libfuzzer.sh [SECONDS [TARGET...]]: builds the libFuzzer targets (fuzz_TARGET.c) with clang and its sanitizers
# and runs each for that long (default 20), from its corpus, inside a sandbox of $LIMPET: a fuzzer has no business on the
# host (its corpus is replayed there, for leaks). What is found lies in build/fuzz/TARGET; new inputs of interest stay there too.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
seconds=${1:-20}
shift $(($# < 1 ? $# : 1))
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
	for f in tests/fuzz/fuzz_*.c; do
		f=${f##*/fuzz_}
		targets+=("${f%.c}")
	done
fi
limpet=${LIMPET:-$root/build/limpet}
out=$root/build/fuzz
command -v clang >/dev/null || { echo "SKIP clang is not installed"; exit 77; }
[ -n "$(ls "$(clang -print-resource-dir)"/lib/linux/libclang_rt.fuzzer-x86_64.a 2>/dev/null)" ] ||
	{ echo "SKIP clang's runtime (libclang-rt-dev) is not installed"; exit 77; }
bad=0
for t in "${targets[@]}"; do
	src=tests/fuzz/fuzz_$t.c
	mkdir -p "$out/$t/corpus"
	flags=$(sed -n '1,15s/^ \* build: *//p' "$src")
	# shellcheck disable=SC2086
	if ! clang -std=gnu17 -g -O1 -w -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-I . -I tests/fuzz -o "$out/$t/fuzz" "$src" $flags >"$out/$t/build.log" 2>&1; then
		echo "FAIL $t: does not compile"
		tail -n 20 "$out/$t/build.log"
		bad=$((bad + 1))
		continue
	fi
	# The corpus as it lies there, with leaks looked for, which needs ptrace(2); then inputs that nobody has seen.
	if ! timeout 120 "$out/$t/fuzz" -runs=0 -artifact_prefix="$out/$t/" tests/fuzz/corpus/"$t" >"$out/$t/log" 2>&1; then
		echo "FAIL $t: its own corpus"
		grep -aE 'ERROR|SUMMARY|runtime error|allocations are left|Test unit written' "$out/$t/log" | head -n 8
		bad=$((bad + 1))
		continue
	fi
	timeout $((seconds + 60)) "$limpet" do --platform plain --env ASAN_OPTIONS=detect_leaks=0 --rw "$out/$t" --cwd "$out/$t" -- \
		./fuzz -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=20 -detect_leaks=0 -close_fd_mask=2 -print_final_stats=1 \
		corpus "$root/tests/fuzz/corpus/$t" >"$out/$t/log" 2>&1
	status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$t/log")
	if [ $status = 0 ] && [ "${runs:-0}" -gt 0 ]; then
		echo "ok   $t: $runs inputs, $(grep -o 'cov: [0-9]*' "$out/$t/log" | tail -n 1)"
	else
		echo "FAIL $t: status $status"
		grep -aE 'ERROR|SUMMARY|runtime error|allocations are left|Test unit written' "$out/$t/log" | head -n 8
		bad=$((bad + 1))
	fi
done
[ $bad = 0 ]
