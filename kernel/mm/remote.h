/* process_vm_readv(2) and process_vm_writev(2), decoded. */
#ifndef LIMPET_MM_REMOTE_H
#define LIMPET_MM_REMOTE_H

#include "mm/uaccess.h"

struct mm;
struct task;

/* Between the caller's buffers (freshly initialised) and mm, t's; permission is checked. remote: a kernel copy of
 * the caller's array, not checked yet. Bytes moved or -errno. */
ssize_t mm_process_vm(struct task *t, struct mm *mm, struct uio *local, const struct iovec *remote, u32 count,
		      bool write);

#endif
