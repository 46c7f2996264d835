/* The direct backend: *at() calls on the host, confined by the sandbox's own mount namespace. */
#include "fs/hostfs/internal.h"
#include "gate/host.h"

static inline int at_empty(const char *name) { return *name ? 0 : AT_EMPTY_PATH; }

static int direct_stat(int dir, const char *name, struct statx *st)
{
	return (int)host_statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | at_empty(name),
			       STATX_BASIC_STATS | STATX_BTIME, st);
}

static int direct_open(int dir, const char *name, u32 flags, u32 mode)
{
	return (int)host_openat(dir, name, (int)(flags | O_NOFOLLOW | O_CLOEXEC), mode);
}

static ssize_t direct_readdir(int fd, void *buf, size_t size)
{
	return host_getdents64(fd, buf, size);
}

static ssize_t direct_readlink(int dir, const char *name, char *buf, size_t size)
{
	return host_readlinkat(dir, name, buf, size);
}

static int direct_mkdir(int dir, const char *name, u32 mode)
{
	return (int)host_mkdirat(dir, name, mode);
}

static int direct_mknod(int dir, const char *name, u32 mode, u64 dev)
{
	return (int)host_mknodat(dir, name, mode, dev);
}

static int direct_symlink(const char *target, int dir, const char *name)
{
	return (int)host_symlinkat(target, dir, name);
}

static int direct_link(int old_dir, const char *old_name, int new_dir, const char *new_name)
{
	char proc[32];
	int ret = (int)host_linkat(old_dir, old_name, new_dir, new_name, at_empty(old_name));

	if (*old_name || hostfs_proc_fd() < 0 || (ret != -ENOENT && ret != -EPERM))
		return ret;
	/* Linking by descriptor wants a capability; through procfs it does not. */
	hostfs_proc_name(old_dir, proc);
	return (int)host_linkat(hostfs_proc_fd(), proc, new_dir, new_name, AT_SYMLINK_FOLLOW);
}

static int direct_unlink(int dir, const char *name, bool directory)
{
	return (int)host_unlinkat(dir, name, directory ? AT_REMOVEDIR : 0);
}

static int direct_rename(int old_dir, const char *old_name, int new_dir, const char *new_name, u32 flags)
{
	return (int)host_renameat2(old_dir, old_name, new_dir, new_name, flags);
}

static int direct_chmod(int dir, const char *name, u32 mode)
{
	char proc[32];

	if (*name)
		return (int)host_fchmodat(dir, name, mode);
	if (hostfs_proc_fd() >= 0) {
		hostfs_proc_name(dir, proc);
		return (int)host_fchmodat(hostfs_proc_fd(), proc, mode);
	}
	return (int)host_fchmodat(dir, ".", mode); /* right for a directory, -ENOTDIR else */
}

static int direct_chown(int dir, const char *name, u32 uid, u32 gid)
{
	return (int)host_fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW | at_empty(name));
}

static int direct_utimens(int dir, const char *name, const struct timespec64 ts[2])
{
	return (int)host_utimensat(dir, name, ts, AT_SYMLINK_NOFOLLOW | at_empty(name));
}

const struct hostfs_backend hostfs_direct = {
	.name = "direct",
	.stat = direct_stat,
	.open = direct_open,
	.readdir = direct_readdir,
	.readlink = direct_readlink,
	.mkdir = direct_mkdir,
	.mknod = direct_mknod,
	.symlink = direct_symlink,
	.link = direct_link,
	.unlink = direct_unlink,
	.rename = direct_rename,
	.chmod = direct_chmod,
	.chown = direct_chown,
	.utimens = direct_utimens,
};
