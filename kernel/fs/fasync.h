/* The owner of a file's signals: behind fcntl(2) and FIOSETOWN. */
#ifndef LIMPET_FS_FASYNC_H
#define LIMPET_FS_FASYNC_H

#include "fs/file.h"

int fasync_set_owner(struct file *f, int type, u32 nr) __must_check; /* F_OWNER_*; 0 = nobody; -ESRCH */
void fasync_get_owner(struct file *f, int *type, u32 *nr, u32 *uid, u32 *euid); /* nr 0 = nobody */
void fasync_set_signal(struct file *f, int sig);
/* Before O_ASYNC is set: SIGIO will follow what the file's wait queues announce, where the type says async_by_poll. -ENOMEM. */
int fasync_watch(struct file *f) __must_check;
void fasync_watch_release(struct file *f);

#endif
