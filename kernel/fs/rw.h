/* Reading and writing through descriptions, with the checks that every type shares. */
#ifndef LIMPET_FS_RW_H
#define LIMPET_FS_RW_H

#include "fs/file.h"

#define RW_MAX 0x7ffff000ul /* most bytes of one call, as Linux */

/*
 * One read or write of a description at *pos, checked for the open mode, counted for inotify; writes also for
 * RLIMIT_FSIZE and O_SYNC. Bytes or -errno. rwf: RWF_* of preadv2(2).
 */
ssize_t file_read(struct file *f, struct uio *to, loff_t *pos, u32 rwf);
ssize_t file_write(struct file *f, struct uio *from, loff_t *pos, u32 rwf);
/* The same at the file's own position (or none, for streams). shared: others may hold the description. */
ssize_t file_read_pos(struct file *f, struct uio *to, u32 rwf, bool shared);
ssize_t file_write_pos(struct file *f, struct uio *from, u32 rwf, bool shared);
/* The size that stat would show, or -errno. */
loff_t file_size(struct file *f);
loff_t file_pos_now(struct file *f);
loff_t file_llseek(struct file *f, loff_t off, int whence);
/* RLIMIT_FSIZE for growing a regular file to end: 0, or -EFBIG with SIGXFSZ sent. */
int file_limit_check(struct inode *inode, u64 end) __must_check;

/* splice.c */
ssize_t file_sendfile(struct file *in, struct file *out, loff_t *in_pos, size_t count);
ssize_t file_splice(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos, size_t len, u32 flags);
ssize_t file_tee(struct file *in, struct file *out, size_t len, u32 flags);
ssize_t file_copy_range(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos, size_t len);

/* dirents.c: fills buf (user) with struct linux_dirent64 (or the old layout). */
ssize_t file_getdents(struct file *f, struct uptr buf, size_t size, bool old_layout);

#endif
