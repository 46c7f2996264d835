/*
 * getdents(2) and getdents64(2). The file system may hold a lock while it emits, so entries are packed into a kernel
 * buffer first and copied out when it is done.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/rw.h"
#include "lib/string.h"

#define DIRENTS_MAX 32768u

struct linux_dirent64 {
	u64 ino;
	s64 off;
	u16 reclen;
	u8 type;
	char name[];
};
struct linux_dirent { /* the type is the record's last byte */
	u64 ino;
	u64 off;
	u16 reclen;
	char name[];
};
#define DIRENT64_HEAD 19u
#define DIRENT_HEAD 18u

struct dirents {
	struct dir_context ctx;
	char *buf;
	u32 size, used;
	bool old_layout, too_small;
};

static bool dirents_emit(struct dir_context *ctx, const char *name, u32 len, u64 ino, u32 d_type, loff_t next_pos)
{
	struct dirents *d = container_of(ctx, struct dirents, ctx);
	u32 reclen;
	char *p;

	if (len > NAME_MAX)
		return true; /* no name a program could use */
	reclen = d->old_layout ? ALIGN_UP(DIRENT_HEAD + len + 2, 8u) : ALIGN_UP(DIRENT64_HEAD + len + 1, 8u);
	if (reclen > d->size - d->used) {
		d->too_small = d->used == 0;
		return false;
	}
	p = d->buf + d->used;
	memset(p, 0, reclen);
	if (d->old_layout) {
		struct linux_dirent *e = (struct linux_dirent *)p;

		e->ino = ino;
		e->off = (u64)next_pos;
		e->reclen = (u16)reclen;
		memcpy(e->name, name, len);
		p[reclen - 1] = (char)d_type;
	} else {
		struct linux_dirent64 *e = (struct linux_dirent64 *)p;

		e->ino = ino;
		e->off = next_pos;
		e->reclen = (u16)reclen;
		e->type = (u8)d_type;
		memcpy(p + DIRENT64_HEAD, name, len);
	}
	d->used += reclen;
	ctx->pos = next_pos;
	return true;
}

ssize_t file_getdents(struct file *f, struct uptr buf, size_t size, bool old_layout)
{
	struct dirents d = { .ctx = { .emit = dirents_emit }, .old_layout = old_layout };
	ssize_t ret;

	if (!(f->mode_flags & FMODE_READ))
		return -EBADF;
	if (!f->ops || !f->ops->readdir)
		return -ENOTDIR;
	if (!user_range_ok(buf, size))
		return -EFAULT;
	d.size = (u32)min(size, (size_t)DIRENTS_MAX);
	d.buf = kmalloc(d.size ? d.size : 1);
	if (!d.buf)
		return -ENOMEM;
	ret = sleep_lock(&f->pos_lock);
	if (ret) {
		kfree(d.buf);
		return ret;
	}
	d.ctx.pos = f->pos;
	if (S_ISDIR_(f->inode->mode) && !atomic_load(&f->inode->nlink))
		ret = -ENOENT;
	else
		ret = f->ops->readdir(f, &d.ctx);
	if (d.used) {
		/* Entries before an error count. */
		ret = copy_out(buf, d.buf, d.used);
		if (!ret)
			ret = d.used;
	} else if (!ret && d.too_small) {
		ret = -EINVAL;
	}
	if (ret >= 0) {
		f->pos = d.ctx.pos;
		file_notify(f, NOTIFY_ACCESS);
	}
	sleep_unlock(&f->pos_lock);
	kfree(d.buf);
	return ret;
}
