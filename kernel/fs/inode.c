/*
 * Inodes and super_blocks: their life, their plain attributes, the registry of file system types, and the internal
 * file system on which nameless files (pipes, sockets, memfds) live.
 */
#include "fs/internal.h"
#include "mm/mm.h"

struct super_block *anon_sb;

static struct mutex registry_lock = MUTEX_INIT(LOCK_LEAF);
static struct fs_type *registry; /* newest last; under registry_lock */
static u32 next_dev = 16; /* atomic; minor numbers of memory file systems */
static u64 next_ino = 1; /* atomic */

void fs_type_register(struct fs_type *type)
{
	struct fs_type **p = &registry;

	mutex_lock(&registry_lock);
	while (*p && *p != type)
		p = (struct fs_type **)&(*p)->next;
	if (!*p) {
		type->next = NULL;
		*p = type;
	}
	mutex_unlock(&registry_lock);
}

const struct fs_type *fs_type_find(const char *name)
{
	const struct fs_type *t;

	mutex_lock(&registry_lock);
	for (t = registry; t; t = t->next)
		if (strcmp(t->name, name) == 0)
			break;
	mutex_unlock(&registry_lock);
	return t;
}

const struct fs_type *fs_type_next(const struct fs_type *t)
{
	const struct fs_type *n;

	mutex_lock(&registry_lock);
	n = t ? t->next : registry;
	mutex_unlock(&registry_lock);
	return n;
}

struct super_block *sb_alloc(const struct fs_type *type, const struct super_ops *ops)
{
	struct super_block *sb = kzalloc(sizeof(*sb));

	if (!sb)
		return NULL;
	ref_init(&sb->ref);
	sb->type = type;
	sb->ops = ops;
	sb->dev = MKDEV(0, atomic_add(&next_dev, 1) & 0xfffff);
	sb->max_file_size = INT64_MAX;
	return sb;
}

void sb_put(struct super_block *sb)
{
	if (!ref_put(&sb->ref))
		return;
	if (sb->ops && sb->ops->put_super)
		sb->ops->put_super(sb);
	kfree(sb);
}

void sb_pin(struct super_block *sb)
{
	ref_get(&sb->ref);
	atomic_add(&sb->active, 1);
}

bool sb_pin_live(struct super_block *sb)
{
	u32 n = atomic_load_relaxed(&sb->active);

	while (n && !atomic_cas(&sb->active, n, n + 1))
		n = atomic_load_relaxed(&sb->active);
	if (n)
		ref_get(&sb->ref);
	return n;
}

void sb_unpin(struct super_block *sb)
{
	if (atomic_sub(&sb->active, 1) == 0) {
		struct dentry *root = sb->root_dentry;
		struct inode *inode = sb->root;

		dcache_shrink_sb(sb);
		if (sb->ops && sb->ops->shutdown)
			sb->ops->shutdown(sb);
		sb->root_dentry = NULL;
		sb->root = NULL;
		if (root)
			dentry_put(root);
		if (inode)
			inode_put(inode);
	}
	sb_put(sb);
}

static const struct inode_ops no_inode_ops; /* nameless files */

struct inode *inode_alloc(struct super_block *sb, const struct inode_ops *ops, u32 mode)
{
	struct inode *i = kzalloc(sizeof(*i));

	if (!i)
		return NULL;
	ref_init(&i->ref);
	mutex_init(&i->lock, LOCK_INODE);
	mutex_init(&i->attr_lock, LOCK_LEAF);
	list_init(&i->sb_node);
	ref_get(&sb->ref);
	i->sb = sb;
	i->ops = ops ? ops : &no_inode_ops;
	i->mode = mode;
	i->nlink = 1;
	i->atime = i->mtime = i->ctime = i->btime = ns_to_timespec64(ktime_get_real());
	return i;
}

void inode_put(struct inode *i)
{
	struct super_block *sb;

	if (!ref_put(&i->ref))
		return;
	sb = i->sb;
	/* Locks and watches referred to the inode: there are none. */
	ASSERT(!i->locks && !i->marks);
	if (sb->ops && sb->ops->evict)
		sb->ops->evict(i);
	kfree(i->code);
	image_free(i);
	kfree(i);
	sb_put(sb);
}

u64 inode_next_ino(void)
{
	return atomic_add(&next_ino, 1);
}

void inode_fill_stat(struct inode *i, struct kstat *st)
{
	memset(st, 0, sizeof(*st));
	st->ino = i->ino;
	st->dev = i->sb->dev;
	st->rdev = i->rdev;
	st->size = atomic_load(&i->size);
	st->blocks = i->blocks;
	st->mode = atomic_load(&i->mode);
	st->nlink = atomic_load(&i->nlink);
	st->uid = atomic_load(&i->uid);
	st->gid = atomic_load(&i->gid);
	st->blksize = i->blksize ? i->blksize : PAGE_SIZE;
	mutex_lock(&i->attr_lock);
	st->atime = i->atime;
	st->mtime = i->mtime;
	st->ctime = i->ctime;
	st->btime = i->btime;
	mutex_unlock(&i->attr_lock);
	st->result_mask = STATX_BASIC_STATS | STATX_BTIME;
}

int inode_setattr_simple(struct inode *i, const struct iattr *attr)
{
	if (attr->valid & ATTR_SIZE)
		return -EINVAL;
	if (attr->valid & ATTR_MODE)
		atomic_store(&i->mode, (i->mode & S_IFMT) | (attr->mode & S_IALLUGO));
	if (attr->valid & ATTR_UID)
		atomic_store(&i->uid, attr->uid);
	if (attr->valid & ATTR_GID)
		atomic_store(&i->gid, attr->gid);
	mutex_lock(&i->attr_lock);
	if (attr->valid & ATTR_ATIME)
		i->atime = attr->atime;
	if (attr->valid & ATTR_MTIME)
		i->mtime = attr->mtime;
	if (attr->valid & ATTR_CTIME)
		i->ctime = attr->ctime;
	mutex_unlock(&i->attr_lock);
	return 0;
}

void inode_touch(struct inode *i, u32 attr_times)
{
	struct timespec64 now = ns_to_timespec64(ktime_get_real());

	mutex_lock(&i->attr_lock);
	if (attr_times & ATTR_ATIME)
		i->atime = now;
	if (attr_times & ATTR_MTIME)
		i->mtime = now;
	if (attr_times & ATTR_CTIME)
		i->ctime = now;
	mutex_unlock(&i->attr_lock);
}

static s64 ts_cmp(const struct timespec64 *a, const struct timespec64 *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec - b->tv_sec : a->tv_nsec - b->tv_nsec;
}

void inode_accessed(struct mount *mnt, struct inode *i)
{
	u32 flags = mnt ? atomic_load_relaxed(&mnt->flags) : 0;
	struct timespec64 now;

	if ((flags & MS_NOATIME) || (i->sb->flags & SB_RDONLY) || ((flags & MS_RDONLY)))
		return;
	if ((flags & MS_NODIRATIME) && S_ISDIR_(i->mode))
		return;
	/* A stale read only costs an update; relatime is the rule unless the mount is strict. */
	if (!(flags & MS_STRICTATIME) && ts_cmp(&i->atime, &i->mtime) > 0 && ts_cmp(&i->atime, &i->ctime) > 0) {
		static const s64 day = 24 * 60 * 60;

		if (i->atime.tv_sec + day > ktime_get_real_coarse() / NSEC_PER_SEC)
			return;
	}
	now = ns_to_timespec64(ktime_get_real());
	mutex_lock(&i->attr_lock);
	i->atime = now;
	mutex_unlock(&i->attr_lock);
}

int inode_write_get(struct inode *i)
{
	int c = atomic_load(&i->write_count);

	do {
		if (c < 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&i->write_count, &c, c + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE));
	if (unlikely(atomic_load(&i->code)))
		code_forget(i);
	if (unlikely(atomic_load(&i->image)))
		image_forget(i);
	return 0;
}

void inode_write_put(struct inode *i)
{
	atomic_sub(&i->write_count, 1);
}

int inode_write_deny(struct inode *i)
{
	int c = atomic_load(&i->write_count);

	do {
		if (c > 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&i->write_count, &c, c - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE));
	return 0;
}

void inode_write_allow(struct inode *i)
{
	atomic_add(&i->write_count, 1);
}

u64 dev_encode(u64 dev)
{
	u64 ma = MAJOR(dev), mi = MINOR(dev);

	return (mi & 0xff) | ((ma & 0xfff) << 8) | ((mi & ~0xffull) << 12) | ((ma & ~0xfffull) << 32);
}

u64 dev_decode(u64 dev)
{
	u64 ma = ((dev >> 8) & 0xfff) | ((dev >> 32) & ~0xfffull);
	u64 mi = (dev & 0xff) | ((dev >> 12) & 0xffffff00ull);

	return MKDEV(ma, mi & 0xfffff);
}

static int anon_statfs(struct super_block *sb, struct kstatfs *st)
{
	memset(st, 0, sizeof(*st));
	st->type = (u64)sb->priv;
	st->bsize = PAGE_SIZE;
	st->frsize = PAGE_SIZE;
	st->namelen = NAME_MAX;
	return 0;
}

static const struct super_ops anon_super_ops = { .statfs = anon_statfs };
static const struct fs_type anon_type = { .name = "anon_inodefs", .nodev = true };

struct super_block *sb_new_anon(const char *name, u64 magic)
{
	struct super_block *sb = sb_alloc(&anon_type, &anon_super_ops);

	if (!sb)
		return NULL;
	sb->priv = (void *)magic;
	sb->flags = SB_NOCACHE;
	strlcpy(sb->source, name, sizeof(sb->source));
	return sb;
}
