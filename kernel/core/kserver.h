/*
 * kserver: PID 1 of the sandbox on the host. Its threads serve the kernel, never programs: they have a task without
 * a process, and no syscall user dispatch.
 */
#ifndef LIMPET_CORE_KSERVER_H
#define LIMPET_CORE_KSERVER_H

#include "lib/types.h"

struct task;
struct container;
struct spawner;
struct zygote_pool;

/* Starts a service thread; only kserver's own threads may call it. -errno. */
int kserver_thread(const char *name, void (*fn)(void *), void *arg) __must_check;
__noreturn void kserver_thread_end(void); /* by itself */

/*
 * Has fn(arg) run for t on a blank host process; from any task. Takes a zygote, or waits until the host's clone is
 * done. The process descends from the spawner of t's container. -errno.
 */
int kserver_spawn(struct task *t, void (*fn)(void *), void *arg) __must_check;
/* The same without waiting: when there will be no process, but that is known later only, failed is called instead of fn. */
int kserver_spawn_later(struct task *t, void (*fn)(void *), void *arg, void (*failed)(void *arg, int err)) __must_check;

/* spawner.c: that of the first container, which kserver's thread starts, and those of others. */
struct spawner *spawner_first(void);
struct spawner *spawner_alloc(struct container *c); /* NULL = no memory */
void spawner_free(struct spawner *s);
/* A thread of kserver starts its process. Its number on the host (in the sandbox's PID namespace), or -errno. */
int spawner_start(struct spawner *s) __must_check;
void spawner_end(struct spawner *s); /* its container is finished: the process and its zygotes go */
struct zygote_pool *spawner_pool(void); /* where the caller's container has its zygotes */

void timer_main(void *arg); /* core/time.c */
void poller_main(void *arg); /* core/poller.c */

#endif
