/* fcntl(2): what descriptors and descriptions are told, and the decoding of record locks; flock(2). */
#include "fs/fcntl.h"

#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "fs/fasync.h"
#include "fs/fdtable.h"
#include "fs/locks.h"
#include "fs/pipe/pipe.h"
#include "fs/rw.h"
#include "proc/task.h"

#define INT_MIN_ (-2147483647 - 1)

int file_set_status_flags(int fd, struct file *f, u32 flags)
{
	u32 old = atomic_load_relaxed(&f->flags);
	int ret;

	flags &= O_SETFL_MASK;
	if ((flags & O_NOATIME) && !(old & O_NOATIME) && current->cred->fsuid != f->inode->uid && !capable(CAP_FOWNER))
		return -EPERM;
	if (f->ops && f->ops->check_flags) {
		ret = f->ops->check_flags(f, flags);
		if (ret)
			return ret;
	}
	if (flags & ~old & O_ASYNC) {
		ret = fasync_watch(f);
		if (ret)
			return ret;
	}
	if (flags & ~old & O_ASYNC)
		atomic_store(&f->async_fd, fd);
	while (!__atomic_compare_exchange_n(&f->flags, &old, (old & ~O_SETFL_MASK) | flags, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED))
		;
	return 0;
}

static int setown(struct file *f, s32 who)
{
	if (who == INT_MIN_)
		return -EINVAL;
	if (who < 0)
		return fasync_set_owner(f, F_OWNER_PGRP, (u32)-who);
	return fasync_set_owner(f, F_OWNER_PID, (u32)who);
}

static long setown_ex(struct file *f, struct uptr arg)
{
	struct f_owner_ex ex;

	if (copy_in(&ex, arg, sizeof(ex)))
		return -EFAULT;
	if (ex.type < F_OWNER_TID || ex.type > F_OWNER_PGRP || ex.pid < 0)
		return -EINVAL;
	return fasync_set_owner(f, ex.type, (u32)ex.pid);
}

static long getown(struct file *f, u32 cmd, struct uptr arg)
{
	struct f_owner_ex ex;
	u32 nr, ids[2];
	int type;

	fasync_get_owner(f, &type, &nr, &ids[0], &ids[1]);
	if (cmd == F_GETOWN)
		return type == F_OWNER_PGRP ? -(long)nr : (long)nr;
	if (cmd == F_GETOWNER_UIDS)
		return copy_out(arg, ids, sizeof(ids));
	ex.type = nr ? type : F_OWNER_TID;
	ex.pid = (s32)nr;
	return copy_out(arg, &ex, sizeof(ex));
}

/* l_whence, l_start and l_len to an inclusive range. */
static int lock_range(struct file *f, const struct flock *fl, struct lock_request *r)
{
	loff_t start = fl->l_start, end;

	switch (fl->l_whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		if (add_overflow(start, file_pos_now(f), &start))
			return -EOVERFLOW;
		break;
	case SEEK_END:
		end = file_size(f);
		if (end < 0)
			return (int)end;
		if (add_overflow(start, end, &start))
			return -EOVERFLOW;
		break;
	default:
		return -EINVAL;
	}
	if (start < 0)
		return -EINVAL;
	r->start = start;
	r->end = INT64_MAX;
	if (fl->l_len > 0) {
		if (add_overflow(start, fl->l_len - 1, &end))
			return -EOVERFLOW;
		r->end = end;
	} else if (fl->l_len < 0) {
		if (add_overflow(start, fl->l_len, &r->start) || r->start < 0)
			return -EINVAL;
		r->end = start - 1;
	}
	return 0;
}

static int lock_decode(struct file *f, const struct flock *fl, bool ofd, struct lock_request *r)
{
	r->kind = ofd ? LOCK_KIND_OFD : LOCK_KIND_POSIX;
	r->owner = ofd ? (const void *)f : current->files;
	r->type = fl->l_type;
	r->pid = ofd ? (u32)-1 : current->process->pid->nr;
	r->wait = false;
	if (ofd && fl->l_pid)
		return -EINVAL;
	if (r->type != F_RDLCK && r->type != F_WRLCK && r->type != F_UNLCK)
		return -EINVAL;
	return lock_range(f, fl, r);
}

static long lock_get(struct file *f, struct uptr arg, bool ofd)
{
	struct lock_request r;
	struct flock fl;
	int ret;

	if (copy_in(&fl, arg, sizeof(fl)))
		return -EFAULT;
	if (fl.l_type == F_UNLCK)
		return -EINVAL;
	ret = lock_decode(f, &fl, ofd, &r);
	if (ret)
		return ret;
	inode_lock_test(f->inode, &r);
	fl.l_type = (int16_t)r.type;
	if (r.type != F_UNLCK) {
		fl.l_whence = SEEK_SET;
		fl.l_start = r.start;
		fl.l_len = r.end == INT64_MAX ? 0 : r.end - r.start + 1;
		fl.l_pid = (s32)r.pid;
	}
	return copy_out(arg, &fl, sizeof(fl));
}

static long lock_set(int fd, struct file *f, struct uptr arg, bool ofd, bool wait)
{
	struct lock_request r;
	struct flock fl;
	int ret;

	if (copy_in(&fl, arg, sizeof(fl)))
		return -EFAULT;
	ret = lock_decode(f, &fl, ofd, &r);
	if (ret)
		return ret;
	r.wait = wait;
	if (r.type == F_RDLCK && !(f->mode_flags & FMODE_READ))
		return -EBADF;
	if (r.type == F_WRLCK && !(f->mode_flags & FMODE_WRITE))
		return -EBADF;
	ret = inode_lock_set(f->inode, &r);
	if (!ret && !ofd && r.type != F_UNLCK) {
		/* Another thread's close of fd may have dropped the process's locks just before: then this one too. */
		struct file *now = fd_get_any(fd);

		if (now != f) {
			r.type = F_UNLCK;
			r.start = 0;
			r.end = INT64_MAX;
			ret = inode_lock_set(f->inode, &r);
			ret = ret ? ret : -EBADF;
		}
		if (now)
			file_put(now);
	}
	return ret;
}

static long setsig(struct file *f, u64 arg)
{
	if (arg > NSIG)
		return -EINVAL;
	fasync_set_signal(f, (int)arg);
	return 0;
}

/* 1 when arg is a descriptor of the same description. */
static long dupfd_query(struct file *f, u64 arg)
{
	struct file *other = fd_get_any((int)arg);
	long ret;

	if (!other)
		return -EBADF;
	ret = other == f;
	file_put(other);
	return ret;
}

/* Write-life hints: nothing uses them, a file system without them answers "not set". */
static long rw_hint(u32 cmd, struct uptr arg)
{
	u64 hint = 0;

	if (cmd == F_GET_RW_HINT)
		return copy_out(arg, &hint, sizeof(hint));
	if (copy_in(&hint, arg, sizeof(hint)))
		return -EFAULT;
	return hint <= 5 ? 0 : -EINVAL;
}

static long fcntl_file(int fd, struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case F_SETFL:
		return file_set_status_flags(fd, f, (u32)arg);
	case F_GETLK:
	case F_OFD_GETLK:
		return lock_get(f, uptr(arg), cmd == F_OFD_GETLK);
	case F_SETLK:
	case F_SETLKW:
		return lock_set(fd, f, uptr(arg), false, cmd == F_SETLKW);
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return lock_set(fd, f, uptr(arg), true, cmd == F_OFD_SETLKW);
	case F_SETOWN:
		return setown(f, (s32)arg);
	case F_SETOWN_EX:
		return setown_ex(f, uptr(arg));
	case F_GETOWN:
	case F_GETOWN_EX:
	case F_GETOWNER_UIDS:
		return getown(f, cmd, uptr(arg));
	case F_SETSIG:
		return setsig(f, arg);
	case F_GETSIG:
		return f->owner_sig;
	case F_GETLEASE:
		return F_UNLCK;
	case F_SETLEASE:
		/* Leases are not offered; giving up one that nobody has fails in the same way as on Linux. */
		return arg == F_UNLCK ? -EAGAIN : -EINVAL;
	case F_ADD_SEALS:
		return memfd_seals_add(f, (u32)arg);
	case F_GET_SEALS:
		return memfd_seals_get(f);
	case F_GETPIPE_SZ:
	case F_SETPIPE_SZ:
		return pipe_fcntl(f, cmd, arg);
	case F_GET_RW_HINT:
	case F_SET_RW_HINT:
		return rw_hint(cmd, uptr(arg));
	}
	return -EINVAL;
}

long file_fcntl(int fd, struct file *f, u32 cmd, u64 arg)
{
	/* These work on O_PATH descriptors too. */
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return fd_dup_from(f, (u32)arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_cloexec_get(fd);
	case F_SETFD:
		return fd_cloexec_set(fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return atomic_load_relaxed(&f->flags);
	case F_DUPFD_QUERY:
		return dupfd_query(f, arg);
	}
	if (f->mode_flags & FMODE_PATH)
		return -EBADF;
	return fcntl_file(fd, f, cmd, arg);
}

int file_flock(struct file *f, u32 op)
{
	struct lock_request r = {
		.kind = LOCK_KIND_FLOCK,
		.owner = f,
		.end = INT64_MAX,
		.pid = current->process->pid->nr,
		.wait = !(op & LOCK_NB),
	};

	switch (op & ~(u32)LOCK_NB) {
	case LOCK_SH:
		r.type = F_RDLCK;
		break;
	case LOCK_EX:
		r.type = F_WRLCK;
		break;
	case LOCK_UN:
		r.type = F_UNLCK;
		break;
	default:
		return -EINVAL;
	}
	if (r.type != F_UNLCK && !(f->mode_flags & (FMODE_READ | FMODE_WRITE)))
		return -EBADF;
	return inode_lock_set(f->inode, &r);
}
