/*
 * Signal frames of x86-64: what a handler finds on its stack and what rt_sigreturn(2) takes back. Unwinders,
 * garbage collectors and debuggers read and edit them, so they are Linux's to the byte.
 *
 * From high to low addresses: the red zone of the interrupted function (not on an alternate stack), the XSAVE image
 * (64-byte aligned, software words inside, second magic behind), struct linux_rt_sigframe.
 */
#include "abi/linux/errno.h"
#include "abi/linux/ucontext.h"
#include "gate/gate.h"
#include "lib/string.h"
#include "proc/internal.h"

#define RED_ZONE 128
#define USER_CS 0x33
#define USER_SS 0x2b
#define FXSAVE_SIZE 512
#define XSAVE_MIN 576
#define MXCSR_OFFSET 24
#define MXCSR_MASK 0xffffu

#define RFLAGS_CF 0x1u
#define RFLAGS_PF 0x4u
#define RFLAGS_AF 0x10u
#define RFLAGS_ZF 0x40u
#define RFLAGS_SF 0x80u
#define RFLAGS_TF 0x100u
#define RFLAGS_DF 0x400u
#define RFLAGS_OF 0x800u
#define RFLAGS_RF 0x10000u
#define RFLAGS_AC 0x40000u
/* What a program may set through a frame. */
#define RFLAGS_FRAME                                                                                         \
	((u64)(RFLAGS_AC | RFLAGS_OF | RFLAGS_DF | RFLAGS_TF | RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF | \
	       RFLAGS_CF | RFLAGS_RF))

u32 signal_frame_max(void)
{
	u32 n = sizeof(struct linux_rt_sigframe) + gate_fpstate_size() + FP_XSTATE_MAGIC2_SIZE;

	return ALIGN_UP(n + 63 + 15 + 8, 16u); /* alignments of image and frame, and what a call pushes */
}

static bool on_stack_area(const struct altstack *as, u64 sp) { return sp > as->sp && sp - as->sp <= as->size; }

/* Places of the frame and of the image in it; 0 = the alternate stack is too small. */
static u64 frame_place(const struct task *t, u64 flags, u64 *image)
{
	const struct altstack *as = &t->altstack;
	u64 sp = t->regs.rsp;
	bool nested = altstack_contains(as, sp), entering = false;

	sp -= RED_ZONE;
	if ((flags & SA_ONSTACK) && altstack_state(as, sp) == 0) {
		sp = as->sp + as->size;
		entering = true;
	}
	sp = (sp - gate_fpstate_size() - FP_XSTATE_MAGIC2_SIZE) & ~63ull;
	*image = sp;
	sp -= sizeof(struct linux_rt_sigframe);
	/* As after a call: the ABI wants rsp + 8 to be a multiple of 16 where a function begins. */
	sp = (sp & ~15ull) - 8;
	return (nested || entering) && !on_stack_area(as, sp) ? 0 : sp;
}

static int image_save(u64 image)
{
	u32 size = gate_fpstate_size();
	struct linux_fpx_sw sw = {
		.magic1 = FP_XSTATE_MAGIC1,
		.extended_size = size + FP_XSTATE_MAGIC2_SIZE,
		.xfeatures = gate_fpstate_mask(),
		.xstate_size = size,
	};

	if (!user_range_ok(uptr(image), (u64)size + FP_XSTATE_MAGIC2_SIZE) || gate_fpstate_save(image))
		return -EFAULT;
	if (copy_out(uptr(image + FPX_SW_OFFSET), &sw, sizeof(sw)))
		return -EFAULT;
	return put_user_u32(uptr(image + size), FP_XSTATE_MAGIC2);
}

static void context_fill(struct linux_sigcontext *c, const struct task *t, u64 mask, u64 image)
{
	const struct gate_regs *r = &t->regs;

	*c = (struct linux_sigcontext){
		.r8 = r->r8, .r9 = r->r9, .r10 = r->r10, .r11 = r->r11,
		.r12 = r->r12, .r13 = r->r13, .r14 = r->r14, .r15 = r->r15,
		.rdi = r->rdi, .rsi = r->rsi, .rbp = r->rbp, .rbx = r->rbx,
		.rdx = r->rdx, .rax = r->rax, .rcx = r->rcx, .rsp = r->rsp,
		.rip = r->rip, .rflags = r->rflags,
		.cs = USER_CS, .ss = USER_SS,
		.err = t->fault_err, .trapno = t->fault_trapno, .cr2 = t->fault_addr,
		.oldmask = mask, .fpstate = image,
	};
}

int sigframe_setup(const struct ksignal *k, u64 mask)
{
	struct task *t = current;
	struct gate_regs *r = &t->regs;
	struct linux_rt_sigframe f;
	u64 image, sp = frame_place(t, k->action.flags, &image);
	size_t size = offsetof(struct linux_rt_sigframe, info);

	/* x86-64 has no return path of the kernel's own. */
	if (!sp || !(k->action.flags & SA_RESTORER))
		return -EFAULT;
	if (image_save(image))
		return -EFAULT;
	memset(&f, 0, sizeof(f));
	f.restorer = k->action.restorer;
	f.uc.flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	f.uc.stack.sp = t->altstack.sp;
	f.uc.stack.flags = (s32)t->altstack.flags;
	f.uc.stack.size = t->altstack.size;
	context_fill(&f.uc.mcontext, t, mask, image);
	f.uc.sigmask = mask;
	if (k->action.flags & SA_SIGINFO) {
		f.info = k->info;
		size = sizeof(f);
	}
	if (copy_out(uptr(sp), &f, size))
		return -EFAULT;

	if (t->altstack.flags & SS_AUTODISARM)
		t->altstack = (struct altstack){ .flags = SS_DISABLE };
	r->rdi = (u64)k->sig;
	r->rsi = sp + offsetof(struct linux_rt_sigframe, info);
	r->rdx = sp + offsetof(struct linux_rt_sigframe, uc);
	r->rax = 0;
	r->rsp = sp;
	r->rip = k->action.handler;
	r->rflags &= ~(u64)(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
	gate_fpstate_reset();
	return 0;
}

/* Only the x87 and SSE registers: for frames whose image was made by hand. */
static int image_restore_legacy(u64 image)
{
	u8 fx[FXSAVE_SIZE] __aligned(16);
	u32 mxcsr;

	gate_fpstate_reset();
	if (copy_in(fx, uptr(image), sizeof(fx)))
		return -EFAULT;
	/* Reserved bits would make the CPU refuse it. */
	memcpy(&mxcsr, fx + MXCSR_OFFSET, sizeof(mxcsr));
	mxcsr &= MXCSR_MASK;
	memcpy(fx + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
	__asm__ volatile("fxrstor64 %0" : : "m"(fx));
	return 0;
}

static int image_restore(u64 image)
{
	u32 size = gate_fpstate_size(), magic2;
	struct linux_fpx_sw sw;

	if (!image) {
		gate_fpstate_reset();
		return 0;
	}
	if (!user_range_ok(uptr(image), FXSAVE_SIZE) || copy_in(&sw, uptr(image + FPX_SW_OFFSET), sizeof(sw)))
		return -EFAULT;
	if (sw.magic1 != FP_XSTATE_MAGIC1 || sw.xstate_size != size || sw.extended_size < size)
		return image_restore_legacy(image);
	if (copy_in(&magic2, uptr(image + size), sizeof(magic2)))
		return -EFAULT;
	if (magic2 != FP_XSTATE_MAGIC2 || (image & 63))
		return image_restore_legacy(image);
	return gate_fpstate_restore(image);
}

int sigframe_restore(void)
{
	struct task *t = current;
	struct gate_regs *r = &t->regs;
	struct linux_ucontext uc;
	const struct linux_sigcontext *c = &uc.mcontext;
	struct altstack as;
	int ignored;

	/* The handler's return took the restorer's address off the stack. */
	if (copy_in(&uc, uptr(r->rsp - 8 + offsetof(struct linux_rt_sigframe, uc)), sizeof(uc)))
		return -EFAULT;
	signal_set_blocked(uc.sigmask);
	*r = (struct gate_regs){
		.r8 = c->r8, .r9 = c->r9, .r10 = c->r10, .r11 = c->r11,
		.r12 = c->r12, .r13 = c->r13, .r14 = c->r14, .r15 = c->r15,
		.rdi = c->rdi, .rsi = c->rsi, .rbp = c->rbp, .rbx = c->rbx,
		.rdx = c->rdx, .rax = c->rax, .rcx = c->rcx, .rsp = c->rsp,
		.rip = c->rip, .rflags = (r->rflags & ~RFLAGS_FRAME) | (c->rflags & RFLAGS_FRAME),
	};
	if (image_restore(c->fpstate))
		return -EFAULT;
	as = (struct altstack){ .sp = uc.stack.sp, .size = uc.stack.size, .flags = (u32)uc.stack.flags };
	/* What cannot be set again stays as it is. */
	ignored = altstack_set(&as, r->rsp);
	(void)ignored;
	return 0;
}
