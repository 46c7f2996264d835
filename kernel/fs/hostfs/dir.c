/* hostfs: operations on names. The VFS holds the directories' inode locks. */
#include "core/alloc.h"
#include "fs/hostfs/internal.h"
#include "lib/string.h"

static void name_copy(char buf[NAME_MAX + 1], const struct qstr *q)
{
	memcpy(buf, q->name, q->len);
	buf[q->len] = 0;
}

/* Around a change of names: opens that meet it check what they got. */
static void names_begin(struct hostfs_sb *hs)
{
	mutex_lock(&hs->names_lock);
	(void)atomic_add(&hs->begun, 1);
}

static void names_end(struct hostfs_sb *hs)
{
	(void)atomic_add(&hs->ended, 1);
	mutex_unlock(&hs->names_lock);
}

static int hostfs_lookup(struct inode *dir, const struct qstr *q, struct inode **out)
{
	struct hostfs_sb *hs = hsb_of(dir);
	char name[NAME_MAX + 1];
	struct statx st;
	int fd, ret;

	fd = hostfs_fd_get(dir, HOSTFS_PATH);
	if (fd < 0)
		return fd == -ESTALE ? -ENOENT : fd;
	name_copy(name, q);
	ret = hs->be->stat(fd, name, &st);
	hostfs_fd_put(dir);
	return ret ? ret : hostfs_iget(dir->sb, &st, dir, name, out);
}

static bool hostfs_revalidate(struct inode *dir, const struct qstr *q, struct inode *inode)
{
	struct hostfs_sb *hs = hsb_of(dir);
	char name[NAME_MAX + 1];
	struct statx st;
	int fd, ret;

	fd = hostfs_fd_get(dir, HOSTFS_PATH);
	if (fd < 0)
		return false;
	name_copy(name, q);
	ret = hs->be->stat(fd, name, &st);
	hostfs_fd_put(dir);
	if (!inode)
		return ret == -ENOENT;
	if (ret || node_of(inode)->host_ino != st.stx_ino ||
	    node_of(inode)->host_dev != MKDEV(st.stx_dev_major, st.stx_dev_minor) ||
	    ((inode->mode ^ st.stx_mode) & S_IFMT))
		return false;
	hostfs_fill(inode, &st);
	return true;
}

/* Makes the file on the host. Regular ones stay open: the descriptor, else 0. */
static int create_host(struct hostfs_sb *hs, int dir, const char *name, const struct inode_new *new)
{
	u32 perm = new->mode & S_IALLUGO;

	switch (new->mode & S_IFMT) {
	case S_IFREG:
		return hostfs_open_host(hs->be, dir, name, O_CREAT | O_EXCL | O_RDWR, perm);
	case S_IFDIR:
		return hs->be->mkdir(dir, name, perm);
	case S_IFLNK:
		return hs->be->symlink(new->symlink, dir, name);
	case S_IFIFO:
	case S_IFSOCK:
		return hs->be->mknod(dir, name, new->mode, 0);
	case S_IFCHR:
		/* Overlay's whiteout. Other devices are never made on the host. */
		return new->rdev ? -EPERM : hs->be->mknod(dir, name, new->mode, 0);
	}
	return -EPERM;
}

static int hostfs_create(struct inode *dir, const struct qstr *q, const struct inode_new *new, struct inode **out)
{
	struct hostfs_sb *hs = hsb_of(dir);
	bool regular = S_ISREG_(new->mode);
	char name[NAME_MAX + 1];
	struct inode *inode;
	struct statx st;
	int dfd, fd, ret;

	if (hs->readonly)
		return -EROFS;
	dfd = hostfs_fd_get(dir, HOSTFS_PATH);
	if (dfd < 0)
		return dfd;
	name_copy(name, q);
	fd = create_host(hs, dfd, name, new);
	ret = fd < 0 ? fd : hs->be->stat(dfd, name, &st);
	if (!ret)
		ret = hostfs_iget(dir->sb, &st, dir, name, &inode);
	if (ret) {
		if (fd >= 0) {
			(void)hs->be->unlink(dfd, name, S_ISDIR_(new->mode));
			if (regular)
				hostfs_close(fd);
		}
		goto out;
	}
	hostfs_settle_new(inode, dfd, name, new);
	if (regular)
		hostfs_fd_install(inode, HOSTFS_WRITE, fd, false);
	hostfs_mark_stale(dir);
	*out = inode;
out:
	hostfs_fd_put(dir);
	return ret;
}

static int hostfs_tmpfile(struct inode *dir, const struct inode_new *new, struct inode **out)
{
	struct hostfs_sb *hs = hsb_of(dir);
	struct inode *inode;
	struct statx st;
	int dfd, fd, ret;

	if (hs->readonly)
		return -EROFS;
	dfd = hostfs_fd_get(dir, HOSTFS_PATH);
	if (dfd < 0)
		return dfd;
	fd = hostfs_open_host(hs->be, dfd, ".", O_TMPFILE | O_RDWR, new->mode & S_IALLUGO);
	hostfs_fd_put(dir);
	if (fd < 0)
		return fd == -EISDIR || fd == -ENOENT ? -EOPNOTSUPP : fd;
	ret = hs->be->stat(fd, "", &st);
	if (!ret)
		ret = hostfs_iget(dir->sb, &st, NULL, NULL, &inode);
	if (ret) {
		hostfs_close(fd);
		return ret;
	}
	hostfs_fd_install(inode, HOSTFS_WRITE, fd, false);
	hostfs_settle_new(inode, fd, "", new);
	*out = inode;
	return 0;
}

static int hostfs_link(struct inode *dir, const struct qstr *q, struct inode *target)
{
	struct hostfs_sb *hs = hsb_of(dir);
	struct inode *drop = NULL, *again;
	struct hostfs_place from;
	char name[NAME_MAX + 1];
	struct statx st;
	int dfd, ret;

	if (hs->readonly)
		return -EROFS;
	dfd = hostfs_fd_get(dir, HOSTFS_PATH);
	if (dfd < 0)
		return dfd;
	name_copy(name, q);
	mutex_lock(&hs->names_lock);
	ret = hostfs_place_get(target, &from);
	if (!ret) {
		ret = hs->be->link(from.dir, from.name, dfd, name);
		drop = from.pinned;
		hostfs_fd_put(drop);
	}
	mutex_unlock(&hs->names_lock);
	if (drop)
		inode_put(drop);
	if (!ret) {
		(void)atomic_add(&target->nlink, 1);
		inode_touch(target, ATTR_CTIME);
		hostfs_mark_stale(dir);
		/* A nameless file has one now: iget remembers it. */
		if (!node_of(target)->name && hs->be->stat(dfd, name, &st) == 0 &&
		    hostfs_iget(dir->sb, &st, dir, name, &again) == 0)
			inode_put(again);
	}
	hostfs_fd_put(dir);
	return ret;
}

/* One name less; a directory has only the one. */
static void drop_link(struct inode *victim)
{
	if (S_ISDIR_(victim->mode))
		atomic_store(&victim->nlink, 0);
	else if (atomic_load(&victim->nlink))
		(void)atomic_sub(&victim->nlink, 1);
	if (!atomic_load(&victim->nlink))
		hostfs_unhash(victim);
	inode_touch(victim, ATTR_CTIME);
}

static int remove_name(struct inode *dir, const struct qstr *q, struct inode *victim, bool directory)
{
	struct hostfs_sb *hs = hsb_of(dir);
	struct inode *drop = NULL;
	char name[NAME_MAX + 1];
	int dfd, ret;

	if (hs->readonly)
		return -EROFS;
	dfd = hostfs_fd_get(dir, HOSTFS_PATH);
	if (dfd < 0)
		return dfd;
	name_copy(name, q);
	names_begin(hs);
	ret = hs->be->unlink(dfd, name, directory);
	if (!ret)
		drop = hostfs_move_name(victim, dir, q, NULL, NULL);
	names_end(hs);
	hostfs_fd_put(dir);
	if (drop)
		inode_put(drop);
	if (ret)
		return ret;
	drop_link(victim);
	hostfs_mark_stale(dir);
	return 0;
}

static int hostfs_unlink(struct inode *dir, const struct qstr *q, struct inode *victim)
{
	return remove_name(dir, q, victim, false);
}

static int hostfs_rmdir(struct inode *dir, const struct qstr *q, struct inode *victim)
{
	int ret = remove_name(dir, q, victim, true);

	return ret == -EEXIST ? -ENOTEMPTY : ret;
}

static int hostfs_rename(struct inode *old_dir, const struct qstr *old_q, struct inode *inode, struct inode *new_dir,
			 const struct qstr *new_q, struct inode *replaced, u32 flags)
{
	char old_name[NAME_MAX + 1], new_name[NAME_MAX + 1], *new_copy, *old_copy = NULL;
	struct inode *drop = NULL, *drop2 = NULL;
	struct hostfs_sb *hs = hsb_of(old_dir);
	bool exchange = flags & RENAME_EXCHANGE;
	int ofd, nfd, ret;

	if (hs->readonly)
		return -EROFS;
	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	name_copy(old_name, old_q);
	name_copy(new_name, new_q);
	new_copy = kstrdup(new_name);
	old_copy = kstrdup(old_name);
	ofd = new_copy && old_copy ? hostfs_fd_get(old_dir, HOSTFS_PATH) : -ENOMEM;
	if (ofd < 0) {
		kfree(new_copy);
		kfree(old_copy);
		return ofd;
	}
	nfd = hostfs_fd_get(new_dir, HOSTFS_PATH);
	if (nfd < 0) {
		hostfs_fd_put(old_dir);
		kfree(new_copy);
		kfree(old_copy);
		return nfd;
	}
	names_begin(hs);
	ret = hs->be->rename(ofd, old_name, nfd, new_name, flags);
	if (!ret) {
		/* The replaced file first: its name must not be taken for the newcomer's. */
		if (replaced) {
			drop2 = hostfs_move_name(replaced, new_dir, new_q, exchange ? old_dir : NULL,
						 exchange ? old_copy : NULL);
			if (exchange)
				old_copy = NULL;
		}
		drop = hostfs_move_name(inode, old_dir, old_q, new_dir, new_copy);
		new_copy = NULL;
	}
	names_end(hs);
	hostfs_fd_put(old_dir);
	hostfs_fd_put(new_dir);
	kfree(new_copy);
	kfree(old_copy);
	if (drop)
		inode_put(drop);
	if (drop2)
		inode_put(drop2);
	if (ret)
		return ret == -EEXIST && replaced && S_ISDIR_(replaced->mode) ? -ENOTEMPTY : ret;
	if (replaced && !exchange)
		drop_link(replaced);
	hostfs_mark_stale(old_dir);
	hostfs_mark_stale(new_dir);
	inode_touch(inode, ATTR_CTIME);
	return 0;
}

static ssize_t hostfs_readlink(struct inode *inode, char *buf, size_t size)
{
	struct hostfs_place p;
	ssize_t ret;
	int err = hostfs_place_get(inode, &p);

	if (err)
		return err;
	ret = hsb_of(inode)->be->readlink(p.dir, p.name, buf, size);
	hostfs_place_put(&p);
	return ret;
}

#define DIR_OPS                                                                                              \
	.lookup = hostfs_lookup, .create = hostfs_create, .tmpfile = hostfs_tmpfile, .link = hostfs_link,    \
	.unlink = hostfs_unlink, .rmdir = hostfs_rmdir, .rename = hostfs_rename, .getattr = hostfs_getattr,  \
	.setattr = hostfs_setattr, .open = hostfs_dir_open, .getxattr = hostfs_getxattr,                     \
	.setxattr = hostfs_setxattr, .listxattr = hostfs_listxattr, .removexattr = hostfs_removexattr

static const struct inode_ops dir_ops = { DIR_OPS };
static const struct inode_ops shared_dir_ops = { DIR_OPS, .revalidate = hostfs_revalidate };
static const struct inode_ops file_ops = {
	.getattr = hostfs_getattr,
	.setattr = hostfs_setattr,
	.open = hostfs_file_open,
	.getxattr = hostfs_getxattr,
	.setxattr = hostfs_setxattr,
	.listxattr = hostfs_listxattr,
	.removexattr = hostfs_removexattr,
};
static const struct inode_ops link_ops = {
	.getattr = hostfs_getattr,
	.setattr = hostfs_setattr,
	.readlink = hostfs_readlink,
};
/* Devices, FIFOs, sockets: only their names and attributes are the host's; the VFS opens the guest's own. */
static const struct inode_ops special_ops = {
	.getattr = hostfs_getattr,
	.setattr = hostfs_setattr,
};

const struct inode_ops *hostfs_inode_ops(u32 mode, bool shared)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return &file_ops;
	case S_IFDIR:
		return shared ? &shared_dir_ops : &dir_ops;
	case S_IFLNK:
		return &link_ops;
	}
	return &special_ops;
}
