/*
 * Listeners, seccomp_unotify(2): who holds a filter's listener decides the calls that the filter answers with
 * SECCOMP_RET_USER_NOTIF. The caller waits in its call meanwhile; its request stands on its kernel stack.
 *
 * A listener belongs to its filter and to its file, each with a reference. When no task has the filter any more, pollers
 * see POLLHUP; when the file is closed, calls are ENOSYS.
 */
#ifndef LIMPET_SYS_SECCOMP_NOTIFY_H
#define LIMPET_SYS_SECCOMP_NOTIFY_H

#include "abi/linux/seccomp.h"
#include "lib/types.h"

struct seccomp_listener;
struct file;

struct seccomp_listener *seccomp_listener_alloc(bool wait_killable); /* NULL = no memory; one reference, the filter's */
/* One outside the sandbox, abi/notify.h, on a socket that it takes over unless it fails. By a thread of kserver. err_ptr. */
struct seccomp_listener *seccomp_listener_remote(int host_fd, bool wait_killable);
struct file *seccomp_listener_file(struct seccomp_listener *l); /* has a reference of its own; err_ptr */
/* The filter is gone: drops its reference. Locks below LOCK_NOTIFY may be held. */
void seccomp_listener_orphan(struct seccomp_listener *l);

/* A call of the current task. True: it is to be made after all; false: *ret is its result. l: not freed meanwhile. */
bool seccomp_listener_ask(struct seccomp_listener *l, const struct seccomp_data *data, long *ret) __must_check;

#endif
