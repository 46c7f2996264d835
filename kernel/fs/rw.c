/*
 * read, write and lseek on descriptions: what is common to all types.
 *
 * A type gives bytes or -errno; a transfer that a signal or a fault cuts short returns what it did so far, and the error
 * only when that is nothing. Types do that themselves; here are the open mode, the position, RLIMIT_FSIZE, O_SYNC and
 * notifications. The position's sleep lock is taken only where another holder of the description could be reading
 * it at the same time.
 */
#include "fs/rw.h"

#include "abi/linux/errno.h"
#include "fs/file.h"
#include "fs/hostfile/hostfile.h"
#include "proc/task.h"

loff_t file_size(struct file *f)
{
	struct kstat st;
	int ret;

	if (!f->inode->ops || !f->inode->ops->getattr)
		return (loff_t)atomic_load(&f->inode->size);
	ret = f->inode->ops->getattr(f->inode, &st);
	return ret ? ret : (loff_t)st.size;
}

/* A hostfile's position is the host's. */
loff_t file_pos_now(struct file *f)
{
	return f->pos == HOSTFILE_POS ? f->ops->llseek(f, 0, SEEK_CUR) : f->pos;
}

int file_limit_check(struct inode *inode, u64 end)
{
	if (!S_ISREG_(inode->mode))
		return 0;
	if (end <= rlimit(RLIMIT_FSIZE))
		return 0;
	(void)signal_send_task(current, SIGXFSZ, NULL);
	return -EFBIG;
}

static ssize_t missing_op(const struct file *f)
{
	return S_ISDIR_(f->inode->mode) ? -EISDIR : -EINVAL;
}

ssize_t file_read(struct file *f, struct uio *to, loff_t *pos, u32 rwf)
{
	ssize_t ret;

	if (unlikely(!(f->mode_flags & FMODE_READ)))
		return -EBADF;
	if (unlikely(!f->ops || !f->ops->read))
		return missing_op(f);
	if (unlikely(rwf & RWF_NOWAIT) && !S_ISREG_(f->inode->mode))
		return -EOPNOTSUPP;
	ret = f->ops->read(f, to, pos);
	if (ret > 0)
		file_notify(f, NOTIFY_ACCESS);
	return ret;
}

/*
 * Clips a write to RLIMIT_FSIZE by hiding the end of from; *hidden is what to give back. The end of the file is
 * the position of an appending write.
 */
static int write_clip(struct file *f, struct uio *from, loff_t pos, bool append, size_t *hidden)
{
	u64 limit = rlimit(RLIMIT_FSIZE);

	*hidden = 0;
	if (likely(limit == RLIM_INFINITY) || !from->resid)
		return 0;
	if (append)
		pos = file_size(f);
	else if (pos == HOSTFILE_POS)
		pos = file_pos_now(f);
	if (pos < 0)
		return (int)pos;
	if ((u64)pos >= limit)
		return file_limit_check(f->inode, (u64)pos + 1);
	if (from->resid > limit - (u64)pos) {
		*hidden = from->resid - (size_t)(limit - (u64)pos);
		from->resid -= *hidden;
	}
	return 0;
}

/* RWF_APPEND and RWF_NOAPPEND differ from the description's own flags for one call: the type sees a short-lived twin. */
static ssize_t write_twin(struct file *f, struct uio *from, loff_t *pos, bool append)
{
	struct file twin = *f;

	twin.flags = append ? f->flags | O_APPEND : f->flags & ~O_APPEND;
	return f->ops->write(&twin, from, pos);
}

ssize_t file_write(struct file *f, struct uio *from, loff_t *pos, u32 rwf)
{
	bool regular = S_ISREG_(f->inode->mode);
	bool append = f->flags & O_APPEND;
	size_t hidden = 0;
	ssize_t ret;

	if (unlikely(!(f->mode_flags & FMODE_WRITE)))
		return -EBADF;
	if (unlikely(!f->ops || !f->ops->write))
		return missing_op(f);
	if (unlikely(rwf & RWF_NOWAIT) && !regular)
		return -EOPNOTSUPP;
	if (rwf & RWF_APPEND)
		append = true;
	if (rwf & RWF_NOAPPEND)
		append = false;
	if (regular) {
		ret = write_clip(f, from, *pos, append, &hidden);
		if (ret)
			return ret;
	}
	if (unlikely(regular && append != !!(f->flags & O_APPEND)))
		ret = write_twin(f, from, pos, append);
	else
		ret = f->ops->write(f, from, pos);
	from->resid += hidden;
	if (ret <= 0)
		return ret;
	file_notify(f, NOTIFY_MODIFY);
	if (regular)
		inode_drop_setid(f->inode);
	if (unlikely(regular && ((f->flags & O_DSYNC) || (rwf & (RWF_DSYNC | RWF_SYNC)))) && f->ops->fsync) {
		int err = f->ops->fsync(f, !((f->flags & O_SYNC_BIT) || (rwf & RWF_SYNC)));

		if (err)
			return err;
	}
	return ret;
}

ssize_t file_read_pos(struct file *f, struct uio *to, u32 rwf, bool shared)
{
	loff_t pos = 0;
	ssize_t ret;

	if (!file_has_pos(f))
		return file_read(f, to, &pos, rwf);
	if (shared) {
		ret = sleep_lock(&f->pos_lock);
		if (ret)
			return ret;
	}
	pos = f->pos;
	ret = file_read(f, to, &pos, rwf);
	if (ret >= 0)
		f->pos = pos;
	if (shared)
		sleep_unlock(&f->pos_lock);
	return ret;
}

ssize_t file_write_pos(struct file *f, struct uio *from, u32 rwf, bool shared)
{
	loff_t pos = 0;
	ssize_t ret;

	if (!file_has_pos(f))
		return file_write(f, from, &pos, rwf);
	if (shared) {
		ret = sleep_lock(&f->pos_lock);
		if (ret)
			return ret;
	}
	pos = f->pos;
	ret = file_write(f, from, &pos, rwf);
	if (ret >= 0)
		f->pos = pos;
	if (shared)
		sleep_unlock(&f->pos_lock);
	return ret;
}

loff_t file_llseek(struct file *f, loff_t off, int whence)
{
	loff_t ret;

	if (!file_has_pos(f))
		return -ESPIPE;
	if ((u32)whence > SEEK_HOLE)
		return -EINVAL;
	ret = sleep_lock(&f->pos_lock);
	if (ret)
		return ret;
	ret = f->ops->llseek(f, off, whence);
	sleep_unlock(&f->pos_lock);
	return ret;
}
