/* What the gate's assembly needs to know of C: checked against the structs in gate.c. */
#ifndef LIMPET_GATE_ASM_H
#define LIMPET_GATE_ASM_H

/* struct task */
#define TASK_REGS 0
#define TASK_R11 24
#define TASK_RBP 80
#define TASK_RBX 88
#define TASK_RDX 96
#define TASK_RAX 104
#define TASK_RCX 112
#define TASK_RSP 120
#define TASK_RIP 128
#define TASK_RFLAGS 136
#define TASK_CALL_RIP 144
#define TASK_CALL_RET 152
#define TASK_MODE 160
#define TASK_WORK 164
#define TASK_SLEEP_SP 176
#define REGS_WORDS 18

/* Pages behind GS. Scratch: the program may scribble. */
#define SCRATCH_RAX 0
#define SCRATCH_RDX 8
#define SCRATCH_RCX 16
#define SCRATCH_FLAGS 24 /* for SAHF */
#define SCRATCH_RSP 32
#define SCRATCH_FRAME 64 /* rip, cs, rflags, rsp, ss for IRETQ; or only where to jump */
/* Shown: a program may read it only. abi/layout.h has why it lies in front of scratch. */
#define SHOWN_SELECTOR (-0x4000000)
#define SHOWN_PKRU (-0x4000000 + 8)
#define SHOWN_TASK (-0x4000000 + 0x10)
#define SHOWN_SIGFRAME (-0x4000000 + 0x18)
#define SHOWN_KSTACK (-0x4000000 + 0x20)
#define SHOWN_SCRATCH_FRAME (-0x4000000 + 0x28)
#define SHOWN_XMASK (-0x4000000 + 0x30)
#define SHOWN_SIGSTRIDE (-0x4000000 + 0x38)

#define SHOWN_DEFENCES_OFF (-0x4000000 + 0x40) /* debug builds: enum boot_defence */

#define SIGSTACK_SIZE 0x5000

#define MODE_KERNEL 0
#define MODE_PROGRAM 1
#define XFEATURE_PKRU 0x200
#define SELECTOR_ALLOW 0
#define SELECTOR_BLOCK 1

/* Linux's rt signal frame: return address, ucontext, siginfo; offsets from the ucontext and the siginfo. */
#define FRAME_UC 8
#define UC_SIZE 304
#define FRAME_SIZE 440
#define UC_REGS 40
#define UC_RBP 120
#define UC_RIP 168
#define UC_ERR 192
#define UC_TRAPNO 200
#define UC_FPSTATE 224
#define SI_SIGNO 0
#define SI_CODE 8
#define SI_ADDR 16
#define SI_ARCH 28
#define FLAG_TF 0x100
#define FLAGS_UNWANTED 0x244500 /* ID, AC, NT, DF, TF: not in the kernel */
#define FLAGS_ARITH 0x8d5 /* OF, SF, ZF, AF, PF, CF */
#define FLAGS_USUAL 0x202 /* IF and what is always set */
#define USER_CS 0x33
#define USER_SS 0x2b

/* DEFENCE_ of abi/boot.h, which assembly cannot read. UNDEFENDED: a debug build whose defence is off goes to the label. */
#define GATE_DEFENCE_FRAME 0x8
#define GATE_DEFENCE_RIGHTS 0x10
#ifdef __ASSEMBLER__
	.macro UNDEFENDED which, to
#ifdef LIMPET_DEBUG
	testl	$\which, %gs:SHOWN_DEFENCES_OFF
	jnz	\to
#endif
	.endm
#endif

#endif
