/* Between the files of this folder. */
#ifndef LIMPET_FS_HOSTFILE_INTERNAL_H
#define LIMPET_FS_HOSTFILE_INTERNAL_H

#include "core/poller.h"
#include "fs/hostfile/hostfile.h"

struct statx;

struct hostfile {
	int fd; /* owned */
	u32 access; /* FMODE_READ, FMODE_WRITE that the host allows */
	bool regular; /* immutable */
	bool append; /* the host's O_APPEND; immutable */
	bool no_nowait; /* RWF_NOWAIT is not for this file; atomic */
	struct poller_watch watch; /* not for regular files */
};

/* host_flags: O_* of the description. Owns fd from now on unless it fails. err_ptr. */
struct hostfile *hostfile_alloc(int fd, long host_flags, const struct statx *sx);
void hostfile_free(struct hostfile *h);

/* file_ops of files whose priv is a struct hostfile. */
ssize_t hostfile_read(struct file *f, struct uio *to, loff_t *pos);
ssize_t hostfile_write(struct file *f, struct uio *from, loff_t *pos);
u32 hostfile_poll(struct file *f, struct poll_table *pt);

#endif
