/* The kernel's first instruction, the start of a cloned host thread and the last instructions of one. */
#include "gate/asm.h"
	.text
	.globl _start
_start:
	mov	%rsp, %rdi
	and	$-16, %rsp
	xor	%ebp, %ebp
	call	boot_start
	ud2

/* Switches to the stack in rdi and calls rsi(rdx); never returns. */
	.globl gate_on_stack
gate_on_stack:
	mov	%rdi, %rsp
	xor	%ebp, %ebp
	mov	%rdx, %rdi
	call	*%rsi
	ud2

/* long gate_clone(flags, stack): the child finds its struct hthread at the top of its stack. */
	.globl gate_clone
gate_clone:
	xor	%edx, %edx
	xor	%r10d, %r10d
	xor	%r8d, %r8d
	mov	$56, %eax
	syscall
	test	%rax, %rax
	jz	1f
	ret
1:	xor	%ebp, %ebp
	mov	(%rsp), %rdi
	and	$-16, %rsp
	call	gate_child_start
	ud2

/* gate_thread_end(u32 *state, u32 value): gives the stack up, then ends the host thread without touching it. */
	.globl gate_thread_end
gate_thread_end:
	mov	%esi, (%rdi)
	xor	%edi, %edi
	mov	$60, %eax
	syscall
	ud2
/*
 * long gate_sleep(u64 *saved_sp, u32 *word, u32 val, const struct timespec64 *deadline): FUTEX_WAIT_BITSET, any bits.
 * While the host thread sleeps, everything it needs to go on is on its kernel stack, and *saved_sp says where: should
 * the host kill it, another host thread can continue in its place (gate_sleep_resume), as if interrupted.
 */
	.globl gate_sleep, gate_sleep_resume
gate_sleep:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rdi, %r12
	mov	%rsp, (%rdi)
	mov	%rsi, %rdi
	mov	$9, %esi
	mov	%rcx, %r10
	xor	%r8d, %r8d
	mov	$0xffffffff, %r9d
	mov	$202, %eax
	syscall
1:	movq	$0, (%r12)
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
/* rdi = saved_sp */
gate_sleep_resume:
	mov	%rdi, %r12
	mov	(%rdi), %rsp
	mov	$-4, %rax
	jmp	1b
	.section .note.GNU-stack, "", @progbits
