/* Calls that make, remove and read names, and where a process stands: decoding. */
#include "fs/internal.h"
#include "sys/syscall.h"

SYSCALL3(mkdirat, int, dirfd, struct uptr, name, u32, mode)
{
	struct uname u;
	long ret = uname_get(&u, name, false);

	if (ret)
		return ret;
	ret = do_mkdirat(dirfd, u.name, mode);
	uname_put(&u);
	return ret;
}

SYSCALL2(mkdir, struct uptr, name, u32, mode)
{
	return do_sys_mkdirat(AT_FDCWD, name, mode);
}

SYSCALL4(mknodat, int, dirfd, struct uptr, name, u32, mode, u32, dev)
{
	struct uname u;
	long ret = uname_get(&u, name, false);

	if (ret)
		return ret;
	ret = do_mknodat(dirfd, u.name, mode, dev_decode(dev));
	uname_put(&u);
	return ret;
}

SYSCALL3(mknod, struct uptr, name, u32, mode, u32, dev)
{
	return do_sys_mknodat(AT_FDCWD, name, mode, dev);
}

SYSCALL3(unlinkat, int, dirfd, struct uptr, name, int, flags)
{
	struct uname u;
	long ret;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	ret = uname_get(&u, name, false);
	if (ret)
		return ret;
	ret = flags & AT_REMOVEDIR ? do_rmdirat(dirfd, u.name) : do_unlinkat(dirfd, u.name);
	uname_put(&u);
	return ret;
}

SYSCALL1(unlink, struct uptr, name)
{
	return do_sys_unlinkat(AT_FDCWD, name, 0);
}

SYSCALL1(rmdir, struct uptr, name)
{
	return do_sys_unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

/* Two names fetched, the second one on the heap only when it is long: both fit a frame. */
static int two_names(struct uname *a, struct uptr ua, bool empty_ok, struct uname *b, struct uptr ub)
{
	int err = uname_get(a, ua, empty_ok);

	if (err)
		return err;
	err = uname_get(b, ub, false);
	if (err)
		uname_put(a);
	return err;
}

SYSCALL3(symlinkat, struct uptr, target, int, dirfd, struct uptr, name)
{
	struct uname t, u;
	long ret = two_names(&t, target, false, &u, name);

	if (ret)
		return ret;
	ret = do_symlinkat(t.name, dirfd, u.name);
	uname_put(&t);
	uname_put(&u);
	return ret;
}

SYSCALL2(symlink, struct uptr, target, struct uptr, name)
{
	return do_sys_symlinkat(target, AT_FDCWD, name);
}

SYSCALL5(linkat, int, olddir, struct uptr, oldname, int, newdir, struct uptr, newname, int, flags)
{
	struct uname o, n;
	long ret;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	ret = two_names(&o, oldname, flags & AT_EMPTY_PATH, &n, newname);
	if (ret)
		return ret;
	/* Giving an open file a name by its descriptor is for the privileged. */
	if (!*o.name && !vfs_capable(CAP_DAC_READ_SEARCH))
		ret = -ENOENT;
	else
		ret = do_linkat(olddir, o.name, newdir, n.name, flags);
	uname_put(&o);
	uname_put(&n);
	return ret;
}

SYSCALL2(link, struct uptr, oldname, struct uptr, newname)
{
	return do_sys_linkat(AT_FDCWD, oldname, AT_FDCWD, newname, 0);
}

SYSCALL5(renameat2, int, olddir, struct uptr, oldname, int, newdir, struct uptr, newname, u32, flags)
{
	struct uname o, n;
	long ret = two_names(&o, oldname, false, &n, newname);

	if (ret)
		return ret;
	ret = do_renameat2(olddir, o.name, newdir, n.name, flags);
	uname_put(&o);
	uname_put(&n);
	return ret;
}

SYSCALL4(renameat, int, olddir, struct uptr, oldname, int, newdir, struct uptr, newname)
{
	return do_sys_renameat2(olddir, oldname, newdir, newname, 0);
}

SYSCALL2(rename, struct uptr, oldname, struct uptr, newname)
{
	return do_sys_renameat2(AT_FDCWD, oldname, AT_FDCWD, newname, 0);
}

SYSCALL4(readlinkat, int, dirfd, struct uptr, name, struct uptr, buf, int, size)
{
	struct uname u;
	struct path p;
	char *text;
	long ret;

	if (size <= 0)
		return -EINVAL;
	ret = uname_get(&u, name, true);
	if (ret)
		return ret;
	ret = path_lookup(dirfd, u.name, LOOKUP_EMPTY, &p);
	if (!ret && !S_ISLNK_(p.dentry->inode->mode)) {
		ret = *u.name ? -EINVAL : -ENOENT;
		path_put(&p);
	}
	uname_put(&u);
	if (ret)
		return ret;
	text = kmalloc(PATH_MAX);
	ret = text ? vfs_readlink(&p, text, min((size_t)size, (size_t)PATH_MAX)) : -ENOMEM;
	if (ret > 0 && copy_out(buf, text, (size_t)ret))
		ret = -EFAULT;
	kfree(text);
	path_put(&p);
	return ret;
}

SYSCALL3(readlink, struct uptr, name, struct uptr, buf, int, size)
{
	return do_sys_readlinkat(AT_FDCWD, name, buf, size);
}

static void set_place(struct path *slot, struct path *p)
{
	struct fs_context *fs = current->fs;
	struct path old;

	mutex_lock(&fs->lock);
	old = *slot;
	*slot = *p;
	mutex_unlock(&fs->lock);
	path_put(&old);
}

SYSCALL1(chdir, struct uptr, name)
{
	struct path p;
	int err = path_lookup_user(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = inode_permission(p.dentry->inode, MAY_EXEC);
	if (err)
		path_put(&p);
	else
		set_place(&current->fs->cwd, &p);
	return err;
}

SYSCALL1(fchdir, int, fd)
{
	struct file *f = fd_get_any(fd);
	struct path p;
	int err;

	if (!f)
		return -EBADF;
	err = S_ISDIR_(f->inode->mode) && f->path.mnt ? inode_permission(f->inode, MAY_EXEC) : -ENOTDIR;
	if (!err) {
		p = f->path;
		path_get(&p);
		set_place(&current->fs->cwd, &p);
	}
	file_put(f);
	return err;
}

SYSCALL1(chroot, struct uptr, name)
{
	struct path p;
	int err = path_lookup_user(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = inode_permission(p.dentry->inode, MAY_EXEC);
	if (!err && !vfs_capable(CAP_SYS_CHROOT))
		err = -EPERM;
	if (err)
		path_put(&p);
	else
		set_place(&current->fs->root, &p);
	return err;
}

SYSCALL2(getcwd, struct uptr, buf, u64, size)
{
	struct path cwd, root;
	char *text, *tmp = kmalloc(PATH_MAX);
	long ret;
	size_t n;

	if (!tmp)
		return -ENOMEM;
	current_cwd(&cwd);
	current_root(&root);
	if (cwd.dentry->unhashed) {
		ret = -ENOENT;
	} else {
		text = path_text(&cwd, &root, tmp, PATH_MAX);
		if (is_err(text)) {
			ret = ptr_err(text);
		} else {
			n = strlen(text) + 1;
			if (n > size)
				ret = -ERANGE;
			else
				ret = copy_out(buf, text, n) ? -EFAULT : (long)n;
		}
	}
	path_put(&cwd);
	path_put(&root);
	kfree(tmp);
	return ret;
}

SYSCALL1(umask, u32, mask)
{
	return (long)atomic_xchg(&current->fs->umask, mask & S_IRWXUGO);
}
