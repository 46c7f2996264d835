/*
 * What parts of the guest kernel need from the rest when they are fuzzed as hosted programs: allocation that counts, locks
 * that only check themselves, a task of root's. One inclusion a program.
 */
#ifndef KERNEL_HOST_H
#define KERNEL_HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/time.h"
#include "core/wait.h"
#include "fs/internal.h"
#include "proc/task.h"

static long live; /* allocations */
static struct cred root_cred = { .cap_effective = ~0ull };
static struct task me = { .cred = &root_cred };

struct task *gate_current(void) { return &me; }
void *kmalloc(size_t n)
{
	live++;
	return malloc(n ? n : 1);
}
void *kzalloc(size_t n)
{
	live++;
	return calloc(1, n ? n : 1);
}
void *kcalloc(size_t n, size_t size)
{
	live++;
	return calloc(n, size);
}
void *krealloc(void *p, size_t n)
{
	if (!p)
		live++;
	return realloc(p, n);
}
void kfree(void *p)
{
	if (p)
		live--;
	free(p);
}
char *kstrdup(const char *s)
{
	live++;
	return strdup(s);
}
void mutex_init(struct mutex *m, enum lock_class c) { m->state = 0; }
void mutex_lock(struct mutex *m)
{
	if (m->state)
		abort();
	m->state = 1;
}
void mutex_lock_nested(struct mutex *m) { mutex_lock(m); }
void mutex_lock_two(struct mutex *a, struct mutex *b)
{
	mutex_lock(a);
	if (a != b)
		mutex_lock(b);
}
void mutex_unlock(struct mutex *m)
{
	if (!m->state)
		abort();
	m->state = 0;
}
void mutex_assert_held(const struct mutex *m)
{
	if (!m->state)
		abort();
}
void klog(enum log_level level, const char *fmt, ...) {}
void panic(const char *fmt, ...) { abort(); }

#endif
