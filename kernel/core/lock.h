/*
 * Locks. One kind: a mutex on a word in shared memory, taken by any thread of any process of the sandbox.
 *
 * States of the word: 0 free, 1 held, 2 held and somebody may sleep on it. Uncontended paths make no host call.
 * Rules: never touch user memory, never make a host call that may block for long, and never sleep on a
 * wait queue while holding one. Not taken from the part of a signal handler that interrupts kernel mode.
 *
 * Order, outermost first (debug builds check it by class): see enum lock_class. Two locks of one class only by
 * rising address through mutex_lock_two(), or with a comment that names the reason through mutex_lock_nested().
 */
#ifndef LIMPET_CORE_LOCK_H
#define LIMPET_CORE_LOCK_H

#include "core/atomic.h"

/* A class ranks its locks: while holding one, only locks of a higher class may be taken. */
enum lock_class {
	LOCK_CLASS_NONE,
	LOCK_FS_RENAME, /* one directory rename per sandbox */
	LOCK_INODE, /* inode.lock: directory contents, attributes */
	LOCK_INODE_LOWER, /* inode.lock of a file system that overlay stands on */
	LOCK_FS_PRIVATE, /* a file system's own: tmpfs blocks, hostfs fd cache */
	LOCK_MM, /* mm.lock: VMAs and the host's mappings */
	LOCK_FILE_POS, /* file.pos_lock */
	LOCK_SOCK, /* unix socket state */
	LOCK_EPOLL,
	LOCK_TTY,
	LOCK_TASKLIST, /* tasklist_lock: pid table, parent/child/group/session lists */
	LOCK_FILES, /* files.lock: fd table */
	LOCK_FS_CONTEXT, /* fs_context.lock: cwd, root, umask */
	LOCK_DCACHE, /* dcache and mount tree */
	LOCK_PIPE,
	LOCK_TIMER_OBJ, /* timerfd, posix timers */
	LOCK_SIGHAND, /* sighand.lock: actions, pending queues, masks of other tasks */
	LOCK_FUTEX, /* futex hash bucket */
	LOCK_NOTIFY, /* inotify queues, eventfd, signalfd */
	LOCK_WAITQ, /* wait_queue.lock */
	LOCK_TIMER, /* timer queue */
	LOCK_LEAF, /* anything that takes nothing else */
	LOCK_HEAP, /* the allocator */
	LOCK_LOG,
	LOCK_CLASS_COUNT,
};

struct mutex {
	u32 state;
	u16 class;
	u16 pad;
#ifdef LIMPET_DEBUG
	struct task *owner;
#endif
};

#define MUTEX_INIT(class_) { .class = (class_) }

void mutex_init(struct mutex *m, enum lock_class class);
void mutex_lock(struct mutex *m);
void mutex_lock_nested(struct mutex *m); /* as mutex_lock, but a lock of the same class may be held */
void mutex_unlock(struct mutex *m);
bool mutex_trylock(struct mutex *m);
/* Both, by rising address; a == b is taken once. */
void mutex_lock_two(struct mutex *a, struct mutex *b);
void mutex_unlock_two(struct mutex *a, struct mutex *b);
/* Panics in debug builds unless the caller holds m; nothing otherwise. */
void mutex_assert_held(const struct mutex *m);
#ifdef LIMPET_DEBUG
/* Panics when the calling thread holds any lock: on the way to sleep or to the program. */
void lock_assert_none(void);
extern bool lock_debug_ready;
#else
static inline void lock_assert_none(void) {}
#endif

#endif
