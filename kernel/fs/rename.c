/*
 * rename(2), beneath the system call.
 *
 * Locks: LOCK_FS_RENAME when the directories differ (so that the tree stands still for the ancestor check), then both
 * directories (the ancestor first, else by address), then the file that is replaced.
 */
#include "fs/internal.h"

static struct mutex rename_lock = MUTEX_INIT(LOCK_FS_RENAME);

struct rename {
	struct nameidata old, new; /* parents and last components */
	struct dentry *od, *nd; /* children */
	u32 flags;
};

static void lock_dirs(struct dentry *a, struct dentry *b)
{
	if (a->inode == b->inode) {
		mutex_lock(&a->inode->lock);
		return;
	}
	mutex_lock(&rename_lock);
	if (dentry_is_ancestor(b, a)) {
		mutex_lock(&b->inode->lock);
		mutex_lock_nested(&a->inode->lock);
	} else if (dentry_is_ancestor(a, b)) {
		mutex_lock(&a->inode->lock);
		mutex_lock_nested(&b->inode->lock);
	} else {
		mutex_lock_two(&a->inode->lock, &b->inode->lock);
	}
}

static void unlock_dirs(struct dentry *a, struct dentry *b)
{
	mutex_unlock(&a->inode->lock);
	if (a->inode != b->inode) {
		mutex_unlock(&b->inode->lock);
		mutex_unlock(&rename_lock);
	}
}

/* Everything that depends on what the two names are. */
static int check_names(struct rename *r)
{
	struct inode *oi = r->od->inode, *ni = r->nd->inode;

	if (!oi)
		return -ENOENT;
	if ((r->flags & RENAME_NOREPLACE) && ni)
		return -EEXIST;
	if ((r->flags & RENAME_EXCHANGE) && !ni)
		return -ENOENT;
	if (r->flags & RENAME_EXCHANGE) {
		if (r->new.last_slash && !S_ISDIR_(ni->mode))
			return -ENOTDIR;
	} else if (r->new.last_slash && !S_ISDIR_(oi->mode)) {
		return -ENOTDIR;
	}
	if (r->old.last_slash && !S_ISDIR_(oi->mode))
		return -ENOTDIR;
	if (dentry_is_ancestor(r->od, r->new.path.dentry))
		return -EINVAL;
	if (ni && dentry_is_ancestor(r->nd, r->old.path.dentry))
		return r->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_permission(struct rename *r)
{
	struct dentry *odir = r->old.path.dentry, *ndir = r->new.path.dentry;
	struct inode *oi = r->od->inode, *ni = r->nd->inode;
	bool is_dir = S_ISDIR_(oi->mode);
	int err = may_delete(odir, r->od, is_dir);

	if (err)
		return err;
	if (!ni)
		err = may_create(ndir);
	else
		err = may_delete(ndir, r->nd, r->flags & RENAME_EXCHANGE ? S_ISDIR_(ni->mode) : is_dir);
	if (err)
		return err;
	/* A directory that moves has its ".." rewritten. */
	if (odir != ndir) {
		if (is_dir)
			err = inode_permission(oi, MAY_WRITE);
		if (!err && (r->flags & RENAME_EXCHANGE) && S_ISDIR_(ni->mode))
			err = inode_permission(ni, MAY_WRITE);
	}
	return err;
}

/* Both directories are locked. */
static int rename_locked(struct rename *r)
{
	struct inode *odir = r->old.path.dentry->inode, *ndir = r->new.path.dentry->inode;
	struct inode *oi = r->od->inode, *ni = r->nd->inode;
	int err;

	if (oi == ni)
		return 0;
	err = check_permission(r);
	if (err)
		return err;
	if (!odir->ops->rename)
		return -EPERM;
	if (atomic_load(&r->od->mounted) || atomic_load(&r->nd->mounted))
		return -EBUSY;
	if (ni)
		mutex_lock_nested(&ni->lock);
	err = odir->ops->rename(odir, &r->od->name, oi, ndir, &r->nd->name, ni, r->flags);
	if (ni)
		mutex_unlock(&ni->lock);
	return err;
}

/* After the file system has done it: the names in the cache, watchers. */
static void renamed(struct rename *r)
{
	struct inode *oi = r->od->inode;

	notify_name(r->od, oi, IN_MOVED_FROM);
	dentry_move(r->od, r->nd, r->flags & RENAME_EXCHANGE);
	notify_name(r->od, oi, IN_MOVED_TO);
	if (r->flags & RENAME_EXCHANGE)
		notify_name(r->nd, r->nd->inode, IN_MOVED_TO);
	fs_notify(oi, NULL, IN_MOVE_SELF | (S_ISDIR_(oi->mode) ? IN_ISDIR : 0));
}

static int rename_children(struct rename *r)
{
	struct dentry *odir = r->old.path.dentry, *ndir = r->new.path.dentry;
	struct inode *replaced = NULL;
	bool moved = false;
	int err = 0;

	r->nd = NULL;
	r->od = dentry_lookup_dirlocked(odir, &r->old.last);
	if (is_err(r->od)) {
		err = (int)ptr_err(r->od);
		r->od = NULL;
	}
	if (!err) {
		r->nd = dentry_lookup_dirlocked(ndir, &r->new.last);
		if (is_err(r->nd)) {
			err = (int)ptr_err(r->nd);
			r->nd = NULL;
		}
	}
	if (!err)
		err = check_names(r);
	if (!err && path_readonly(&r->new.path))
		err = -EROFS;
	if (!err) {
		moved = r->od->inode != r->nd->inode;
		replaced = r->nd->inode ? inode_get(r->nd->inode) : NULL;
		err = rename_locked(r);
	}
	if (!err && moved) {
		renamed(r);
		/* A whiteout stands at the old name now, which the cache holds for free. */
		if ((r->flags & RENAME_WHITEOUT) && !r->nd->inode)
			dentry_forget(r->nd);
	}
	unlock_dirs(odir, ndir);
	if (!err && moved && replaced && !(r->flags & RENAME_EXCHANGE)) {
		fs_notify(replaced, NULL, IN_ATTRIB);
		if (S_ISDIR_(replaced->mode) || !replaced->nlink)
			fs_notify(replaced, NULL, IN_DELETE_SELF);
	}
	if (r->od)
		dentry_put(r->od);
	if (r->nd)
		dentry_put(r->nd);
	if (replaced)
		inode_put(replaced);
	return err;
}

static int walk_side(struct nameidata *nd, int dirfd, const char *name)
{
	int err = nd_init(nd, dirfd, name, 0);

	if (!err)
		err = nd_parent(nd);
	if (!err && !S_ISDIR_(nd->path.dentry->inode->mode))
		err = -ENOTDIR;
	return err;
}

static int check_side(struct nameidata *nd, int err_special)
{
	if (nd->last_type != LAST_NORM)
		return err_special;
	if (nd->last.len > NAME_MAX)
		return -ENAMETOOLONG;
	return inode_permission(nd->path.dentry->inode, MAY_EXEC);
}

int do_renameat2(int olddirfd, const char *oldname, int newdirfd, const char *newname, u32 flags)
{
	struct rename r;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return -EINVAL;
	if ((flags & RENAME_WHITEOUT) && !vfs_capable(CAP_MKNOD))
		return -EPERM;
	memset(&r.new, 0, sizeof(r.new));
	r.flags = flags;
	err = walk_side(&r.old, olddirfd, oldname);
	if (!err)
		err = walk_side(&r.new, newdirfd, newname);
	if (!err && r.old.path.mnt != r.new.path.mnt)
		err = -EXDEV;
	if (!err)
		err = check_side(&r.old, -EBUSY);
	if (!err)
		err = check_side(&r.new, flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY);
	if (!err) {
		lock_dirs(r.old.path.dentry, r.new.path.dentry);
		err = rename_children(&r);
	}
	nd_done(&r.old);
	nd_done(&r.new);
	return err;
}
