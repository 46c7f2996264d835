/* mount(2), umount2(2), pivot_root(2), sync(2): decoding. */
#include "fs/internal.h"
#include "sys/syscall.h"

/* A text that may be absent; err_ptr. */
static char *optional_text(struct uptr p, size_t max)
{
	char *s = uptr_null(p) ? kstrdup("") : copy_in_strdup(p, max);

	if (!s)
		return err_ptr(-ENOMEM);
	return is_err(s) && ptr_err(s) == -E2BIG ? err_ptr(-EINVAL) : s;
}

static void text_free(char *s)
{
	if (!is_err(s))
		kfree(s);
}

SYSCALL5(mount, struct uptr, usource, struct uptr, utarget, struct uptr, utype, u64, flags, struct uptr, udata)
{
	char *source = optional_text(usource, PATH_MAX - 1);
	char *type = optional_text(utype, 64);
	char *data = optional_text(udata, PAGE_SIZE - 1);
	struct path at;
	long ret = 0;

	if (is_err(type))
		ret = ptr_err(type);
	else if (is_err(source))
		ret = ptr_err(source);
	else if (is_err(data))
		ret = ptr_err(data);
	if (!ret)
		ret = path_lookup_user(AT_FDCWD, utarget, LOOKUP_FOLLOW, &at);
	if (!ret) {
		ret = vfs_capable(CAP_SYS_ADMIN) ? do_mount(source, &at, type, flags, data) : -EPERM;
		path_put(&at);
	}
	text_free(source);
	text_free(type);
	text_free(data);
	return ret;
}

SYSCALL2(umount2, struct uptr, target, int, flags)
{
	struct path at;
	int err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	if ((flags & MNT_EXPIRE) && (flags & (MNT_FORCE | MNT_DETACH)))
		return -EINVAL;
	err = path_lookup_user(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &at);
	if (err)
		return err;
	err = vfs_capable(CAP_SYS_ADMIN) ? do_umount(&at, flags) : -EPERM;
	path_put(&at);
	return err;
}

SYSCALL2(pivot_root, struct uptr, unew, struct uptr, uold)
{
	struct path new, old;
	int err;

	if (!vfs_capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = path_lookup_user(AT_FDCWD, unew, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new);
	if (err)
		return err;
	err = path_lookup_user(AT_FDCWD, uold, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
	if (!err) {
		err = do_pivot_root(&new, &old);
		path_put(&old);
	}
	path_put(&new);
	return err;
}

SYSCALL0(sync)
{
	(void)!sync_all();
	return 0;
}

SYSCALL1(syncfs, int, fd)
{
	struct file *f = fd_get(fd);
	struct super_block *sb;
	int err;

	if (!f)
		return -EBADF;
	sb = f->path.dentry->sb;
	err = sb->ops && sb->ops->sync ? sb->ops->sync(sb) : 0;
	file_put(f);
	return err;
}
