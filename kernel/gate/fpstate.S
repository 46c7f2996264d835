/*
 * XSAVE and XRSTOR on user memory (gate_xsave_user, gate_xrstor_user: 0 or -EFAULT, a malformed area faults too) and
 * on the kernel's own (gate_xrstor). rdi = address, rsi = feature mask. A program may jump to an XRSTOR with a mask
 * that includes its rights register: the test behind it stops that.
 */
#include "gate/asm.h"
	.text
	.globl gate_xsave_user, gate_xrstor_user, gate_xrstor
gate_xsave_user:
	mov	%esi, %eax
	mov	%rsi, %rdx
	shr	$32, %rdx
1:	xsave64	(%rdi)
	xor	%eax, %eax
	ret
gate_xrstor_user:
	mov	%esi, %eax
	mov	%rsi, %rdx
	shr	$32, %rdx
2:	xrstor64 (%rdi)
	UNDEFENDED GATE_DEFENCE_RIGHTS, 5f
	test	$XFEATURE_PKRU, %eax
	jnz	4f
5:	xor	%eax, %eax
	ret
3:	mov	$-14, %eax
	ret
gate_xrstor:
	mov	%esi, %eax
	mov	%rsi, %rdx
	shr	$32, %rdx
	xrstor64 (%rdi)
	UNDEFENDED GATE_DEFENCE_RIGHTS, 6f
	test	$XFEATURE_PKRU, %eax
	jnz	4f
6:	ret
4:	ud2
	.section __extable, "a", @progbits
	.quad 1b, 3b
	.quad 2b, 3b
	.section .note.GNU-stack, "", @progbits
