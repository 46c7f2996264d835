/* The registry of character devices; see dev.h. Entries are only ever added, so readers need no lock. */
#include "fs/dev/dev.h"

#include "abi/linux/errno.h"

#define CHRDEV_MAX 64u

static struct mutex chrdev_lock = MUTEX_INIT(LOCK_LEAF);
static const struct chrdev *chrdevs[CHRDEV_MAX]; /* under chrdev_lock to add */
static u32 nr_chrdevs; /* atomic; grows under chrdev_lock */

static bool overlaps(const struct chrdev *a, const struct chrdev *b)
{
	return a->major == b->major && a->minor < b->minor + b->count && b->minor < a->minor + a->count;
}

int chrdev_register(const struct chrdev *dev)
{
	int err = 0;
	u32 i;

	mutex_lock(&chrdev_lock);
	for (i = 0; i < nr_chrdevs; i++)
		if (overlaps(chrdevs[i], dev))
			err = -EBUSY;
	if (!err && nr_chrdevs == CHRDEV_MAX)
		err = -ENOSPC;
	if (!err) {
		chrdevs[nr_chrdevs] = dev;
		atomic_store(&nr_chrdevs, nr_chrdevs + 1);
	}
	mutex_unlock(&chrdev_lock);
	return err;
}

const struct chrdev *chrdev_at(u32 index)
{
	return index < atomic_load(&nr_chrdevs) ? chrdevs[index] : NULL;
}

int chrdev_open(struct inode *inode, struct file *file)
{
	u32 major = MAJOR(inode->rdev), minor = MINOR(inode->rdev), i;
	const struct chrdev *dev;

	if (!S_ISCHR_(inode->mode))
		return -ENXIO;
	for (i = 0; (dev = chrdev_at(i)); i++)
		if (dev->major == major && minor >= dev->minor && minor - dev->minor < dev->count)
			return dev->open(inode, file);
	return -ENXIO;
}
