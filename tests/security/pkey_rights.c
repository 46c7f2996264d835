/*
 * A program jumps to the WRPKRU on the gate's way out with every right in EAX, and to its XRSTOR with a mask and an area
 * that load the rights register. What follows must end it before an instruction of its own runs with these rights.
 *
 * defence: rights pkey
 */
#include "kernel_elf.h"

#define ROUNDS 1000

static struct {
	uint64_t target, rsp;
} in __attribute__((used));
static uint64_t stack[4096] __attribute__((aligned(64)));
static uint8_t area[8192] __attribute__((aligned(64)));
static volatile uint32_t rights __attribute__((used));
static volatile int landings __attribute__((used));

void enter_wrpkru(void *);
void enter_xrstor(void *);
void landed(void);
__asm__(".text\n"
	"enter_wrpkru:	xor %eax, %eax\n	xor %ecx, %ecx\n	xor %edx, %edx\n	mov in+8(%rip), %rsp\n"
	"	jmp *in+0(%rip)\n"
	"enter_xrstor:	lea area(%rip), %rdi\n	mov $0x200, %esi\n	mov in+8(%rip), %rsp\n	jmp *in+0(%rip)\n"
	"landed:	xor %ecx, %ecx\n	.byte 0x0f, 0x01, 0xee\n	mov %eax, rights(%rip)\n	incl landings(%rip)\n"
	"	ud2\n");

static void judge(const char *what)
{
	if (landings && rights != pkru)
		broken("%s: code of the program ran with the rights %#x", what, rights);
	else if (!rights_kept())
		broken("%s: the rights register changed", what);
	landings = 0;
}

int main(void)
{
	uint64_t from, at;
	int places = 0;

	pkey_or_skip();
	kernel_elf();
	from = kernel_symbol("gate_pkey_signal_entry");
	for (uint64_t i = 0; i < ROUNDS; i++) {
		places = 0;
		for (at = from; (at = kernel_bytes(at, "\x0f\x01\xef", 3)) && at < from + 4096; at += 3) {
			uint64_t *scratch = (uint64_t *)gs_base();

			for (int w = 0; w < 4096; w++)
				stack[w] = (uint64_t)landed;
			/* The fast way out: two words, flags, stack pointer; then a jump by way of scratch. */
			stack[2050] = 0x202;
			stack[2051] = (uint64_t)&stack[2048];
			scratch[8] = (uint64_t)landed;
			in.target = at;
			in.rsp = (uint64_t)&stack[2048];
			attempt(enter_wrpkru, NULL);
			judge("WRPKRU");
			places++;
		}
		memset(area, 0, sizeof(area));
		for (int w = 0; w < 4096; w++)
			stack[w] = (uint64_t)landed;
		in.rsp = (uint64_t)&stack[2048];
		in.target = kernel_symbol(i & 1 ? "gate_xrstor_user" : "gate_xrstor");
		attempt(enter_xrstor, NULL);
		judge("XRSTOR");
		if (failures > 10)
			break;
	}
	if (places < 2)
		broken("%d WRPKRU found in the gate", places);
	return attack_result("other rights from the gate's own instructions");
}
