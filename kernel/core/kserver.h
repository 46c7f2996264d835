/*
 * kserver: PID 1 of the sandbox on the host. Its threads serve the kernel, never programs: they have a task without
 * a process, and no syscall user dispatch.
 */
#ifndef LIMPET_CORE_KSERVER_H
#define LIMPET_CORE_KSERVER_H

#include "lib/types.h"

struct task;

/* Starts a service thread; only kserver's own threads may call it. -errno. */
int kserver_thread(const char *name, void (*fn)(void *), void *arg) __must_check;

/*
 * Has fn(arg) run for t on a blank host process; from any task. Takes a zygote, or waits until the host's clone is
 * done. -errno.
 */
int kserver_spawn(struct task *t, void (*fn)(void *), void *arg) __must_check;

void timer_main(void *arg); /* core/time.c */
void poller_main(void *arg); /* core/poller.c */

#endif
