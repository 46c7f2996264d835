/* Making and removing names: mkdir, mknod, symlink, link, unlink, rmdir, beneath the system calls. */
#include "fs/internal.h"

/*
 * dir's inode lock is held, d is its negative child. The new file's owner is filled in here, its mode is final
 * but for set-group-ID directories.
 */
int create_locked(struct dentry *dir, struct dentry *d, const struct inode_new *tmpl)
{
	struct inode_new new = *tmpl;
	struct inode *inode = NULL, *di = dir->inode;
	int err = may_create(dir);

	if (err)
		return err;
	if (!di->ops->create)
		return -EPERM;
	inode_init_owner(di, &new);
	err = di->ops->create(di, &d->name, &new, &inode);
	if (!err)
		dentry_instantiate(d, inode);
	return err;
}

/* Makes the name of nd in its directory; out (may be NULL) gets the place. */
static int create_nd(struct nameidata *nd, const struct inode_new *new, struct path *out)
{
	struct dentry *dir = nd->path.dentry, *d;
	int err = inode_permission(dir->inode, MAY_EXEC);

	if (err)
		return err;
	if (nd->last.len > NAME_MAX)
		return -ENAMETOOLONG;
	mutex_lock(&dir->inode->lock);
	d = dentry_lookup_dirlocked(dir, &nd->last);
	if (is_err(d)) {
		mutex_unlock(&dir->inode->lock);
		return (int)ptr_err(d);
	}
	if (d->inode)
		err = -EEXIST;
	else if (nd->last_slash && !S_ISDIR_(new->mode))
		err = -ENOENT;
	else if (path_readonly(&nd->path))
		err = -EROFS;
	else
		err = create_locked(dir, d, new);
	mutex_unlock(&dir->inode->lock);
	if (!err)
		notify_name(d, d->inode, IN_CREATE);
	if (!err && out) {
		out->dentry = d;
		out->mnt = nd->path.mnt ? mount_get(nd->path.mnt) : NULL;
	} else {
		dentry_put(d);
	}
	return err;
}

static int create_at(int dirfd, const char *name, const struct inode_new *new)
{
	struct nameidata nd;
	int err = nd_init(&nd, dirfd, name, 0);

	if (!err)
		err = nd_parent(&nd);
	if (!err && nd.last_type != LAST_NORM)
		err = -EEXIST;
	if (!err && !S_ISDIR_(nd.path.dentry->inode->mode))
		err = -ENOTDIR;
	if (!err)
		err = create_nd(&nd, new, NULL);
	nd_done(&nd);
	return err;
}

int vfs_create(const struct path *dir, const char *name, const struct inode_new *new, struct path *out)
{
	struct nameidata nd = { .path = *dir, .last = { .name = name, .len = (u32)strlen(name) } };
	struct inode_new n = *new;

	if (!nd.last.len || strchr(name, '/'))
		return -EINVAL;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EEXIST;
	if (!S_ISDIR_(dir->dentry->inode->mode))
		return -ENOTDIR;
	if (!S_ISLNK_(n.mode))
		n.mode &= ~current_umask();
	return create_nd(&nd, &n, out);
}

int do_mkdirat(int dirfd, const char *name, u32 mode)
{
	struct inode_new new = { .mode = S_IFDIR | (mode & (S_IRWXUGO | S_ISVTX) & ~current_umask()) };

	return create_at(dirfd, name, &new);
}

int do_mknodat(int dirfd, const char *name, u32 mode, u64 rdev)
{
	struct inode_new new = { .rdev = rdev };

	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		new.rdev = 0;
		break;
	case S_IFCHR:
	case S_IFBLK:
		/* 0:0 is overlay's whiteout, which anybody may make. */
		if (!(S_ISCHR_(mode) && rdev == 0) && !vfs_capable(CAP_MKNOD))
			return -EPERM;
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	new.mode = (mode & S_IFMT) | (mode & S_IALLUGO & ~current_umask());
	return create_at(dirfd, name, &new);
}

int do_symlinkat(const char *target, int dirfd, const char *name)
{
	struct inode_new new = { .mode = S_IFLNK | S_IRWXUGO, .symlink = target };

	return *target ? create_at(dirfd, name, &new) : -ENOENT;
}

static int link_locked(struct dentry *dir, struct dentry *d, struct inode *target)
{
	struct inode *di = dir->inode;
	int err = may_create(dir);

	if (err)
		return err;
	if (di->sb != target->sb)
		return -EXDEV;
	if (S_ISDIR_(target->mode) || !di->ops->link)
		return -EPERM;
	if (target->nlink == 0 && !target->linkable)
		return -ENOENT;
	err = di->ops->link(di, &d->name, target);
	if (!err) {
		target->linkable = false;
		dentry_instantiate(d, inode_get(target));
	}
	return err;
}

int do_linkat(int olddirfd, const char *oldname, int newdirfd, const char *newname, int flags)
{
	struct nameidata nd;
	struct path old;
	struct dentry *dir, *d;
	u32 lookup = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	int err = path_lookup(olddirfd, oldname, lookup, &old);

	if (err)
		return err;
	err = nd_init(&nd, newdirfd, newname, 0);
	if (!err)
		err = nd_parent(&nd);
	if (!err && nd.last_type != LAST_NORM)
		err = -EEXIST;
	if (!err && !S_ISDIR_(nd.path.dentry->inode->mode))
		err = -ENOTDIR;
	if (!err && nd.last.len > NAME_MAX)
		err = -ENAMETOOLONG;
	if (!err)
		err = inode_permission(nd.path.dentry->inode, MAY_EXEC);
	if (err)
		goto out;
	dir = nd.path.dentry;
	mutex_lock(&dir->inode->lock);
	d = dentry_lookup_dirlocked(dir, &nd.last);
	if (is_err(d))
		err = (int)ptr_err(d);
	else if (d->inode)
		err = -EEXIST;
	else if (nd.last_slash)
		err = -ENOENT;
	else if (nd.path.mnt != old.mnt)
		err = -EXDEV;
	else if (path_readonly(&nd.path))
		err = -EROFS;
	else
		err = link_locked(dir, d, old.dentry->inode);
	mutex_unlock(&dir->inode->lock);
	if (!err) {
		fs_notify(d->inode, NULL, IN_ATTRIB);
		notify_name(d, d->inode, IN_CREATE);
	}
	if (!is_err(d))
		dentry_put(d);
out:
	nd_done(&nd);
	path_put(&old);
	return err;
}

/* The victim's own lock nests in its directory's: parent before child. */
static int remove_locked(struct dentry *dir, struct dentry *d, bool is_dir)
{
	struct inode *di = dir->inode, *v = d->inode;
	int err = may_delete(dir, d, is_dir);

	if (err)
		return err;
	mutex_lock_nested(&v->lock);
	if (atomic_load(&d->mounted))
		err = -EBUSY;
	else if (is_dir)
		err = di->ops->rmdir ? di->ops->rmdir(di, &d->name, v) : -EPERM;
	else
		err = di->ops->unlink ? di->ops->unlink(di, &d->name, v) : -EPERM;
	mutex_unlock(&v->lock);
	return err;
}

static int remove_nd(struct nameidata *nd, bool is_dir)
{
	struct dentry *dir = nd->path.dentry, *d;
	struct inode *inode, *gone = NULL;
	int err = inode_permission(dir->inode, MAY_EXEC);

	if (err)
		return err;
	if (nd->last.len > NAME_MAX)
		return -ENAMETOOLONG;
	mutex_lock(&dir->inode->lock);
	d = dentry_lookup_dirlocked(dir, &nd->last);
	if (is_err(d)) {
		mutex_unlock(&dir->inode->lock);
		return (int)ptr_err(d);
	}
	inode = d->inode;
	if (inode)
		inode_get(inode);
	if (!inode)
		err = -ENOENT;
	else if (nd->last_slash && !is_dir)
		err = S_ISDIR_(inode->mode) ? -EISDIR : -ENOTDIR;
	else if (path_readonly(&nd->path))
		err = -EROFS;
	else
		err = remove_locked(dir, d, is_dir);
	if (!err) {
		/* While the dentry still knows its name and kind. */
		gone = dentry_delete(d);
	}
	mutex_unlock(&dir->inode->lock);
	if (!err) {
		if (!is_dir)
			fs_notify(inode, NULL, IN_ATTRIB); /* the number of links */
		if (is_dir || !inode->nlink)
			fs_notify(inode, NULL, IN_DELETE_SELF);
		notify_name(d, inode, IN_DELETE);
	}
	dentry_put(d);
	if (gone)
		inode_put(gone);
	if (inode)
		inode_put(inode);
	return err;
}

static int remove_at(int dirfd, const char *name, bool is_dir)
{
	struct nameidata nd;
	int err = nd_init(&nd, dirfd, name, 0);

	if (!err)
		err = nd_parent(&nd);
	if (!err && nd.last_type != LAST_NORM) {
		if (!is_dir)
			err = -EISDIR;
		else if (nd.last_type == LAST_DOT)
			err = -EINVAL;
		else
			err = nd.last_type == LAST_DOTDOT ? -ENOTEMPTY : -EBUSY;
	}
	if (!err && !S_ISDIR_(nd.path.dentry->inode->mode))
		err = -ENOTDIR;
	if (!err)
		err = remove_nd(&nd, is_dir);
	nd_done(&nd);
	return err;
}

int do_unlinkat(int dirfd, const char *name)
{
	return remove_at(dirfd, name, false);
}

int do_rmdirat(int dirfd, const char *name)
{
	return remove_at(dirfd, name, true);
}
