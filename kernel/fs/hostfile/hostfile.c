/* Host descriptors as guest files; see hostfile.h. */
#include "fs/hostfile/internal.h"

#include "abi/linux/errno.h"
#include "abi/linux/ioctl.h"
#include "abi/linux/termios.h"
#include "core/alloc.h"
#include "fs/tty/tty.h"
#include "gate/host.h"
#include "lib/string.h"
#include "proc/signal.h"
#include "proc/task.h"

#define AT_EMPTY_PATH_ 0x1000
#define F_GETFL_ 3
#define RWF_NOWAIT_ 0x08
#define RWF_APPEND_ 0x10
#define RWF_NOAPPEND_ 0x20
#define PIPE_BUF_ 4096u
#define IOV_MAX_ 16u
#define CURRENT_OFFSET (~0ull)

static struct super_block *hostfile_sb;

static int host_stat(int fd, struct statx *st)
{
	return (int)host_statx(fd, "", AT_EMPTY_PATH_, STATX_BASIC_STATS, st);
}

/* One transfer between the host and pieces of memory. At most a pipe's atomic size when it might block. */
static long transfer(struct hostfile *h, bool write, struct iovec *iov, u32 n, u64 pos, int rwf)
{
	struct iovec one;
	long ret;

	if (!h->regular && !atomic_load_relaxed(&h->no_nowait)) {
		ret = write ? host_pwritev2(h->fd, iov, n, CURRENT_OFFSET, 0, RWF_NOWAIT_) :
			      host_preadv2(h->fd, iov, n, CURRENT_OFFSET, 0, RWF_NOWAIT_);
		if (ret != -EOPNOTSUPP)
			return ret;
		atomic_store(&h->no_nowait, true);
	}
	if (!h->regular) {
		if (!poller_host_events(h->fd, write ? POLLOUT : POLLIN))
			return -EAGAIN;
		one = (struct iovec){ iov[0].base, min(iov[0].len, (u64)PIPE_BUF_) };
		iov = &one;
		n = 1;
	}
	return write ? host_pwritev2(h->fd, iov, n, pos, 0, rwf) : host_preadv2(h->fd, iov, n, pos, 0, rwf);
}

/* When the host cannot reach the program's pages itself (they may have to be made accessible first). */
static long transfer_bounced(struct hostfile *h, bool write, struct uio *u, u64 pos, int rwf)
{
	size_t len = min(u->resid, (size_t)BOUNCE_SIZE), got;
	u8 *bounce = task_bounce();
	struct iovec iov;
	long ret;

	if (!bounce)
		return -ENOMEM;
	if (write) {
		len = uio_copy_from(u, bounce, len);
		if (!len)
			return -EFAULT;
	}
	iov = (struct iovec){ (u64)bounce, len };
	ret = transfer(h, write, &iov, 1, pos, rwf);
	if (write) {
		uio_revert(u, ret > 0 ? len - (size_t)ret : len);
		return ret;
	}
	if (ret <= 0)
		return ret;
	got = uio_copy_to(u, bounce, (size_t)ret);
	return got ? (long)got : -EFAULT;
}

static long transfer_uio(struct hostfile *h, bool write, struct uio *u, u64 pos, int rwf)
{
	struct iovec iov[IOV_MAX_];
	size_t bytes;
	long ret;
	u32 n;

	n = uio_host_iov(u, iov, IOV_MAX_, u->resid, &bytes);
	if (!n)
		return -EFAULT;
	ret = transfer(h, write, iov, n, pos, rwf);
	if (ret == -EFAULT)
		return transfer_bounced(h, write, u, pos, rwf);
	if (ret > 0)
		uio_skip(u, (size_t)ret);
	return ret;
}

static bool ready(struct hostfile *h, u32 event)
{
	if (poller_host_events(h->fd, event))
		return true;
	poller_rearm(&h->watch, event);
	return false;
}

static ssize_t broken_pipe(void)
{
	struct siginfo info;

	siginfo_kill(&info, SIGPIPE);
	(void)signal_send_task(current, SIGPIPE, &info);
	return -EPIPE;
}

/* Pipes, sockets, devices. A read returns what is there; a write goes on until all is written. */
static ssize_t stream_transfer(struct file *f, struct hostfile *h, bool write, struct uio *u)
{
	u32 event = write ? POLLOUT : POLLIN;
	ssize_t done = 0;
	long ret;

	while (u->resid) {
		ret = transfer_uio(h, write, u, CURRENT_OFFSET, 0);
		if (ret > 0) {
			done += ret;
			if (!write)
				return done;
			continue;
		}
		if (ret == -EINTR) {
			if (!signal_pending_current())
				continue;
			return done ? done : -ERESTARTSYS;
		}
		if (ret == -EPIPE) {
			ret = broken_pipe();
			return done ? done : ret;
		}
		if (ret != -EAGAIN)
			return done ? done : ret;
		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK) {
			/* Somebody may wait edge-triggered for the next change. */
			if (wait_queue_active(&h->watch.wait))
				poller_rearm(&h->watch, event);
			return done ? done : -EAGAIN;
		}
		ret = wait_event(&h->watch.wait, ready(h, event));
		if (ret)
			return done ? done : ret;
	}
	return done;
}

/* Regular files. The host's own offset unless pos is an explicit one. */
static ssize_t regular_transfer(struct file *f, struct hostfile *h, bool write, struct uio *u, loff_t *pos)
{
	bool shared = !pos || *pos == HOSTFILE_POS, append = f->flags & O_APPEND;
	int rwf = 0;
	ssize_t done = 0;
	long ret;

	if (write && append && !h->append)
		rwf = RWF_APPEND_;
	else if (write && !append && h->append)
		rwf = RWF_NOAPPEND_;
	while (u->resid) {
		ret = transfer_uio(h, write, u, shared ? CURRENT_OFFSET : (u64)*pos, rwf);
		if (ret == -EINTR && !signal_pending_current())
			continue;
		if (ret == -EINTR)
			ret = -ERESTARTSYS;
		if (ret <= 0)
			return done ? done : ret;
		done += ret;
		if (!shared)
			*pos += ret;
	}
	return done;
}

ssize_t hostfile_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct hostfile *h = f->priv;

	return h->regular ? regular_transfer(f, h, false, to, pos) : stream_transfer(f, h, false, to);
}

ssize_t hostfile_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct hostfile *h = f->priv;

	return h->regular ? regular_transfer(f, h, true, from, pos) : stream_transfer(f, h, true, from);
}

static loff_t hostfile_llseek(struct file *f, loff_t off, int whence)
{
	struct hostfile *h = f->priv;

	return h->regular ? host_lseek(h->fd, off, whence) : -ESPIPE;
}

u32 hostfile_poll(struct file *f, struct poll_table *pt)
{
	struct hostfile *h = f->priv;
	u32 can = 0, have, missing;

	if (f->mode_flags & FMODE_READ)
		can |= POLLIN | POLLPRI | POLLRDHUP;
	if (f->mode_flags & FMODE_WRITE)
		can |= POLLOUT;
	if (h->regular)
		return can & (POLLIN | POLLOUT);
	poll_wait(pt, &h->watch.wait);
	have = poller_host_events(h->fd, can);
	missing = can & ~have & (pt ? pt->events : 0);
	if (missing)
		poller_rearm(&h->watch, missing);
	if (have & POLLIN)
		have |= POLLRDNORM;
	if (have & POLLOUT)
		have |= POLLWRNORM;
	return have;
}

static long hostfile_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct hostfile *h = f->priv;
	u32 n = 0;
	long ret;

	/* Nothing else of the host's is a program's business. */
	if (cmd != FIONREAD)
		return -ENOTTY;
	ret = host_ioctl(h->fd, FIONREAD, (u64)&n);
	return ret < 0 ? ret : put_user_u32(uptr(arg), n);
}

static int hostfile_mmap(struct file *f, u64 offset, u64 len, u32 prot, u32 flags, struct map_source *out)
{
	struct hostfile *h = f->priv;

	if (!h->regular)
		return -ENODEV;
	*out = (struct map_source){ .host_fd = h->fd, .host_offset = offset, .len = len };
	return 0;
}

static int hostfile_fsync(struct file *f, bool data_only)
{
	struct hostfile *h = f->priv;

	return (int)(data_only ? host_fdatasync(h->fd) : host_fsync(h->fd));
}

static int hostfile_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct hostfile *h = f->priv;

	return h->regular ? (int)host_fallocate(h->fd, mode, off, len) : -ESPIPE;
}

static const struct file_ops hostfile_fops = {
	.name = "hostfile",
	.read = hostfile_read,
	.write = hostfile_write,
	.poll = hostfile_poll,
	.ioctl = hostfile_ioctl,
	.fsync = hostfile_fsync,
};

/* As above, with what only files of a size have. */
static const struct file_ops hostfile_regular_fops = {
	.name = "hostfile",
	.read = hostfile_read,
	.write = hostfile_write,
	.llseek = hostfile_llseek,
	.poll = hostfile_poll,
	.ioctl = hostfile_ioctl,
	.mmap = hostfile_mmap,
	.fsync = hostfile_fsync,
	.fallocate = hostfile_fallocate,
};

static void attach(struct file *f, struct hostfile *h)
{
	f->priv = h;
	f->ops = h->regular ? &hostfile_regular_fops : &hostfile_fops;
	if (h->regular) {
		f->pos = HOSTFILE_POS;
		f->mode_flags |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	}
}

/* Owner and mode are the guest's own, the rest is the host's truth. */
static int hostfile_getattr(struct inode *inode, struct kstat *st)
{
	struct hostfile *h = inode->priv;
	struct statx sx;
	int err;

	inode_fill_stat(inode, st);
	err = host_stat(h->fd, &sx);
	if (err)
		return err;
	st->size = sx.stx_size;
	st->blocks = sx.stx_blocks;
	st->blksize = sx.stx_blksize;
	st->nlink = sx.stx_nlink;
	st->atime = (struct timespec64){ sx.stx_atime.tv_sec, sx.stx_atime.tv_nsec };
	st->mtime = (struct timespec64){ sx.stx_mtime.tv_sec, sx.stx_mtime.tv_nsec };
	st->ctime = (struct timespec64){ sx.stx_ctime.tv_sec, sx.stx_ctime.tv_nsec };
	return 0;
}

static int hostfile_setattr(struct inode *inode, const struct iattr *attr)
{
	struct hostfile *h = inode->priv;
	struct iattr rest = *attr;
	long err;

	if (attr->valid & ATTR_SIZE) {
		if (!h->regular)
			return -EINVAL;
		err = host_ftruncate(h->fd, (loff_t)attr->size);
		if (err)
			return (int)err;
		rest.valid &= ~ATTR_SIZE;
	}
	return inode_setattr_simple(inode, &rest);
}

/* Through /proc/self/fd/N or /dev/stdout: another guest description of the same host one. */
static int hostfile_open(struct inode *inode, struct file *file)
{
	struct hostfile *h = inode->priv;

	if (file->mode_flags & (FMODE_READ | FMODE_WRITE) & ~h->access)
		return -EACCES;
	attach(file, h);
	return 0;
}

static const struct inode_ops hostfile_inode_ops = {
	.getattr = hostfile_getattr,
	.setattr = hostfile_setattr,
	.open = hostfile_open,
};

void hostfile_free(struct hostfile *h)
{
	poller_remove(&h->watch);
	if (h->fd >= 0)
		host_close(h->fd);
	kfree(h);
}

static void hostfile_evict(struct inode *inode)
{
	if (inode->priv)
		hostfile_free(inode->priv);
}

static const struct super_ops hostfile_super_ops = { .evict = hostfile_evict };
static const struct fs_type hostfile_type = { .name = "hostfile", .nodev = true };

int hostfile_init(void)
{
	hostfile_sb = sb_alloc(&hostfile_type, &hostfile_super_ops);
	return hostfile_sb ? 0 : -ENOMEM;
}

static void name_of(const struct inode *inode, char *buf, size_t size)
{
	const char *kind = S_ISFIFO_(inode->mode) ? "pipe" : S_ISSOCK_(inode->mode) ? "socket" : "hostfile";

	if (S_ISCHR_(inode->mode) && inode->rdev == MKDEV(1, 3))
		strlcpy(buf, "/dev/null", size);
	else
		ksnprintf(buf, size, "%s:[%llu]", kind, (unsigned long long)inode->ino);
}

struct hostfile *hostfile_alloc(int fd, long host_flags, const struct statx *sx)
{
	struct hostfile *h = kzalloc(sizeof(*h));
	u32 acc = (u32)host_flags & O_ACCMODE;
	int err;

	if (!h)
		return err_ptr(-ENOMEM);
	h->fd = fd;
	h->access = acc == O_RDONLY ? FMODE_READ : acc == O_WRONLY ? FMODE_WRITE : FMODE_READ | FMODE_WRITE;
	h->append = host_flags & O_APPEND;
	h->regular = (sx->stx_mode & S_IFMT) == S_IFREG;
	if (h->regular)
		return h;
	err = poller_add(&h->watch, fd, 0);
	if (err) {
		kfree(h);
		return err_ptr(err);
	}
	return h;
}

/* Takes over h. Only when all is well h gets its descriptor, which it closes when it goes. */
static struct file *make_file(struct hostfile *h, const struct statx *sx, u32 flags)
{
	struct inode *inode = inode_alloc(hostfile_sb, &hostfile_inode_ops, sx->stx_mode);
	struct path path = { 0 };
	char name[48];
	struct file *f;
	int fd = h->fd;

	h->fd = -1;
	if (!inode) {
		hostfile_free(h);
		return err_ptr(-ENOMEM);
	}
	inode->priv = h;
	inode->ino = inode_next_ino();
	inode->rdev = MKDEV(sx->stx_rdev_major, sx->stx_rdev_minor);
	if (current->cred) {
		inode->uid = current->cred->fsuid;
		inode->gid = current->cred->fsgid;
	}
	name_of(inode, name, sizeof(name));
	path.dentry = dentry_alloc_anon(inode, name); /* the reference is gone in any case */
	if (!path.dentry)
		return err_ptr(-ENOMEM);
	f = file_alloc(&path, flags, &hostfile_fops);
	dentry_put(path.dentry);
	if (is_err(f))
		return f;
	f->mode_flags &= h->access | ~(FMODE_READ | FMODE_WRITE);
	attach(f, h);
	h->fd = fd;
	return f;
}

struct file *hostfile_create(int host_fd, u32 flags)
{
	long host_flags = host_fcntl(host_fd, F_GETFL_, 0);
	struct termios_old t;
	struct hostfile *h;
	struct statx sx;
	struct file *f;
	int err;

	if (host_flags < 0)
		return err_ptr(host_flags);
	err = host_stat(host_fd, &sx);
	if (err)
		return err_ptr(err);
	if (S_ISCHR_(sx.stx_mode) && (flags & O_ACCMODE) != O_RDONLY && !host_ioctl(host_fd, TCGETS, (u64)&t)) {
		err = hosttty_create(-1, host_fd, &(struct winsize){ 0 }, NULL, &f);
		return err ? err_ptr(err) : f;
	}
	h = hostfile_alloc(host_fd, host_flags, &sx);
	if (is_err(h))
		return err_ptr(ptr_err(h));
	return make_file(h, &sx, (flags & (O_ACCMODE | O_NONBLOCK)) | ((u32)host_flags & O_APPEND));
}
