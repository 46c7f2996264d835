/*
 * overlay: a writable tree over one that is never changed, overlayfs of Linux in small. The lower layer is any file
 * system's inode tree (hostfs for `limpet do`), the upper one any writable one (tmpfs).
 */
#ifndef LIMPET_FS_OVERLAY_OVERLAY_H
#define LIMPET_FS_OVERLAY_OVERLAY_H

#include "fs/fs.h"

/* The data argument of its mount. References to both are taken over in any case. */
struct overlay_mount_data {
	struct super_block *lower;
	struct super_block *upper; /* NULL = a tmpfs of its own */
};

int overlay_init(void) __must_check; /* from fs_init */

#endif
