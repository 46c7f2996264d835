/* open(2), beneath the system call: flags, creation, permission, and the making of a struct file. */
#include "fs/internal.h"

#include "fs/hostfile/hostfile.h"

/* What a description offers until its type's open has succeeded: nothing, release included. */
static const struct file_ops nothing_ops = { .name = "none" };

struct open_how_k {
	u32 flags; /* O_* */
	u32 mode;
	u32 acc; /* MAY_* asked of the file */
	u32 lookup; /* LOOKUP_* */
};

static int check_open_flags(struct open_how_k *h, u32 flags, u32 mode)
{
	flags &= O_VALID_FLAGS;
	h->mode = flags & (O_CREAT | O_TMPFILE_BIT) ? mode & S_IALLUGO : 0;
	if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL;
	if (flags & O_TMPFILE_BIT) {
		if ((flags & O_TMPFILE) != O_TMPFILE)
			return -EINVAL;
		if (!((flags + 1) & O_RDWR)) /* neither O_WRONLY nor O_RDWR */
			return -EINVAL;
	}
	if (flags & O_PATH)
		flags &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
	if (flags & O_SYNC_BIT)
		flags |= O_DSYNC;
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		h->acc = MAY_READ;
		break;
	case O_WRONLY:
		h->acc = MAY_WRITE;
		break;
	default: /* O_RDWR, and 3: checked for both, usable for ioctl only */
		h->acc = MAY_READ | MAY_WRITE;
	}
	if (flags & O_TRUNC)
		h->acc |= MAY_WRITE;
	if (flags & O_APPEND)
		h->acc |= MAY_APPEND;
	if (flags & O_PATH)
		h->acc = 0;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		flags |= O_NOFOLLOW;
	h->flags = flags;
	return 0;
}

static u32 mode_flags_of(u32 flags)
{
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return FMODE_READ;
	case O_WRONLY:
		return FMODE_WRITE;
	case O_RDWR:
		return FMODE_READ | FMODE_WRITE;
	}
	return 0;
}

/* The file at path, opened by its type. Permission is the caller's. */
static struct file *open_path(const struct path *path, u32 flags, u32 extra_mode)
{
	struct inode *inode = path->dentry->inode;
	u32 mode = mode_flags_of(flags) | extra_mode;
	const struct file_ops *ops;
	struct file *f;
	int err = 0;

	f = file_alloc(path, flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC), &nothing_ops);
	if (is_err(f))
		return f;
	if (flags & O_PATH) {
		f->mode_flags = FMODE_PATH;
		return f;
	}
	f->mode_flags = mode & ~FMODE_WRITER;
	if ((mode & FMODE_WRITE) && S_ISREG_(inode->mode)) {
		err = inode_write_get(inode);
		if (err)
			goto fail;
		f->mode_flags |= FMODE_WRITER;
	}
	f->ops = inode->fops ? inode->fops : &nothing_ops;
	f->flags |= flags & O_NOCTTY; /* for the type's open only */
	if (inode->ops->open)
		err = inode->ops->open(inode, f);
	else if (inode->fops)
		err = 0;
	else if (S_ISFIFO_(inode->mode))
		err = fifo_open(inode, f);
	else if (S_ISCHR_(inode->mode))
		err = inode->host_device ? hostdev_open(inode, f) : chrdev_open(inode, f);
	else
		err = -ENXIO;
	if (!err && f->ops == &nothing_ops)
		err = -ENXIO;
	if (err)
		goto fail;
	f->flags &= ~O_NOCTTY;
	ops = f->ops;
	if (ops->llseek || S_ISREG_(inode->mode) || S_ISDIR_(inode->mode))
		f->mode_flags |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	if ((flags & O_DIRECT) && !S_ISREG_(inode->mode) && !S_ISBLK_(inode->mode) && !S_ISFIFO_(inode->mode))
		atomic_and(&f->flags, ~O_DIRECT);
	return f;
fail:
	f->ops = &nothing_ops;
	file_put(f);
	return err_ptr(err);
}

struct file *file_open_inode(const struct path *path, u32 flags)
{
	if (!path->dentry->inode)
		return err_ptr(-ENOENT);
	return open_path(path, flags, 0);
}

static int may_open(const struct path *p, struct open_how_k *h)
{
	struct inode *i = p->dentry->inode;

	switch (i->mode & S_IFMT) {
	case S_IFLNK:
		return -ELOOP;
	case S_IFDIR:
		if (h->acc & MAY_WRITE)
			return -EISDIR;
		break;
	case S_IFBLK:
	case S_IFCHR:
		if (p->mnt && (p->mnt->flags & MS_NODEV))
			return -EACCES;
		/* fallthrough */
	case S_IFIFO:
	case S_IFSOCK:
		h->flags &= ~O_TRUNC;
	}
	return 0;
}

/* Permission to open what was there before. */
static int check_access(const struct path *p, struct open_how_k *h)
{
	int err = path_permission(p, h->acc & (MAY_READ | MAY_WRITE));

	if (!err && (h->flags & O_NOATIME) && !inode_owner_or_capable(p->dentry->inode))
		err = -EPERM;
	return err;
}

static struct file *finish(const struct path *p, struct open_how_k *h, bool created)
{
	struct inode *i = p->dentry->inode;
	struct file *f;
	int err;

	if (!(h->flags & O_PATH)) {
		err = may_open(p, h);
		if (!err && !created)
			err = check_access(p, h);
		if (err)
			return err_ptr(err);
	}
	f = open_path(p, h->flags, 0);
	if (is_err(f) || (h->flags & O_PATH))
		return f;
	if ((h->flags & O_TRUNC) && !created && S_ISREG_(i->mode)) {
		/* O_RDONLY | O_TRUNC truncates as well: it may not hit a running program. */
		err = inode_write_get(i);
		if (!err) {
			err = vfs_truncate(p, 0, f);
			inode_write_put(i);
		}
		if (err) {
			file_put(f);
			return err_ptr(err);
		}
	}
	fs_notify(i, p->dentry, IN_OPEN | (S_ISDIR_(i->mode) ? IN_ISDIR : 0));
	return f;
}

/* The last component does not exist: make it. *out positive (perhaps somebody else's), *created tells. */
static int open_create(struct nameidata *nd, struct open_how_k *h, struct path *out, bool *created)
{
	struct inode_new new = { .mode = S_IFREG | (h->mode & ~current_umask()) };
	struct dentry *dir = nd->path.dentry, *d;
	int err = 0;

	*created = false;
	mutex_lock(&dir->inode->lock);
	d = dentry_lookup_dirlocked(dir, &nd->last);
	if (is_err(d)) {
		err = (int)ptr_err(d);
	} else if (!d->inode) {
		err = path_readonly(&nd->path) ? -EROFS : create_locked(dir, d, &new);
		*created = !err;
	}
	mutex_unlock(&dir->inode->lock);
	if (is_err(d))
		return err;
	if (err) {
		dentry_put(d);
		return err;
	}
	out->dentry = d;
	out->mnt = nd->path.mnt ? mount_get(nd->path.mnt) : NULL;
	if (*created)
		notify_name(d, d->inode, IN_CREATE);
	else
		nd_cross_mounts(out);
	return 0;
}

static struct file *open_tmpfile(struct nameidata *nd, struct open_how_k *h)
{
	struct inode_new new = { .mode = S_IFREG | (h->mode & ~current_umask()) };
	struct inode *inode = NULL, *dir;
	struct path p, tmp;
	struct file *f;
	char name[24];
	int err = nd_walk(nd, &p);

	if (err)
		return err_ptr(err);
	dir = p.dentry->inode;
	err = path_permission(&p, MAY_WRITE | MAY_EXEC);
	if (!err && !dir->ops->tmpfile)
		err = -EOPNOTSUPP;
	if (!err) {
		inode_init_owner(dir, &new);
		mutex_lock(&dir->lock);
		err = dir_is_dead(p.dentry) ? -ENOENT : dir->ops->tmpfile(dir, &new, &inode);
		mutex_unlock(&dir->lock);
	}
	if (err) {
		path_put(&p);
		return err_ptr(err);
	}
	ksnprintf(name, sizeof(name), "#%llu", (unsigned long long)inode->ino);
	tmp.dentry = dentry_alloc_tmpfile(p.dentry, inode, name);
	if (!tmp.dentry) {
		inode_put(inode);
		path_put(&p);
		return err_ptr(-ENOMEM);
	}
	tmp.mnt = p.mnt ? mount_get(p.mnt) : NULL;
	path_put(&p);
	inode->linkable = !(h->flags & O_EXCL);
	f = open_path(&tmp, h->flags, 0);
	path_put(&tmp);
	return f;
}

/* Walks to the last component and beyond symlinks; *p is positive. */
static int open_walk(struct nameidata *nd, struct open_how_k *h, struct path *p, bool *created)
{
	int err;

	*created = false;
	for (;;) {
		err = nd_parent(nd);
		if (err)
			return err;
		if (nd->last_type != LAST_NORM) {
			if ((h->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
				return -EEXIST;
			nd->flags |= LOOKUP_FOLLOW;
			/* ".", ".." and "/" are finished by the plain walk from where we are; so is a magic link's target. */
			err = nd->last_type == LAST_ROOT ? 0 : inode_permission(nd->path.dentry->inode, MAY_EXEC);
			if (!err && nd->last_type == LAST_DOTDOT)
				err = nd_dotdot(nd);
			if (err)
				return err;
			*p = nd->path;
			path_get(p);
			return 0;
		}
		if ((h->flags & O_CREAT) && nd->last_slash)
			return -EISDIR;
		err = nd_lookup_last(nd, p);
		if (err)
			return err;
		if (!p->dentry->inode) {
			path_put(p);
			if (!(h->flags & O_CREAT))
				return -ENOENT;
			err = open_create(nd, h, p, created);
			if (err)
				return err;
		}
		if (!*created && (h->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) {
			path_put(p);
			return -EEXIST;
		}
		if (!S_ISLNK_(p->dentry->inode->mode))
			return 0;
		if ((h->flags & O_NOFOLLOW) && !nd->last_slash) {
			if (h->flags & O_PATH)
				return 0;
			path_put(p);
			return -ELOOP;
		}
		err = nd_follow(nd, p);
		if (err)
			return err;
	}
}

static u32 lookup_flags(u32 resolve)
{
	u32 l = 0;

	if (resolve & RESOLVE_NO_XDEV)
		l |= LOOKUP_NO_XDEV;
	if (resolve & RESOLVE_NO_MAGICLINKS)
		l |= LOOKUP_NO_MAGICLINKS;
	if (resolve & RESOLVE_NO_SYMLINKS)
		l |= LOOKUP_NO_SYMLINKS | LOOKUP_NO_MAGICLINKS;
	if (resolve & RESOLVE_BENEATH)
		l |= LOOKUP_BENEATH;
	if (resolve & RESOLVE_IN_ROOT)
		l |= LOOKUP_IN_ROOT;
	return l;
}

static struct file *open_nd(struct nameidata *nd, struct open_how_k *h)
{
	struct path p;
	struct file *f;
	bool created;
	int err;

	if (h->flags & O_TMPFILE_BIT) {
		nd->flags |= LOOKUP_DIRECTORY | (h->flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW);
		return open_tmpfile(nd, h);
	}
	err = open_walk(nd, h, &p, &created);
	if (err)
		return err_ptr(err);
	if (S_ISDIR_(p.dentry->inode->mode)) {
		if (h->flags & O_CREAT)
			err = -EISDIR;
	} else if ((h->flags & O_DIRECTORY) || nd->last_slash) {
		err = -ENOTDIR;
	}
	f = err ? err_ptr(err) : finish(&p, h, created);
	path_put(&p);
	return f;
}

struct file *do_open(int dirfd, const char *name, u32 flags, u32 mode, u32 resolve)
{
	struct open_how_k h;
	struct nameidata nd;
	struct file *f;
	int err = check_open_flags(&h, flags, mode);

	if (err)
		return err_ptr(err);
	err = nd_init(&nd, dirfd, name, lookup_flags(resolve));
	f = err ? err_ptr(err) : open_nd(&nd, &h);
	nd_done(&nd);
	return f;
}

struct file *file_open_path(int dirfd, const char *name, u32 flags, u32 mode)
{
	return do_open(dirfd, name, flags, mode, 0);
}

struct file *file_open_exec(int dirfd, const char *name, int at_flags)
{
	u32 lookup = at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct path p;
	struct file *f;
	int err;

	if (at_flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	err = path_lookup(dirfd, name, lookup, &p);
	if (err)
		return err_ptr(err);
	if (S_ISLNK_(p.dentry->inode->mode))
		err = -ELOOP;
	else if (!S_ISREG_(p.dentry->inode->mode))
		err = -EACCES;
	else
		err = path_permission(&p, MAY_EXEC);
	f = err ? err_ptr(err) : open_path(&p, O_RDONLY, FMODE_EXEC);
	path_put(&p);
	return f;
}
