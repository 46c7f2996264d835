/* tmpfs instances, their options and limits, and the life and attributes of inodes. */
#include "core/boot.h"
#include "fs/tmpfs/tmpfs.h"
#include "gate/host.h"
#include "proc/container.h"

#define SYNC_SIZE_MAX (256ull << 20)

struct super_block *tmpfs_internal_sb;
static const struct super_ops tmpfs_super_ops;
static struct fs_type tmpfs_type, ramfs_type;

static bool inode_charge(struct tmpfs_sb *s)
{
	u64 used = atomic_load(&s->used_inodes);

	do {
		if (s->max_inodes && used >= s->max_inodes)
			return false;
	} while (!__atomic_compare_exchange_n(&s->used_inodes, &used, used + 1, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	return true;
}

struct inode *tmpfs_new_inode(struct super_block *sb, const struct inode_new *new)
{
	struct tmpfs_sb *s = tmpfs_s(sb);
	const struct inode_ops *ops = &tmpfs_inode_ops;
	struct tmpfs_inode *ti;
	struct inode *i;

	if (!inode_charge(s))
		return err_ptr(-ENOSPC);
	ti = kzalloc(sizeof(*ti));
	if (ti && S_ISLNK_(new->mode)) {
		ti->target = kstrdup(new->symlink ? new->symlink : "");
		if (!ti->target) {
			kfree(ti);
			ti = NULL;
		}
		ops = &tmpfs_link_ops;
	} else if (S_ISDIR_(new->mode)) {
		ops = &tmpfs_dir_ops;
	}
	i = ti ? inode_alloc(sb, ops, new->mode) : NULL;
	if (!i) {
		if (ti)
			kfree(ti->target);
		kfree(ti);
		atomic_sub(&s->used_inodes, 1);
		return err_ptr(-ENOMEM);
	}
	mutex_init(&ti->lock, LOCK_FS_PRIVATE);
	wait_queue_init(&ti->wq);
	ti->next_cookie = 2;
	ti->counted = true;
	i->priv = ti;
	i->ino = inode_next_ino();
	i->uid = new->uid;
	i->gid = new->gid;
	i->rdev = new->rdev;
	if (S_ISDIR_(new->mode)) {
		i->fops = &tmpfs_dir_file_ops;
		i->nlink = 2;
	} else if (S_ISREG_(new->mode)) {
		i->fops = &tmpfs_file_ops;
	} else if (S_ISLNK_(new->mode)) {
		i->size = strlen(ti->target);
	}
	return i;
}

static void tmpfs_evict(struct inode *i)
{
	struct tmpfs_inode *ti = tmpfs_i(i);

	if (!ti)
		return;
	tmpfs_dir_free(i);
	tmpfs_free_data(i);
	tmpfs_xattrs_free(ti);
	kfree(ti->target);
	kfree(ti);
	atomic_sub(&tmpfs_s(i->sb)->used_inodes, 1);
}

int tmpfs_setattr(struct inode *i, const struct iattr *a)
{
	struct iattr rest = *a;

	if ((a->valid & ATTR_MODE) && (atomic_load(&tmpfs_i(i)->seals) & F_SEAL_EXEC) &&
	    ((a->mode ^ i->mode) & S_IXUGO))
		return -EPERM;
	if (a->valid & ATTR_SIZE) {
		int err = tmpfs_set_size(i, a->size);

		if (err)
			return err;
		rest.valid &= ~ATTR_SIZE;
	}
	return inode_setattr_simple(i, &rest);
}

int tmpfs_getattr(struct inode *i, struct kstat *st)
{
	struct tmpfs_inode *ti = tmpfs_i(i);

	/* Not for the largest: asking the host for each of their pages takes too long for a stat. */
	if (atomic_load_relaxed(&ti->has_mapped) && i->size <= SYNC_SIZE_MAX) {
		mutex_lock(&ti->lock);
		tmpfs_sync_mapped(i);
		mutex_unlock(&ti->lock);
	}
	inode_fill_stat(i, st);
	if (S_ISDIR_(i->mode))
		st->size = (u64)(ti->names_used + 2) * 20;
	return 0;
}

/* Not of the directories alone: what every kind of inode has. */
const struct inode_ops tmpfs_inode_ops = {
	.getattr = tmpfs_getattr,
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
};

static ssize_t tmpfs_readlink(struct inode *i, char *buf, size_t size)
{
	const char *t = tmpfs_i(i)->target;
	size_t n = min(strlen(t), size);

	memcpy(buf, t, n);
	return (ssize_t)n;
}

const struct inode_ops tmpfs_link_ops = {
	.getattr = tmpfs_getattr,
	.setattr = tmpfs_setattr,
	.readlink = tmpfs_readlink,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
};

/* What the sandbox may use: its limit, or all that the host has. */
u64 tmpfs_total_memory(void)
{
	/* struct sysinfo of sysinfo(2): total memory is the fifth word, its unit the last but one half word. */
	struct {
		s64 uptime;
		u64 loads[3], total, free, shared, buffers, total_swap, free_swap;
		u16 procs, pad;
		u64 total_high, free_high;
		u32 unit;
		u32 pad2;
	} info;
	u64 all = 1ull << 32;

	if (host_sysinfo(&info) >= 0)
		all = info.total * (info.unit ? info.unit : 1);
	u64 limit = current_container()->memory_limit;

	return limit ? umin(limit, all) : all;
}

/* "64m", "1g", "4096", "50%" of the memory there is. */
static int parse_size(const char *s, u64 *out)
{
	char num[24];
	size_t n = strlen(s);
	unsigned shift = 0;
	u64 v;

	if (!n || n >= sizeof(num))
		return -EINVAL;
	memcpy(num, s, n + 1);
	switch (num[n - 1] | 0x20) {
	case 'k':
		shift = 10;
		break;
	case 'm':
		shift = 20;
		break;
	case 'g':
		shift = 30;
		break;
	case 't':
		shift = 40;
		break;
	}
	if (num[n - 1] == '%') {
		num[n - 1] = 0;
		if (kstrtou64(num, 10, &v) || v > 10000)
			return -EINVAL;
		*out = tmpfs_total_memory() / 100 * v;
		return 0;
	}
	if (shift)
		num[n - 1] = 0;
	if (kstrtou64(num, 0, &v) || v > ~0ull >> shift)
		return -EINVAL;
	*out = v << shift;
	return 0;
}

static int apply_option(struct tmpfs_sb *s, const char *key, const char *value)
{
	static const char *const ignored[] = { "huge", "mpol", "swap", "noswap", "inode32", "inode64", "seclabel",
					       "context", "rw", "ro" };
	u64 v;

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		if (strcmp(key, ignored[i]) == 0)
			return 0;
	if (!value)
		return -EINVAL;
	if (strcmp(key, "size") == 0 || strcmp(key, "nr_blocks") == 0) {
		if (parse_size(value, &v))
			return -EINVAL;
		s->max_blocks = key[0] == 's' ? v / PAGE_SIZE + !!(v % PAGE_SIZE) : v;
	} else if (strcmp(key, "nr_inodes") == 0) {
		if (parse_size(value, &v))
			return -EINVAL;
		s->max_inodes = v;
		s->nr_given = true;
	} else if (strcmp(key, "mode") == 0) {
		if (kstrtou64(value, 8, &v) || v > S_IALLUGO)
			return -EINVAL;
		s->mode = (u32)v;
	} else if (strcmp(key, "uid") == 0 || strcmp(key, "gid") == 0) {
		if (kstrtou64(value, 10, &v) || v >= 0xffffffffu)
			return -EINVAL;
		if (key[0] == 'u')
			s->uid = (u32)v;
		else
			s->gid = (u32)v;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int parse_options(struct tmpfs_sb *s, const char *options)
{
	char *copy = kstrdup(options), *p = copy;
	int err = copy ? 0 : -ENOMEM;

	while (!err && *p) {
		char *end = strchr(p, ','), *eq;

		if (end)
			*end = 0;
		eq = strchr(p, '=');
		if (eq)
			*eq++ = 0;
		if (*p)
			err = apply_option(s, p, eq);
		if (!end)
			break;
		p = end + 1;
	}
	kfree(copy);
	return err;
}

static struct super_block *new_sb(const struct fs_type *type, const char *options, int *err)
{
	struct tmpfs_sb *s = kzalloc(sizeof(*s));
	struct super_block *sb;
	struct inode_new new = { 0 };

	*err = -ENOMEM;
	if (!s)
		return NULL;
	s->mode = 01777;
	s->max_blocks = tmpfs_total_memory() / 2 / PAGE_SIZE;
	s->max_inodes = tmpfs_total_memory() / 2 / PAGE_SIZE;
	*err = parse_options(s, options);
	sb = *err ? NULL : sb_alloc(type, &tmpfs_super_ops);
	if (!sb) {
		*err = *err ? *err : -ENOMEM;
		kfree(s);
		return NULL;
	}
	sb->priv = s;
	sb->max_file_size = TMPFS_MAX_SIZE;
	new.mode = S_IFDIR | s->mode;
	new.uid = s->uid;
	new.gid = s->gid;
	sb->root = tmpfs_new_inode(sb, &new);
	if (is_err(sb->root)) {
		*err = (int)ptr_err(sb->root);
		sb->root = NULL;
		sb_put(sb);
		return NULL;
	}
	tmpfs_i(sb->root)->parent_ino = sb->root->ino;
	return sb;
}

struct super_block *tmpfs_new_sb(const char *options)
{
	int err;
	struct super_block *sb = new_sb(&tmpfs_type, options, &err);

	return sb ? sb : err_ptr(err);
}

static int tmpfs_mount(const struct fs_type *type, const char *source, const char *options, void *data,
		       struct super_block **out)
{
	int err;

	*out = new_sb(type, options, &err);
	return *out ? 0 : err;
}

/* Every name goes; what is open stays until it is closed. */
static void tmpfs_shutdown(struct super_block *sb)
{
	if (sb->root)
		tmpfs_dir_free(sb->root);
}

static void tmpfs_put_super(struct super_block *sb)
{
	kfree(sb->priv);
}

static int tmpfs_statfs(struct super_block *sb, struct kstatfs *st)
{
	struct tmpfs_sb *s = tmpfs_s(sb);
	u64 used = atomic_load(&s->used_blocks);

	st->type = TMPFS_MAGIC;
	st->bsize = PAGE_SIZE;
	st->namelen = NAME_MAX;
	if (s->max_blocks) {
		st->blocks = s->max_blocks;
		st->bfree = st->bavail = s->max_blocks > used ? s->max_blocks - used : 0;
	}
	if (s->max_inodes) {
		st->files = s->max_inodes;
		st->ffree = s->max_inodes - min(s->max_inodes, atomic_load(&s->used_inodes));
	}
	return 0;
}

static int tmpfs_remount(struct super_block *sb, const char *options)
{
	struct tmpfs_sb *s = tmpfs_s(sb), next = *s;
	int err = parse_options(&next, options);

	if (err)
		return err;
	if ((next.max_blocks && next.max_blocks < atomic_load(&s->used_blocks)) ||
	    (next.max_inodes && next.max_inodes < atomic_load(&s->used_inodes)))
		return -EINVAL;
	atomic_store(&s->max_blocks, next.max_blocks);
	atomic_store(&s->max_inodes, next.max_inodes);
	return 0;
}

static int tmpfs_show_options(struct super_block *sb, char *buf, size_t size)
{
	struct tmpfs_sb *s = tmpfs_s(sb);
	int n = 0;

	if (s->max_blocks)
		n += ksnprintf(buf, size, ",size=%lluk", (unsigned long long)s->max_blocks * (PAGE_SIZE / 1024));
	if (s->nr_given && (size_t)n < size)
		n += ksnprintf(buf + n, size - n, ",nr_inodes=%llu", (unsigned long long)s->max_inodes);
	if (s->mode != 01777 && (size_t)n < size)
		n += ksnprintf(buf + n, size - n, ",mode=%03o", s->mode);
	if (s->uid && (size_t)n < size)
		n += ksnprintf(buf + n, size - n, ",uid=%u", s->uid);
	if (s->gid && (size_t)n < size)
		n += ksnprintf(buf + n, size - n, ",gid=%u", s->gid);
	return n;
}

static const struct super_ops tmpfs_super_ops = {
	.evict = tmpfs_evict,
	.put_super = tmpfs_put_super,
	.statfs = tmpfs_statfs,
	.remount = tmpfs_remount,
	.show_options = tmpfs_show_options,
	.shutdown = tmpfs_shutdown,
};

static struct fs_type tmpfs_type = { .name = "tmpfs", .mount = tmpfs_mount, .user_mountable = true, .nodev = true };
static struct fs_type ramfs_type = { .name = "ramfs", .mount = tmpfs_mount, .user_mountable = true, .nodev = true };

int tmpfs_init(void)
{
	fs_type_register(&tmpfs_type);
	fs_type_register(&ramfs_type);
	tmpfs_internal_sb = tmpfs_new_sb("size=0,nr_inodes=0");
	if (is_err(tmpfs_internal_sb))
		return (int)ptr_err(tmpfs_internal_sb);
	sb_pin(tmpfs_internal_sb);
	return 0;
}
