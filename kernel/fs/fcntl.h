/* fcntl(2), flock(2) and the generic half of ioctl(2), from decoded arguments. */
#ifndef LIMPET_FS_FCNTL_H
#define LIMPET_FS_FCNTL_H

#include "fs/file.h"

long file_fcntl(int fd, struct file *f, u32 cmd, u64 arg);
int file_set_status_flags(int fd, struct file *f, u32 flags) __must_check; /* F_SETFL */
int file_flock(struct file *f, u32 op);
long file_ioctl(int fd, struct file *f, u32 cmd, u64 arg);

#endif
