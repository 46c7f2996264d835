/*
 * Character devices of the host, for nodes of the boot block that an operator allowed. Each open(2) opens the device anew,
 * without ever blocking in the host; reading, writing and polling are those of other host streams (hostfile.c). Of ioctls
 * only those below reach the host, each with a fixed size and direction; none waits there, and none makes a terminal the
 * controlling one or types into it.
 *
 * The marks are on inodes, not on device numbers: a node that a program makes itself is the guest kernel's to serve.
 */
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/ioctl.h"
#include "abi/linux/termios.h"
#include "core/alloc.h"
#include "core/time.h"
#include "fs/fs.h"
#include "fs/hostfile/internal.h"
#include "fs/hostfs/hostfs.h"
#include "gate/host.h"

#define HOSTDEV_MAX 64u
#define AT_EMPTY_PATH_ 0x1000
#define DRAIN_NS 10000000ll

/* Written at boot, before the first program. */
static struct {
	int fd; /* O_PATH */
	u32 access;
} devices[HOSTDEV_MAX];
static u32 nr_devices;

int hostdev_attach(struct inode *node, int path_fd, u32 access)
{
	if (nr_devices == HOSTDEV_MAX)
		return -ENOSPC;
	devices[nr_devices].fd = path_fd;
	devices[nr_devices].access = access;
	node->host_device = (u8)++nr_devices;
	return 0;
}

enum direction { TO_PROGRAM, FROM_PROGRAM };

static const struct request {
	u32 cmd;
	u32 size;
	enum direction direction;
} requests[] = {
	{ TCGETS, sizeof(struct termios_old), TO_PROGRAM },
	{ TCSETS, sizeof(struct termios_old), FROM_PROGRAM },
	{ TIOCGWINSZ, sizeof(struct winsize), TO_PROGRAM },
	{ FIONREAD, sizeof(u32), TO_PROGRAM },
	{ TIOCOUTQ, sizeof(u32), TO_PROGRAM },
	{ TIOCMGET, sizeof(u32), TO_PROGRAM },
	{ TIOCMSET, sizeof(u32), FROM_PROGRAM },
	{ TIOCMBIS, sizeof(u32), FROM_PROGRAM },
	{ TIOCMBIC, sizeof(u32), FROM_PROGRAM },
};

static long pass(struct hostfile *h, u32 cmd, u64 arg)
{
	const struct request *r = NULL;
	u8 data[sizeof(struct termios_old)] __attribute__((aligned(8))) = { 0 };
	long ret;

	for (u32 i = 0; i < ARRAY_SIZE(requests); i++)
		if (requests[i].cmd == cmd)
			r = &requests[i];
	if (!r)
		return -ENOTTY;
	if (r->direction == FROM_PROGRAM && copy_in(data, uptr(arg), r->size))
		return -EFAULT;
	ret = host_ioctl(h->fd, cmd, (u64)data);
	if (ret >= 0 && r->direction == TO_PROGRAM && copy_out(uptr(arg), data, r->size))
		return -EFAULT;
	return ret;
}

/* The host's own waiting would hold up a thread that others need. */
static long drain(struct hostfile *h)
{
	u32 n = 0;
	long ret;

	for (;;) {
		ret = host_ioctl(h->fd, TIOCOUTQ, (u64)&n);
		if (ret < 0 || !n)
			return ret;
		ret = wait_event_deadline(&h->watch.wait, false, ktime_get() + DRAIN_NS);
		if (ret != -ETIMEDOUT)
			return ret;
	}
}

static long hostdev_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct hostfile *h = f->priv;
	long ret;

	switch (cmd) {
	case TCSETSW:
	case TCSETSF:
		ret = drain(h);
		if (!ret && cmd == TCSETSF)
			ret = host_ioctl(h->fd, TCFLSH, TCIFLUSH);
		return ret < 0 ? ret : pass(h, TCSETS, arg);
	case TCSBRK: /* other than 0: waits, sends no break */
		return arg ? drain(h) : -ENOTTY;
	case TCFLSH:
		return arg > TCIOFLUSH ? -EINVAL : host_ioctl(h->fd, TCFLSH, arg);
	}
	return pass(h, cmd, arg);
}

static void hostdev_release(struct file *f)
{
	hostfile_free(f->priv);
}

static const struct file_ops hostdev_fops = {
	.name = "hostdev",
	.read = hostfile_read,
	.write = hostfile_write,
	.poll = hostfile_poll,
	.ioctl = hostdev_ioctl,
	.release = hostdev_release,
};

int hostdev_open(struct inode *inode, struct file *file)
{
	u32 want = file->mode_flags & (FMODE_READ | FMODE_WRITE), flags, index = inode->host_device - 1u;
	struct hostfile *h;
	struct statx sx;
	int fd, err;

	if (!inode->host_device || index >= nr_devices)
		return -ENXIO;
	if (!want)
		return -EINVAL;
	if (want & ~devices[index].access)
		return -EPERM;
	flags = want == FMODE_READ ? O_RDONLY : want == FMODE_WRITE ? O_WRONLY : O_RDWR;
	fd = hostfs_reopen(devices[index].fd, flags | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	err = (int)host_statx(fd, "", AT_EMPTY_PATH_, STATX_BASIC_STATS, &sx);
	if (!err && !S_ISCHR_(sx.stx_mode))
		err = -ENXIO;
	h = err ? err_ptr(err) : hostfile_alloc(fd, flags, &sx);
	if (is_err(h)) {
		host_close(fd);
		return (int)ptr_err(h);
	}
	file->priv = h;
	file->ops = &hostdev_fops;
	return 0;
}
