# needs: gcc make
# seconds: 400
# gcc and make -j2 on a real program of some thousand lines: subsystems of limpet's own kernel, and tests that use them.
top=$(cd "$(dirname "$0")/../.." && pwd)
cp -r "$top/kernel" "$top/abi" . || exit 1
cat >Makefile <<'M'
flags := -std=gnu17 -O1 -ffreestanding -nostdinc -idirafter $(shell gcc -print-file-name=include) -fno-stack-protector \
	-fvisibility=hidden -mgeneral-regs-only -mno-red-zone -fno-builtin -fno-strict-aliasing -fwrapv -Wall -Wextra \
	-Wno-unused-parameter -Wno-missing-field-initializers -Wno-sign-compare -Ikernel -I.
objects := $(patsubst %.c,%.o,$(wildcard kernel/lib/*.c kernel/mm/*.c kernel/ipc/*.c kernel/core/*.c))
kernel.a: $(objects)
	ar rcsD $@ $^
%.o: %.c
	gcc $(flags) -c $< -o $@
# A hosted program that runs the kernel's strings, printf and bits.
tests: tests.c kernel/lib/string.o kernel/lib/printf.o kernel/lib/bits.o
	gcc -O1 -Ikernel -I. -fno-builtin -o $@ $^
M
cat >tests.c <<'C'
#include "lib/string.h"
int printf(const char *format, ...);
int main(void)
{
	char text[64];
	int n = ksnprintf(text, sizeof(text), "%s-%d-%#lx-%5u|", "text", -7, 0xabcdeful, 42u);
	unsigned sum = 0;

	for (u64 i = 0; i < 100000; i++)
		sum = sum * 31 + (unsigned)hash_u64(i);
	printf("%s %d %d %u\n", text, n, strcmp("abc", "abd") < 0, sum);
	return 0;
}
C
make -s -j2 kernel.a 2>&1; echo "make: $?"
ar t kernel.a | wc -l; nm kernel.a | grep -c ' T '; for o in kernel/*/*.o; do objcopy -O binary -j .text "$o" t.bin; cksum <t.bin; done | cksum
make -s tests 2>&1 && ./tests; echo "tests: $?"
make -s -j2 kernel.a tests && echo 'nothing to do'; touch kernel/mm/vma.c; make -j2 kernel.a | grep -c vma.c
