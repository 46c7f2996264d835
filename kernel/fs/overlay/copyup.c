/*
 * overlay: copy-up. A file's copy is made without a name, gets data, attributes and xattrs, and only then its name,
 * so nobody ever sees half of it. The overlay inode is findable by the new upper inode before the name is.
 */
#include "core/alloc.h"
#include "fs/overlay/internal.h"
#include "core/log.h"
#include "lib/string.h"

#define CHUNK (256 * 1024ul)
#define CHUNK_PAGES (CHUNK / PAGE_SIZE)
#define XATTR_VALUE_MAX 65536u

static bool all_zero(const char *p, size_t n)
{
	return n && !p[0] && memcmp(p, p + 1, n - 1) == 0;
}

static int copy_data(struct inode *lower, struct inode *upper, u64 size)
{
	struct file *from = file_open_bare(lower, O_RDONLY), *to;
	struct iattr a = { .valid = ATTR_SIZE, .size = size };
	char *buf;
	u64 pos = 0;
	int ret = 0;

	if (is_err(from))
		return (int)ptr_err(from);
	to = file_open_bare(upper, O_WRONLY);
	if (is_err(to)) {
		file_put(from);
		return (int)ptr_err(to);
	}
	buf = kpages_alloc(CHUNK_PAGES);
	if (!buf)
		ret = -ENOMEM;
	while (!ret && pos < size) {
		ssize_t n = file_read_kernel(from, buf, min(CHUNK, size - pos), (loff_t)pos), w = 0;
		loff_t at = (loff_t)pos;

		if (n <= 0) {
			ret = (int)n;
			break; /* shorter than it said: the rest stays a hole */
		}
		while (w < n && !all_zero(buf + w, (size_t)(n - w))) {
			ssize_t k = file_write_kernel(to, buf + w, (size_t)(n - w), &at);

			if (k <= 0) {
				ret = k ? (int)k : -EIO;
				break;
			}
			w += k;
		}
		pos += (u64)n;
	}
	if (buf)
		kpages_free(buf, CHUNK_PAGES);
	file_put(from);
	file_put(to);
	return ret ? ret : ovl_layer_setattr(upper, &a);
}

/* All but overlay's own marks. What the upper layer does not take is left behind, as a copy by hand would. */
static int copy_xattrs(struct inode *lower, struct inode *upper)
{
	char *names, *value = NULL, *p;
	ssize_t len, n;
	int ret = 0;

	if (!lower->ops->listxattr)
		return 0;
	len = lower->ops->listxattr(lower, NULL, 0);
	if (len <= 0)
		return 0;
	names = kmalloc((size_t)len + 1);
	value = kmalloc(XATTR_VALUE_MAX);
	if (!names || !value)
		ret = -ENOMEM;
	else
		len = lower->ops->listxattr(lower, names, (size_t)len);
	for (p = names; !ret && len > 0 && p < names + len; p += strlen(p) + 1) {
		names[len] = 0;
		if (ovl_mark_is(p))
			continue;
		n = ovl_layer_getxattr(lower, p, value, XATTR_VALUE_MAX);
		if (n >= 0)
			ret = ovl_layer_setxattr(upper, p, value, (size_t)n);
		if (ret == -EOPNOTSUPP || ret == -EPERM)
			ret = 0;
	}
	kfree(names);
	kfree(value);
	return ret;
}

static void set_times(struct inode *real, const struct kstat *st)
{
	struct iattr a = {
		.valid = ATTR_ATIME | ATTR_MTIME | ATTR_TIMES_EXPLICIT, .atime = st->atime, .mtime = st->mtime,
	};
	int ret = ovl_layer_setattr(real, &a);

	if (ret)
		log_debug("overlay: times of a copy: %d", ret);
}

/* What the copy is made of. The symlink's text is kmalloc'ed. */
static int describe(struct inode *lower, struct inode *inode, struct kstat *st, struct inode_new *new)
{
	char *text;
	ssize_t n;
	int ret = ovl_layer_getattr(lower, st);

	if (ret)
		return ret;
	*new = (struct inode_new){ .mode = inode->mode, .uid = inode->uid, .gid = inode->gid, .rdev = st->rdev };
	if (!S_ISLNK_(inode->mode))
		return 0;
	if (!lower->ops->readlink)
		return -EINVAL;
	text = kmalloc(PATH_MAX);
	if (!text)
		return -ENOMEM;
	n = lower->ops->readlink(lower, text, PATH_MAX - 1);
	if (n < 0) {
		kfree(text);
		return (int)n;
	}
	text[n] = 0;
	new->symlink = text;
	return 0;
}

/* Data, xattrs, number, times of a copy that may not have a name yet. */
static int fill_copy(struct ovl_inode *oi, struct inode *upper, const struct kstat *st, u64 limit)
{
	u64 ino = oi->lower->ino;
	int ret = 0;

	if (S_ISREG_(upper->mode))
		ret = copy_data(oi->lower, upper, min(st->size, limit));
	if (!ret)
		ret = copy_xattrs(oi->lower, upper);
	if (!ret && !S_ISDIR_(upper->mode))
		(void)ovl_mark_set(upper, "origin", &ino, sizeof(ino)); /* without it the number changes later */
	if (!ret)
		set_times(upper, st);
	return ret;
}

/* A regular file: nameless first. -EOPNOTSUPP = the upper layer has no such files. */
static int copy_nameless(struct ovl_inode *oi, struct inode *dir, const struct qstr *q, const struct inode_new *new,
			 const struct kstat *st, u64 limit, struct inode **out)
{
	struct inode *upper;
	int ret;

	if (!dir->ops->tmpfile || (q && !dir->ops->link))
		return -EOPNOTSUPP;
	mutex_lock(&dir->lock);
	ret = dir->ops->tmpfile(dir, new, &upper);
	mutex_unlock(&dir->lock);
	if (ret)
		return ret;
	ovl_adopt_layer(upper);
	ret = fill_copy(oi, upper, st, limit);
	if (!ret) {
		ovl_publish_upper(oi, upper);
		if (q) {
			mutex_lock(&dir->lock);
			ret = dir->ops->link(dir, q, upper);
			mutex_unlock(&dir->lock);
		}
		if (ret)
			ovl_unpublish(&oi->key_upper);
	}
	if (ret)
		inode_put(upper);
	else
		*out = upper;
	return ret;
}

static int copy_named(struct ovl_inode *oi, struct inode *dir, const struct qstr *q, const struct inode_new *new,
		      const struct kstat *st, u64 limit, struct inode **out)
{
	struct inode *upper;
	int ret;

	if (!dir->ops->create)
		return -EPERM;
	mutex_lock(&dir->lock);
	ret = dir->ops->create(dir, q, new, &upper);
	if (!ret) {
		ovl_adopt_layer(upper);
		ovl_publish_upper(oi, upper);
	}
	mutex_unlock(&dir->lock);
	if (ret)
		return ret;
	ret = fill_copy(oi, upper, st, limit);
	if (ret) {
		mutex_lock(&dir->lock);
		(void)ovl_remove_locked(dir, q, upper);
		mutex_unlock(&dir->lock);
		ovl_unpublish(&oi->key_upper);
		inode_put(upper);
		return ret;
	}
	*out = upper;
	return 0;
}

/* oi->lock held; parent is its directory with an upper part, or NULL for a file without a name. */
static int copy_up_locked(struct ovl_inode *oi, struct inode *parent, u64 limit)
{
	struct ovl_sb *os = oi->inode->sb->priv;
	struct inode *dir = parent ? ovl_upper(parent) : os->upper->root, *upper;
	struct qstr q = { .name = oi->name, .len = oi->name ? (u32)strlen(oi->name) : 0 };
	struct inode_new new = { 0 };
	struct kstat st, dir_st;
	int ret;

	ret = describe(oi->lower, oi->inode, &st, &new);
	if (!ret)
		ret = ovl_layer_getattr(dir, &dir_st);
	if (ret)
		goto out;
	ret = -EOPNOTSUPP;
	if (S_ISREG_(new.mode))
		ret = copy_nameless(oi, dir, parent ? &q : NULL, &new, &st, limit, &upper);
	if (ret == -EOPNOTSUPP && parent)
		ret = copy_named(oi, dir, &q, &new, &st, limit, &upper);
	if (ret)
		goto out;
	ovl_set_upper(oi->inode, upper);
	if (parent)
		set_times(dir, &dir_st); /* to the program nothing has happened in there */
	/* The other names of a hard link are still in the lower layer only: they lead here by the lower inode. */
	if (!S_ISDIR_(new.mode) && oi->inode->nlink > 1)
		ovl_pin(oi);
out:
	kfree((void *)new.symlink);
	return ret;
}

static struct inode *parent_get(struct inode *inode)
{
	struct ovl_inode *oi = ovl_of(inode);
	struct inode *parent;

	mutex_lock_nested(&oi->lock);
	parent = oi->parent ? inode_get(oi->parent) : NULL;
	mutex_unlock(&oi->lock);
	return parent;
}

/* One inode whose parent is ready. -EAGAIN: it was moved meanwhile. */
static int copy_up_one(struct inode *inode, struct inode *parent, u64 limit)
{
	struct ovl_inode *oi = ovl_of(inode);
	int ret = 0;

	mutex_lock_nested(&oi->lock);
	if (!oi->upper)
		ret = oi->parent == parent ? copy_up_locked(oi, parent, limit) : -EAGAIN;
	mutex_unlock(&oi->lock);
	return ret;
}

int ovl_copy_up(struct inode *inode, u64 limit)
{
	while (!ovl_upper(inode)) {
		struct inode *cur = inode_get(inode), *parent;
		int ret;

		if (!ovl_sb_of(inode)->upper) {
			inode_put(cur);
			return -EROFS;
		}
		/* Up to the nearest directory that has an upper part, then one step down. */
		for (;;) {
			parent = parent_get(cur);
			if (!parent || ovl_upper(parent))
				break;
			inode_put(cur);
			cur = parent;
		}
		ret = copy_up_one(cur, parent, limit);
		inode_put(cur);
		if (parent)
			inode_put(parent);
		if (ret && ret != -EAGAIN)
			return ret;
	}
	return 0;
}
