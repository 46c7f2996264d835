/*
 * The pkey gate: a protection key keeps programs out of the kernel's memory.
 * A program may jump to each WRPKRU: behind OPEN's it finds itself on a stack that is not the signal stack
 * (signal_entry checks), behind CLOSE's only with the rights that the shown page names, behind CALL_OPEN's, which is a
 * door for everybody, in the call entry with every right or in none of the program's code with others.
 */
#include "gate/asm.h"
#define GATE(name) gate_pkey_##name
	.macro OPEN
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	wrpkru
	.endm
	.macro CLOSE
	mov	%gs:SHOWN_PKRU, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	wrpkru
	UNDEFENDED GATE_DEFENCE_RIGHTS, 9f
	cmp	%gs:SHOWN_PKRU, %eax
	jne	GATE(bad)
9:
	.endm
	.macro CALL_PARK
	mov	%rax, %gs:SCRATCH_RAX
	mov	%rdx, %gs:SCRATCH_RDX
	.endm
	/* No XOR, no CMP: the flags are the program's. */
	.macro CALL_OPEN
	mov	$0, %eax
	mov	$0, %ecx
	mov	$0, %edx
	wrpkru
	mov	%eax, %ecx
	jrcxz	1f
	jmp	GATE(bad)
1:
	.endm
	.macro CALL_UNPARK
	mov	%gs:SCRATCH_RAX, %rax
	mov	%gs:SCRATCH_RDX, %rdx
	.endm
#include "gate/entry.inc"
	.section .note.GNU-stack, "", @progbits
