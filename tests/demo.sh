#!/bin/bash
# A short session: the same things on the host and in a sandbox, each line saying where it ran. Ends with 1 when a
# sandbox's answer is not the expected one.
set -u
limpet=${LIMPET:-$(dirname "$0")/../build/limpet}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# say WHERE WHAT OUTPUT
say() {
	printf '%-8s %-46s %s\n' "$1" "$2" "$3"
}

# both WHAT COMMAND...: on the host, then in a sandbox; the outputs must agree.
both() {
	local what=$1 host inside status
	shift
	host=$("$@" 2>&1)
	inside=$(timeout 60 "$limpet" do -- "$@" 2>&1)
	status=$?
	say host "$what" "$(tail -n 1 <<<"$host")"
	say sandbox "$what" "$(tail -n 1 <<<"$inside")"
	if [ "$status" != 0 ] || [ "$inside" != "$host" ]; then
		say "" "^ differs" "status $status"
		failed=1
	fi
}

# inside WHAT EXPECTED COMMAND...: in a sandbox only.
inside() {
	local what=$1 expected=$2 output status
	shift 2
	output=$(timeout 120 "$limpet" do -- "$@" 2>&1)
	status=$?
	say sandbox "$what" "$(tail -n 1 <<<"$output")"
	if [ "$output" != "$expected" ]; then
		say "" "^ expected" "$expected (status $status)"
		failed=1
	fi
}

"$limpet" check | sed -n 's/^gate  */gate: /p'
printf '%-8s %-46s %s\n' where what answer

both 'python3: digits of 2**4000, summed' python3 -c 'print(sum(map(int, str(2 ** 4000))))'
both 'ls, sort, uniq, wc over /usr/bin' bash -c \
	"ls /usr/bin | sed 's/[^a-z].*//' | sort | uniq -c | sort -rn | wc -l"
both 'sha256sum of /bin/ls' sha256sum /bin/ls

cat >"$work/hello.c" <<'C'
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("hello from pid %d\n", (int)getpid() > 0); return 0; }
C
inside 'gcc compiles a C program, which then runs' 'hello from pid 1' \
	bash -c "cd $work && gcc -O2 -o hello hello.c && ./hello"
if [ -e "$work/hello" ]; then
	say host 'the compiled program, afterwards' 'is on the host too'
	failed=1
else
	say host 'the compiled program, afterwards' 'never left the sandbox'
fi
inside 'a file is written, read back and removed' 'limpet' \
	bash -c 'echo limpet >/etc/limpet-demo && cat /etc/limpet-demo && rm /etc/limpet-demo'
inside 'exit status of a killed program' '137' bash -c 'exec 2>/dev/null; (kill -9 $BASHPID); echo $?'
exit $failed
