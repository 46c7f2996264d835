/*
 * The pkey gate: a protection key keeps programs out of the kernel's memory.
 * A program may jump to either WRPKRU: behind the first it finds itself on a stack that is not the signal stack
 * (signal_entry checks), behind the second only with the rights that the shown page names.
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
	.macro CALL_ENTRY
	.endm
#include "gate/entry.inc"
	.section .note.GNU-stack, "", @progbits
