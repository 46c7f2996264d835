/* Nameless tmpfs files: memfd_create(2), its seals (fcntl(2)), SysV shm. They live on an internal instance. */
#include "abi/linux/mman.h"
#include "fs/internal.h"
#include "fs/tmpfs/tmpfs.h"
#include "mm/mm.h"

struct file *memfd_file(const char *name, u64 size, u32 seals, u32 flags)
{
	struct inode_new new = { .mode = S_IFREG | 0777, .uid = vfs_fsuid(), .gid = vfs_fsgid() };
	struct inode *inode;
	struct tmpfs_inode *ti;
	struct path path = { NULL, NULL };
	struct file *f;
	char *text;

	if (size > TMPFS_MAX_SIZE)
		return err_ptr(-EINVAL);
	inode = tmpfs_new_inode(tmpfs_internal_sb, &new);
	if (is_err(inode))
		return err_ptr(ptr_err(inode));
	ti = tmpfs_i(inode);
	inode->nlink = 0;
	inode->size = size;
	ti->seals = seals;
	ti->sealable = true;
	text = kmalloc(NAME_MAX + 24);
	if (!text) {
		inode_put(inode);
		return err_ptr(-ENOMEM);
	}
	ksnprintf(text, NAME_MAX + 24, "/%s (deleted)", name);
	path.dentry = dentry_alloc_anon(inode, text); /* takes over the reference */
	kfree(text);
	if (!path.dentry)
		return err_ptr(-ENOMEM);
	f = file_open_inode(&path, O_RDWR | O_LARGEFILE | flags);
	path_put(&path);
	return f;
}

static bool mm_maps_writable(struct mm *mm, struct inode *inode)
{
	struct vma *v;
	bool found = false;

	mutex_lock(&mm->lock);
	for (v = vma_first(mm); v && !found; v = vma_next(v))
		found = v->file && v->file->inode == inode && (v->flags & MAP_SHARED) &&
			(v->file->mode_flags & FMODE_WRITE);
	mutex_unlock(&mm->lock);
	return found;
}

/* Somebody has a shared mapping that can be written. */
static bool mapped_writable(struct inode *inode)
{
	u64 tid = 0;

	for (;;) {
		struct task *t;
		struct mm *mm;
		bool found;

		mutex_lock(&tasklist_lock);
		t = task_next_any(tid);
		if (t) {
			tid = task_place(t) + 1;
			task_get(t);
		}
		mutex_unlock(&tasklist_lock);
		if (!t)
			return false;
		mm = task_get_mm(t);
		task_put(t);
		if (!mm)
			continue;
		found = mm_maps_writable(mm, inode);
		mm_put(mm);
		if (found)
			return true;
	}
}

int memfd_seals_get(struct file *f)
{
	struct tmpfs_inode *ti;

	if (f->ops != &tmpfs_file_ops)
		return -EINVAL;
	ti = tmpfs_i(f->inode);
	return (int)(ti->sealable ? atomic_load(&ti->seals) : F_SEAL_SEAL);
}

int memfd_seals_add(struct file *f, u32 seals)
{
	struct tmpfs_inode *ti;
	u32 before;
	bool fresh;

	if (!(f->mode_flags & FMODE_WRITE))
		return -EPERM;
	if (f->ops != &tmpfs_file_ops ||
	    (seals & ~(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC)))
		return -EINVAL;
	ti = tmpfs_i(f->inode);
	/* F_SEAL_EXEC on something executable makes the image as good as read-only. */
	if ((seals & F_SEAL_EXEC) && (f->inode->mode & S_IXUGO))
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	mutex_lock(&ti->lock);
	before = ti->seals;
	if (!ti->sealable || (before & F_SEAL_SEAL)) {
		mutex_unlock(&ti->lock);
		return -EPERM;
	}
	fresh = (seals & F_SEAL_WRITE) && !(before & F_SEAL_WRITE);
	if (fresh && ti->writing) {
		mutex_unlock(&ti->lock);
		return -EBUSY;
	}
	/* Sealed first, so that no mapping or write begins while we look for those that are there. */
	atomic_store(&ti->seals, before | seals);
	mutex_unlock(&ti->lock);
	if (!fresh || !atomic_load(&ti->map_users) || !mapped_writable(f->inode))
		return 0;
	mutex_lock(&ti->lock);
	atomic_store(&ti->seals, before);
	mutex_unlock(&ti->lock);
	return -EBUSY;
}
