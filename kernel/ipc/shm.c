/*
 * System V shared memory. A segment is a file in file memory; an attachment is a mapping of a file of its own
 * (shm_file_ops) that refers to the segment, so that its last unmapping, by whatever way, is that file's release.
 * A fork shares the file: nattch counts shmat calls that are still mapped anywhere.
 */
#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "ipc/sysv.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "proc/task.h"

#define SHM_SIZE_MAX (FILEMEM_SIZE / 4)

struct shm {
	struct ipc_obj ipc;
	struct file *file; /* immutable, reference held */
	u64 size;
	u64 nattch;
	s64 atime, dtime, ctime; /* seconds */
	u32 cpid, lpid;
};

static __big struct ipc_table shm_table;

static s64 now_seconds(void) { return ktime_get_real() / NSEC_PER_SEC; }

static void shm_destroy(struct ipc_obj *o)
{
	struct shm *s = container_of(o, struct shm, ipc);

	file_put(s->file);
	kfree(s);
}

static void shm_put(struct shm *s)
{
	if (ref_put(&s->ipc.ref))
		shm_destroy(&s->ipc);
}

static struct ipc_obj *shm_make(const struct ipc_new *n)
{
	struct shm *s;
	char name[16];

	if (!n->size || n->size > SHM_SIZE_MAX)
		return err_ptr(-EINVAL);
	s = kzalloc(sizeof(*s));
	if (!s)
		return err_ptr(-ENOMEM);
	ksnprintf(name, sizeof(name), "SYSV%08x", (u32)n->key);
	s->file = memfd_file(name, PAGE_ALIGN_UP(n->size), 0, 0);
	if (is_err(s->file)) {
		long err = ptr_err(s->file);

		kfree(s);
		return err_ptr(err);
	}
	s->size = n->size;
	s->ctime = now_seconds();
	s->cpid = current->process->pid->nr;
	return &s->ipc;
}

static int shm_check_locked(const struct ipc_new *n, const struct ipc_obj *o)
{
	return n->size > container_of(o, const struct shm, ipc)->size ? -EINVAL : 0;
}

int shm_get(s32 key, u64 size, u32 flags)
{
	const struct ipc_new n = { &shm_table, shm_make, shm_check_locked, shm_destroy, key, flags, size };

	/* Huge pages are what nobody has set aside here. */
	return flags & SHM_HUGETLB ? -ENOMEM : ipc_get(&n);
}

static int shm_file_mmap(struct file *f, u64 offset, u64 len, u32 prot, u32 flags, struct map_source *out)
{
	struct shm *s = f->priv;

	return s->file->ops->mmap ? s->file->ops->mmap(s->file, offset, len, prot, flags, out) : -ENODEV;
}

static void shm_file_release(struct file *f)
{
	struct shm *s = f->priv;
	bool gone;

	if (!s)
		return;
	mutex_lock(&ipc_lock);
	s->nattch--;
	s->dtime = now_seconds();
	s->lpid = current->process ? current->process->pid->nr : 0;
	gone = !s->nattch && (s->ipc.mode & SHM_DEST) && !s->ipc.removed;
	if (gone)
		ipc_remove_locked(&shm_table, &s->ipc);
	mutex_unlock(&ipc_lock);
	if (gone)
		shm_put(s);
	shm_put(s);
}

static const struct file_ops shm_file_ops = {
	.name = "SYSV",
	.mmap = shm_file_mmap,
	.release = shm_file_release,
};

/* Finds, checks and counts an attachment; the reference is the attachment's. */
static struct shm *shm_begin_attach(int id, u32 flags)
{
	u32 want = 0444 | (flags & SHM_RDONLY ? 0 : 0222) | (flags & SHM_EXEC ? 0111 : 0);
	struct ipc_obj *o;
	struct shm *s;
	int err;

	mutex_lock(&ipc_lock);
	o = ipc_find_locked(&shm_table, id);
	err = is_err(o) ? (int)ptr_err(o) : ipc_may_locked(o, want);
	if (err) {
		mutex_unlock(&ipc_lock);
		return err_ptr(err);
	}
	s = container_of(o, struct shm, ipc);
	ref_get(&o->ref);
	s->nattch++;
	s->atime = now_seconds();
	s->lpid = current->process->pid->nr;
	mutex_unlock(&ipc_lock);
	return s;
}

/* An attachment that never got its file. */
static void shm_abort_attach(struct shm *s)
{
	struct file fake = { .priv = s };

	shm_file_release(&fake);
}

s64 shm_attach(int id, u64 addr, u32 flags)
{
	u32 prot = PROT_READ, map = MAP_SHARED;
	struct file *f;
	struct shm *s;
	s64 ret;

	if (addr & ~PAGE_MASK) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		addr &= PAGE_MASK;
	}
	if (!addr && (flags & SHM_REMAP))
		return -EINVAL;
	if (addr)
		map |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	if (!(flags & SHM_RDONLY))
		prot |= PROT_WRITE;
	if (flags & SHM_EXEC)
		prot |= PROT_EXEC;
	s = shm_begin_attach(id, flags);
	if (is_err(s))
		return ptr_err(s);
	f = file_alloc_anon("SYSV", &shm_file_ops, s, flags & SHM_RDONLY ? O_RDONLY : O_RDWR, 0);
	if (is_err(f)) {
		shm_abort_attach(s);
		return ptr_err(f);
	}
	ret = mm_mmap(addr, PAGE_ALIGN_UP(s->size), prot, map, f, 0);
	file_put(f); /* the mapping has its own; without one this was the last */
	return ret == -EEXIST ? -EINVAL : ret;
}

/* The next piece of the attachment that begins at addr, from *start on. *f: the attachment's file, found by the first. */
static bool shm_next_piece(u64 addr, struct file **f, u64 *start, u64 *end)
{
	struct mm *mm = current->mm;
	bool found = false;

	mutex_lock(&mm->lock);
	for (struct vma *v = vma_find(mm, addr); v && !found; v = vma_next(v)) {
		if (!v->file || v->file->ops != &shm_file_ops || v->start - v->offset != addr)
			continue;
		if (*f && v->file != *f)
			continue;
		if (!*f)
			*f = file_get(v->file);
		*start = v->start;
		*end = v->end;
		found = true;
	}
	mutex_unlock(&mm->lock);
	return found;
}

int shm_detach(u64 addr)
{
	struct file *f = NULL;
	u64 start, end;
	int err = -EINVAL;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	while (shm_next_piece(addr, &f, &start, &end)) {
		err = mm_munmap(start, end - start);
		if (err)
			break;
	}
	if (f)
		file_put(f);
	return err;
}

int shm_stat(int id, int cmd, struct shmid_ds64 *out)
{
	struct ipc_obj *o;
	struct shm *s;
	int ret;

	memset(out, 0, sizeof(*out));
	mutex_lock(&ipc_lock);
	o = cmd == IPC_STAT ? ipc_find_locked(&shm_table, id) : ipc_at_locked(&shm_table, id);
	ret = is_err(o) ? (int)ptr_err(o) : cmd == SHM_STAT_ANY ? 0 : ipc_may_locked(o, 0444);
	if (!ret) {
		s = container_of(o, struct shm, ipc);
		ipc_perm_out(o, &out->perm);
		out->segsz = s->size;
		out->atime = s->atime;
		out->dtime = s->dtime;
		out->ctime = s->ctime;
		out->cpid = (s32)s->cpid;
		out->lpid = (s32)s->lpid;
		out->nattch = s->nattch;
		ret = cmd == IPC_STAT ? 0 : o->id;
	}
	mutex_unlock(&ipc_lock);
	return ret;
}

int shm_set(int id, const struct ipc_perm64 *perm)
{
	struct ipc_obj *o;
	int err;

	mutex_lock(&ipc_lock);
	o = ipc_find_locked(&shm_table, id);
	err = is_err(o) ? (int)ptr_err(o) : ipc_perm_set_locked(o, perm);
	if (!err)
		container_of(o, struct shm, ipc)->ctime = now_seconds();
	mutex_unlock(&ipc_lock);
	return err;
}

int shm_remove(int id)
{
	struct ipc_obj *o;
	bool gone = false;
	int err;

	mutex_lock(&ipc_lock);
	o = ipc_find_locked(&shm_table, id);
	err = is_err(o) ? (int)ptr_err(o) : ipc_owner_locked(o);
	if (!err) {
		gone = !container_of(o, struct shm, ipc)->nattch;
		o->key = IPC_PRIVATE; /* nobody finds it by name any more */
		o->mode |= SHM_DEST;
		if (gone)
			ipc_remove_locked(&shm_table, o);
	}
	mutex_unlock(&ipc_lock);
	if (gone)
		shm_put(container_of(o, struct shm, ipc));
	return err;
}

int shm_info(struct shm_info *out)
{
	int top;

	memset(out, 0, sizeof(*out));
	mutex_lock(&ipc_lock);
	for (u32 i = 0; i < shm_table.top; i++) {
		if (shm_table.obj[i])
			out->tot += PAGE_ALIGN_UP(container_of(shm_table.obj[i], struct shm, ipc)->size) / PAGE_SIZE;
	}
	out->used_ids = (s32)shm_table.count;
	top = shm_table.top ? (int)shm_table.top - 1 : 0;
	mutex_unlock(&ipc_lock);
	out->rss = out->tot;
	return top;
}
