/*
 * Extended processor state (x87 to AVX-512) of the program: it stays live in the CPU while the kernel runs, which
 * is built without such registers. Here it moves to and from signal frames.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/log.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "gate/internal.h"
#include "lib/string.h"
#include "mm/uaccess.h"
#include "proc/task.h"

#define XFEATURE_AMX (3ull << 17)
#define XSAVE_LEGACY 512
#define XSAVE_HEADER 64

static u64 mask __ro_after_init;
static u32 size __ro_after_init;

static void cpuid(u32 leaf, u32 sub, u32 *a, u32 *b, u32 *c, u32 *d)
{
	__asm__ volatile("cpuid" : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d) : "a"(leaf), "c"(sub));
}

void gate_fpstate_init(void)
{
	u32 lo, hi, a, b, c, d;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	mask = ((u64)hi << 32 | lo) & ~(u64)XFEATURE_PKRU;
	/* The first use of AMX would grow the host's signal frames, and entry.inc knows their place. */
	mask &= ~XFEATURE_AMX;
	size = XSAVE_LEGACY + XSAVE_HEADER;
	for (u32 i = 2; i < 63; i++) {
		if (!(mask >> i & 1))
			continue;
		cpuid(0xd, i, &a, &b, &c, &d);
		size = max(size, b + a);
	}
	size = ALIGN_UP(size, 64);
}

u32 gate_fpstate_size(void) { return size; }
u64 gate_fpstate_mask(void) { return mask; }

/* fpstate.S */
void gate_xrstor(const void *area, u64 mask_);
int gate_xsave_user(u64 addr, u64 mask_);
int gate_xrstor_user(u64 addr, u64 mask_);

int gate_fpstate_save(u64 addr)
{
	if (!user_range_ok(uptr(addr), size) || addr & 63)
		return -EFAULT;
	/* XSAVE leaves the reserved part of the header alone. */
	if (clear_user(uptr(addr + XSAVE_LEGACY), XSAVE_HEADER))
		return -EFAULT;
	return gate_xsave_user(addr, mask);
}

void gate_fpstate_reset(void)
{
	static const struct {
		u8 legacy[XSAVE_LEGACY];
		u8 header[XSAVE_HEADER];
	} __aligned(64) init = { .legacy = { [0] = 0x7f, [1] = 0x03, [24] = 0x80, [25] = 0x1f } };

	/* XSTATE_BV 0: every component to its initial value; MXCSR comes from the legacy area. */
	gate_xrstor(&init, mask);
}

int gate_fpstate_restore(u64 addr)
{
	int err = -EFAULT;

	if (user_range_ok(uptr(addr), size) && !(addr & 63))
		err = gate_xrstor_user(addr, mask);
	if (err)
		gate_fpstate_reset();
	return err;
}

int gate_fpstate_xrstor(u64 addr, u64 features)
{
	if (addr & 63 || !user_range_ok(uptr(addr), size))
		return -EFAULT;
	return gate_xrstor_user(addr, features & mask);
}

/*
 * A lender's state while another task uses its host thread. The buffer is a page or more, for its alignment; without
 * memory the lender comes back with an initial state, which the calling conventions allow a call to do but for the
 * control words.
 */
void gate_fpstate_park(struct task *t)
{
	u64 pages = PAGE_ALIGN_UP(size) >> PAGE_SHIFT;
	u8 *area = kpages_alloc(pages);

	t->fp_parked = area;
	if (!area)
		return;
	memset(area + XSAVE_LEGACY, 0, XSAVE_HEADER);
	__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"((u32)mask), "d"((u32)(mask >> 32)) : "memory");
}

void gate_fpstate_unpark(struct task *t)
{
	if (!t->fp_parked) {
		gate_fpstate_reset();
		return;
	}
	gate_xrstor(t->fp_parked, mask);
	kpages_free(t->fp_parked, PAGE_ALIGN_UP(size) >> PAGE_SHIFT);
	t->fp_parked = NULL;
}
