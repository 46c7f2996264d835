/* Embeds the guest kernel; KERNEL_ELF is its path, given by the build. */
	.section .rodata
	.balign 4096
	.globl kernel_image_start
	.hidden kernel_image_start
kernel_image_start:
	.incbin KERNEL_ELF
	.globl kernel_image_end
	.hidden kernel_image_end
kernel_image_end:
	.byte 0
	.section .note.GNU-stack, "", @progbits
