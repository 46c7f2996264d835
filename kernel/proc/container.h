/*
 * Containers: what several of them in one sandbox, a pod's, do not share. The first is there from boot, and the
 * sandbox ends with it; others join and leave (core/program.c). Every process belongs to one, like its parent.
 *
 * A container's first process has ended: all others are killed, nobody waits for them any more, and when the last is
 * gone the supervisor hears how the first one ended. The struct lives until the last reference goes.
 */
#ifndef LIMPET_PROC_CONTAINER_H
#define LIMPET_PROC_CONTAINER_H

#include "core/wait.h"
#include "lib/list.h"

struct boot_block;
struct fs_context;
struct inode;
struct mount_ns;
struct process;
struct tty;
struct spawner;

/* Numbers of processes (proc/pid.c). They lie side by side: a process is seen in its own namespace only. */
struct pid_ns {
	struct ref ref; /* containers, struct pids */
	u32 id; /* ascending with the time of making; immutable */
	u64 ino; /* as /proc/PID/ns/pid shows it; immutable */
	u32 max; /* numbers are below; immutable */
	u64 *used, *summary; /* bit n of summary: used[n] is not 0; under tasklist_lock */
	u32 last; /* given out last; under tasklist_lock */
	struct process *init; /* its PID 1, NULL before and after; under tasklist_lock */
};
extern struct pid_ns root_pid_ns;
struct pid_ns *pid_ns_alloc(void); /* NULL = no memory */
void pid_ns_put(struct pid_ns *ns);
struct pid_ns *current_pid_ns(void);

/* A container's limits as cgroupfs shows them: bytes, microseconds, v1's shares; below 0 = none. Atomic. */
struct container_limits {
	s64 memory, swap, quota, period, shares, pids;
};

struct container {
	struct ref ref; /* processes, programs, its spawner, and one until it is finished */
	u32 nr; /* 0 = the first; else the id of the program that is its first process; immutable */
	struct list_head node; /* under tasklist_lock */
	struct pid_ns *pid_ns; /* reference held; immutable */
	bool own_pids; /* its first process is PID 1 in pid_ns; immutable */
	struct container *owner; /* else whose is; reference held; immutable */
	bool terminal; /* it has a console; immutable */
	u64 memory_limit; /* shown as all memory there is, 0 = the machine's; immutable */
	struct container_limits limits;
	struct spawner *spawner; /* makes its host processes; immutable once it runs */
	u32 go; /* its program may run; atomic */
	struct wait_queue go_wait;
	u32 frozen; /* paused; atomic, written under tasklist_lock */
	struct wait_queue thaw_wait;

	/* Under tasklist_lock: */
	bool started; /* there was a first process */
	struct process *init; /* that one, until it is reaped */
	u32 tasks; /* published and not yet gone; atomic to read */
	u32 processes; /* published, not reaped, not left; an owner's: of all in its pid_ns, and those who will join */
	bool ending; /* the first process has ended */
	bool finished; /* and the others are gone */
	int exit_status; /* of the first, as wait(2) */
	int exit_instead; /* reboot(2) was called: what to report */
	struct inode *devpts_root; /* of the instance that its terminals are in; fs/tty/devpts.c */
	struct tty *console; /* /dev/console, reference held, or NULL */
	/* What programs that are executed in it later begin with; references held. NULL until its world is made; not the first's. */
	struct mount_ns *mnt_ns;
	struct fs_context *fs;
};
extern struct container first_container;
extern u32 container_several; /* another one has joined the first, once; atomic */

/* Boot: the first one, from the boot block. */
void container_boot(void);
/* What block says of a new container. share: whose processes it sees besides its own, or NULL. NULL = no memory, or
 * share is ending: until the new one's first process is there, share's first stays. */
struct container *container_alloc(u32 nr, const struct boot_block *block, struct container *share);
static inline void container_get(struct container *c) { ref_get(&c->ref); }
void container_put(struct container *c);
/* The caller's; the first one for kserver's threads. */
struct container *current_container(void);

/* Takes tasklist_lock and a reference; NULL = there is none, or it is ending. */
struct container *container_lookup(u32 nr);
/* Under tasklist_lock: the next in order of their making; NULL: the first. */
struct container *container_next(struct container *c);
/* Under tasklist_lock: its first process has ended with status: all others have to go. */
void container_end_locked(struct container *c, int status);
/* Under tasklist_lock: a task comes, or its number goes. */
void container_count_task_locked(struct container *c, int by);
bool container_full(const struct container *c); /* it has as many tasks as its limit allows */
/* Under tasklist_lock: nobody waits for processes of it any more. */
static inline bool container_doomed(const struct container *c) { return c->ending || (c->owner && c->owner->ending); }
/* Under tasklist_lock: its first process is there. */
void container_started_locked(struct container *c, struct process *init);
/* Under tasklist_lock: by 1 and later by -1: until then it does not finish, nor does its PID 1 go. */
void container_hold_locked(struct container *c, int by);
/* Under tasklist_lock: p comes; is a zombie now, or its parent is another one; is reaped. */
void container_enter_locked(struct process *p);
void container_zombie_locked(struct process *p);
void container_reaped_locked(struct process *p);
/* Under tasklist_lock: true, once: nothing is left of it, and container_finish is the caller's to call. */
bool container_empty_locked(struct container *c);
void container_signal_all(struct container *c, int sig); /* every process of it. Takes tasklist_lock */
/* Pauses it: each task waits before it goes back to its program, however it came in. Takes tasklist_lock. */
void container_freeze(struct container *c, bool on);
void container_frozen_wait(void); /* signal_deliver(): for WORK_FREEZE; ends early for who is to die */
/* The caller's mounts, root and directory are what programs executed in c begin with. 0 or -ENOMEM. */
int container_set_world(struct container *c) __must_check;
/* Copies for such a program, a reference each. -EAGAIN: there is no world yet. */
int container_world(struct container *c, struct mount_ns **ns, struct fs_context **fs) __must_check;
void container_set_console(struct container *c, struct tty *tty); /* takes a reference */
/* Its first process, if it only waited for something that is gone now, goes; and with it the container. No lock held. */
void container_settle(struct container *c);
/* Its last process is gone, or it never had one. No lock held. */
void container_finish(struct container *c);

#endif
