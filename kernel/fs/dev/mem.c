/* The memory devices, null(4), zero(4), full(4) and random(4). */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/dev/dev.h"
#include "fs/dev/devtmpfs.h"
#include "gate/host.h"
#include "lib/string.h"
#include "proc/signal.h"
#include "proc/task.h"

#define MEM_MAJOR 1u
#define RNDGETENTCNT 0x80045200u
#define ENTROPY_BITS 256u

static ssize_t null_read(struct file *f, struct uio *to, loff_t *pos) { return 0; }

/* Not even looked at: a bad address is no error. */
static ssize_t swallow(struct file *f, struct uio *from, loff_t *pos)
{
	size_t n = from->resid;

	uio_skip(from, n);
	return (ssize_t)n;
}

static ssize_t zero_read(struct file *f, struct uio *to, loff_t *pos)
{
	size_t done = 0, want, n;

	while (to->resid) {
		want = min(to->resid, (size_t)1 << 20);
		n = uio_zero(to, want);
		done += n;
		if (n < want)
			return done ? (ssize_t)done : -EFAULT;
		if (to->resid && signal_pending_current())
			break;
	}
	return (ssize_t)done;
}

static ssize_t full_write(struct file *f, struct uio *from, loff_t *pos) { return -ENOSPC; }

static int zero_mmap(struct file *f, u64 offset, u64 len, u32 prot, u32 flags, struct map_source *out)
{
	*out = (struct map_source){ .host_fd = -1, .len = len, .exclusive = true };
	return 0;
}

static ssize_t random_read(struct file *f, struct uio *to, loff_t *pos)
{
	u8 small[128], *buf = small;
	size_t room = sizeof(small), done = 0, n, copied;
	ssize_t err = 0;
	long got;

	if (to->resid > room && (buf = kmalloc(PAGE_SIZE)))
		room = PAGE_SIZE;
	if (!buf)
		buf = small;
	while (to->resid) {
		n = min(to->resid, room);
		got = host_getrandom(buf, n, 0);
		if (got == -EINTR) {
			err = -ERESTARTSYS;
			if (signal_pending_current())
				break;
			continue;
		}
		if (got <= 0) {
			err = got ? got : -EIO;
			break;
		}
		copied = uio_copy_to(to, buf, (size_t)got);
		done += copied;
		if (copied < (size_t)got) {
			err = -EFAULT;
			break;
		}
		if (to->resid && signal_pending_current()) {
			err = -ERESTARTSYS;
			break;
		}
	}
	memset(buf, 0, room);
	__asm__ volatile("" : : "r"(buf) : "memory"); /* the clearing must not be optimised away */
	if (buf != small)
		kfree(buf);
	return done ? (ssize_t)done : to->resid ? err : 0;
}

/* What programs add to the pool is welcome and not needed: the host's is not ours to stir. The bytes must be readable. */
static ssize_t random_write(struct file *f, struct uio *from, loff_t *pos)
{
	size_t done = 0, want, n;
	u8 buf[128];

	while (from->resid) {
		want = min(from->resid, sizeof(buf));
		n = uio_copy_from(from, buf, want);
		done += n;
		if (n < want)
			return done ? (ssize_t)done : -EFAULT;
		if (from->resid && signal_pending_current())
			break;
	}
	return (ssize_t)done;
}

static long random_ioctl(struct file *f, u32 cmd, u64 arg)
{
	return cmd == RNDGETENTCNT ? put_user_u32(uptr(arg), ENTROPY_BITS) : -EINVAL;
}

/* The position of a memory device is always 0. */
static loff_t mem_llseek(struct file *f, loff_t off, int whence)
{
	f->pos = 0;
	return 0;
}

static const struct file_ops null_ops = { .name = "null", .read = null_read, .write = swallow, .llseek = mem_llseek };
static const struct file_ops zero_ops = {
	.name = "zero",
	.read = zero_read,
	.write = swallow,
	.llseek = mem_llseek,
	.mmap = zero_mmap,
};
static const struct file_ops full_ops = {
	.name = "full",
	.read = zero_read,
	.write = full_write,
	.llseek = mem_llseek,
};
static const struct file_ops random_ops = {
	.name = "random",
	.read = random_read,
	.write = random_write,
	.llseek = mem_llseek,
	.ioctl = random_ioctl,
};

static int open_with(struct file *f, const struct file_ops *ops)
{
	f->ops = ops;
	return 0;
}

static int null_open(struct inode *i, struct file *f) { return open_with(f, &null_ops); }
static int zero_open(struct inode *i, struct file *f) { return open_with(f, &zero_ops); }
static int full_open(struct inode *i, struct file *f) { return open_with(f, &full_ops); }
static int random_open(struct inode *i, struct file *f) { return open_with(f, &random_ops); }

static const struct chrdev mem_devices[] = {
	{ .name = "null", .major = MEM_MAJOR, .minor = 3, .count = 1, .mode = 0666, .open = null_open },
	{ .name = "zero", .major = MEM_MAJOR, .minor = 5, .count = 1, .mode = 0666, .open = zero_open },
	{ .name = "full", .major = MEM_MAJOR, .minor = 7, .count = 1, .mode = 0666, .open = full_open },
	{ .name = "random", .major = MEM_MAJOR, .minor = 8, .count = 1, .mode = 0666, .open = random_open },
	{ .name = "urandom", .major = MEM_MAJOR, .minor = 9, .count = 1, .mode = 0666, .open = random_open },
};

int dev_init(void)
{
	int err = 0;

	for (u32 i = 0; !err && i < ARRAY_SIZE(mem_devices); i++)
		err = chrdev_register(&mem_devices[i]);
	if (!err)
		devtmpfs_register();
	return err;
}
