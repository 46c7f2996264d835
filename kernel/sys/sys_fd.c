/* close(2), dup(2), fcntl(2), flock(2), ioctl(2), fsync(2), fallocate(2) and other calls on one descriptor. */
#include "abi/linux/errno.h"
#include "fs/fcntl.h"
#include "fs/fdtable.h"
#include "fs/rw.h"
#include "proc/task.h"
#include "sys/syscall.h"

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u

/* A close that a signal meets is done all the same: it may not be restarted. */
static int close_result(int ret)
{
	switch (ret) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return -EINTR;
	}
	return ret;
}

SYSCALL1(close, int, fd)
{
	return close_result(fd_close(fd));
}

SYSCALL3(close_range, u32, first, u32, last, u32, flags)
{
	int ret;

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	if (last < first)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		ret = files_unshare();
		if (ret)
			return ret;
	}
	if (flags & CLOSE_RANGE_CLOEXEC)
		fd_range_cloexec(first, last);
	else
		fd_range_close(first, last);
	return 0;
}

SYSCALL1(dup, int, fd)
{
	struct file *f = fd_get_any(fd);

	return f ? fd_install_new(f, false) : -EBADF;
}

SYSCALL2(dup2, int, from, u32, to)
{
	int ret;

	if ((u32)from == to) {
		ret = fd_cloexec_get(from);
		return ret < 0 ? ret : (long)to;
	}
	ret = fd_dup_to(from, to, false);
	return ret;
}

SYSCALL3(dup3, int, from, u32, to, u32, flags)
{
	if ((flags & ~O_CLOEXEC) || (u32)from == to)
		return -EINVAL;
	return fd_dup_to(from, to, flags & O_CLOEXEC);
}

SYSCALL3(fcntl, int, fd, u32, cmd, u64, arg)
{
	struct file *f = fd_get_any(fd);
	long ret;

	if (!f)
		return -EBADF;
	ret = file_fcntl(fd, f, cmd, arg);
	file_put(f);
	return ret;
}

SYSCALL2(flock, int, fd, u32, op)
{
	struct file *f = fd_get(fd);
	int ret;

	if (!f)
		return -EBADF;
	ret = file_flock(f, op);
	file_put(f);
	return ret;
}

SYSCALL3(ioctl, int, fd, u32, cmd, u64, arg)
{
	struct file *f = fd_get(fd);
	long ret;

	if (!f)
		return -EBADF;
	ret = file_ioctl(fd, f, cmd, arg);
	file_put(f);
	return ret;
}

static int do_fsync(int fd, bool data_only)
{
	struct file *f = fd_get(fd);
	int ret;

	if (!f)
		return -EBADF;
	ret = f->ops && f->ops->fsync ? f->ops->fsync(f, data_only) : -EINVAL;
	file_put(f);
	return ret;
}

SYSCALL1(fsync, int, fd)
{
	return do_fsync(fd, false);
}

SYSCALL1(fdatasync, int, fd)
{
	return do_fsync(fd, true);
}

static bool file_has_pages(const struct file *f)
{
	return S_ISREG_(f->inode->mode) || S_ISBLK_(f->inode->mode) || S_ISDIR_(f->inode->mode);
}

SYSCALL4(sync_file_range, int, fd, loff_t, off, loff_t, len, u32, flags)
{
	struct file *f;
	loff_t end;
	int ret;

	if (flags & ~(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER))
		return -EINVAL;
	if (off < 0 || len < 0 || add_overflow(off, len, &end))
		return -EINVAL;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	if (!file_has_pages(f) && !S_ISLNK_(f->inode->mode))
		ret = -ESPIPE;
	else if (flags && f->ops && f->ops->fsync)
		ret = f->ops->fsync(f, true); /* more than asked for: the whole file */
	else
		ret = 0;
	file_put(f);
	return ret;
}

#define FALLOC_KNOWN                                                                                         \
	(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE |      \
	 FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE)

static int do_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	int op = mode & ~FALLOC_FL_KEEP_SIZE;
	loff_t end;
	int ret;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if (mode & ~FALLOC_KNOWN)
		return -EOPNOTSUPP;
	if (op & (op - 1)) /* one operation at a time */
		return -EOPNOTSUPP;
	if (op == FALLOC_FL_PUNCH_HOLE && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((op == FALLOC_FL_COLLAPSE_RANGE || op == FALLOC_FL_INSERT_RANGE) && (mode & FALLOC_FL_KEEP_SIZE))
		return -EINVAL;
	if (!(f->mode_flags & FMODE_WRITE))
		return -EBADF;
	if (S_ISFIFO_(f->inode->mode))
		return -ESPIPE;
	if (S_ISDIR_(f->inode->mode))
		return -EISDIR;
	if (!S_ISREG_(f->inode->mode) && !S_ISBLK_(f->inode->mode))
		return -ENODEV;
	if (add_overflow(off, len, &end))
		return -EFBIG;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && op != FALLOC_FL_COLLAPSE_RANGE) {
		ret = inode_size_ok(f->inode, (u64)end);
		if (ret)
			return ret;
	}
	if (!f->ops || !f->ops->fallocate)
		return -EOPNOTSUPP;
	ret = f->ops->fallocate(f, mode, off, len);
	if (!ret)
		file_notify(f, NOTIFY_MODIFY);
	return ret;
}

SYSCALL4(fallocate, int, fd, int, mode, loff_t, off, loff_t, len)
{
	struct file *f = fd_get(fd);
	int ret;

	if (!f)
		return -EBADF;
	ret = do_fallocate(f, mode, off, len);
	file_put(f);
	return ret;
}

SYSCALL3(readahead, int, fd, loff_t, off, u64, count)
{
	struct file *f = fd_get(fd);
	int ret = 0;

	if (!f)
		return -EBADF;
	if (!(f->mode_flags & FMODE_READ))
		ret = -EBADF;
	else if (!S_ISREG_(f->inode->mode) && !S_ISBLK_(f->inode->mode))
		ret = -EINVAL;
	file_put(f);
	return ret; /* reading ahead is the host's business */
}

SYSCALL4(fadvise64, int, fd, loff_t, off, loff_t, len, int, advice)
{
	struct file *f = fd_get(fd);
	int ret = 0;

	if (!f)
		return -EBADF;
	if (S_ISFIFO_(f->inode->mode))
		ret = -ESPIPE;
	else if (len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
		ret = -EINVAL;
	file_put(f);
	return ret;
}
