/* Extended attributes of tmpfs: a short list per inode, in kernel memory. Permission is the VFS's. */
#include "abi/linux/xattr.h"
#include "fs/tmpfs/tmpfs.h"

#define XATTRS_TOTAL_MAX (256u * 1024) /* bytes per inode */

static struct tmpfs_xattr **find(struct tmpfs_inode *ti, const char *name)
{
	struct tmpfs_xattr **p = &ti->xattrs;

	while (*p && strcmp((*p)->name, name) != 0)
		p = &(*p)->next;
	return p;
}

static void xattr_free(struct tmpfs_xattr *x)
{
	if (!x)
		return;
	kfree(x->name);
	kfree(x->value);
	kfree(x);
}

static bool supported(const char *name)
{
	return strncmp(name, XATTR_USER_PREFIX, 5) == 0 || strncmp(name, XATTR_TRUSTED_PREFIX, 8) == 0 ||
	       strncmp(name, XATTR_SECURITY_PREFIX, 9) == 0;
}

ssize_t tmpfs_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	struct tmpfs_xattr *x;
	ssize_t ret = -ENODATA;

	if (!supported(name))
		return -EOPNOTSUPP;
	mutex_lock(&ti->lock);
	x = *find(ti, name);
	if (x) {
		ret = (ssize_t)x->size;
		if (size && size < x->size)
			ret = -ERANGE;
		else if (size)
			memcpy(buf, x->value, x->size);
	}
	mutex_unlock(&ti->lock);
	return ret;
}

static size_t total_size(struct tmpfs_inode *ti)
{
	size_t n = 0;

	for (struct tmpfs_xattr *x = ti->xattrs; x; x = x->next)
		n += x->size + strlen(x->name) + sizeof(*x);
	return n;
}

int tmpfs_setxattr(struct inode *i, const char *name, const void *value, size_t size, u32 flags)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	struct tmpfs_xattr *x, *old = NULL, **p;
	int err = 0;

	if (!supported(name))
		return -EOPNOTSUPP;
	x = kzalloc(sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->name = kstrdup(name);
	x->value = kmalloc(size ? size : 1);
	x->size = size;
	if (!x->name || !x->value) {
		xattr_free(x);
		return -ENOMEM;
	}
	memcpy(x->value, value, size);
	mutex_lock(&ti->lock);
	p = find(ti, name);
	if (*p && (flags & XATTR_CREATE))
		err = -EEXIST;
	else if (!*p && (flags & XATTR_REPLACE))
		err = -ENODATA;
	else if (total_size(ti) + size > XATTRS_TOTAL_MAX)
		err = -ENOSPC;
	if (!err) {
		old = *p;
		x->next = old ? old->next : NULL;
		*p = x;
		x = old;
	}
	mutex_unlock(&ti->lock);
	xattr_free(x);
	if (!err)
		inode_touch(i, ATTR_CTIME);
	return err;
}

ssize_t tmpfs_listxattr(struct inode *i, char *buf, size_t size)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	size_t used = 0;

	mutex_lock(&ti->lock);
	for (struct tmpfs_xattr *x = ti->xattrs; x; x = x->next) {
		size_t n = strlen(x->name) + 1;

		if (size && used + n > size) {
			mutex_unlock(&ti->lock);
			return -ERANGE;
		}
		if (size)
			memcpy(buf + used, x->name, n);
		used += n;
	}
	mutex_unlock(&ti->lock);
	return (ssize_t)used;
}

int tmpfs_removexattr(struct inode *i, const char *name)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	struct tmpfs_xattr *x, **p;

	if (!supported(name))
		return -EOPNOTSUPP;
	mutex_lock(&ti->lock);
	p = find(ti, name);
	x = *p;
	if (x)
		*p = x->next;
	mutex_unlock(&ti->lock);
	xattr_free(x);
	if (x)
		inode_touch(i, ATTR_CTIME);
	return x ? 0 : -ENODATA;
}

void tmpfs_xattrs_free(struct tmpfs_inode *ti)
{
	while (ti->xattrs) {
		struct tmpfs_xattr *x = ti->xattrs;

		ti->xattrs = x->next;
		xattr_free(x);
	}
}
