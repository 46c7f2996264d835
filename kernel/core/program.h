/*
 * Programs that the supervisor starts: the first process of each container, and those that it executes in one later.
 *
 * Each has an id, 0 for the first of all; a container's first one has the container's number. A program that is not the first is a child of guest PID 1 on paper only: wait(2)
 * does not find it, its parent's number reads 0, it leads a session, and when it ends it is released at once and the
 * supervisor is told.
 */
#ifndef LIMPET_CORE_PROGRAM_H
#define LIMPET_CORE_PROGRAM_H

#include "abi/boot.h"
#include "lib/types.h"

struct container;
struct process;

/* Boot: the first process. It looks its program up, says READY and, when the boot block wants it, waits for program_go. */
void program_start_first(void);

/* Control thread. Numbers of containers that are not there (any more) are ignored. */
void program_go(u32 container);
void program_freeze(u32 container, bool on);
void program_limits(u32 container, const s64 limits[4]); /* CONTROL_LIMITS */

struct program_start {
	u32 id, container;
	struct boot_block *block; /* kernel memory, taken over */
	size_t size; /* of it */
	int stdio[3]; /* host descriptors, taken over; -1 = closed */
};
/* Executes it in a container that runs. The supervisor hears STARTED or EXEC_ERROR under this id. */
void program_exec(const struct program_start *start);
/*
 * Makes a container: its spawner, no process of it yet. share: the number of the one whose processes it sees besides its
 * own, -1 = none. trees: host descriptors for its mounts, taken over. The supervisor hears JOINED or EXEC_ERROR.
 */
void program_join(const struct program_start *start, s64 share, const int *trees, u32 ntrees);
/* Its first process: makes the mounts, looks the program up, says READY, waits for program_go. EXEC_ERROR otherwise. */
void program_populate(u32 container);
void program_signal(u32 id, int sig);
void program_signal_all(u32 container, int sig);
/* The user's terminal is (not) ours to read from; go_on: the first program's group is continued. */
void program_terminal(bool ours, bool go_on);
/* The first program, where limpet is a job of a shell's: it stops and goes on together with limpet. */
bool program_is_job(const struct process *p);
void program_stopped(void); /* it has. No lock held */
void program_winsize(u32 id, u16 rows, u16 cols);
void program_drain(u32 id); /* exit.c: its last words reach its terminal. No lock held; may wait a second */
/* exit.c: the process of program id has ended with this wait status. No lock held. */
void program_exited(u32 id, int status);
/* exit.c: the last process of a container that is not the first is gone. No lock held. */
void program_container_empty(struct container *c);

#endif
