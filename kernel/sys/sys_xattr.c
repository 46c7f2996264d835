/* The twelve xattr calls: by path, by path without following, by descriptor: decoding. */
#include "abi/linux/xattr.h"
#include "fs/internal.h"
#include "sys/syscall.h"

/* Where: a path (follow or not), or a descriptor. */
struct xattr_place {
	struct path path;
	struct file *file;
};

static int by_name(struct xattr_place *w, struct uptr name, u32 lookup)
{
	w->file = NULL;
	return path_lookup_user(AT_FDCWD, name, lookup, &w->path);
}

static int by_fd(struct xattr_place *w, int fd)
{
	w->file = fd_get(fd);
	if (!w->file)
		return -EBADF;
	w->path = w->file->path;
	return 0;
}

static void done(struct xattr_place *w)
{
	if (w->file)
		file_put(w->file);
	else
		path_put(&w->path);
}

/* kname of XATTR_NAME_MAX + 1. */
static int fetch_name(char *kname, struct uptr name)
{
	ssize_t n = copy_in_str(kname, name, XATTR_NAME_MAX + 1);

	if (n < 0)
		return n == -ENAMETOOLONG ? -ERANGE : (int)n;
	return n ? 0 : -ERANGE;
}

static long set_at(struct xattr_place *w, struct uptr name, struct uptr value, u64 size, int flags)
{
	char kname[XATTR_NAME_MAX + 1], *kvalue;
	long ret;

	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	ret = fetch_name(kname, name);
	if (ret)
		return ret;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	kvalue = kmalloc(size ? size : 1);
	if (!kvalue)
		return -ENOMEM;
	ret = size && copy_in(kvalue, value, size) ? -EFAULT : vfs_setxattr(&w->path, kname, kvalue, size, (u32)flags);
	kfree(kvalue);
	return ret;
}

static long get_at(struct xattr_place *w, struct uptr name, struct uptr value, u64 size)
{
	char kname[XATTR_NAME_MAX + 1], *kvalue = NULL;
	long ret = fetch_name(kname, name);

	if (ret)
		return ret;
	size = min(size, (u64)XATTR_SIZE_MAX);
	if (size) {
		kvalue = kmalloc(size);
		if (!kvalue)
			return -ENOMEM;
	}
	ret = vfs_getxattr(&w->path, kname, kvalue, size);
	if (ret > 0 && size && (ret > (long)size || copy_out(value, kvalue, (size_t)ret)))
		ret = -EFAULT;
	kfree(kvalue);
	return ret;
}

static long list_at(struct xattr_place *w, struct uptr list, u64 size)
{
	char *klist = NULL;
	long ret;

	size = min(size, (u64)XATTR_LIST_MAX);
	if (size) {
		klist = kmalloc(size);
		if (!klist)
			return -ENOMEM;
	}
	ret = vfs_listxattr(&w->path, klist, size);
	if (ret > 0 && size && (ret > (long)size || copy_out(list, klist, (size_t)ret)))
		ret = -EFAULT;
	kfree(klist);
	return ret;
}

static long remove_at(struct xattr_place *w, struct uptr name)
{
	char kname[XATTR_NAME_MAX + 1];
	long ret = fetch_name(kname, name);

	return ret ? ret : vfs_removexattr(&w->path, kname);
}

#define WITH_PLACE(find, act)                                                                                \
	({                                                                                                   \
		struct xattr_place w;                                                                        \
		long ret_ = find;                                                                            \
		if (!ret_) {                                                                                 \
			ret_ = act;                                                                          \
			done(&w);                                                                            \
		}                                                                                            \
		ret_;                                                                                        \
	})

SYSCALL5(setxattr, struct uptr, path, struct uptr, name, struct uptr, value, u64, size, int, flags)
{
	return WITH_PLACE(by_name(&w, path, LOOKUP_FOLLOW), set_at(&w, name, value, size, flags));
}

SYSCALL5(lsetxattr, struct uptr, path, struct uptr, name, struct uptr, value, u64, size, int, flags)
{
	return WITH_PLACE(by_name(&w, path, 0), set_at(&w, name, value, size, flags));
}

SYSCALL5(fsetxattr, int, fd, struct uptr, name, struct uptr, value, u64, size, int, flags)
{
	return WITH_PLACE(by_fd(&w, fd), set_at(&w, name, value, size, flags));
}

SYSCALL4(getxattr, struct uptr, path, struct uptr, name, struct uptr, value, u64, size)
{
	return WITH_PLACE(by_name(&w, path, LOOKUP_FOLLOW), get_at(&w, name, value, size));
}

SYSCALL4(lgetxattr, struct uptr, path, struct uptr, name, struct uptr, value, u64, size)
{
	return WITH_PLACE(by_name(&w, path, 0), get_at(&w, name, value, size));
}

SYSCALL4(fgetxattr, int, fd, struct uptr, name, struct uptr, value, u64, size)
{
	return WITH_PLACE(by_fd(&w, fd), get_at(&w, name, value, size));
}

SYSCALL3(listxattr, struct uptr, path, struct uptr, list, u64, size)
{
	return WITH_PLACE(by_name(&w, path, LOOKUP_FOLLOW), list_at(&w, list, size));
}

SYSCALL3(llistxattr, struct uptr, path, struct uptr, list, u64, size)
{
	return WITH_PLACE(by_name(&w, path, 0), list_at(&w, list, size));
}

SYSCALL3(flistxattr, int, fd, struct uptr, list, u64, size)
{
	return WITH_PLACE(by_fd(&w, fd), list_at(&w, list, size));
}

SYSCALL2(removexattr, struct uptr, path, struct uptr, name)
{
	return WITH_PLACE(by_name(&w, path, LOOKUP_FOLLOW), remove_at(&w, name));
}

SYSCALL2(lremovexattr, struct uptr, path, struct uptr, name)
{
	return WITH_PLACE(by_name(&w, path, 0), remove_at(&w, name));
}

SYSCALL2(fremovexattr, int, fd, struct uptr, name)
{
	return WITH_PLACE(by_fd(&w, fd), remove_at(&w, name));
}
