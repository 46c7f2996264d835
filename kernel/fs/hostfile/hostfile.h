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

#endif
