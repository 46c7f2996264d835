/*
 * hostfs: data of regular files. file->priv is the hostfs inode (never file->inode: overlay opens files here too). The
 * host copies straight from and to the program's memory; where it faults, a kernel buffer takes its place, whose
 * copies know how to mend faults that only the guest's memory management understands.
 */
#include "core/alloc.h"
#include "fs/hostfs/internal.h"
#include "gate/host.h"

#define IOV_PIECES 16u
#define PIECE_MAX (64ul << 20)
#define BOUNCE_PAGES 16u
#define BOUNCE_BYTES (BOUNCE_PAGES * PAGE_SIZE)
#define HOST_MAP_SHARED 1u

int hostfs_file_open(struct inode *inode, struct file *f)
{
	struct hostfs_sb *hs = hsb_of(inode);
	u32 acc = f->flags & O_ACCMODE;
	int fd;

	if (acc == O_ACCMODE)
		return -EINVAL;
	if (acc != O_RDONLY && hs->readonly)
		return -EROFS;
	/* Pinned until release: the descriptor stays what it is. */
	fd = hostfs_fd_get(inode, acc == O_RDONLY ? HOSTFS_READ : HOSTFS_WRITE);
	if (fd < 0)
		return fd;
	if (acc == O_RDWR && (atomic_load(&node_of(inode)->flags) & NODE_WRITE_ONLY)) {
		fd = hostfs_fd_get(inode, HOSTFS_READ);
		hostfs_fd_put(inode);
		if (fd < 0)
			return fd;
	}
	f->priv = inode_get(inode);
	f->ops = &hostfs_file_ops;
	return 0;
}

static void hostfs_release(struct file *f)
{
	struct inode *inode = f->priv;

	if (!inode)
		return;
	hostfs_fd_put(inode);
	inode_put(inode);
}

/* The file's pin keeps these stable. */
static int read_fd(const struct hostfs_node *n)
{
	return n->fd[HOSTFS_READ] >= 0 ? n->fd[HOSTFS_READ] : n->fd[HOSTFS_WRITE];
}

static ssize_t read_bounced(int fd, struct uio *to, loff_t pos)
{
	char *buf = kpages_alloc(BOUNCE_PAGES);
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	n = host_pread64(fd, buf, min(to->resid, BOUNCE_BYTES), pos);
	if (n > 0) {
		size_t got = uio_copy_to(to, buf, (size_t)n);

		n = got ? (ssize_t)got : -EFAULT;
	}
	kpages_free(buf, BOUNCE_PAGES);
	return n;
}

static ssize_t hostfs_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct inode *inode = f->priv;
	struct iovec iov[IOV_PIECES];
	int fd = read_fd(node_of(inode));
	size_t done = 0, bytes;
	ssize_t n = 0;
	u32 count;

	if (*pos < 0)
		return -EINVAL;
	while (to->resid) {
		count = uio_host_iov(to, iov, IOV_PIECES, min(to->resid, PIECE_MAX), &bytes);
		n = count ? host_preadv2(fd, iov, count, (u64)*pos, 0, 0) : -EFAULT;
		if (n > 0)
			uio_skip(to, (size_t)n);
		else if (n == -EFAULT)
			n = read_bounced(fd, to, *pos);
		if (n <= 0)
			break;
		*pos += n;
		done += (size_t)n;
		if ((size_t)n < bytes && (u64)*pos >= atomic_load_relaxed(&inode->size))
			break; /* the end, not a fault */
	}
	return done ? (ssize_t)done : n;
}

static ssize_t write_bounced(int fd, struct uio *from, loff_t pos, int rwf)
{
	char *buf = kpages_alloc(BOUNCE_PAGES);
	struct iovec iov;
	ssize_t n;
	size_t got;

	if (!buf)
		return -ENOMEM;
	got = uio_copy_from(from, buf, min(from->resid, BOUNCE_BYTES));
	iov.base = (u64)(uintptr_t)buf;
	iov.len = got;
	n = got ? host_pwritev2(fd, &iov, 1, (u64)pos, 0, rwf) : -EFAULT;
	if (n < (ssize_t)got)
		uio_revert(from, got - (size_t)max(n, (ssize_t)0));
	kpages_free(buf, BOUNCE_PAGES);
	return n;
}

static void grow_to(struct inode *inode, u64 end)
{
	u64 size = atomic_load(&inode->size);

	while (size < end)
		if (__atomic_compare_exchange_n(&inode->size, &size, end, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
			return;
}

/* Where an appending write ended: what the host says where others append too, else what we count. */
static loff_t appended(struct inode *inode, size_t n)
{
	if (hsb_of(inode)->shared && hostfs_refresh(inode) == 0)
		return (loff_t)atomic_load(&inode->size);
	return (loff_t)atomic_add(&inode->size, n);
}

static ssize_t hostfs_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct inode *inode = f->priv;
	bool append = atomic_load_relaxed(&f->flags) & O_APPEND;
	struct iovec iov[IOV_PIECES];
	int fd = node_of(inode)->fd[HOSTFS_WRITE], rwf = append ? RWF_APPEND : 0;
	size_t done = 0, bytes;
	ssize_t n = 0;
	u32 count;

	if (*pos < 0)
		return -EINVAL;
	if (from->resid > (u64)(INT64_MAX - *pos))
		return -EFBIG;
	while (from->resid) {
		count = uio_host_iov(from, iov, IOV_PIECES, min(from->resid, PIECE_MAX), &bytes);
		n = count ? host_pwritev2(fd, iov, count, (u64)*pos, 0, rwf) : -EFAULT;
		if (n > 0)
			uio_skip(from, (size_t)n);
		else if (n == -EFAULT)
			n = write_bounced(fd, from, *pos, rwf);
		if (n <= 0)
			break;
		done += (size_t)n;
		if (append) {
			*pos = appended(inode, (size_t)n);
		} else {
			*pos += n;
			grow_to(inode, (u64)*pos);
		}
	}
	if (done)
		hostfs_mark_stale(inode);
	return done ? (ssize_t)done : n;
}

static loff_t hostfs_llseek(struct file *f, loff_t off, int whence)
{
	struct inode *inode = f->priv;
	loff_t ret;

	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		/* The descriptor's own position is used for nothing else. */
		ret = off < 0 ? -ENXIO : host_lseek(read_fd(node_of(inode)), off, whence);
		if (ret >= 0)
			f->pos = ret;
		return ret;
	}
	if (whence == SEEK_END && hsb_of(inode)->shared)
		(void)hostfs_refresh(inode);
	return generic_llseek(f, off, whence, (loff_t)atomic_load(&inode->size));
}

static int hostfs_mmap(struct file *f, u64 offset, u64 len, u32 prot, u32 flags, struct map_source *out)
{
	struct inode *inode = f->priv;
	struct hostfs_node *n = node_of(inode);
	bool writable = (flags & HOST_MAP_SHARED) && (f->mode_flags & FMODE_WRITE);

	/* Writable now, or later by mprotect. */
	out->host_fd = writable ? n->fd[HOSTFS_WRITE] : read_fd(n);
	if (out->host_fd < 0)
		return -EACCES;
	if (writable)
		(void)atomic_or(&n->flags, NODE_VOLATILE);
	out->host_offset = offset;
	out->len = PAGE_ALIGN_UP(len);
	out->exclusive = !hsb_of(inode)->shared;
	out->fixed = false;
	return 0;
}

static int hostfs_fsync(struct file *f, bool data_only)
{
	struct hostfs_node *n = node_of(f->priv);
	int fd = n->fd[HOSTFS_WRITE] >= 0 ? n->fd[HOSTFS_WRITE] : n->fd[HOSTFS_READ];

	return (int)(data_only ? host_fdatasync(fd) : host_fsync(fd));
}

static int hostfs_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct inode *inode = f->priv;
	int ret = (int)host_fallocate(node_of(inode)->fd[HOSTFS_WRITE], mode, off, len);

	if (!ret)
		(void)hostfs_refresh(inode);
	return ret;
}

const struct file_ops hostfs_file_ops = {
	.name = "hostfs",
	.read = hostfs_read,
	.write = hostfs_write,
	.llseek = hostfs_llseek,
	.mmap = hostfs_mmap,
	.fsync = hostfs_fsync,
	.fallocate = hostfs_fallocate,
	.release = hostfs_release,
};
