/* The plain gate: the kernel's memory is always open. The host interface is the boundary. */
#include "gate/asm.h"
#define GATE(name) gate_plain_##name
	.macro OPEN
	.endm
	.macro CLOSE
	.endm
	.macro CALL_PARK
	.endm
	.macro CALL_OPEN
	.endm
	.macro CALL_UNPARK
	.endm
#include "gate/entry.inc"
	.section .note.GNU-stack, "", @progbits
