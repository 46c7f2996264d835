/* What a signal handler of x86-64 finds on its stack, sigreturn(2); and sigaltstack(2)'s struct. */
#ifndef LIMPET_ABI_LINUX_UCONTEXT_H
#define LIMPET_ABI_LINUX_UCONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "abi/linux/signal.h"

struct linux_stack {
	uint64_t sp;
	int32_t flags;
	uint32_t pad;
	uint64_t size;
};

struct linux_sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	uint64_t fpstate; /* address of the XSAVE image, or 0 */
	uint64_t reserved[8];
};

#define UC_FP_XSTATE 1u /* the image at fpstate has struct linux_fpx_sw in it */
#define UC_SIGCONTEXT_SS 2u /* ss is saved */
#define UC_STRICT_RESTORE_SS 4u

struct linux_ucontext {
	uint64_t flags;
	uint64_t link;
	struct linux_stack stack;
	struct linux_sigcontext mcontext;
	uint64_t sigmask;
};

/* At the handler's rsp: the return address, then its two pointers' targets. */
struct linux_rt_sigframe {
	uint64_t restorer;
	struct linux_ucontext uc;
	struct siginfo info;
};

/* In the legacy part of the image, where the CPU leaves room for software. */
#define FPX_SW_OFFSET 464
#define FP_XSTATE_MAGIC1 0x46505853u
#define FP_XSTATE_MAGIC2 0x46505845u /* right behind the image */
#define FP_XSTATE_MAGIC2_SIZE 4
struct linux_fpx_sw {
	uint32_t magic1;
	uint32_t extended_size; /* of the image and the second magic */
	uint64_t xfeatures;
	uint32_t xstate_size;
	uint32_t padding[7];
};

_Static_assert(sizeof(struct linux_stack) == 24, "stack_t");
_Static_assert(sizeof(struct linux_sigcontext) == 256, "sigcontext");
_Static_assert(offsetof(struct linux_sigcontext, fpstate) == 184, "sigcontext");
_Static_assert(sizeof(struct linux_ucontext) == 304, "ucontext");
_Static_assert(sizeof(struct linux_rt_sigframe) == 440, "rt_sigframe");
_Static_assert(sizeof(struct linux_fpx_sw) == 48, "fpx_sw_bytes");

#endif
