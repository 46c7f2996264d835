/* hostfs: inodes by host identity, where they are found, and their host descriptors. See internal.h. */
#include "core/alloc.h"
#include "core/log.h"
#include "fs/hostfs/internal.h"
#include "gate/host.h"
#include "lib/string.h"

#define HASH_BUCKETS 8192u /* a power of two */

struct mutex hostfs_lock = MUTEX_INIT(LOCK_LEAF);
static __big struct hlist_head buckets[HASH_BUCKETS]; /* under hostfs_lock, as all below */
static struct list_head lru = LIST_HEAD_INIT(lru);
static u64 fd_count, fd_limit = 256;
static int proc_fd = -1; /* set at boot */

void hostfs_set_proc(int host_proc_fd)
{
	proc_fd = host_proc_fd;
}

int hostfs_proc_fd(void)
{
	return proc_fd;
}

void hostfs_proc_name(int fd, char buf[32])
{
	ksnprintf(buf, 32, "self/fd/%d", fd);
}

void hostfs_set_limit(u64 limit)
{
	fd_limit = limit;
}

u64 hostfs_fd_count(void)
{
	return atomic_load_relaxed(&fd_count);
}

static struct hlist_head *bucket_of(const struct super_block *sb, u64 dev, u64 ino)
{
	return &buckets[hash_u64(ino ^ dev << 40 ^ (u64)(uintptr_t)sb >> 4) & (HASH_BUCKETS - 1)];
}

static u64 statx_dev(const struct statx *st)
{
	return MKDEV(st->stx_dev_major, st->stx_dev_minor);
}

static struct timespec64 statx_time(const struct statx_timestamp *t)
{
	return (struct timespec64){ t->tv_sec, t->tv_nsec };
}

/* Same number, and not one that the host gave to a new file meanwhile. */
static bool node_matches(const struct hostfs_node *n, const struct statx *st)
{
	return n->host_ino == st->stx_ino && n->host_dev == statx_dev(st) &&
	       ((n->inode->mode ^ st->stx_mode) & S_IFMT) == 0 && n->btime.tv_sec == st->stx_btime.tv_sec &&
	       n->btime.tv_nsec == st->stx_btime.tv_nsec;
}

void hostfs_fill(struct inode *inode, const struct statx *st)
{
	u32 flags = atomic_load(&node_of(inode)->flags);

	if (!(flags & NODE_OWN_MODE))
		atomic_store(&inode->mode, (inode->mode & S_IFMT) | (st->stx_mode & S_IALLUGO));
	if (!(flags & NODE_OWN_IDS)) {
		atomic_store(&inode->uid, st->stx_uid);
		atomic_store(&inode->gid, st->stx_gid);
	}
	atomic_store(&inode->nlink, st->stx_nlink);
	atomic_store(&inode->size, st->stx_size);
	inode->blocks = st->stx_blocks;
	inode->blksize = st->stx_blksize;
	mutex_lock(&inode->attr_lock);
	inode->atime = statx_time(&st->stx_atime);
	inode->mtime = statx_time(&st->stx_mtime);
	inode->ctime = statx_time(&st->stx_ctime);
	inode->btime = statx_time(&st->stx_btime);
	mutex_unlock(&inode->attr_lock);
}

static void node_free(struct hostfs_node *n)
{
	if (n->name != n->inline_name)
		kfree(n->name);
	kfree(n);
}

static struct hostfs_node *node_alloc(const struct statx *st, const char *name)
{
	struct hostfs_node *n = kzalloc(sizeof(*n));
	size_t len = name ? strlen(name) : 0;

	if (!n)
		return NULL;
	n->host_dev = statx_dev(st);
	n->host_ino = st->stx_ino;
	n->btime = statx_time(&st->stx_btime);
	list_init(&n->lru);
	n->fd[HOSTFS_PATH] = n->fd[HOSTFS_READ] = n->fd[HOSTFS_WRITE] = -1;
	if (name) {
		n->name = len < sizeof(n->inline_name) ? n->inline_name : kmalloc(len + 1);
		if (!n->name) {
			kfree(n);
			return NULL;
		}
		memcpy(n->name, name, len + 1);
	}
	return n;
}

static struct inode *node_find_locked(struct super_block *sb, const struct statx *st)
{
	struct inode *i;

	hlist_for_each_entry(i, bucket_of(sb, statx_dev(st), st->stx_ino), hash_node)
		if (i->sb == sb && node_matches(i->priv, st) && ref_get_unless_zero(&i->ref))
			return i;
	return NULL;
}

/* A node met again, at a place that is surely right: better than the one it remembers. Returns an inode to put. */
static struct inode *node_replace(struct inode *inode, struct inode *parent, const char *name)
{
	struct hostfs_node *n = node_of(inode);
	struct inode *old = NULL;
	char *copy, *old_name = NULL;

	if (!name || (n->name && !hsb_of(inode)->shared) || inode == inode->sb->root)
		return NULL;
	copy = kstrdup(name);
	if (!copy)
		return NULL;
	mutex_lock(&hostfs_lock);
	if (n->parent != parent || !n->name || strcmp(n->name, name) != 0) {
		old = n->parent;
		old_name = n->name == n->inline_name ? NULL : n->name;
		n->parent = inode_get(parent);
		n->name = copy;
		copy = NULL;
	}
	mutex_unlock(&hostfs_lock);
	kfree(copy);
	kfree(old_name);
	return old;
}

int hostfs_iget(struct super_block *sb, const struct statx *st, struct inode *parent, const char *name,
		struct inode **out)
{
	const struct hostfs_sb *hs = sb->priv;
	struct hostfs_node *n;
	struct inode *i, *found, *drop;

	mutex_lock(&hostfs_lock);
	found = node_find_locked(sb, st);
	mutex_unlock(&hostfs_lock);
	if (found)
		goto met;
	n = node_alloc(st, name);
	if (!n)
		return -ENOMEM;
	i = inode_alloc(sb, hostfs_inode_ops(st->stx_mode, hs->shared), st->stx_mode);
	if (!i) {
		node_free(n);
		return -ENOMEM;
	}
	n->inode = i;
	i->priv = n;
	i->ino = st->stx_ino;
	i->rdev = MKDEV(st->stx_rdev_major, st->stx_rdev_minor);
	if (S_ISREG_(i->mode))
		i->fops = &hostfs_file_ops;
	else if (S_ISDIR_(i->mode))
		i->fops = &hostfs_dir_ops;
	hostfs_fill(i, st);
	mutex_lock(&hostfs_lock);
	found = node_find_locked(sb, st);
	if (!found) {
		n->parent = parent ? inode_get(parent) : NULL;
		hlist_add(&i->hash_node, bucket_of(sb, n->host_dev, n->host_ino));
		mutex_unlock(&hostfs_lock);
		*out = i;
		return 0;
	}
	mutex_unlock(&hostfs_lock);
	inode_put(i); /* evict finds it unhashed */
met:
	if (hs->shared)
		hostfs_fill(found, st);
	drop = node_replace(found, parent, name);
	if (drop)
		inode_put(drop);
	*out = found;
	return 0;
}

void hostfs_evict(struct inode *inode)
{
	struct hostfs_node *n = node_of(inode);
	struct inode *parent;
	int i;

	if (!n)
		return;
	mutex_lock(&hostfs_lock);
	hlist_del(&inode->hash_node);
	list_del(&n->lru);
	parent = n->parent;
	mutex_unlock(&hostfs_lock);
	for (i = 0; i < HOSTFS_FDS; i++)
		if (n->fd[i] >= 0)
			hostfs_close(n->fd[i]);
	node_free(n);
	inode->priv = NULL;
	if (parent)
		inode_put(parent);
}

void hostfs_unhash(struct inode *inode)
{
	mutex_lock(&hostfs_lock);
	hlist_del(&inode->hash_node);
	mutex_unlock(&hostfs_lock);
}

void hostfs_close(int fd)
{
	(void)host_close(fd);
	(void)atomic_sub(&fd_count, 1);
}

/* Closes the descriptors of the node that was used longest ago; false when all are in use. */
static bool evict_one(void)
{
	int fds[HOSTFS_FDS] = { -1, -1, -1 }, i;
	struct hostfs_node *n;

	mutex_lock(&hostfs_lock);
	n = list_first_entry_or_null(&lru, struct hostfs_node, lru);
	if (n) {
		list_del(&n->lru);
		for (i = 0; i < HOSTFS_FDS; i++) {
			fds[i] = n->fd[i];
			n->fd[i] = -1;
		}
	}
	mutex_unlock(&hostfs_lock);
	for (i = 0; i < HOSTFS_FDS; i++)
		if (fds[i] >= 0)
			hostfs_close(fds[i]);
	return n != NULL;
}

int hostfs_open_host(const struct hostfs_backend *be, int dir, const char *name, u32 flags, u32 mode)
{
	int fd;

	while (atomic_load_relaxed(&fd_count) >= fd_limit && evict_one())
		;
	do {
		fd = be->open(dir, name, flags, mode);
	} while ((fd == -EMFILE || fd == -ENFILE) && evict_one());
	if (fd >= 0)
		(void)atomic_add(&fd_count, 1);
	return fd;
}

static int pick_fd(const struct hostfs_node *n, enum hostfs_fd kind)
{
	switch (kind) {
	case HOSTFS_WRITE:
		return n->fd[HOSTFS_WRITE];
	case HOSTFS_READ:
		if (n->fd[HOSTFS_READ] >= 0)
			return n->fd[HOSTFS_READ];
		return n->flags & NODE_WRITE_ONLY ? -1 : n->fd[HOSTFS_WRITE];
	default:
		if (n->fd[HOSTFS_PATH] >= 0)
			return n->fd[HOSTFS_PATH];
		return n->fd[HOSTFS_READ] >= 0 ? n->fd[HOSTFS_READ] : n->fd[HOSTFS_WRITE];
	}
}

static void pin_locked(struct hostfs_node *n)
{
	if (n->pins++ == 0)
		list_del(&n->lru);
}

/* A root keeps its descriptor: nothing could reopen it. So does what lost its name. */
static void unpin_locked(struct hostfs_node *n)
{
	if (--n->pins == 0 && n->parent)
		list_add_tail(&n->lru, &lru);
}

void hostfs_fd_put(struct inode *inode)
{
	mutex_lock(&hostfs_lock);
	unpin_locked(node_of(inode));
	mutex_unlock(&hostfs_lock);
}

void hostfs_fd_install(struct inode *inode, enum hostfs_fd kind, int fd, bool pin)
{
	struct hostfs_node *n = node_of(inode);

	mutex_lock(&hostfs_lock);
	pin_locked(n);
	if (n->fd[kind] < 0) {
		n->fd[kind] = fd;
		fd = -1;
	}
	if (!pin)
		unpin_locked(n);
	mutex_unlock(&hostfs_lock);
	if (fd >= 0)
		hostfs_close(fd);
}

void hostfs_fd_adopt(struct inode *inode, enum hostfs_fd kind, int fd)
{
	(void)atomic_add(&fd_count, 1);
	hostfs_fd_install(inode, kind, fd, false);
}

static u32 open_flags(const struct inode *inode, enum hostfs_fd kind)
{
	u32 dir = S_ISDIR_(inode->mode) ? O_DIRECTORY : 0;

	if (kind == HOSTFS_PATH)
		return O_PATH | dir;
	/* O_NONBLOCK only matters when the host has swapped the file for a FIFO: the check behind finds that. */
	return (kind == HOSTFS_WRITE ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY | dir;
}

static bool same_file(const struct hostfs_sb *hs, const struct hostfs_node *n, int fd)
{
	struct statx st;

	return hs->be->stat(fd, "", &st) == 0 && n->host_ino == st.stx_ino && n->host_dev == statx_dev(&st) &&
	       ((n->inode->mode ^ st.stx_mode) & S_IFMT) == 0;
}

static int open_named(struct inode *inode, enum hostfs_fd kind, int dir, const char *name)
{
	struct hostfs_sb *hs = hsb_of(inode);
	u32 flags = open_flags(inode, kind), ended, begun;
	int fd;

	ended = atomic_load(&hs->ended);
	begun = atomic_load(&hs->begun);
	fd = hostfs_open_host(hs->be, dir, name, flags, 0);
	if (fd == -EACCES && kind == HOSTFS_WRITE) {
		fd = hostfs_open_host(hs->be, dir, name, (flags & ~O_ACCMODE) | O_WRONLY, 0);
		if (fd >= 0)
			(void)atomic_or(&node_of(inode)->flags, NODE_WRITE_ONLY);
	}
	if (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR)
		return -ESTALE; /* it was there when it was looked up */
	if (fd < 0)
		return fd;
	if (!hs->shared && ended == begun && begun == atomic_load(&hs->begun))
		return fd;
	if (same_file(hs, node_of(inode), fd))
		return fd;
	hostfs_close(fd);
	return -ESTALE;
}

int hostfs_reopen(int fd, u32 flags)
{
	char proc[32];

	if (proc_fd < 0)
		return -EACCES;
	hostfs_proc_name(fd, proc);
	/* The last component is a link by design here, so not through the backend's open. */
	return (int)host_openat(proc_fd, proc, (int)(flags | O_CLOEXEC), 0);
}

/* A node without a name: through another descriptor of it. */
static int open_nameless(struct inode *inode, enum hostfs_fd kind, int fd)
{
	int ret;

	if (fd < 0)
		return -ESTALE;
	if (S_ISDIR_(inode->mode))
		return hostfs_open_host(hsb_of(inode)->be, fd, ".", open_flags(inode, kind), 0);
	ret = hostfs_reopen(fd, open_flags(inode, kind));
	if (ret >= 0)
		(void)atomic_add(&fd_count, 1);
	return ret;
}

/*
 * One step towards a descriptor of inode: opens it, or the topmost of its parents that is closed and needed for it.
 * 0 = go on, or -errno. hostfs_lock is held on entry and not on return.
 */
static int open_step(struct inode *inode, enum hostfs_fd kind)
{
	struct hostfs_node *n = node_of(inode), *p = NULL;
	struct inode *parent;
	char name[NAME_MAX + 1];
	int fd, dir;

	while (n->parent) {
		p = node_of(n->parent);
		if (p->fd[HOSTFS_PATH] >= 0)
			break;
		n = p;
	}
	if (n != node_of(inode))
		kind = HOSTFS_PATH;
	inode = inode_get(n->inode);
	parent = n->parent;
	if (parent) {
		inode_get(parent);
		pin_locked(p);
		dir = p->fd[HOSTFS_PATH];
		strlcpy(name, n->name, sizeof(name));
	} else {
		pin_locked(n);
		dir = pick_fd(n, HOSTFS_PATH);
	}
	mutex_unlock(&hostfs_lock);
	fd = parent ? open_named(inode, kind, dir, name) : open_nameless(inode, kind, dir);
	if (fd >= 0)
		hostfs_fd_install(inode, kind, fd, false);
	hostfs_fd_put(parent ? parent : inode);
	inode_put(inode);
	if (parent)
		inode_put(parent);
	return fd < 0 ? fd : 0;
}

int hostfs_fd_get(struct inode *inode, enum hostfs_fd kind)
{
	struct hostfs_node *n = node_of(inode);
	int fd, ret, stale = 0;

	for (;;) {
		mutex_lock(&hostfs_lock);
		fd = pick_fd(n, kind);
		if (fd >= 0) {
			pin_locked(n);
			mutex_unlock(&hostfs_lock);
			return fd;
		}
		ret = open_step(inode, kind);
		/* A rename between reading the name and opening it: once more from the new place. */
		if (ret == -ESTALE && stale++ < 8)
			continue;
		if (ret)
			return ret;
	}
}

int hostfs_place_get(struct inode *inode, struct hostfs_place *p)
{
	struct hostfs_node *n = node_of(inode);
	struct inode *parent;

	mutex_lock(&hostfs_lock);
	parent = n->parent;
	if (parent) {
		inode_get(parent);
		strlcpy(p->name, n->name, sizeof(p->name));
	} else {
		p->name[0] = 0;
		p->dir = pick_fd(n, HOSTFS_PATH);
		if (p->dir >= 0)
			pin_locked(n);
	}
	mutex_unlock(&hostfs_lock);
	if (parent) {
		p->pinned = parent;
		p->dir = hostfs_fd_get(parent, HOSTFS_PATH);
		if (p->dir < 0)
			inode_put(parent);
		return p->dir < 0 ? p->dir : 0;
	}
	p->pinned = inode;
	if (p->dir < 0)
		return -ESTALE;
	inode_get(inode);
	return 0;
}

void hostfs_place_put(struct hostfs_place *p)
{
	hostfs_fd_put(p->pinned);
	inode_put(p->pinned);
}

struct inode *hostfs_move_name(struct inode *inode, struct inode *old_dir, const struct qstr *old_name,
			       struct inode *new_dir, char *new_name)
{
	struct hostfs_node *n = node_of(inode);
	struct inode *drop = NULL;
	char *old = NULL;

	mutex_lock(&hostfs_lock);
	if (n->parent == old_dir && n->name && strlen(n->name) == old_name->len &&
	    memcmp(n->name, old_name->name, old_name->len) == 0) {
		drop = n->parent;
		old = n->name == n->inline_name ? NULL : n->name;
		n->parent = new_dir ? inode_get(new_dir) : NULL;
		n->name = new_name;
		new_name = NULL;
		if (!n->parent)
			list_del(&n->lru); /* its descriptors are the only way to it now */
	}
	mutex_unlock(&hostfs_lock);
	kfree(old);
	kfree(new_name);
	return drop;
}
