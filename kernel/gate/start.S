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
	.section .note.GNU-stack, "", @progbits
