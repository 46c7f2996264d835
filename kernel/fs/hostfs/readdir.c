/* hostfs: reading directories. Each open directory has a host descriptor of its own, whose position is the listing's. */
#include "core/alloc.h"
#include "fs/hostfs/internal.h"
#include "gate/host.h"
#include "lib/string.h"

#define DIR_BUF 16384u
#define ENTRY_HEAD 19u

/* getdents64(2)'s layout. */
struct host_dirent {
	u64 ino;
	s64 off;
	u16 reclen;
	u8 type;
	char name[];
};

struct hostfs_dir {
	struct inode *inode; /* reference held */
	int fd;
	u32 used, at; /* bytes in buf, and emitted ones */
	loff_t pos; /* of the entry at buf + at; -1 = unknown */
	bool fresh; /* nothing was read since it was opened */
	char buf[DIR_BUF] __aligned(8);
};

int hostfs_dir_open(struct inode *inode, struct file *f)
{
	struct hostfs_dir *d;
	int dir, fd;

	dir = hostfs_fd_get(inode, HOSTFS_PATH);
	if (dir < 0)
		return dir == -ESTALE ? -ENOENT : dir;
	fd = hostfs_open_host(hsb_of(inode)->be, dir, ".", O_RDONLY | O_DIRECTORY, 0);
	hostfs_fd_put(inode);
	if (fd < 0)
		return fd;
	d = kmalloc(sizeof(*d));
	if (!d) {
		hostfs_close(fd);
		return -ENOMEM;
	}
	d->inode = inode_get(inode);
	d->fd = fd;
	d->used = d->at = 0;
	d->pos = 0;
	d->fresh = true;
	f->priv = d;
	f->ops = &hostfs_dir_ops;
	return 0;
}

static void dir_release(struct file *f)
{
	struct hostfs_dir *d = f->priv;

	if (!d)
		return;
	hostfs_close(d->fd);
	inode_put(d->inode);
	kfree(d);
}

static int dir_seek(struct hostfs_dir *d, loff_t pos)
{
	loff_t ret;

	/* From the start always afresh: a program that rewinds wants to see changes. */
	if (pos == d->pos && (pos != 0 || d->fresh))
		return 0;
	d->used = d->at = 0;
	ret = host_lseek(d->fd, pos, SEEK_SET);
	d->pos = ret < 0 ? -1 : pos;
	return ret < 0 ? (int)ret : 0;
}

static int dir_fill(struct hostfs_dir *d)
{
	ssize_t n = hsb_of(d->inode)->be->readdir(d->fd, d->buf, DIR_BUF);

	d->fresh = false;
	d->at = 0;
	d->used = n > 0 ? (u32)min(n, (ssize_t)DIR_BUF) : 0;
	return n < 0 ? (int)n : (int)d->used;
}

static int hostfs_readdir(struct file *f, struct dir_context *ctx)
{
	struct hostfs_dir *d = f->priv;
	int ret = dir_seek(d, ctx->pos);

	if (ret)
		return ret;
	for (;;) {
		const struct host_dirent *e = (const struct host_dirent *)(d->buf + d->at);
		u32 len;
		u64 ino;

		if (d->at >= d->used) {
			ret = dir_fill(d);
			if (ret <= 0)
				return ret == -ENOENT ? 0 : ret;
			continue;
		}
		if (d->used - d->at < ENTRY_HEAD + 1 || e->reclen <= ENTRY_HEAD || e->reclen > d->used - d->at) {
			d->pos = -1; /* not an entry: a broken host or broker */
			return -EIO;
		}
		len = (u32)strnlen(d->buf + d->at + ENTRY_HEAD, e->reclen - ENTRY_HEAD);
		ino = e->ino;
		if (d->inode == d->inode->sb->root && len == 2 && memcmp(d->buf + d->at + ENTRY_HEAD, "..", 2) == 0)
			ino = d->inode->ino;
		if (len && !ctx->emit(ctx, d->buf + d->at + ENTRY_HEAD, len, ino, e->type, e->off))
			return 0;
		d->pos = ctx->pos = e->off;
		d->at += e->reclen;
	}
}

static loff_t dir_llseek(struct file *f, loff_t off, int whence)
{
	loff_t pos = whence == SEEK_CUR ? f->pos + off : off;

	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	if (pos < 0)
		return -EINVAL;
	f->pos = pos;
	return pos;
}

static int dir_fsync(struct file *f, bool data_only)
{
	struct hostfs_dir *d = f->priv;

	return (int)(data_only ? host_fdatasync(d->fd) : host_fsync(d->fd));
}

const struct file_ops hostfs_dir_ops = {
	.name = "hostfs",
	.llseek = dir_llseek,
	.readdir = hostfs_readdir,
	.fsync = dir_fsync,
	.release = dir_release,
};
