#!/bin/bash
# seconds: 200
# --stats: a table at the end, to stderr or a file; programs that run for a while come by the call gate.
. "$(dirname "$0")/../lib/sh.sh"

do_ --stats -- true 2>err
grep -q '^system calls  *[1-9][0-9]* calls  *[0-9]* by gate  *[0-9]* by trap  *[0-9.]* %$' err || fail "table: $(cat err)"
grep -q '^limpet: statistics$' err || fail 'the headline'
do_ --stats=file -- sh -c 'exit 3' 2>err
is 'status' $? 3
is 'nothing on stderr' "$(cat err)" ''
grep -q '^call sites: [0-9]* patched' file || fail "file: $(cat file)"
is 'an impossible file' "$(do_ --stats=/nonexistent/x -- true >/dev/null 2>&1; echo $?)" 125
do_ -- true 2>err
is 'not asked for, not shown' "$(cat err)" ''

# share WHAT MINIMUM COMMAND...: of the calls after the first second, in percent, by the call gate.
share() {
	local what=$1 least=$2 got
	shift 2
	do_ --stats=file -- "$@" >/dev/null 2>&1 || fail "$what: status $?"
	got=$(sed -n 's/^after the first second .* \([0-9]*\)\.[0-9]* %$/\1/p' file)
	[ "${got:-0}" -ge "$least" ] || fail "$what: $(cat file)"
}
calls='while [ $SECONDS -lt 3 ]; do read -r x </proc/uptime; done'
share bash 99 bash -c "$calls"
command -v python3 >/dev/null && share python 99 python3 -c '
import os, time
end = time.time() + 3
while time.time() < end:
	os.stat("/"); os.getppid(); os.close(os.open("/etc/passwd", os.O_RDONLY))'
command -v perl >/dev/null && share perl 99 perl -e '$e = time + 3; while (time < $e) { stat "/"; open F, "<", "/etc/passwd"; close F }'

# A call that nobody knows how to move stays a trap, and is named.
if command -v gcc >/dev/null; then
	cat >t.c <<-'END'
		#include <unistd.h>
		int main(void)
		{
			for (int i = 0; i < 100; i++)
				__asm__ volatile("mov $39, %%rax; syscall; rdtscp" ::: "rax", "rcx", "rdx", "r11", "memory");
			return 0;
		}
	END
	gcc -static -o t t.c || fail 'no compiler'
	command "$LIMPET" do --platform "$PLATFORM" --stats --bind "$PWD:/mnt" -- /mnt/t 2>err
	grep -q '^ *[0-9]*  /mnt/t+0x[0-9a-f]*: instruction not known$' err || fail "site: $(cat err)"
fi
finish
