/* The memory devices: null, zero, full, random, urandom. See null(4), full(4), random(4). */
#include "abi/linux/errno.h"
#include "abi/linux/mman.h"
#include "core/alloc.h"
#include "fs/dev/dev.h"
#include "gate/host.h"
#include "lib/string.h"
#include "proc/signal.h"

#define MEM_MAJOR 1u
#define RANDOM_CHUNK 256ul

static ssize_t null_read(struct file *f __unused, struct uio *to __unused, loff_t *pos __unused)
{
	return 0;
}

static ssize_t swallow(struct file *f __unused, struct uio *from, loff_t *pos __unused)
{
	size_t n = from->resid;

	uio_skip(from, n);
	return (ssize_t)n;
}

static ssize_t zero_read(struct file *f __unused, struct uio *to, loff_t *pos __unused)
{
	size_t want = to->resid, n = uio_zero(to, want);

	return n || !want ? (ssize_t)n : -EFAULT;
}

static ssize_t full_write(struct file *f __unused, struct uio *from, loff_t *pos __unused)
{
	return from->resid ? -ENOSPC : 0;
}

static ssize_t random_read(struct file *f __unused, struct uio *to, loff_t *pos __unused)
{
	u8 chunk[RANDOM_CHUNK];
	ssize_t done = 0;

	while (to->resid) {
		size_t want = to->resid < RANDOM_CHUNK ? to->resid : RANDOM_CHUNK, n;
		long got = host_getrandom(chunk, want, 0);

		if (got < 0)
			return done ? done : got;
		n = uio_copy_to(to, chunk, (size_t)got);
		done += (ssize_t)n;
		if (n < (size_t)got)
			return done ? done : -EFAULT;
		if (signal_pending_current())
			break;
	}
	memset(chunk, 0, sizeof(chunk));
	return done;
}

/* Every position is as good as another. */
static loff_t null_llseek(struct file *f, loff_t off __unused, int whence __unused)
{
	return f->pos = 0;
}

static int zero_mmap(struct file *f __unused, u64 offset __unused, u64 len, u32 prot __unused, u32 flags __unused,
		     struct map_source *out)
{
	*out = (struct map_source){ .host_fd = -1, .len = len, .exclusive = true };
	return 0;
}

static const struct file_ops null_ops = {
	.name = "null",
	.read = null_read,
	.write = swallow,
	.llseek = null_llseek,
};
static const struct file_ops zero_ops = {
	.name = "zero",
	.read = zero_read,
	.write = swallow,
	.llseek = null_llseek,
	.mmap = zero_mmap,
};
static const struct file_ops full_ops = {
	.name = "full",
	.read = zero_read,
	.write = full_write,
	.llseek = null_llseek,
};
static const struct file_ops random_ops = {
	.name = "random",
	.read = random_read,
	.write = swallow, /* what a program mixes in reaches nobody else's randomness */
	.llseek = null_llseek,
};

static int mem_open(struct inode *inode, struct file *file)
{
	switch (MINOR(inode->rdev)) {
	case 3:
		file->ops = &null_ops;
		return 0;
	case 5:
		file->ops = &zero_ops;
		return 0;
	case 7:
		file->ops = &full_ops;
		return 0;
	case 8:
	case 9:
		file->ops = &random_ops;
		return 0;
	}
	return -ENXIO;
}

int mem_devices_init(void)
{
	static const struct chrdev devices[] = {
		{ "null", MEM_MAJOR, 3, 1, 0666, mem_open },	{ "zero", MEM_MAJOR, 5, 1, 0666, mem_open },
		{ "full", MEM_MAJOR, 7, 1, 0666, mem_open },	{ "random", MEM_MAJOR, 8, 1, 0666, mem_open },
		{ "urandom", MEM_MAJOR, 9, 1, 0666, mem_open },
	};
	int err = 0;

	for (u32 i = 0; !err && i < ARRAY_SIZE(devices); i++)
		err = chrdev_register(&devices[i]);
	return err;
}
