# seconds: 200
# Patched text images: programs that run often come by the call gate from their start; a file that changes is run as it
# is now, in place, with its old times, and by rename.
lib=$(cd "$(dirname "$0")/../lib" && pwd); . "$lib/sh.sh"

do_ --stats=file -- sh -c 'i=0; while [ $i -lt 60 ]; do /bin/ls / >/dev/null; i=$((i + 1)); done' || fail "a loop: status $?"
made=$(sed -n 's/^text images: \([0-9]*\) made.*/\1/p' file)
[ "${made:-0}" -ge 1 ] || fail "no image: $(cat file)"
mapped=$(sed -n 's/^text images: .* mapped \([0-9]*\) times$/\1/p' file)
[ "${mapped:-0}" -ge 50 ] || fail "images are not used: $(cat file)"
share=$(sed -n 's/^system calls .* \([0-9]*\)\.[0-9]* %$/\1/p' file)
[ "${share:-0}" -ge 93 ] || fail "calls by the gate: $(cat file)"

# A library that comes and goes, with a system call of its own.
if command -v gcc >/dev/null; then
	cat >lib.c <<-'END'
		long call(void)
		{
			long ret;

			__asm__ volatile("mov $39, %%eax; syscall; cmp $-4095, %%rax; jae 1f; nop; 1:" : "=a"(ret) :: "rcx", "r11", "memory");
			return ret;
		}
	END
	cat >user.c <<-'END'
		#include <dlfcn.h>
		#include <stdio.h>
		#include <unistd.h>
		int main(void)
		{
			for (int i = 0; i < 40; i++) {
				void *l = dlopen("./lib.so", RTLD_NOW);
				long (*call)(void) = l ? (long (*)(void))dlsym(l, "call") : 0;

				for (int n = 0; n < 20; n++)
					if (!call || call() != getpid())
						return 1;
				/* Every third one stays. */
				if (i % 3)
					dlclose(l);
			}
			puts("fine");
			return 0;
		}
	END
	gcc -shared -fPIC -o lib.so lib.c && gcc -o user user.c -ldl || fail 'no compiler'
	sleep 3
	is 'a library that is opened often' "$(do_ -- ./user)" fine
	is 'and programs that do' "$(do_ -- sh -c 'for i in 1 2 3 4 5 6; do ./user; done' | sort | uniq -c | tr -s ' ')" ' 6 fine'
fi

# On a root that can be written to.
if command -v gcc >/dev/null && command -v busybox >/dev/null && [ "$(id -u)" = 0 ]; then
	. "$lib/bundle.sh"
	for n in 11 22 33; do
		echo "int main(void) { return $n; }" >t.c
		gcc -static -o b/rootfs/t$n t.c || fail 'no compiler'
	done
	cp b/rootfs/t11 b/rootfs/t
	cat >b/rootfs/test.sh <<-'END'
		loop() { for i in 1 2 3 4 5 6; do /t; echo -n "$? "; done; echo; }
		sleep 3; loop
		touch -r /t /time
		cat /t22 >/t; loop; touch -r /time /t; loop; sleep 3; loop
		cat /t33 >/t; touch -r /time /t; loop
		cp /t11 /new; mv /new /t; loop; sleep 3; loop; loop
	END
	config 'sh(". /test.sh")'
	want=
	for n in 11 22 22 22 33 11 11 11; do want+="$n $n $n $n $n $n "$'\n'; done
	is 'a file that changes' "$(command "$LIMPET" run --platform "$PLATFORM" -b b "test-$$")"$'\n' "$want"
fi
finish
