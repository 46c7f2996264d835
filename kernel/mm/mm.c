/*
 * Address spaces as objects: making, copying, emptying, and what they may hold (limits).
 *
 * An mm is changed only from its own host process, under mm->lock; others may take the lock and look (procfs). The
 * VMA list and the host's page tables change together under the lock. No file is dropped under it.
 */
#include "mm/mm.h"

#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/code.h"
#include "mm/patch.h"
#include "mm/vma.h"
#include "proc/task.h"

#define ADDR_NO_RANDOMIZE 0x0040000u /* personality(2) */

struct mm_vdso mm_vdso __ro_after_init;

/* One of 2^bits page counts, in bytes. */
u64 mm_random(u32 bits)
{
	u64 r = 0;

	if (current->personality & ADDR_NO_RANDOMIZE)
		return 0;
	if (host_getrandom(&r, sizeof(r), 0) != sizeof(r))
		return 0;
	return (r & ((1ull << bits) - 1)) << PAGE_SHIFT;
}

struct mm *mm_alloc(void)
{
	static u32 last_id;
	struct mm *mm = kzalloc(sizeof(*mm));

	if (!mm)
		return NULL;
	mm->id = atomic_add(&last_id, 1);
	ref_init(&mm->ref);
	mm->users = 1;
	mutex_init(&mm->lock, LOCK_MM);
	return mm;
}

void mm_put(struct mm *mm)
{
	struct vma *dead = NULL;

	if (!ref_put(&mm->ref))
		return;
	vma_remove_range(mm, 0, TASK_SIZE, &dead); /* nobody else knows it: no lock */
	vma_free_chain(dead);
	patch_free(mm);
	kfree(mm->fixes);
	code_stubs_free(mm);
	if (mm->exe) {
		exe_allow_write(mm->exe);
		file_put(mm->exe);
	}
	kfree(mm->cmdline);
	kfree(mm->environ);
	kfree(mm);
}

static char *dup_bytes(const char *from, u32 len)
{
	char *p = kmalloc(len);

	if (p)
		memcpy(p, from, len);
	return p;
}

static struct vma *vma_copy(const struct vma *v)
{
	struct vma *n = vma_alloc(v->start, v->end, v->prot, v->flags & ~(MAP_LOCKED | VMA_LOCKONFAULT));

	if (!n)
		return NULL;
	if (v->anon_name) {
		n->anon_name = kstrdup(v->anon_name);
		if (!n->anon_name) {
			kfree(n);
			return NULL;
		}
	}
	n->name = v->name;
	if (v->file)
		vma_share_file(n, v, v->offset);
	return n;
}

struct mm *mm_copy(struct mm *old)
{
	struct mm *mm = mm_alloc();

	mutex_assert_held(&old->lock);
	if (!mm)
		return NULL;
	mm->mmap_base = old->mmap_base;
	mm->brk_start = old->brk_start;
	mm->brk = old->brk;
	mm->stack_top = old->stack_top;
	mm->stack_size = old->stack_size;
	mm->arg_start = old->arg_start;
	mm->arg_end = old->arg_end;
	mm->env_start = old->env_start;
	mm->env_end = old->env_end;
	mm->vdso = old->vdso;
	patch_copy(mm, old);
	mm->thp_disable = old->thp_disable;
	mm->auxv_len = old->auxv_len;
	memcpy(mm->auxv, old->auxv, sizeof(mm->auxv));
	if (old->exe) {
		mm->exe = file_get(old->exe);
		atomic_sub(&mm->exe->inode->write_count, 1); /* already denied by old: cannot fail */
	}
	if (old->cmdline_len) {
		mm->cmdline = dup_bytes(old->cmdline, old->cmdline_len);
		mm->cmdline_len = mm->cmdline ? old->cmdline_len : 0;
	}
	if (old->environ_len) {
		mm->environ = dup_bytes(old->environ, old->environ_len);
		mm->environ_len = mm->environ ? old->environ_len : 0;
	}
	code_stubs_copy(mm, old);
	if (code_fixes_copy(mm, old))
		goto fail;
	for (struct vma *v = vma_first(old); v; v = vma_next(v)) {
		struct vma *n;

		if (v->flags & VMA_DONTFORK)
			continue;
		n = vma_copy(v);
		if (!n)
			goto fail;
		vma_insert(mm, n);
		mm_account(mm, n->prot, n->flags, (n->end - n->start) >> PAGE_SHIFT);
	}
	return mm;
fail:
	/* Called with old->lock held: no file is dropped for good here, old has them all. */
	mm_put(mm);
	return NULL;
}

static int mm_add_special(struct mm *mm, u64 start, u64 end, u32 prot, const char *name)
{
	struct vma *v;

	if (start >= end)
		return 0;
	v = vma_alloc(start, end, prot, MAP_PRIVATE | VMA_SEALED | VMA_NOWRITE | VMA_DONTDUMP);
	if (!v)
		return -ENOMEM;
	v->name = name;
	vma_insert(mm, v);
	mm_account(mm, v->prot, v->flags, (end - start) >> PAGE_SHIFT);
	return 0;
}

int mm_exec_reset(struct mm *mm)
{
	u64 stack = max(rlimit(RLIMIT_STACK), (u64)128 << 20);
	struct vma *dead = NULL;
	int err;

	mutex_lock(&mm->lock);
	vma_remove_range(mm, 0, TASK_SIZE, &dead);
	mutex_unlock(&mm->lock);
	vma_free_chain(dead);
	err = mm_host_unmap(USER_MIN, MM_TOP - USER_MIN);
	if (err)
		return err;
	mutex_lock(&mm->lock);
	/* The stack's own randomness is up to 16 GiB below STACK_TOP. */
	stack = min(stack, TASK_SIZE / 6 * 5);
	mm->mmap_base = PAGE_ALIGN_DOWN(STACK_TOP - (16ull << 30) - stack) - mm_random(28);
	mm->vdso = mm_vdso.start;
	err = mm_add_special(mm, mm_vdso.vvar, mm_vdso.start, PROT_READ, "[vvar]");
	if (!err)
		err = mm_add_special(mm, mm_vdso.start, mm_vdso.end, PROT_READ | PROT_EXEC, "[vdso]");
	mutex_unlock(&mm->lock);
	return err;
}

bool mm_is_data(u32 prot, u32 flags)
{
	return (prot & PROT_WRITE) && !(flags & (MAP_SHARED | MAP_GROWSDOWN));
}

void mm_account(struct mm *mm, u32 prot, u32 flags, s64 pages)
{
	mm->total_pages += pages;
	if (flags & MAP_GROWSDOWN)
		mm->stack_pages += pages;
	if (mm_is_data(prot, flags))
		mm->data_pages += pages;
	if (flags & MAP_LOCKED)
		mm->locked_pages += pages;
}

static bool over_limit(u64 pages, unsigned which)
{
	u64 limit = rlimit(which);

	return limit != RLIM_INFINITY && pages > limit >> PAGE_SHIFT;
}

int mm_may_grow(struct mm *mm, u64 pages, u64 data_pages)
{
	if (over_limit(mm->total_pages + pages, RLIMIT_AS))
		return -ENOMEM;
	if (data_pages && over_limit(mm->data_pages + data_pages, RLIMIT_DATA))
		return -ENOMEM;
	return 0;
}

int mm_lock_allowed(struct mm *mm, u64 pages, int over)
{
	if (capable(CAP_IPC_LOCK))
		return 0;
	if (!rlimit(RLIMIT_MEMLOCK))
		return -EPERM;
	return over_limit(mm->locked_pages + pages, RLIMIT_MEMLOCK) ? over : 0;
}

int exe_deny_write(struct file *f)
{
	int *count = &f->inode->write_count;
	int c = atomic_load(count);

	while (c <= 0)
		if (__atomic_compare_exchange_n(count, &c, c - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
			return 0;
	return -ETXTBSY;
}

void exe_allow_write(struct file *f) { atomic_add(&f->inode->write_count, 1); }
