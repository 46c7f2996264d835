/* Boot of the devices that have no part of their own, and the file system of their nodes. */
#ifndef LIMPET_FS_DEV_DEVTMPFS_H
#define LIMPET_FS_DEV_DEVTMPFS_H

/* From fs_init, behind tmpfs and before the first mount: the memory devices and the type "devtmpfs". */
int dev_init(void) __attribute__((warn_unused_result));
void devtmpfs_register(void);

#endif
