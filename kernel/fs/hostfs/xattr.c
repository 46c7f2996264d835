/*
 * hostfs: extended attributes, by a data descriptor of the file. ACLs are not honoured by the guest, so it does not
 * show them either; of the host's security labels only file capabilities mean something here.
 */
#include "core/alloc.h"
#include "fs/hostfs/internal.h"
#include "gate/host.h"
#include "lib/string.h"

static bool begins(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* 0 = the host may be asked. */
static int name_allowed(const char *name, int absent)
{
	if (begins(name, "user.") || begins(name, "trusted."))
		return 0;
	if (begins(name, "security."))
		return strcmp(name, "security.capability") == 0 ? 0 : absent;
	return -EOPNOTSUPP;
}

/* Directories have no cached data descriptor: *own says that the caller closes it. */
static int xattr_fd(struct inode *inode, bool *own)
{
	int fd, dir;

	*own = S_ISDIR_(inode->mode);
	if (*own) {
		dir = hostfs_fd_get(inode, HOSTFS_PATH);
		if (dir < 0)
			return dir;
		fd = hostfs_open_host(hsb_of(inode)->be, dir, ".", O_RDONLY | O_DIRECTORY, 0);
		hostfs_fd_put(inode);
		return fd;
	}
	fd = hostfs_fd_get(inode, HOSTFS_READ);
	return fd == -EACCES ? hostfs_fd_get(inode, HOSTFS_WRITE) : fd;
}

static void xattr_fd_put(struct inode *inode, int fd, bool own)
{
	if (own)
		hostfs_close(fd);
	else
		hostfs_fd_put(inode);
}

static s64 ctime_ns(const struct inode *inode)
{
	return inode->ctime.tv_sec * NSEC_PER_SEC + inode->ctime.tv_nsec;
}

ssize_t hostfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	bool caps = strcmp(name, "security.capability") == 0, own;
	ssize_t ret = name_allowed(name, -ENODATA);
	s64 ctime = ctime_ns(inode);
	int fd;

	if (ret)
		return ret;
	if (caps && ctime && atomic_load(&node_of(inode)->no_caps) == ctime)
		return -ENODATA;
	fd = xattr_fd(inode, &own);
	if (fd < 0)
		return fd == -EACCES ? -ENODATA : fd;
	ret = host_fgetxattr(fd, name, buf, size);
	xattr_fd_put(inode, fd, own);
	if (caps && ret == -ENODATA)
		atomic_store(&node_of(inode)->no_caps, ctime);
	return ret;
}

int hostfs_setxattr(struct inode *inode, const char *name, const void *value, size_t size, u32 flags)
{
	int ret = name_allowed(name, -EOPNOTSUPP), fd;
	bool own;

	if (hsb_of(inode)->readonly)
		return -EROFS;
	if (ret)
		return ret;
	fd = xattr_fd(inode, &own);
	if (fd < 0)
		return fd;
	ret = (int)host_fsetxattr(fd, name, value, size, (int)flags);
	atomic_store(&node_of(inode)->no_caps, 0);
	xattr_fd_put(inode, fd, own);
	hostfs_mark_stale(inode);
	return ret;
}

int hostfs_removexattr(struct inode *inode, const char *name)
{
	int ret = name_allowed(name, -ENODATA), fd;
	bool own;

	if (hsb_of(inode)->readonly)
		return -EROFS;
	if (ret)
		return ret;
	fd = xattr_fd(inode, &own);
	if (fd < 0)
		return fd;
	ret = (int)host_fremovexattr(fd, name);
	xattr_fd_put(inode, fd, own);
	hostfs_mark_stale(inode);
	return ret;
}

#define LIST_MAX 65536u

ssize_t hostfs_listxattr(struct inode *inode, char *buf, size_t size)
{
	char *all, *p, *end;
	size_t used = 0;
	ssize_t n;
	bool own;
	int fd = xattr_fd(inode, &own);

	if (fd < 0)
		return fd == -EACCES ? 0 : fd;
	n = host_flistxattr(fd, NULL, 0);
	if (n <= 0 || n > LIST_MAX) {
		xattr_fd_put(inode, fd, own);
		return n > LIST_MAX ? -E2BIG : n == -EOPNOTSUPP ? 0 : n;
	}
	all = kmalloc((size_t)n);
	if (!all) {
		xattr_fd_put(inode, fd, own);
		return -ENOMEM;
	}
	n = host_flistxattr(fd, all, (size_t)n);
	xattr_fd_put(inode, fd, own);
	end = all + max(n, (ssize_t)0);
	for (p = all; p < end;) {
		size_t len = strnlen(p, (size_t)(end - p)) + 1;

		if (p + len > end)
			break;
		if (name_allowed(p, -ENODATA) == 0) {
			if (size && used + len > size) {
				n = -ERANGE;
				break;
			}
			if (size)
				memcpy(buf + used, p, len);
			used += len;
		}
		p += len;
	}
	kfree(all);
	return n < 0 ? n : (ssize_t)used;
}
