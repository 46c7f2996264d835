/* stat(2), statx(2), statfs(2), access(2) and relatives: decoding. */
#include "fs/internal.h"
#include "sys/syscall.h"

#define SECBIT_NO_SETUID_FIXUP_ (1u << 2)

static int stat_out(struct uptr to, const struct kstat *st)
{
	struct stat s = {
		.st_dev = dev_encode(st->dev),
		.st_ino = st->ino,
		.st_nlink = st->nlink,
		.st_mode = st->mode,
		.st_uid = st->uid,
		.st_gid = st->gid,
		.st_rdev = dev_encode(st->rdev),
		.st_size = (int64_t)st->size,
		.st_blksize = st->blksize,
		.st_blocks = (int64_t)st->blocks,
		.st_atime_sec = (u64)st->atime.tv_sec,
		.st_atime_nsec = (u64)st->atime.tv_nsec,
		.st_mtime_sec = (u64)st->mtime.tv_sec,
		.st_mtime_nsec = (u64)st->mtime.tv_nsec,
		.st_ctime_sec = (u64)st->ctime.tv_sec,
		.st_ctime_nsec = (u64)st->ctime.tv_nsec,
	};

	return copy_out(to, &s, sizeof(s));
}

static int getattr_fd(int fd, struct kstat *st)
{
	struct file *f = fd_get_any(fd);
	int err;

	if (!f)
		return -EBADF;
	err = vfs_getattr(&f->path, st);
	file_put(f);
	return err;
}

/* "" with AT_EMPTY_PATH goes straight to the descriptor; a null name is as good since Linux 6.11. */
static int getattr_at(int dirfd, struct uptr name, int flags, struct kstat *st)
{
	u32 lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct uname u;
	struct path p;
	int err;

	if ((flags & AT_EMPTY_PATH) && uptr_null(name) && dirfd != AT_FDCWD)
		return getattr_fd(dirfd, st);
	err = uname_get(&u, name, flags & AT_EMPTY_PATH);
	if (err)
		return err;
	if (!*u.name && dirfd != AT_FDCWD) {
		uname_put(&u);
		return getattr_fd(dirfd, st);
	}
	err = path_lookup(dirfd, u.name, lookup | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &p);
	uname_put(&u);
	if (err)
		return err;
	err = vfs_getattr(&p, st);
	path_put(&p);
	return err;
}

SYSCALL4(newfstatat, int, dirfd, struct uptr, name, struct uptr, buf, int, flags)
{
	struct kstat st;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	err = getattr_at(dirfd, name, flags, &st);
	return err ? err : stat_out(buf, &st);
}

SYSCALL2(stat, struct uptr, name, struct uptr, buf)
{
	return do_sys_newfstatat(AT_FDCWD, name, buf, 0);
}

SYSCALL2(lstat, struct uptr, name, struct uptr, buf)
{
	return do_sys_newfstatat(AT_FDCWD, name, buf, AT_SYMLINK_NOFOLLOW);
}

SYSCALL2(fstat, int, fd, struct uptr, buf)
{
	struct kstat st;
	int err = getattr_fd(fd, &st);

	return err ? err : stat_out(buf, &st);
}

static struct statx_timestamp stamp(const struct timespec64 *ts)
{
	return (struct statx_timestamp){ .tv_sec = ts->tv_sec, .tv_nsec = (u32)ts->tv_nsec };
}

static int statx_out(struct uptr to, const struct kstat *st, u32 mask)
{
	struct statx s = {
		.stx_mask = st->result_mask,
		.stx_blksize = st->blksize,
		.stx_attributes = st->attributes,
		.stx_attributes_mask = st->attributes_mask,
		.stx_nlink = st->nlink,
		.stx_uid = st->uid,
		.stx_gid = st->gid,
		.stx_mode = (u16)st->mode,
		.stx_ino = st->ino,
		.stx_size = st->size,
		.stx_blocks = st->blocks,
		.stx_atime = stamp(&st->atime),
		.stx_btime = stamp(&st->btime),
		.stx_ctime = stamp(&st->ctime),
		.stx_mtime = stamp(&st->mtime),
		.stx_rdev_major = MAJOR(st->rdev),
		.stx_rdev_minor = MINOR(st->rdev),
		.stx_dev_major = MAJOR(st->dev),
		.stx_dev_minor = MINOR(st->dev),
		.stx_mnt_id = st->mnt_id,
	};

	if (mask & STATX_MNT_ID_UNIQUE)
		s.stx_mask = (s.stx_mask & ~STATX_MNT_ID) | STATX_MNT_ID_UNIQUE;
	return copy_out(to, &s, sizeof(s));
}

SYSCALL5(statx, int, dirfd, struct uptr, name, int, flags, u32, mask, struct uptr, buf)
{
	struct kstat st;
	int err;

	if (mask & STATX_RESERVED)
		return -EINVAL;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE) ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	err = getattr_at(dirfd, name, flags, &st);
	return err ? err : statx_out(buf, &st, mask);
}

static int statfs_out(struct uptr to, const struct path *p)
{
	struct kstatfs k;
	struct statfs s;
	int err = vfs_statfs(p->dentry->sb, p->mnt, &k);

	if (err)
		return err;
	s = (struct statfs){
		.f_type = (int64_t)k.type,
		.f_bsize = (int64_t)k.bsize,
		.f_blocks = k.blocks,
		.f_bfree = k.bfree,
		.f_bavail = k.bavail,
		.f_files = k.files,
		.f_ffree = k.ffree,
		.f_fsid = { (int32_t)k.fsid, (int32_t)(k.fsid >> 32) },
		.f_namelen = (int64_t)k.namelen,
		.f_frsize = (int64_t)k.frsize,
		.f_flags = (int64_t)k.flags,
	};
	return copy_out(to, &s, sizeof(s));
}

SYSCALL2(statfs, struct uptr, name, struct uptr, buf)
{
	struct path p;
	int err = path_lookup_user(AT_FDCWD, name, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	err = statfs_out(buf, &p);
	path_put(&p);
	return err;
}

SYSCALL2(fstatfs, int, fd, struct uptr, buf)
{
	struct file *f = fd_get_any(fd);
	int err;

	if (!f)
		return -EBADF;
	err = statfs_out(buf, &f->path);
	file_put(f);
	return err;
}

/* Others look at a task's credentials under tasklist_lock: so they change under it. */
static void swap_cred(const struct cred *c)
{
	mutex_lock(&tasklist_lock);
	current->cred = c;
	mutex_unlock(&tasklist_lock);
}

/* access(2) asks for the real user. NULL = no memory; the current ones when they would answer the same. */
static const struct cred *real_cred(void)
{
	const struct cred *c = current->cred;
	struct cred *n;
	u64 effective = c->cap_effective;

	if (!(c->securebits & SECBIT_NO_SETUID_FIXUP_))
		effective = c->uid ? 0 : c->cap_permitted;
	if (c->fsuid == c->uid && c->fsgid == c->gid && effective == c->cap_effective)
		return cred_get(c);
	n = cred_copy(c);
	if (n) {
		n->fsuid = c->uid;
		n->fsgid = c->gid;
		n->cap_effective = effective;
	}
	return n;
}

static int access_path(int dirfd, struct uptr name, int mode, int flags)
{
	u32 lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	u32 mask = (mode & R_OK ? MAY_READ : 0) | (mode & W_OK ? MAY_WRITE : 0) | (mode & X_OK ? MAY_EXEC : 0);
	struct path p;
	int err = path_lookup_user(dirfd, name, lookup, &p);

	if (err)
		return err;
	if (mask)
		err = path_permission(&p, mask);
	path_put(&p);
	return err;
}

SYSCALL4(faccessat2, int, dirfd, struct uptr, name, int, mode, int, flags)
{
	const struct cred *own = current->cred, *real;
	int err;

	if (mode & ~(R_OK | W_OK | X_OK) || flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EACCESS)
		return access_path(dirfd, name, mode, flags);
	real = real_cred();
	if (!real)
		return -ENOMEM;
	if (real != own)
		swap_cred(real);
	err = access_path(dirfd, name, mode, flags);
	if (real != own)
		swap_cred(own);
	cred_put(real);
	return err;
}

SYSCALL3(faccessat, int, dirfd, struct uptr, name, int, mode)
{
	return do_sys_faccessat2(dirfd, name, mode, 0);
}

SYSCALL2(access, struct uptr, name, int, mode)
{
	return do_sys_faccessat2(AT_FDCWD, name, mode, 0);
}
