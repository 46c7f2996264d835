/* Extended attributes: who may touch which name space, xattr(7). Storage is the file system's. */
#include "abi/linux/xattr.h"
#include "fs/internal.h"

static bool has_prefix(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 && name[n];
}

/* A name space without a name behind it is -EINVAL, one that there is not -EOPNOTSUPP. */
static int unknown_name(const char *name)
{
	if (strcmp(name, XATTR_USER_PREFIX) == 0 || strcmp(name, XATTR_TRUSTED_PREFIX) == 0 ||
	    strcmp(name, XATTR_SECURITY_PREFIX) == 0)
		return -EINVAL;
	return -EOPNOTSUPP;
}

static int check_write(struct inode *i, const char *name)
{
	if (has_prefix(name, XATTR_SECURITY_PREFIX)) {
		if (strcmp(name, XATTR_NAME_CAPS) == 0)
			return vfs_capable(CAP_SETFCAP) ? 0 : -EPERM;
		return vfs_capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	}
	if (has_prefix(name, XATTR_TRUSTED_PREFIX))
		return vfs_capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	if (has_prefix(name, XATTR_SYSTEM_PREFIX))
		return inode_owner_or_capable(i) ? 0 : -EPERM;
	if (has_prefix(name, XATTR_USER_PREFIX)) {
		if (!S_ISREG_(i->mode) && !S_ISDIR_(i->mode))
			return -EPERM;
		if (S_ISDIR_(i->mode) && (i->mode & S_ISVTX) && !inode_owner_or_capable(i))
			return -EPERM;
		return inode_permission(i, MAY_WRITE);
	}
	return unknown_name(name);
}

static int check_read(struct inode *i, const char *name)
{
	if (has_prefix(name, XATTR_TRUSTED_PREFIX))
		return vfs_capable(CAP_SYS_ADMIN) ? 0 : -ENODATA;
	if (has_prefix(name, XATTR_USER_PREFIX)) {
		if (!S_ISREG_(i->mode) && !S_ISDIR_(i->mode))
			return -ENODATA;
		return inode_permission(i, MAY_READ);
	}
	if (has_prefix(name, XATTR_SECURITY_PREFIX) || has_prefix(name, XATTR_SYSTEM_PREFIX))
		return 0;
	return unknown_name(name);
}

ssize_t vfs_getxattr(const struct path *p, const char *name, void *buf, size_t size)
{
	struct inode *i = p->dentry->inode;
	int err = check_read(i, name);

	if (err)
		return err;
	return i->ops->getxattr ? i->ops->getxattr(i, name, buf, size) : -EOPNOTSUPP;
}

int vfs_setxattr(const struct path *p, const char *name, const void *value, size_t size, u32 flags)
{
	struct inode *i = p->dentry->inode;
	int err = path_readonly(p) ? -EROFS : check_write(i, name);

	if (!err)
		err = i->ops->setxattr ? i->ops->setxattr(i, name, value, size, flags) : -EOPNOTSUPP;
	if (!err)
		fs_notify(i, p->dentry, IN_ATTRIB | (S_ISDIR_(i->mode) ? IN_ISDIR : 0));
	return err;
}

int vfs_removexattr(const struct path *p, const char *name)
{
	struct inode *i = p->dentry->inode;
	int err = path_readonly(p) ? -EROFS : check_write(i, name);

	if (!err)
		err = i->ops->removexattr ? i->ops->removexattr(i, name) : -EOPNOTSUPP;
	if (!err)
		fs_notify(i, p->dentry, IN_ATTRIB | (S_ISDIR_(i->mode) ? IN_ISDIR : 0));
	return err;
}

/* Names in trusted. are for CAP_SYS_ADMIN only. The whole list is fetched to leave them out. */
ssize_t vfs_listxattr(const struct path *p, char *buf, size_t size)
{
	struct inode *i = p->dentry->inode;
	bool all = vfs_capable(CAP_SYS_ADMIN);
	char *list;
	ssize_t n, used = 0, at;

	if (!i->ops->listxattr)
		return 0;
	if (all)
		return i->ops->listxattr(i, buf, size);
	list = kmalloc(XATTR_LIST_MAX);
	if (!list)
		return -ENOMEM;
	n = i->ops->listxattr(i, list, XATTR_LIST_MAX);
	for (at = 0; at < n;) {
		ssize_t len = (ssize_t)strnlen(list + at, (size_t)(n - at)) + 1;

		if (len <= n - at && strncmp(list + at, XATTR_TRUSTED_PREFIX, 8) != 0) {
			if (size && (size_t)(used + len) > size) {
				used = -ERANGE;
				break;
			}
			if (size)
				memcpy(buf + used, list + at, (size_t)len);
			used += len;
		}
		at += len;
	}
	kfree(list);
	return n < 0 ? n : used;
}
