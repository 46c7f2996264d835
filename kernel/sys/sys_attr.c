/* chmod(2), chown(2), utimensat(2), truncate(2) and relatives: decoding. */
#include "fs/internal.h"
#include "sys/syscall.h"

static int setattr_at(int dirfd, struct uptr name, u32 lookup, struct iattr *a)
{
	struct path p;
	int err = path_lookup_user(dirfd, name, lookup, &p);

	if (err)
		return err;
	if ((a->valid & ATTR_MODE) && S_ISLNK_(p.dentry->inode->mode))
		err = -EOPNOTSUPP;
	else
		err = vfs_setattr(&p, a);
	path_put(&p);
	return err;
}

static int setattr_fd(int fd, struct iattr *a)
{
	struct file *f = fd_get(fd);
	int err;

	if (!f)
		return -EBADF;
	err = vfs_setattr(&f->path, a);
	file_put(f);
	return err;
}

SYSCALL4(fchmodat2, int, dirfd, struct uptr, name, u32, mode, int, flags)
{
	struct iattr a = { .valid = ATTR_MODE, .mode = mode & S_IALLUGO };

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return setattr_at(dirfd, name, (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
			  (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &a);
}

SYSCALL3(fchmodat, int, dirfd, struct uptr, name, u32, mode)
{
	return do_sys_fchmodat2(dirfd, name, mode, 0);
}

SYSCALL2(chmod, struct uptr, name, u32, mode)
{
	return do_sys_fchmodat2(AT_FDCWD, name, mode, 0);
}

SYSCALL2(fchmod, int, fd, u32, mode)
{
	struct iattr a = { .valid = ATTR_MODE, .mode = mode & S_IALLUGO };

	return setattr_fd(fd, &a);
}

/* -1 leaves an id as it is. */
static struct iattr chown_attr(u32 uid, u32 gid)
{
	return (struct iattr){
		.valid = (uid != ~0u ? ATTR_UID : 0) | (gid != ~0u ? ATTR_GID : 0), .uid = uid, .gid = gid
	};
}

SYSCALL5(fchownat, int, dirfd, struct uptr, name, u32, uid, u32, gid, int, flags)
{
	struct iattr a = chown_attr(uid, gid);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return setattr_at(dirfd, name, (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
			  (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &a);
}

SYSCALL3(chown, struct uptr, name, u32, uid, u32, gid)
{
	return do_sys_fchownat(AT_FDCWD, name, uid, gid, 0);
}

SYSCALL3(lchown, struct uptr, name, u32, uid, u32, gid)
{
	return do_sys_fchownat(AT_FDCWD, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

SYSCALL3(fchown, int, fd, u32, uid, u32, gid)
{
	struct iattr a = chown_attr(uid, gid);

	return setattr_fd(fd, &a);
}

/* ts: two times, or NULL for now. name null: the descriptor itself. */
static int set_times(int dirfd, struct uptr name, const struct timespec64 *ts, int flags)
{
	struct iattr a = { .valid = ATTR_ATIME | ATTR_MTIME };

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (ts && !(ts[0].tv_nsec == UTIME_NOW && ts[1].tv_nsec == UTIME_NOW)) {
		struct timespec64 now = ns_to_timespec64(ktime_get_real());

		a.valid |= ATTR_TIMES_EXPLICIT;
		a.atime = ts[0].tv_nsec == UTIME_NOW ? now : ts[0];
		a.mtime = ts[1].tv_nsec == UTIME_NOW ? now : ts[1];
		if (ts[0].tv_nsec == UTIME_OMIT)
			a.valid &= ~ATTR_ATIME;
		if (ts[1].tv_nsec == UTIME_OMIT)
			a.valid &= ~ATTR_MTIME;
	}
	if (uptr_null(name) && dirfd != AT_FDCWD)
		return flags & ~AT_EMPTY_PATH ? -EINVAL : setattr_fd(dirfd, &a);
	return setattr_at(dirfd, name, (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
			  (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &a);
}

static bool nsec_ok(s64 nsec)
{
	return (u64)nsec < (u64)NSEC_PER_SEC || nsec == UTIME_NOW || nsec == UTIME_OMIT;
}

SYSCALL4(utimensat, int, dirfd, struct uptr, name, struct uptr, times, int, flags)
{
	struct timespec64 ts[2];

	if (uptr_null(times))
		return set_times(dirfd, name, NULL, flags);
	if (copy_in(ts, times, sizeof(ts)))
		return -EFAULT;
	if (!nsec_ok(ts[0].tv_nsec) || !nsec_ok(ts[1].tv_nsec))
		return -EINVAL;
	/* Nothing to do: Linux does not even look at the name. */
	if (ts[0].tv_nsec == UTIME_OMIT && ts[1].tv_nsec == UTIME_OMIT)
		return 0;
	return set_times(dirfd, name, ts, flags);
}

SYSCALL3(futimesat, int, dirfd, struct uptr, name, struct uptr, times)
{
	struct timeval64 tv[2];
	struct timespec64 ts[2];

	if (uptr_null(times))
		return set_times(dirfd, name, NULL, 0);
	if (copy_in(tv, times, sizeof(tv)))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if ((u64)tv[i].tv_usec >= 1000000)
			return -EINVAL;
		ts[i] = (struct timespec64){ tv[i].tv_sec, tv[i].tv_usec * 1000 };
	}
	return set_times(dirfd, name, ts, 0);
}

SYSCALL2(utimes, struct uptr, name, struct uptr, times)
{
	return do_sys_futimesat(AT_FDCWD, name, times);
}

SYSCALL2(utime, struct uptr, name, struct uptr, times)
{
	struct timespec64 ts[2];
	s64 sec[2];

	if (uptr_null(times))
		return set_times(AT_FDCWD, name, NULL, 0);
	if (copy_in(sec, times, sizeof(sec)))
		return -EFAULT;
	ts[0] = (struct timespec64){ sec[0], 0 };
	ts[1] = (struct timespec64){ sec[1], 0 };
	return set_times(AT_FDCWD, name, ts, 0);
}

SYSCALL2(truncate, struct uptr, name, s64, size)
{
	struct path p;
	struct inode *i;
	int err;

	if (size < 0)
		return -EINVAL;
	err = path_lookup_user(AT_FDCWD, name, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	i = p.dentry->inode;
	if (S_ISDIR_(i->mode))
		err = -EISDIR;
	else if (!S_ISREG_(i->mode))
		err = -EINVAL;
	else
		err = path_permission(&p, MAY_WRITE);
	if (!err)
		err = inode_write_get(i);
	if (!err) {
		err = vfs_truncate(&p, (u64)size, NULL);
		inode_write_put(i);
	}
	path_put(&p);
	return err;
}

SYSCALL2(ftruncate, int, fd, s64, size)
{
	struct file *f;
	int err;

	if (size < 0)
		return -EINVAL;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	if (!S_ISREG_(f->inode->mode) || !(f->mode_flags & FMODE_WRITE))
		err = -EINVAL;
	else
		err = vfs_truncate(&f->path, (u64)size, f);
	file_put(f);
	return err;
}
