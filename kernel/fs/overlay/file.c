/*
 * overlay: data of regular files. Each open file stands on a description of the layer's inode. One that was opened for
 * reading before a copy-up goes over to the copy with its next read, as on Linux; its mappings stay with the original.
 */
#include "core/alloc.h"
#include "fs/overlay/internal.h"

struct ovl_file {
	struct inode *inode; /* of the overlay; the file holds it */
	struct file *real; /* as opened */
	struct file *copy; /* the upper one, once real is outdated; atomic, set once */
};

int ovl_file_open(struct inode *inode, struct file *f)
{
	u32 acc = f->flags & O_ACCMODE;
	struct ovl_file *of;
	int ret;

	if (acc == O_ACCMODE)
		return -EINVAL;
	if (acc != O_RDONLY) {
		ret = ovl_copy_up(inode, f->flags & O_TRUNC ? 0 : OVL_NO_LIMIT);
		if (ret)
			return ret;
	}
	of = kmalloc(sizeof(*of));
	if (!of)
		return -ENOMEM;
	of->inode = inode;
	of->copy = NULL;
	of->real = file_open_bare(ovl_real(inode), f->flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_ASYNC));
	if (is_err(of->real)) {
		ret = (int)ptr_err(of->real);
		kfree(of);
		return ret;
	}
	f->priv = of;
	f->ops = &ovl_file_ops;
	return 0;
}

static void ovl_release(struct file *f)
{
	struct ovl_file *of = f->priv;

	if (!of)
		return;
	file_put(of->real);
	if (of->copy)
		file_put(of->copy);
	kfree(of);
}

/* The description that has today's data; err_ptr. */
static struct file *current_real(struct ovl_file *of)
{
	struct inode *upper = ovl_upper(of->inode);
	struct file *copy;

	if (likely(!upper || of->real->inode == upper))
		return of->real;
	copy = atomic_load(&of->copy);
	if (copy)
		return copy;
	copy = file_open_bare(upper, of->real->flags & ~O_ACCMODE);
	if (is_err(copy))
		return copy;
	if (atomic_cas(&of->copy, NULL, copy))
		return copy;
	file_put(copy);
	return atomic_load(&of->copy);
}

static ssize_t ovl_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct file *real = current_real(f->priv);

	if (is_err(real))
		return ptr_err(real);
	return real->ops->read ? real->ops->read(real, to, pos) : -EINVAL;
}

static ssize_t ovl_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct ovl_file *of = f->priv;
	struct file *real = of->real; /* open for writing: it is the upper one */
	u32 flags = atomic_load_relaxed(&f->flags);
	ssize_t ret;

	if (!real->ops->write)
		return -EINVAL;
	if (unlikely((flags ^ real->flags) & O_APPEND)) {
		/* pwritev2's RWF_APPEND and RWF_NOAPPEND: for this write only. */
		struct file twin = *real;

		twin.flags = flags;
		ret = real->ops->write(&twin, from, pos);
	} else {
		ret = real->ops->write(real, from, pos);
	}
	if (ret > 0)
		atomic_store(&of->inode->size, atomic_load(&real->inode->size));
	return ret;
}

static loff_t ovl_llseek(struct file *f, loff_t off, int whence)
{
	struct file *real = current_real(f->priv);
	loff_t ret;

	if (is_err(real))
		return ptr_err(real);
	if (!real->ops->llseek)
		return -ESPIPE;
	/* f's position lock is held, and nobody else uses real's position. */
	real->pos = f->pos;
	ret = real->ops->llseek(real, off, whence);
	if (ret >= 0)
		f->pos = real->pos;
	return ret;
}

static int ovl_mmap(struct file *f, u64 offset, u64 len, u32 prot, u32 flags, struct map_source *out)
{
	struct file *real = current_real(f->priv);
	int err;

	if (is_err(real))
		return (int)ptr_err(real);
	if (!real->ops->mmap)
		return -ENODEV;
	err = real->ops->mmap(real, offset, len, prot, flags, out);
	/* The lower layer is never written; writers of the upper one do not count on our inode alone. */
	out->fixed = !err && out->exclusive && real->inode != ovl_upper(f->inode);
	out->exclusive = out->fixed;
	return err;
}

static int ovl_fsync(struct file *f, bool data_only)
{
	struct file *real = current_real(f->priv);

	if (is_err(real))
		return (int)ptr_err(real);
	/* What is only in the lower layer has not been changed. */
	if (!ovl_upper(f->inode) || !real->ops->fsync)
		return 0;
	return real->ops->fsync(real, data_only);
}

static int ovl_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct ovl_file *of = f->priv;
	struct file *real = of->real;
	int ret = real->ops->fallocate ? real->ops->fallocate(real, mode, off, len) : -EOPNOTSUPP;

	if (!ret)
		atomic_store(&of->inode->size, atomic_load(&real->inode->size));
	return ret;
}

static int ovl_check_flags(struct file *f, u32 flags)
{
	struct ovl_file *of = f->priv;
	u32 both = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME, old = of->real->flags;

	while (!__atomic_compare_exchange_n(&of->real->flags, &old, (old & ~both) | (flags & both), false,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
	return 0;
}

const struct file_ops ovl_file_ops = {
	.name = "overlay",
	.read = ovl_read,
	.write = ovl_write,
	.llseek = ovl_llseek,
	.mmap = ovl_mmap,
	.fsync = ovl_fsync,
	.fallocate = ovl_fallocate,
	.check_flags = ovl_check_flags,
	.release = ovl_release,
};
