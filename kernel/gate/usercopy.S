/*
 * Accesses to guest memory that may fault. Each instruction that touches it has an entry in __extable: (address of
 * the instruction, where to go on instead), two 64-bit words. The gate's fault handler first asks mm_fault() whether
 * the fault can be mended and then runs the instruction again; else it sets RIP to the second word and leaves all
 * other registers as they were at the fault, which is what gives `rep movsb` its count of bytes left.
 *
 * Longer copies are where the host may have to find memory for a page and, when there is none, kills: they can be
 * taken over by another host thread, like a sleep (start.S), and have then copied nothing.
 *
 * Callers (mm/uaccess.c) have checked that the guest's range lies below TASK_SIZE. The direction flag is clear.
 */
#include "gate/asm.h"
	.text

/* none: what to answer when the host thread is killed in between. Ends with a jump to gate_sleep_end. */
.macro SLEEPLIKE none
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push \none
	mov %gs:SHOWN_TASK, %r12
	add $TASK_SLEEP_SP, %r12
	mov %rsp, (%r12)
.endm

.macro EXTABLE fault, fixup
	.pushsection __extable, "a"
	.balign 8
	.quad \fault, \fixup
	.popsection
.endm

.macro FUNC name
	.globl \name
	.hidden \name
	.type \name, @function
	.balign 16
\name:
.endm

/* size_t usercopy(void *dst, const void *src, size_t n): bytes not copied. Either side may be the guest's. */
FUNC usercopy
	cmp $16, %rdx
	ja 30f
	cmp $8, %rdx
	jae 20f
	cmp $4, %rdx
	jae 10f
	jmp 30f
10:	/* 4 to 7 bytes: two words that may overlap. A fault starts over by the byte, to learn the count. */
11:	mov (%rsi), %eax
12:	mov -4(%rsi,%rdx), %ecx
13:	mov %eax, (%rdi)
14:	mov %ecx, -4(%rdi,%rdx)
	xor %eax, %eax
	ret
20:	/* 8 to 16 bytes */
21:	mov (%rsi), %rax
22:	mov -8(%rsi,%rdx), %rcx
23:	mov %rax, (%rdi)
24:	mov %rcx, -8(%rdi,%rdx)
	xor %eax, %eax
	ret
30:	SLEEPLIKE %rdx
	mov %rdx, %rcx
31:	rep movsb
32:	mov %rcx, %rax
	jmp gate_sleep_end
	EXTABLE 11b, 30b
	EXTABLE 12b, 30b
	EXTABLE 13b, 30b
	EXTABLE 14b, 30b
	EXTABLE 21b, 30b
	EXTABLE 22b, 30b
	EXTABLE 23b, 30b
	EXTABLE 24b, 30b
	EXTABLE 31b, 32b

/* size_t userclear(void *dst, size_t n): bytes not cleared. */
FUNC userclear
	SLEEPLIKE %rsi
	mov %rsi, %rcx
	xor %eax, %eax
1:	rep stosb
2:	mov %rcx, %rax
	jmp gate_sleep_end
	EXTABLE 1b, 2b

/*
 * ssize_t usercopy_str(char *dst, const char *src, size_t max): the length of the string copied with its 0, max if
 * there is no 0 in max bytes, -EFAULT. Never writes more than max bytes.
 */
FUNC usercopy_str
	xor %eax, %eax
	movabs $0x0101010101010101, %r8
	movabs $0x8080808080808080, %r9
1:	lea 8(%rax), %rcx
	cmp %rdx, %rcx
	ja 5f
2:	mov (%rsi,%rax), %rcx
	mov %rcx, %r10
	mov %rcx, %r11
	sub %r8, %r10
	not %r11
	and %r11, %r10
	mov %rcx, (%rdi,%rax)
	and %r9, %r10
	jnz 4f
	add $8, %rax
	jmp 1b
4:	bsf %r10, %r10
	shr $3, %r10
	add %r10, %rax
	ret
5:	/* The last bytes, or a word that reaches into a page that is not there. */
	cmp %rdx, %rax
	jae 7f
6:	movzbl (%rsi,%rax), %ecx
	mov %cl, (%rdi,%rax)
	test %cl, %cl
	jz 7f
	inc %rax
	jmp 5b
7:	ret
	EXTABLE 2b, 5b
	EXTABLE 6b, user_efault

/* int user_get32(const u32 *p, u32 *out), user_get64: 0 or -EFAULT. */
FUNC user_get32
1:	mov (%rdi), %eax
	mov %eax, (%rsi)
	xor %eax, %eax
	ret
	EXTABLE 1b, user_efault

FUNC user_get64
1:	mov (%rdi), %rax
	mov %rax, (%rsi)
	xor %eax, %eax
	ret
	EXTABLE 1b, user_efault

/* int user_put32(u32 *p, u32 v), user_put64. */
FUNC user_put32
1:	mov %esi, (%rdi)
	xor %eax, %eax
	ret
	EXTABLE 1b, user_efault

FUNC user_put64
1:	mov %rsi, (%rdi)
	xor %eax, %eax
	ret
	EXTABLE 1b, user_efault

/* int user_cmpxchg32(u32 *p, u32 old, u32 new, u32 *prev), user_cmpxchg64. */
FUNC user_cmpxchg32
	mov %esi, %eax
1:	lock cmpxchg %edx, (%rdi)
	mov %eax, (%rcx)
	xor %eax, %eax
	ret
	EXTABLE 1b, user_efault

FUNC user_cmpxchg64
	mov %rsi, %rax
1:	lock cmpxchg %rdx, (%rdi)
	mov %rax, (%rcx)
	xor %eax, %eax
	ret
	EXTABLE 1b, user_efault

/* int user_xchg32(u32 *p, u32 v, u32 *prev), user_xadd32. */
FUNC user_xchg32
1:	xchg %esi, (%rdi)
	mov %esi, (%rdx)
	xor %eax, %eax
	ret
	EXTABLE 1b, user_efault

FUNC user_xadd32
1:	lock xadd %esi, (%rdi)
	mov %esi, (%rdx)
	xor %eax, %eax
	ret
	EXTABLE 1b, user_efault

	.type user_efault, @function
user_efault:
	mov $-14, %rax /* -EFAULT, as int and as ssize_t */
	ret

	.section .note.GNU-stack, "", @progbits
