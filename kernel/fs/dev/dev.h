/*
 * Character devices: a registry from device numbers to drivers. A node on any file system that names a registered
 * number opens through it.
 */
#ifndef LIMPET_FS_DEV_DEV_H
#define LIMPET_FS_DEV_DEV_H

#include "fs/file.h"

struct chrdev {
	const char *name; /* node name under /dev; NULL = no node of its own */
	u32 major, minor, count; /* count minors from minor on */
	u32 mode; /* permission bits of the node */
	/* As inode_ops.open: sets file->ops and file->priv. 0 or -errno. */
	int (*open)(struct inode *inode, struct file *file);
};

/* dev stays with the registry for good. -EBUSY when the range overlaps one that is there, -ENOSPC when full. */
int chrdev_register(const struct chrdev *dev) __must_check;
/* Opens what inode->rdev names; -ENXIO when nobody serves it. */
int chrdev_open(struct inode *inode, struct file *file);
/* The index-th registered device, in order of registration; NULL = no more. For devtmpfs. */
const struct chrdev *chrdev_at(u32 index);

int dev_init(void) __must_check; /* from fs_init: the memory devices and devtmpfs */
int mem_devices_init(void) __must_check; /* mem.c */

#endif
