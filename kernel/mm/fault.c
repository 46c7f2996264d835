/* Faults that the host could not resolve: mended here, or named for the signal. */
#include "abi/linux/errno.h"
#include "abi/linux/signal.h"
#include "gate/gate.h"
#include "core/stats.h"
#include "mm/code.h"
#include "mm/emulate.h"
#include "mm/patch.h"
#include "mm/vma.h"
#include "proc/task.h"

#define FAULT_WRITE 2u
#define FAULT_FETCH 16u
#define RETRY_MAX 1000u

static u32 fault_needs(u64 err)
{
	return err & FAULT_FETCH ? PROT_EXEC : err & FAULT_WRITE ? PROT_WRITE : PROT_READ;
}

static bool prot_allows(u32 prot, u32 need)
{
	/* x86: what can be written or executed can be read. */
	return need == PROT_READ ? prot & (PROT_READ | PROT_WRITE | PROT_EXEC) : prot & need;
}

/* v is the first VMA above addr. A stack gets all pages down to addr, keeping its distance and within its limit. */
static bool stack_grow(struct mm *mm, struct vma *v, u64 addr)
{
	u64 start = PAGE_ALIGN_DOWN(addr), pages = (v->start - start) >> PAGE_SHIFT;
	struct vma *below = vma_prev(v);

	if (start < USER_MIN + STACK_GUARD_GAP || v->end - start > rlimit(RLIMIT_STACK))
		return false;
	if (below && below->prot != PROT_NONE && start < below->end + STACK_GUARD_GAP)
		return false;
	if (below && start < below->end)
		return false;
	if (mm_may_grow(mm, pages, 0) || ((v->flags & MAP_LOCKED) && mm_lock_allowed(mm, pages, -ENOMEM)))
		return false;
	if (mm_host_map(start, v->start - start, v->prot, v->flags, -1, 0))
		return false;
	mm_account(mm, v->prot, v->flags, pages);
	v->start = start;
	vma_touch(mm, v);
	return true;
}

bool mm_retries_used_up(struct mm *mm, u64 page)
{
	if (mm->retry_addr != page) {
		mm->retry_addr = page;
		mm->retry_count = 0;
	}
	return mm->retry_count++ >= RETRY_MAX;
}

static bool flips(const struct vma *v)
{
	return (v->prot & PROT_WRITE) && (v->prot & PROT_EXEC);
}

static bool flip(struct mm *mm, u64 page, bool exec)
{
	if (!exec)
		patch_drop_locked(mm, page, page + PAGE_SIZE);
	stats_flip();
	return !mm_host_flip(page, exec);
}

/* An instruction works on the page that it, or its end, is in. */
static bool touches_itself(u64 page)
{
	u64 rip = current->regs.rip;

	return page == PAGE_ALIGN_DOWN(rip) || page == PAGE_ALIGN_DOWN(rip + 14);
}

static bool emulate(struct mm *mm, u64 page)
{
	enum emulated done = mm_emulate_store(&current->regs, page);
	struct vma *v;
	bool mended;

	if (done != EMULATE_NOT_NEEDED)
		return done == EMULATE_DONE;
	mutex_lock(&mm->lock);
	v = vma_find(mm, page);
	mended = !v || v->start > page || !flips(v) || flip(mm, page, false);
	mutex_unlock(&mm->lock);
	return mended;
}

/*
 * An instruction reads the page that it is in, which has traps that it must not see. What does so often, or with an
 * instruction that is not known here, sees them after all.
 */
static bool read_itself(u64 page)
{
	struct mm *mm = current->mm;
	bool mended = true;

	mutex_lock(&mm->lock);
	if (code_hides(mm, page) && mm_retries_used_up(mm, page))
		mended = code_show_traps(mm, page) == 0;
	mutex_unlock(&mm->lock);
	if (!mended || mm_emulate_read(&current->regs) == EMULATE_DONE)
		return mended;
	mutex_lock(&mm->lock);
	if (code_hides(mm, page))
		mended = code_show_traps(mm, page) == 0;
	mutex_unlock(&mm->lock);
	return mended;
}

/* The list says that this access is fine. *dirty: but not what would be executed. */
static bool mend(struct mm *mm, struct vma *v, u64 addr, u32 need, bool *dirty)
{
	u64 page = PAGE_ALIGN_DOWN(addr);
	int ret;

	/*
	 * Another thread was just at it when this one fetched, perhaps: again. To make the page unexecutable once more,
	 * for the sake of looking at it, would have all others fault in turn.
	 */
	if (need == PROT_EXEC && current->exec_seen != mm->exec_seq) {
		current->exec_seen = mm->exec_seq;
		return true;
	}
	if (need == PROT_EXEC)
		current->exec_seen = ++mm->exec_seq;
	if (need == PROT_EXEC && code_scanned() && !code_is_stub(mm, page)) {
		stats_flip();
		ret = mm_host_flip(page, true);
		*dirty = ret > 0;
		return !ret && (flips(v) || !mm_retries_used_up(mm, page));
	}
	if (code_is_stub(mm, page))
		return false;
	if (flips(v) && (need != PROT_READ || code_hides(mm, page)))
		return flip(mm, page, need == PROT_EXEC);
	if (need == PROT_READ && code_hides(mm, page))
		return !mm_host_protect(page, PAGE_SIZE, PROT_READ);
	/* Another thread changed the mapping since the fault, or a host call failed half way: again, but not for ever. */
	return !mm_retries_used_up(mm, page) && !mm_host_protect(page, PAGE_SIZE, v->prot);
}

/* The page that the program runs has something in it that must not be run, or cannot be read. */
static bool resolve(struct mm *mm, u64 addr, int *sig, int *code)
{
	switch (code_resolve(mm, PAGE_ALIGN_DOWN(addr), current->regs.rip)) {
	case CODE_RESOLVED:
		return true;
	case CODE_UNREADABLE:
		*sig = SIGBUS;
		*code = BUS_ADRERR;
		return mm_fault_past_end(addr);
	default:
		return false;
	}
}

bool mm_fault(u64 addr, u64 err, bool kernel, int *sig, int *code)
{
	struct mm *mm = current->mm;
	u32 need = fault_needs(err);
	bool mended = false, own_page = false, reads = false, dirty = false;
	struct vma *v;

	/* Whoever reads under the lock takes what there is. */
	if (kernel && mm && atomic_load(&mm->looking) == current)
		return false;
	*code = BUS_ADRERR;
	if (*sig == SIGBUS)
		return mm_fault_past_end(addr); /* else behind the end of a file, or the host is out of memory for it */
	*sig = SIGSEGV;
	*code = SEGV_MAPERR;
	if (!mm || addr >= TASK_SIZE)
		return false;
	mutex_lock(&mm->lock);
	v = vma_find(mm, addr);
	if (v && v->start <= addr) {
		*code = SEGV_ACCERR;
		own_page = !kernel && need == PROT_WRITE && flips(v) && touches_itself(PAGE_ALIGN_DOWN(addr));
		reads = !kernel && need == PROT_READ && touches_itself(PAGE_ALIGN_DOWN(addr)) &&
			code_hides(mm, PAGE_ALIGN_DOWN(addr));
		if (prot_allows(v->prot, need) && !own_page && !reads)
			mended = mend(mm, v, addr, need, &dirty);
	} else if (v && (v->flags & MAP_GROWSDOWN) && prot_allows(v->prot, need)) {
		mended = stack_grow(mm, v, addr);
	}
	mutex_unlock(&mm->lock);
	if (dirty)
		return resolve(mm, addr, sig, code);
	if (reads)
		return read_itself(PAGE_ALIGN_DOWN(addr));
	return own_page ? emulate(mm, PAGE_ALIGN_DOWN(addr)) : mended;
}
