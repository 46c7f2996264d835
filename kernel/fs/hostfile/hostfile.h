/*
 * Descriptors of the host as files of the guest: stdin, stdout and stderr when they are pipes, sockets, regular
 * files or devices.
 *
 * The description belongs to others too (the shell that started us): its flags are never changed, its offset is used
 * and moved by read, write and lseek as any process outside would. So a regular file's position is the host's;
 * file->pos holds HOSTFILE_POS and says "there".
 */
#ifndef LIMPET_FS_HOSTFILE_HOSTFILE_H
#define LIMPET_FS_HOSTFILE_HOSTFILE_H

#include "fs/file.h"

#define HOSTFILE_POS (1ll << 62)

/*
 * flags: O_RDONLY, O_WRONLY or O_RDWR as the guest shall have it, cut down to what the descriptor allows. Owns host_fd
 * from now on unless it fails. A terminal that may be written becomes an output-only terminal of the guest.
 * err_ptr.
 */
struct file *hostfile_create(int host_fd, u32 flags);
int hostfile_init(void) __must_check; /* from fs_init */

/*
 * Devices of the host that an operator gave, hostdev.c. The node opens what path_fd (O_PATH, owned unless it fails) names,
 * reading and writing as access (FMODE_READ, FMODE_WRITE) says. Boot only. 0, -ENOSPC.
 */
int hostdev_attach(struct inode *node, int path_fd, u32 access) __must_check;
/* Opens inode->host_device anew: as inode_ops.open. */
int hostdev_open(struct inode *inode, struct file *file);

#endif
