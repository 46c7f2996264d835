/* Who may do what: discretionary access control with the guest's credentials and capabilities, path_resolution(7). */
#include "fs/internal.h"

/* Service threads of the kernel act with no credentials: they may do everything. */
bool vfs_capable(unsigned cap)
{
	const struct cred *c = current->cred;

	return !c || cred_has_cap(c, cap);
}

u32 vfs_fsuid(void)
{
	const struct cred *c = current->cred;

	return c ? c->fsuid : 0;
}

u32 vfs_fsgid(void)
{
	const struct cred *c = current->cred;

	return c ? c->fsgid : 0;
}

bool vfs_in_group(u32 gid)
{
	const struct cred *c = current->cred;

	return c ? cred_in_group(c, gid) : true;
}

bool inode_owner_or_capable(struct inode *i)
{
	return vfs_fsuid() == atomic_load_relaxed(&i->uid) || vfs_capable(CAP_FOWNER);
}

/* Takes no lock: namei.c calls it under dcache_lock. */
int inode_permission_generic(struct inode *i, u32 mask)
{
	u32 mode = atomic_load_relaxed(&i->mode), bits = mode & 7;

	mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
	if (vfs_fsuid() == atomic_load_relaxed(&i->uid))
		bits = (mode >> 6) & 7;
	else if (((mode >> 3) & 7) != (mode & 7) && vfs_in_group(atomic_load_relaxed(&i->gid)))
		bits = (mode >> 3) & 7;
	if (!(mask & ~bits))
		return 0;
	if (S_ISDIR_(mode)) {
		if (vfs_capable(CAP_DAC_OVERRIDE))
			return 0;
		return !(mask & MAY_WRITE) && vfs_capable(CAP_DAC_READ_SEARCH) ? 0 : -EACCES;
	}
	if (mask == MAY_READ && vfs_capable(CAP_DAC_READ_SEARCH))
		return 0;
	if ((!(mask & MAY_EXEC) || (mode & S_IXUGO)) && vfs_capable(CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int inode_permission(struct inode *i, u32 mask)
{
	if ((mask & MAY_WRITE) && (i->sb->flags & SB_RDONLY) &&
	    (S_ISREG_(i->mode) || S_ISDIR_(i->mode) || S_ISLNK_(i->mode)))
		return -EROFS;
	return i->ops->permission ? i->ops->permission(i, mask) : inode_permission_generic(i, mask);
}

bool path_readonly(const struct path *p)
{
	return (p->mnt && (atomic_load_relaxed(&p->mnt->flags) & MS_RDONLY)) || (p->dentry->sb->flags & SB_RDONLY);
}

int path_permission(const struct path *p, u32 mask)
{
	struct inode *i = p->dentry->inode;

	if ((mask & MAY_EXEC) && S_ISREG_(i->mode) && p->mnt && (p->mnt->flags & MS_NOEXEC))
		return -EACCES;
	if ((mask & MAY_WRITE) && path_readonly(p) && !S_ISCHR_(i->mode) && !S_ISBLK_(i->mode) &&
	    !S_ISFIFO_(i->mode) && !S_ISSOCK_(i->mode))
		return -EROFS;
	return inode_permission(i, mask);
}

int may_create(struct dentry *dir)
{
	if (dir_is_dead(dir))
		return -ENOENT;
	return inode_permission(dir->inode, MAY_WRITE | MAY_EXEC);
}

/* victim positive; both inode locks as the operation has them. */
int may_delete(struct dentry *dir, struct dentry *victim, bool is_dir)
{
	struct inode *d = dir->inode, *v = victim->inode;
	int err = inode_permission(d, MAY_WRITE | MAY_EXEC);
	u32 uid = vfs_fsuid();

	if (err)
		return err;
	if ((d->mode & S_ISVTX) && uid != v->uid && uid != d->uid && !vfs_capable(CAP_FOWNER))
		return -EPERM;
	if (is_dir) {
		if (!S_ISDIR_(v->mode))
			return -ENOTDIR;
		if (victim->parent == victim)
			return -EBUSY;
	} else if (S_ISDIR_(v->mode)) {
		return -EISDIR;
	}
	if (dir_is_dead(dir))
		return -ENOENT;
	return 0;
}

/* Owner, group and set-group-ID of something new in dir. */
void inode_init_owner(struct inode *dir, struct inode_new *new)
{
	new->uid = vfs_fsuid();
	new->gid = vfs_fsgid();
	if (!(dir->mode & S_ISGID))
		return;
	new->gid = dir->gid;
	if (S_ISDIR_(new->mode))
		new->mode |= S_ISGID;
	else if ((new->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && !vfs_in_group(dir->gid) &&
		 !vfs_capable(CAP_FSETID))
		new->mode &= ~S_ISGID;
}
