/* The plain gate: the kernel's memory is always open. The host interface is the boundary. */
#include "gate/asm.h"
#define GATE(name) gate_plain_##name
	.macro OPEN
	.endm
	.macro CLOSE
	.endm
	.macro CALL_ENTRY
	.globl GATE(call_entry)
	.globl GATE(call_entry_taken), GATE(call_entry_open)
/*
 * From a trampoline: rax = number, rcx = address behind the call, r11 = where to go on. No signal, no stack yet. A kick
 * that comes before kernel mode finds a program here and starts it over (gate.c); behind it, it just goes on.
 */
GATE(call_entry):
	movb	$SELECTOR_ALLOW, %gs:SHOWN_SELECTOR
	mov	%rbx, %gs:SCRATCH_RBX
	mov	%gs:SHOWN_TASK, %rbx
GATE(call_entry_taken):
	movl	$MODE_KERNEL, TASK_MODE(%rbx)
GATE(call_entry_open):
	mov	%r8, 0(%rbx)
	mov	%r9, 8(%rbx)
	mov	%r10, 16(%rbx)
	mov	%r12, 32(%rbx)
	mov	%r13, 40(%rbx)
	mov	%r14, 48(%rbx)
	mov	%r15, 56(%rbx)
	mov	%rdi, 64(%rbx)
	mov	%rsi, 72(%rbx)
	mov	%rbp, TASK_RBP(%rbx)
	mov	%rdx, TASK_RDX(%rbx)
	mov	%rax, TASK_RAX(%rbx)
	mov	%rcx, TASK_RCX(%rbx)
	mov	%rcx, TASK_RIP(%rbx)
	mov	%rcx, TASK_CALL_RIP(%rbx)
	mov	%r11, TASK_CALL_RET(%rbx)
	mov	%rsp, TASK_RSP(%rbx)
	mov	%gs:SCRATCH_RBX, %rcx
	mov	%rcx, TASK_RBX(%rbx)
	mov	%gs:SHOWN_KSTACK, %rsp
	pushfq
	popq	%rcx
	mov	%rcx, TASK_RFLAGS(%rbx)
	mov	%rcx, TASK_R11(%rbx)
	test	$FLAGS_UNWANTED, %ecx
	jz	1f
	pushq	$2
	popfq
1:	mov	%rbx, %rdi
	xor	%ebp, %ebp
	call	gate_call
	ud2
	.endm
#include "gate/entry.inc"
	.section .note.GNU-stack, "", @progbits
