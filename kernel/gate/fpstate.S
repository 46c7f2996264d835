/* XSAVE and XRSTOR on user memory: rdi = address, rsi = feature mask; 0 or -EFAULT (a malformed area faults too). */
	.text
	.globl gate_xsave_user, gate_xrstor_user
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
	xor	%eax, %eax
	ret
3:	mov	$-14, %eax
	ret
	.section __extable, "a", @progbits
	.quad 1b, 3b
	.quad 2b, 3b
	.section .note.GNU-stack, "", @progbits
