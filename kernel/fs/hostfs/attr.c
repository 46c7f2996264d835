/*
 * hostfs: attributes. They are cached in the inode; an exclusive mount asks the host again only when a write or a
 * change of names made them stale, a shared one every time.
 */
#include "fs/hostfs/internal.h"
#include "gate/host.h"
#include "lib/string.h"

#define HOST_UTIME_NOW 0x3fffffffl
#define HOST_UTIME_OMIT 0x3ffffffel
#define ID_KEEP 0xffffffffu

int hostfs_refresh(struct inode *inode)
{
	struct hostfs_node *n = node_of(inode);
	struct hostfs_place p;
	struct statx st;
	int ret;

	/* Before the host is asked: a write from now on makes them stale again. */
	atomic_store(&n->stale, 0);
	atomic_fence();
	ret = hostfs_place_get(inode, &p);
	if (ret)
		return ret;
	ret = hsb_of(inode)->be->stat(p.dir, p.name, &st);
	hostfs_place_put(&p);
	if (ret)
		return ret;
	if (n->host_ino != st.stx_ino || n->host_dev != MKDEV(st.stx_dev_major, st.stx_dev_minor))
		return -ESTALE; /* renamed or replaced at this moment */
	hostfs_fill(inode, &st);
	return 0;
}

int hostfs_getattr(struct inode *inode, struct kstat *st)
{
	struct hostfs_node *n = node_of(inode);

	/* What has no way to it any more keeps the attributes last seen. */
	if (hsb_of(inode)->shared || atomic_load(&n->stale) || (atomic_load_relaxed(&n->flags) & NODE_VOLATILE))
		(void)hostfs_refresh(inode);
	inode_fill_stat(inode, st);
	return 0;
}

static int set_size(struct inode *inode, u64 size)
{
	int fd = hostfs_fd_get(inode, HOSTFS_WRITE), ret;

	if (fd < 0)
		return fd;
	ret = (int)host_ftruncate(fd, (loff_t)size);
	hostfs_fd_put(inode);
	if (!ret)
		atomic_store(&inode->size, size);
	return ret;
}

/* The host says no, or does not know the id: a user namespace without that mapping. */
static bool refused(int err)
{
	return err == -EPERM || err == -EINVAL || err == -EOVERFLOW;
}

static int set_owner(struct inode *inode, const struct hostfs_place *p, const struct iattr *a)
{
	u32 uid = a->valid & ATTR_UID ? a->uid : ID_KEEP, gid = a->valid & ATTR_GID ? a->gid : ID_KEEP;
	int ret;

	if ((uid == ID_KEEP || uid == inode->uid) && (gid == ID_KEEP || gid == inode->gid))
		return 0;
	ret = hsb_of(inode)->be->chown(p->dir, p->name, uid, gid);
	if (refused(ret)) {
		(void)atomic_or(&node_of(inode)->flags, NODE_OWN_IDS);
		return 0;
	}
	return ret;
}

static int set_mode(struct inode *inode, const struct hostfs_place *p, u32 mode)
{
	struct hostfs_node *n = node_of(inode);
	bool nameless = !p->name[0] && inode != inode->sb->root;
	int ret;

	if (S_ISLNK_(inode->mode))
		return -EOPNOTSUPP;
	ret = hsb_of(inode)->be->chmod(p->dir, p->name, mode & S_IALLUGO);
	/* A file whose owner is only ours, and one that nobody but us can see any more, may have a mode of ours. */
	if ((ret == -EPERM && (atomic_load(&n->flags) & NODE_OWN_IDS)) || (ret == -ENOTDIR && nameless)) {
		(void)atomic_or(&n->flags, NODE_OWN_MODE);
		return 0;
	}
	return ret == -ENOTDIR ? -EPERM : ret;
}

static int set_times(struct inode *inode, const struct hostfs_place *p, const struct iattr *a)
{
	struct timespec64 ts[2] = { { 0, HOST_UTIME_OMIT }, { 0, HOST_UTIME_OMIT } };
	bool explicit = a->valid & ATTR_TIMES_EXPLICIT;

	if (a->valid & ATTR_ATIME)
		ts[0] = explicit ? a->atime : (struct timespec64){ 0, HOST_UTIME_NOW };
	if (a->valid & ATTR_MTIME)
		ts[1] = explicit ? a->mtime : (struct timespec64){ 0, HOST_UTIME_NOW };
	return hsb_of(inode)->be->utimens(p->dir, p->name, ts);
}

int hostfs_setattr(struct inode *inode, const struct iattr *attr)
{
	struct hostfs_sb *hs = hsb_of(inode);
	struct iattr own = *attr;
	struct inode *pinned = NULL;
	struct hostfs_place p;
	int ret;

	if (hs->readonly)
		return -EROFS;
	if (attr->valid & ATTR_SIZE) {
		ret = set_size(inode, attr->size);
		if (ret)
			return ret;
		own.valid &= ~(ATTR_SIZE | ATTR_MTIME); /* the host has set the time */
	}
	if (own.valid & (ATTR_UID | ATTR_GID | ATTR_MODE | ATTR_ATIME | ATTR_MTIME)) {
		/* Names stand still between finding the file's and using it. */
		mutex_lock(&hs->names_lock);
		ret = hostfs_place_get(inode, &p);
		if (!ret) {
			ret = own.valid & (ATTR_UID | ATTR_GID) ? set_owner(inode, &p, &own) : 0;
			if (!ret && (own.valid & ATTR_MODE))
				ret = set_mode(inode, &p, own.mode);
			if (!ret && (own.valid & (ATTR_ATIME | ATTR_MTIME)))
				ret = set_times(inode, &p, &own);
			pinned = p.pinned;
			hostfs_fd_put(pinned);
		}
		mutex_unlock(&hs->names_lock);
		if (pinned)
			inode_put(pinned);
		if (ret)
			return ret;
	}
	ret = inode_setattr_simple(inode, &own);
	hostfs_mark_stale(inode);
	return ret;
}

void hostfs_settle_new(struct inode *inode, int dir, const char *name, const struct inode_new *new)
{
	struct hostfs_place p = { .dir = dir };
	struct iattr a = { .valid = ATTR_UID | ATTR_GID, .uid = new->uid, .gid = new->gid };

	strlcpy(p.name, name, sizeof(p.name));
	(void)set_owner(inode, &p, &a);
	atomic_store(&inode->uid, new->uid);
	atomic_store(&inode->gid, new->gid);
	if (S_ISLNK_(inode->mode))
		return;
	/* chown drops set-id bits, and the host may have an umask of its own. */
	if ((inode->mode & S_IALLUGO) != (new->mode & S_IALLUGO) || (new->mode & (S_ISUID | S_ISGID)))
		(void)set_mode(inode, &p, new->mode);
	atomic_store(&inode->mode, (inode->mode & S_IFMT) | (new->mode & S_IALLUGO));
}
