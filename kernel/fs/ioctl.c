/* ioctl(2): the requests that every file knows; the rest is the type's. */
#include "abi/linux/ioctl.h"

#include "abi/linux/errno.h"
#include "fs/fasync.h"
#include "fs/fcntl.h"
#include "fs/fdtable.h"
#include "fs/rw.h"

static int flag_from_user(int fd, struct file *f, struct uptr arg, u32 flag)
{
	u32 on, flags = atomic_load_relaxed(&f->flags);

	if (get_user_u32(arg, &on))
		return -EFAULT;
	return file_set_status_flags(fd, f, on ? flags | flag : flags & ~flag);
}

/* Bytes from the position to the end. */
static long fionread(struct file *f, struct uptr arg)
{
	loff_t size = file_size(f);

	if (size < 0)
		return size;
	size -= file_pos_now(f);
	return put_user_u32(arg, (u32)(s32)size);
}

static long fioqsize(struct file *f, struct uptr arg)
{
	loff_t size;

	if (!S_ISREG_(f->inode->mode) && !S_ISDIR_(f->inode->mode) && !S_ISLNK_(f->inode->mode))
		return -ENOTTY;
	size = file_size(f);
	return size < 0 ? size : copy_out(arg, &size, sizeof(size));
}

long file_ioctl(int fd, struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case FIOCLEX:
		return fd_cloexec_set(fd, true);
	case FIONCLEX:
		return fd_cloexec_set(fd, false);
	case FIONBIO:
		return flag_from_user(fd, f, uptr(arg), O_NONBLOCK);
	case FIOASYNC:
		return flag_from_user(fd, f, uptr(arg), O_ASYNC);
	case FIOQSIZE:
		return fioqsize(f, uptr(arg));
	case FIGETBSZ:
		if (S_ISREG_(f->inode->mode) || S_ISDIR_(f->inode->mode))
			return put_user_u32(uptr(arg), f->inode->blksize ? f->inode->blksize : (u32)PAGE_SIZE);
		break;
	case FIONREAD:
		if (S_ISREG_(f->inode->mode))
			return fionread(f, uptr(arg));
		break;
	}
	if (!f->ops || !f->ops->ioctl)
		return -ENOTTY;
	return f->ops->ioctl(f, cmd, arg);
}
