/* read(2), write(2) and their vector, position and flag variants, lseek(2), sendfile, splice, tee, copy_file_range, getdents. */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/rw.h"
#include "proc/task.h"
#include "sys/syscall.h"

#define IOV_FAST 8
#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND)

/* The description may be in use by somebody else during this call. */
static inline bool fdref_shared(struct fdref r)
{
	return r.put || atomic_load_relaxed(&r.f->ref.count) > 1;
}

SYSCALL3(read, int, fd, struct uptr, buf, u64, count)
{
	struct fdref r = fdref_get(fd);
	struct uio u __uninitialized;
	ssize_t ret;

	if (!r.f)
		return -EBADF;
	if (count > RW_MAX)
		count = RW_MAX;
	if (unlikely(!user_range_ok(buf, count))) {
		ret = r.f->mode_flags & FMODE_READ ? -EFAULT : -EBADF;
	} else {
		uio_init_user(&u, buf, count);
		ret = file_read_pos(r.f, &u, 0, fdref_shared(r));
	}
	fdref_put(r);
	return ret;
}

SYSCALL3(write, int, fd, struct uptr, buf, u64, count)
{
	struct fdref r = fdref_get(fd);
	struct uio u __uninitialized;
	ssize_t ret;

	if (!r.f)
		return -EBADF;
	if (count > RW_MAX)
		count = RW_MAX;
	if (unlikely(!user_range_ok(buf, count))) {
		ret = r.f->mode_flags & FMODE_WRITE ? -EFAULT : -EBADF;
	} else {
		uio_init_user(&u, buf, count);
		ret = file_write_pos(r.f, &u, 0, fdref_shared(r));
	}
	fdref_put(r);
	return ret;
}

/* All the other ways: at the file's position (pos NULL) or at *pos. */
static ssize_t rw_uio(int fd, struct uio *u, const loff_t *at, u32 rwf, bool write)
{
	struct fdref r = fdref_get(fd);
	loff_t pos;
	ssize_t ret;

	if (!r.f)
		return -EBADF;
	if (!at) {
		ret = write ? file_write_pos(r.f, u, rwf, fdref_shared(r)) :
			      file_read_pos(r.f, u, rwf, fdref_shared(r));
	} else if (!file_has_pos(r.f)) {
		ret = -ESPIPE;
	} else if (*at >= 0 && u->resid > (u64)(INT64_MAX - *at)) {
		ret = -EINVAL;
	} else {
		pos = *at;
		ret = write ? file_write(r.f, u, &pos, rwf) : file_read(r.f, u, &pos, rwf);
	}
	fdref_put(r);
	return ret;
}

static ssize_t rw_at(int fd, struct uptr buf, u64 count, loff_t pos, bool write)
{
	struct uio u __uninitialized;

	if (pos < 0)
		return -EINVAL;
	if (count > RW_MAX)
		count = RW_MAX;
	if (!user_range_ok(buf, count))
		return -EFAULT;
	uio_init_user(&u, buf, count);
	return rw_uio(fd, &u, &pos, 0, write);
}

SYSCALL4(pread64, int, fd, struct uptr, buf, u64, count, loff_t, pos)
{
	return rw_at(fd, buf, count, pos, false);
}

SYSCALL4(pwrite64, int, fd, struct uptr, buf, u64, count, loff_t, pos)
{
	return rw_at(fd, buf, count, pos, true);
}

static ssize_t rw_vec(int fd, struct uptr vec, u64 count, const loff_t *at, u32 rwf, bool write)
{
	struct iovec fast[IOV_FAST], *iov = NULL;
	struct uio u __uninitialized;
	ssize_t ret;

	if (at && *at < 0)
		return -EINVAL;
	if (rwf & ~RWF_KNOWN)
		return -EOPNOTSUPP;
	if ((rwf & RWF_APPEND) && (rwf & RWF_NOAPPEND))
		return -EINVAL;
	if (!write && (rwf & RWF_APPEND))
		return -EOPNOTSUPP;
	ret = uio_import(&u, vec, count, fast, IOV_FAST, &iov);
	if (ret)
		return ret;
	ret = rw_uio(fd, &u, at, rwf, write);
	if (iov != fast)
		kfree(iov);
	return ret;
}

SYSCALL3(readv, int, fd, struct uptr, vec, u64, count)
{
	return rw_vec(fd, vec, count, NULL, 0, false);
}

SYSCALL3(writev, int, fd, struct uptr, vec, u64, count)
{
	return rw_vec(fd, vec, count, NULL, 0, true);
}

SYSCALL4(preadv, int, fd, struct uptr, vec, u64, count, loff_t, pos)
{
	return rw_vec(fd, vec, count, &pos, 0, false);
}

SYSCALL4(pwritev, int, fd, struct uptr, vec, u64, count, loff_t, pos)
{
	return rw_vec(fd, vec, count, &pos, 0, true);
}

/* The high half of the position is unused on 64 bits. */
SYSCALL6(preadv2, int, fd, struct uptr, vec, u64, count, loff_t, pos, u64, pos_high, u32, rwf)
{
	return rw_vec(fd, vec, count, pos == -1 ? NULL : &pos, rwf, false);
}

SYSCALL6(pwritev2, int, fd, struct uptr, vec, u64, count, loff_t, pos, u64, pos_high, u32, rwf)
{
	return rw_vec(fd, vec, count, pos == -1 ? NULL : &pos, rwf, true);
}

SYSCALL3(lseek, int, fd, loff_t, off, u32, whence)
{
	struct fdref r = fdref_get(fd);
	loff_t ret;

	if (!r.f)
		return -EBADF;
	ret = file_llseek(r.f, off, (int)whence);
	fdref_put(r);
	return ret;
}

/* An optional position in user memory. *at = NULL when there is none. */
static int pos_import(struct uptr p, loff_t *pos, loff_t **at)
{
	u64 v;

	*at = NULL;
	if (uptr_null(p))
		return 0;
	if (copy_in(&v, p, sizeof(v)))
		return -EFAULT;
	*pos = (loff_t)v;
	*at = pos;
	return 0;
}

static int pos_export(struct uptr p, const loff_t *at)
{
	return at ? copy_out(p, at, sizeof(*at)) : 0;
}

SYSCALL4(sendfile, int, out_fd, int, in_fd, struct uptr, off, u64, count)
{
	struct file *in, *out;
	loff_t pos, *at;
	ssize_t ret;

	ret = pos_import(off, &pos, &at);
	if (ret)
		return ret;
	in = fd_get(in_fd);
	out = fd_get(out_fd);
	ret = in && out ? file_sendfile(in, out, at, count) : -EBADF;
	if (ret >= 0 && pos_export(off, at))
		ret = -EFAULT;
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return ret;
}

SYSCALL6(splice, int, in_fd, struct uptr, in_off, int, out_fd, struct uptr, out_off, u64, len, u32, flags)
{
	loff_t in_pos, out_pos, *in_at, *out_at;
	struct file *in, *out;
	ssize_t ret;

	if (!len)
		return 0;
	if (flags & ~(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT))
		return -EINVAL;
	in = fd_get(in_fd);
	out = fd_get(out_fd);
	ret = in && out ? 0 : -EBADF;
	if (!ret)
		ret = pos_import(in_off, &in_pos, &in_at);
	if (!ret)
		ret = pos_import(out_off, &out_pos, &out_at);
	if (!ret) {
		ret = file_splice(in, in_at, out, out_at, len, flags);
		if (ret >= 0 && (pos_export(in_off, in_at) || pos_export(out_off, out_at)))
			ret = -EFAULT;
	}
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return ret;
}

SYSCALL4(tee, int, in_fd, int, out_fd, u64, len, u32, flags)
{
	struct file *in, *out;
	ssize_t ret;

	if (flags & ~(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT))
		return -EINVAL;
	if (!len)
		return 0;
	in = fd_get(in_fd);
	out = fd_get(out_fd);
	ret = in && out ? file_tee(in, out, len, flags) : -EBADF;
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return ret;
}

/* The pages are copied: SPLICE_F_GIFT is a permission to move them, not an order. */
SYSCALL4(vmsplice, int, fd, struct uptr, vec, u64, count, u32, flags)
{
	struct file *f;
	bool write;

	if (flags & ~(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT))
		return -EINVAL;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	write = f->mode_flags & FMODE_WRITE;
	if (!S_ISFIFO_(f->inode->mode)) {
		file_put(f);
		return -EBADF;
	}
	file_put(f);
	return rw_vec(fd, vec, count, NULL, 0, write);
}

SYSCALL6(copy_file_range, int, in_fd, struct uptr, in_off, int, out_fd, struct uptr, out_off, u64, len, u32, flags)
{
	loff_t in_pos, out_pos, *in_at, *out_at;
	struct file *in, *out;
	ssize_t ret;

	in = fd_get(in_fd);
	out = fd_get(out_fd);
	ret = in && out ? 0 : -EBADF;
	if (!ret)
		ret = pos_import(in_off, &in_pos, &in_at);
	if (!ret)
		ret = pos_import(out_off, &out_pos, &out_at);
	if (!ret && flags)
		ret = -EINVAL;
	if (!ret) {
		ret = file_copy_range(in, in_at, out, out_at, len);
		if (ret > 0 && (pos_export(in_off, in_at) || pos_export(out_off, out_at)))
			ret = -EFAULT;
	}
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return ret;
}

static long getdents(int fd, struct uptr buf, u32 count, bool old_layout)
{
	struct file *f = fd_get(fd);
	ssize_t ret;

	if (!f)
		return -EBADF;
	ret = file_getdents(f, buf, count, old_layout);
	file_put(f);
	return ret;
}

SYSCALL3(getdents, int, fd, struct uptr, buf, u32, count)
{
	return getdents(fd, buf, count, true);
}

SYSCALL3(getdents64, int, fd, struct uptr, buf, u32, count)
{
	return getdents(fd, buf, count, false);
}
