/* overlay: attributes and extended attributes, from the layer that has the file. */
#include "fs/overlay/internal.h"
#include "lib/string.h"

int ovl_getattr(struct inode *inode, struct kstat *st)
{
	struct inode *upper = ovl_upper(inode);
	int ret = ovl_layer_getattr(ovl_real(inode), st);

	if (ret)
		return ret;
	st->ino = inode->ino;
	st->dev = inode->sb->dev;
	st->mode = atomic_load(&inode->mode);
	st->uid = atomic_load(&inode->uid);
	st->gid = atomic_load(&inode->gid);
	if (!S_ISDIR_(inode->mode))
		st->nlink = atomic_load(&inode->nlink);
	else if (!atomic_load(&inode->nlink))
		st->nlink = 0;
	else if (upper && ovl_lower_dir(inode))
		st->nlink = 1; /* a merged directory: nobody has counted */
	atomic_store(&inode->size, st->size);
	return 0;
}

int ovl_setattr(struct inode *inode, const struct iattr *attr)
{
	struct iattr a = *attr;
	int ret = ovl_copy_up(inode, attr->valid & ATTR_SIZE ? attr->size : OVL_NO_LIMIT);

	if (ret)
		return ret;
	a.file = NULL; /* it is not a file of the layer */
	ret = ovl_layer_setattr(ovl_upper(inode), &a);
	if (ret)
		return ret;
	if (a.valid & ATTR_SIZE)
		atomic_store(&inode->size, a.size);
	a.valid &= ~ATTR_SIZE;
	return inode_setattr_simple(inode, &a);
}

ssize_t ovl_readlink(struct inode *inode, char *buf, size_t size)
{
	struct inode *real = ovl_real(inode);

	return real->ops->readlink ? real->ops->readlink(real, buf, size) : -EINVAL;
}

ssize_t ovl_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	if (ovl_mark_is(name))
		return -ENODATA;
	return ovl_layer_getxattr(ovl_real(inode), name, buf, size);
}

int ovl_setxattr(struct inode *inode, const char *name, const void *value, size_t size, u32 flags)
{
	struct inode *upper;
	int ret;

	if (ovl_mark_is(name))
		return -EPERM;
	ret = ovl_copy_up(inode, OVL_NO_LIMIT);
	if (ret)
		return ret;
	upper = ovl_upper(inode);
	ret = upper->ops->setxattr ? upper->ops->setxattr(upper, name, value, size, flags) : -EOPNOTSUPP;
	if (!ret)
		inode_touch(inode, ATTR_CTIME);
	return ret;
}

int ovl_removexattr(struct inode *inode, const char *name)
{
	struct inode *upper;
	int ret;

	if (ovl_mark_is(name))
		return -ENODATA;
	ret = ovl_copy_up(inode, OVL_NO_LIMIT);
	if (ret)
		return ret;
	upper = ovl_upper(inode);
	return upper->ops->removexattr ? upper->ops->removexattr(upper, name) : -EOPNOTSUPP;
}

/* Takes overlay's own names out of a list; returns the new length. */
static ssize_t filter(char *buf, ssize_t len)
{
	char *from = buf, *to = buf, *end = buf + len;

	while (from < end) {
		size_t n = strnlen(from, (size_t)(end - from)) + 1;

		if (from + n > end)
			break;
		if (!ovl_mark_is(from)) {
			memmove(to, from, n);
			to += n;
		}
		from += n;
	}
	return to - buf;
}

/* The length asked for with size 0 may be more than the list then is, as xattr(7) allows. */
ssize_t ovl_listxattr(struct inode *inode, char *buf, size_t size)
{
	struct inode *real = ovl_real(inode);
	ssize_t len = real->ops->listxattr ? real->ops->listxattr(real, buf, size) : -EOPNOTSUPP;

	return len > 0 && size ? filter(buf, len) : len;
}
