/* Reading and changing attributes: stat, chmod, chown, utimes, truncate, beneath the system calls. */
#include "fs/internal.h"
#include "mm/mm.h"
#include "proc/signal.h"

int vfs_getattr(const struct path *p, struct kstat *st)
{
	struct inode *i = p->dentry->inode;
	int err = 0;

	if (i->ops->getattr)
		err = i->ops->getattr(i, st);
	else
		inode_fill_stat(i, st);
	if (err)
		return err;
	if (p->mnt) {
		st->mnt_id = p->mnt->id;
		st->result_mask |= STATX_MNT_ID;
		st->attributes_mask |= STATX_ATTR_MOUNT_ROOT;
		if (p->dentry == p->mnt->root)
			st->attributes |= STATX_ATTR_MOUNT_ROOT;
	}
	return 0;
}

int vfs_statfs(struct super_block *sb, const struct mount *mnt, struct kstatfs *st)
{
	u32 flags = mnt ? mnt->flags : 0;
	int err;

	memset(st, 0, sizeof(*st));
	st->namelen = NAME_MAX;
	st->bsize = PAGE_SIZE;
	err = sb->ops && sb->ops->statfs ? sb->ops->statfs(sb, st) : -ENOSYS;
	if (err)
		return err;
	if (!st->frsize)
		st->frsize = st->bsize;
	if (!st->fsid)
		st->fsid = sb->dev;
	st->flags |= ST_VALID;
	if ((flags & MS_RDONLY) || (sb->flags & SB_RDONLY))
		st->flags |= ST_RDONLY;
	if (flags & MS_NOSUID)
		st->flags |= ST_NOSUID;
	if (flags & MS_NODEV)
		st->flags |= ST_NODEV;
	if (flags & MS_NOEXEC)
		st->flags |= ST_NOEXEC;
	if (flags & MS_NOATIME)
		st->flags |= ST_NOATIME;
	if (flags & MS_NODIRATIME)
		st->flags |= ST_NODIRATIME;
	if (flags & MS_NOSYMFOLLOW)
		st->flags |= ST_NOSYMFOLLOW;
	if (mnt && !(flags & (MS_NOATIME | MS_STRICTATIME)))
		st->flags |= ST_RELATIME;
	return 0;
}

/* S_ISUID goes, and S_ISGID where it means set-group-ID execution or the changer is no member. */
static u32 setid_dropped(u32 mode, u32 gid)
{
	mode &= ~S_ISUID;
	if ((mode & S_ISGID) && ((mode & S_IXGRP) || (!vfs_in_group(gid) && !vfs_capable(CAP_FSETID))))
		mode &= ~S_ISGID;
	return mode;
}

static int check_change(struct inode *i, struct iattr *a)
{
	bool owner = vfs_fsuid() == i->uid;

	if ((a->valid & ATTR_UID) && !(owner && a->uid == i->uid) && !vfs_capable(CAP_CHOWN))
		return -EPERM;
	if ((a->valid & ATTR_GID) && !(owner && (a->gid == i->gid || vfs_in_group(a->gid))) && !vfs_capable(CAP_CHOWN))
		return -EPERM;
	if (a->valid & ATTR_MODE) {
		if (!inode_owner_or_capable(i))
			return -EPERM;
		if (!vfs_in_group(a->valid & ATTR_GID ? a->gid : i->gid) && !vfs_capable(CAP_FSETID))
			a->mode &= ~S_ISGID;
	}
	if ((a->valid & ATTR_TIMES_EXPLICIT) && !inode_owner_or_capable(i))
		return -EPERM;
	return 0;
}

/* The change itself; permission is checked, the mount is writable. inode->lock held. */
static int setattr_locked(struct inode *i, struct iattr *a)
{
	struct timespec64 now = ns_to_timespec64(ktime_get_real());
	u32 dropped;

	if ((a->valid & (ATTR_UID | ATTR_GID | ATTR_SIZE)) && !(a->valid & ATTR_MODE) && !S_ISDIR_(i->mode)) {
		dropped = i->mode;
		if ((a->valid & (ATTR_UID | ATTR_GID)) || !vfs_capable(CAP_FSETID))
			dropped = setid_dropped(i->mode, i->gid);
		if (dropped != i->mode) {
			a->valid |= ATTR_MODE;
			a->mode = dropped;
		}
	}
	if (a->valid & ATTR_MODE)
		a->mode = (i->mode & S_IFMT) | (a->mode & S_IALLUGO);
	if (!(a->valid & ATTR_TIMES_EXPLICIT)) {
		if (a->valid & ATTR_ATIME)
			a->atime = now;
		if (a->valid & ATTR_MTIME)
			a->mtime = now;
	}
	if (a->valid & ATTR_SIZE) {
		a->valid |= ATTR_MTIME;
		a->mtime = now;
	}
	a->valid |= ATTR_CTIME;
	a->ctime = now;
	return i->ops->setattr ? i->ops->setattr(i, a) : inode_setattr_simple(i, a);
}

static int change(const struct path *p, struct iattr *a, bool checked)
{
	struct inode *i = p->dentry->inode;
	u32 mask = 0;
	int err;

	if (path_readonly(p))
		return -EROFS;
	mutex_lock(&i->lock);
	err = checked ? 0 : check_change(i, a);
	if (!err)
		err = setattr_locked(i, a);
	mutex_unlock(&i->lock);
	if (err)
		return err;
	if (a->valid & (ATTR_UID | ATTR_GID | ATTR_MODE))
		mask |= IN_ATTRIB;
	if (a->valid & ATTR_SIZE) {
		mask |= IN_MODIFY;
		mm_file_truncated(i);
	} else if (a->valid & (ATTR_ATIME | ATTR_MTIME)) {
		mask |= IN_ATTRIB;
	}
	if (mask)
		fs_notify(i, p->dentry, mask | (S_ISDIR_(i->mode) ? IN_ISDIR : 0));
	return 0;
}

int vfs_setattr(const struct path *p, struct iattr *a)
{
	struct inode *i = p->dentry->inode;

	/* "Now" may be set by whoever may write. */
	if ((a->valid & (ATTR_ATIME | ATTR_MTIME)) && !(a->valid & ATTR_TIMES_EXPLICIT) && !inode_owner_or_capable(i)) {
		int err = inode_permission(i, MAY_WRITE);

		if (err)
			return err;
	}
	return change(p, a, false);
}

int inode_size_ok(struct inode *i, u64 size)
{
	if (size > i->size && current->process && S_ISREG_(i->mode) && size > rlimit(RLIMIT_FSIZE)) {
		signal_send_task(current, SIGXFSZ, NULL);
		return -EFBIG;
	}
	return size > i->sb->max_file_size ? -EFBIG : 0;
}

int vfs_truncate(const struct path *p, u64 size, struct file *file)
{
	struct inode *i = p->dentry->inode;
	struct iattr a = { .valid = ATTR_SIZE, .size = size, .file = file };
	int err;

	if (S_ISDIR_(i->mode))
		return -EISDIR;
	if (!S_ISREG_(i->mode))
		return -EINVAL;
	if (size > INT64_MAX)
		return -EINVAL;
	err = inode_size_ok(i, size);
	return err ? err : change(p, &a, true);
}

void inode_drop_setid(struct inode *i)
{
	u32 mode = atomic_load_relaxed(&i->mode);
	struct iattr a = { .valid = ATTR_MODE | ATTR_CTIME };

	if (likely(!(mode & (S_ISUID | S_ISGID))) || !S_ISREG_(mode) || vfs_capable(CAP_FSETID))
		return;
	mutex_lock(&i->lock);
	a.mode = setid_dropped(i->mode, i->gid);
	a.ctime = ns_to_timespec64(ktime_get_real());
	if (a.mode != i->mode) {
		int err = i->ops->setattr ? i->ops->setattr(i, &a) : inode_setattr_simple(i, &a);

		if (err)
			log_debug("drop set-id bits of inode %llu: %d", (unsigned long long)i->ino, err);
	}
	mutex_unlock(&i->lock);
}
