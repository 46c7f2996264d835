/*
 * devpts: the names of terminals. Each mount is an instance with numbers of its own and a ptmx node; a container's first mount
 * gets the instance that the host's terminal is on, and that a ptmx node outside any devpts opens.
 *
 * A slot is reserved by devpts_alloc_index, shows a name between devpts_add and devpts_remove, and is free again after
 * devpts_release. Names come and go by themselves: cached dentries are asked for with revalidate.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/tty/tty.h"
#include "lib/string.h"
#include "proc/container.h"
#include "proc/task.h"

#define DEVPTS_MAX 4096u
#define INO_ROOT 1u
#define INO_PTMX 2u
#define INO_FIRST 3u
#define DEVPTS_MAGIC 0x1cd1u
#define DT_CHR_ 2u
#define DT_DIR_ 4u

struct pts_slot {
	bool used;
	struct tty *tty; /* named: reference through the inode */
	struct inode *inode; /* reference; NULL = no name */
};

struct devpts {
	struct super_block *sb; /* immutable; a reference to the instance is one to this */
	struct inode *ptmx; /* immutable, reference held until the root inode goes */
	struct mutex lock; /* LOCK_FS_PRIVATE; guards all below */
	bool mounted;
	bool set_uid, set_gid;
	u32 uid, gid, mode, ptmx_mode, max;
	u32 nr_slots; /* allocated */
	struct pts_slot *slots;
};

static struct mutex first_lock = MUTEX_INIT(LOCK_FS_PRIVATE); /* guards container.devpts_root */

static int devpts_mount(const struct fs_type *type, const char *source, const char *options, void *data,
			struct super_block **out);
static struct fs_type devpts_type = { .name = "devpts", .mount = devpts_mount, .user_mountable = true, .nodev = true };

/* Options. */

struct pts_options {
	bool set_uid, set_gid;
	u32 uid, gid, mode, ptmx_mode, max;
};

static int parse_one(struct pts_options *o, const char *key, const char *value)
{
	u64 v = 0;

	if (!strcmp(key, "newinstance") || !*key)
		return 0;
	if (!value)
		return -EINVAL;
	if (kstrtou64(value, !strcmp(key, "mode") || !strcmp(key, "ptmxmode") ? 8 : 10, &v) || v > 0xffffffffu)
		return -EINVAL;
	if (!strcmp(key, "uid")) {
		o->uid = (u32)v;
		o->set_uid = true;
	} else if (!strcmp(key, "gid")) {
		o->gid = (u32)v;
		o->set_gid = true;
	} else if (!strcmp(key, "mode")) {
		o->mode = (u32)v & 07777;
	} else if (!strcmp(key, "ptmxmode")) {
		o->ptmx_mode = (u32)v & 07777;
	} else if (!strcmp(key, "max")) {
		o->max = (u32)min(v, (u64)DEVPTS_MAX);
	} else {
		return -EINVAL;
	}
	return 0;
}

static int parse_options(struct pts_options *o, const char *text)
{
	char *copy = kstrdup(text ? text : ""), *p, *next, *value;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	for (p = copy; p && !err; p = next) {
		next = strchr(p, ',');
		if (next)
			*next++ = 0;
		value = strchr(p, '=');
		if (value)
			*value++ = 0;
		err = parse_one(o, p, value);
	}
	kfree(copy);
	return err;
}

static void apply_options(struct devpts *pts, const struct pts_options *o)
{
	u32 i;

	mutex_lock(&pts->lock);
	pts->set_uid = o->set_uid;
	pts->set_gid = o->set_gid;
	pts->uid = o->uid;
	pts->gid = o->gid;
	pts->mode = o->mode;
	pts->max = o->max;
	pts->ptmx_mode = o->ptmx_mode;
	atomic_store(&pts->ptmx->mode, S_IFCHR | o->ptmx_mode);
	/* Terminals made at boot, before the options were known. */
	for (i = 0; !pts->mounted && i < pts->nr_slots; i++) {
		if (!pts->slots[i].inode)
			continue;
		atomic_store(&pts->slots[i].inode->mode, S_IFCHR | o->mode);
		if (o->set_uid)
			atomic_store(&pts->slots[i].inode->uid, o->uid);
		if (o->set_gid)
			atomic_store(&pts->slots[i].inode->gid, o->gid);
	}
	mutex_unlock(&pts->lock);
}

static const struct pts_options default_options = { .mode = 0600, .max = DEVPTS_MAX };

/* Names. */

static int slave_open(struct inode *inode, struct file *file) { return tty_open(inode->priv, file); }

static const struct inode_ops slave_inode_ops = { .open = slave_open };
static const struct inode_ops ptmx_inode_ops = { .open = ptmx_open };

/* A decimal number without leading zeros, as names are. */
static bool parse_name(const struct qstr *name, u32 *index)
{
	u32 i, v = 0;

	if (name->len > 7 || (name->name[0] == '0' && name->len > 1))
		return false;
	for (i = 0; i < name->len; i++) {
		if (name->name[i] < '0' || name->name[i] > '9')
			return false;
		v = v * 10 + (u32)(name->name[i] - '0');
	}
	*index = v;
	return true;
}

static struct inode *find_name(struct devpts *pts, const struct qstr *name)
{
	struct inode *inode = NULL;
	u32 index;

	if (name->len == 4 && !memcmp(name->name, "ptmx", 4))
		return inode_get(pts->ptmx);
	if (!parse_name(name, &index))
		return NULL;
	mutex_lock(&pts->lock);
	if (index < pts->nr_slots && pts->slots[index].inode)
		inode = inode_get(pts->slots[index].inode);
	mutex_unlock(&pts->lock);
	return inode;
}

static int root_lookup(struct inode *dir, const struct qstr *name, struct inode **out)
{
	*out = find_name(dir->sb->priv, name);
	return *out ? 0 : -ENOENT;
}

static bool root_revalidate(struct inode *dir, const struct qstr *name, struct inode *inode)
{
	struct inode *now = find_name(dir->sb->priv, name);

	if (now)
		inode_put(now);
	return now == inode;
}

static const struct inode_ops root_inode_ops = { .lookup = root_lookup, .revalidate = root_revalidate };

static int root_readdir(struct file *f, struct dir_context *ctx)
{
	struct devpts *pts = f->inode->sb->priv;
	char name[16];
	bool go = true, used;
	u64 i;
	int n;

	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, INO_ROOT, DT_DIR_, 1))
			return 0;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!ctx->emit(ctx, "..", 2, INO_ROOT, DT_DIR_, 2))
			return 0;
		ctx->pos = 2;
	}
	if (ctx->pos == 2) {
		if (!ctx->emit(ctx, "ptmx", 4, INO_PTMX, DT_CHR_, 3))
			return 0;
		ctx->pos = 3;
	}
	for (i = (u64)ctx->pos - 3; go; i++) {
		mutex_lock(&pts->lock);
		used = i < pts->nr_slots && pts->slots[i].inode;
		go = i < pts->nr_slots;
		mutex_unlock(&pts->lock);
		if (used) {
			n = ksnprintf(name, sizeof(name), "%llu", (unsigned long long)i);
			if (!ctx->emit(ctx, name, (u32)n, INO_FIRST + i, DT_CHR_, (loff_t)i + 4))
				return 0;
		}
		if (go)
			ctx->pos = (loff_t)i + 4;
	}
	return 0;
}

static loff_t root_llseek(struct file *f, loff_t off, int whence)
{
	return generic_llseek(f, off, whence, INT64_MAX);
}

static const struct file_ops root_fops = { .name = "devpts", .readdir = root_readdir, .llseek = root_llseek };

/* The file system. */

static void devpts_evict(struct inode *inode)
{
	struct devpts *pts = inode->sb->priv;

	if (inode->ops == &slave_inode_ops)
		tty_put(inode->priv);
	else if (inode->ops == &root_inode_ops && pts && pts->ptmx)
		inode_put(pts->ptmx);
}

static void devpts_put_super(struct super_block *sb)
{
	struct devpts *pts = sb->priv;

	kfree(pts->slots);
	kfree(pts);
}

static int devpts_statfs(struct super_block *sb, struct kstatfs *st)
{
	memset(st, 0, sizeof(*st));
	st->type = DEVPTS_MAGIC;
	st->bsize = st->frsize = PAGE_SIZE;
	st->namelen = NAME_MAX;
	return 0;
}

static int devpts_remount(struct super_block *sb, const char *options)
{
	struct devpts *pts = sb->priv;
	struct pts_options o = default_options;
	int err = parse_options(&o, options);

	if (!err)
		apply_options(pts, &o);
	return err;
}

static int devpts_show_options(struct super_block *sb, char *buf, size_t size)
{
	struct devpts *pts = sb->priv;
	char uid[24] = "", gid[24] = "", max_text[24] = "";

	if (pts->set_uid)
		ksnprintf(uid, sizeof(uid), ",uid=%u", pts->uid);
	if (pts->set_gid)
		ksnprintf(gid, sizeof(gid), ",gid=%u", pts->gid);
	if (pts->max < DEVPTS_MAX)
		ksnprintf(max_text, sizeof(max_text), ",max=%u", pts->max);
	return ksnprintf(buf, size, "%s%s,mode=%03o,ptmxmode=%03o%s", uid, gid, pts->mode, pts->ptmx_mode, max_text);
}

static const struct super_ops devpts_super_ops = {
	.evict = devpts_evict,
	.put_super = devpts_put_super,
	.statfs = devpts_statfs,
	.remount = devpts_remount,
	.show_options = devpts_show_options,
};

static struct devpts *instance_create(void)
{
	struct devpts *pts = kzalloc(sizeof(*pts));
	struct super_block *sb;
	struct inode *root;

	if (!pts)
		return NULL;
	mutex_init(&pts->lock, LOCK_FS_PRIVATE);
	sb = sb_alloc(&devpts_type, &devpts_super_ops);
	if (!sb) {
		kfree(pts);
		return NULL;
	}
	pts->sb = sb;
	sb->priv = pts;
	root = inode_alloc(sb, &root_inode_ops, S_IFDIR | 0755);
	if (root)
		pts->ptmx = inode_alloc(sb, &ptmx_inode_ops, S_IFCHR);
	if (!root || !pts->ptmx) {
		if (root)
			inode_put(root);
		sb_put(sb);
		return NULL;
	}
	root->ino = INO_ROOT;
	root->nlink = 2;
	root->fops = &root_fops;
	pts->ptmx->ino = INO_PTMX;
	pts->ptmx->rdev = MKDEV(TTY_MAJOR_AUX, 2);
	sb->root = root;
	apply_options(pts, &default_options);
	return pts;
}

void devpts_drop(struct inode *root)
{
	struct super_block *sb = root->sb;

	inode_put(root);
	sb_put(sb);
}

/* The instance of the container's first mount, made when it is needed before. It goes with the container. */
static struct devpts *first_instance(void)
{
	struct container *c = current_container();
	struct devpts *fresh = NULL;
	struct inode *root;

	mutex_lock(&first_lock);
	root = c->devpts_root;
	mutex_unlock(&first_lock);
	if (root)
		return root->sb->priv;
	fresh = instance_create();
	if (!fresh)
		return NULL;
	mutex_lock(&first_lock);
	if (!c->devpts_root) {
		c->devpts_root = fresh->sb->root;
		fresh = NULL;
	}
	root = c->devpts_root;
	mutex_unlock(&first_lock);
	if (fresh)
		devpts_drop(fresh->sb->root);
	return root->sb->priv;
}

static int devpts_mount(const struct fs_type *type, const char *source, const char *options, void *data,
			struct super_block **out)
{
	struct pts_options o = default_options;
	struct devpts *pts = first_instance();
	bool reuse;
	int err = parse_options(&o, options);

	if (err)
		return err;
	if (!pts)
		return -ENOMEM;
	mutex_lock(&first_lock);
	reuse = !pts->mounted;
	mutex_unlock(&first_lock);
	if (!reuse) {
		pts = instance_create();
		if (!pts)
			return -ENOMEM;
	} else {
		ref_get(&pts->sb->ref); /* one for the mount, one for the container */
		inode_get(pts->sb->root); /* a mount that ends drops the root's */
	}
	apply_options(pts, &o);
	mutex_lock(&pts->lock);
	pts->mounted = true;
	mutex_unlock(&pts->lock);
	strlcpy(pts->sb->source, source && *source ? source : "devpts", sizeof(pts->sb->source));
	*out = pts->sb;
	return 0;
}

int devpts_init(void)
{
	fs_type_register(&devpts_type);
	return 0;
}

/* For the tty core. */

struct devpts *devpts_of_inode(struct inode *inode)
{
	struct devpts *pts = inode && inode->sb->type == &devpts_type ? inode->sb->priv : first_instance();

	if (pts)
		ref_get(&pts->sb->ref);
	return pts;
}

void devpts_put(struct devpts *pts) { sb_put(pts->sb); }

int devpts_alloc_index(struct devpts *pts)
{
	struct pts_slot *more;
	u32 i, n;

	mutex_lock(&pts->lock);
	for (i = 0; i < pts->nr_slots; i++)
		if (!pts->slots[i].used)
			break;
	if (i >= pts->max) {
		mutex_unlock(&pts->lock);
		return -ENOSPC;
	}
	if (i == pts->nr_slots) {
		n = i ? i * 2 : 8;
		more = krealloc(pts->slots, n * sizeof(*more));
		if (!more) {
			mutex_unlock(&pts->lock);
			return -ENOMEM;
		}
		memset(more + i, 0, (n - i) * sizeof(*more));
		pts->slots = more;
		pts->nr_slots = n;
	}
	pts->slots[i].used = true;
	mutex_unlock(&pts->lock);
	return (int)i;
}

void devpts_free_index(struct devpts *pts, u32 index)
{
	mutex_lock(&pts->lock);
	pts->slots[index].used = false;
	mutex_unlock(&pts->lock);
}

int devpts_add(struct devpts *pts, struct tty *tty)
{
	struct inode *inode = inode_alloc(pts->sb, &slave_inode_ops, S_IFCHR);

	if (!inode)
		return -ENOMEM;
	tty_get(tty);
	inode->priv = tty;
	inode->ino = INO_FIRST + tty->index;
	inode->rdev = tty_dev(tty);
	ref_get(&pts->sb->ref);
	mutex_lock(&pts->lock);
	inode->mode = S_IFCHR | pts->mode;
	inode->uid = pts->set_uid ? pts->uid : current->cred ? current->cred->fsuid : 0;
	inode->gid = pts->set_gid ? pts->gid : current->cred ? current->cred->fsgid : 0;
	tty->pts = pts;
	pts->slots[tty->index].tty = tty;
	pts->slots[tty->index].inode = inode;
	mutex_unlock(&pts->lock);
	return 0;
}

/* The name goes; the number as well when release is set. */
static void remove_name(struct tty *tty, bool release)
{
	struct devpts *pts = tty->pts;
	struct inode *inode;

	if (!pts)
		return;
	mutex_lock(&pts->lock);
	inode = pts->slots[tty->index].inode;
	pts->slots[tty->index].inode = NULL;
	pts->slots[tty->index].tty = NULL;
	if (release) {
		pts->slots[tty->index].used = false;
		tty->pts = NULL;
	}
	mutex_unlock(&pts->lock);
	if (inode) {
		atomic_store(&inode->nlink, 0);
		inode_put(inode);
	}
	if (release)
		sb_put(pts->sb);
}

void devpts_remove(struct tty *tty) { remove_name(tty, false); }
void devpts_release(struct tty *tty) { remove_name(tty, true); }

struct inode *devpts_inode(struct tty *tty)
{
	struct devpts *pts = tty->pts;
	struct inode *inode = NULL;

	if (!pts)
		return NULL;
	mutex_lock(&pts->lock);
	if (pts->slots[tty->index].tty == tty && pts->slots[tty->index].inode)
		inode = inode_get(pts->slots[tty->index].inode);
	mutex_unlock(&pts->lock);
	return inode;
}
