/* Descriptor table operations behind dup, fcntl, close_range and unshare; all on the current task's table. */
#ifndef LIMPET_FS_FDTABLE_H
#define LIMPET_FS_FDTABLE_H

#include "fs/file.h"

int fd_dup_from(struct file *f, u32 from, bool cloexec) __must_check; /* lowest number >= from; -EINVAL over the limit */
int fd_dup_to(int from, u32 to, bool cloexec) __must_check; /* dup2 for two different numbers; O_PATH too */
int fd_replace(struct file *f, u32 to, bool cloexec) __must_check; /* the same with a file, whose reference it takes over */
int fd_cloexec_get(int fd) __must_check; /* 0, 1 or -EBADF */
int fd_cloexec_set(int fd, bool cloexec) __must_check;
int files_unshare(void) __must_check; /* gives the current task a table of its own */
void fd_range_cloexec(u32 first, u32 last); /* both inclusive */
void fd_range_close(u32 first, u32 last);

#endif
