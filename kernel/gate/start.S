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

/* long gate_clone(flags, stack, parent_tid): the child finds its struct hthread at the top of its stack. */
	.globl gate_clone
gate_clone:
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

/* gate_thread_end(u32 *state, u32 value, bool whole_process): gives the stack up, then ends without touching it. */
	.globl gate_thread_end
gate_thread_end:
	mov	$60, %eax
	mov	$231, %ecx
	test	%dl, %dl
	cmovnz	%ecx, %eax
	mov	%esi, (%rdi)
	xor	%edi, %edi
	syscall
	ud2
/*
 * Where a host thread may be killed from outside without loss. While it sleeps, waits in a host call or copies, all it
 * needs to go on is on its kernel stack, and task.sleep_sp says where: should the host kill it, another host thread
 * continues in its place (gate_sleep_resume), with the result that lies on top of that stack. The same layout is
 * made by usercopy.S.
 *
 * long gate_sleep(u64 *saved_sp, u32 *word, u32 val, const struct timespec64 *deadline): FUTEX_WAIT_BITSET, any bits.
 */
	.globl gate_sleep, gate_sleep_resume, gate_sleep_end, gate_host_call
gate_sleep:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	pushq	$-4			/* as if interrupted */
	mov	%rdi, %r12
	mov	%rsp, (%rdi)
	mov	%rsi, %rdi
	mov	$9, %esi
	mov	%rcx, %r10
	xor	%r8d, %r8d
	mov	$0xffffffff, %r9d
	mov	$202, %eax
	syscall
/* rax = result, r12 = saved_sp */
gate_sleep_end:
	movq	$0, (%r12)
	add	$8, %rsp
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
	mov	(%rsp), %rax
	jmp	gate_sleep_end

/* long gate_host_call(nr, a, b, c, d, e, f): a host call that may take memory; -EINTR when its thread was killed in it. */
gate_host_call:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	pushq	$-4
	mov	%gs:SHOWN_TASK, %r12
	add	$TASK_SLEEP_SP, %r12
	mov	%rsp, (%r12)
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %r10
	mov	%r9, %r8
	mov	64(%rsp), %r9
	syscall
	jmp	gate_sleep_end
	.section .note.GNU-stack, "", @progbits
