/*
 * Programs that the supervisor starts: the container's first process, and those that it executes in it later.
 *
 * Each has an id, 0 for the first. A program that is not the first is a child of guest PID 1 on paper only: wait(2)
 * does not find it, its parent's number reads 0, it leads a session, and when it ends it is released at once and the
 * supervisor is told.
 */
#ifndef LIMPET_CORE_PROGRAM_H
#define LIMPET_CORE_PROGRAM_H

#include "abi/boot.h"
#include "lib/types.h"

struct process;

/* Boot: the first process. It looks its program up, says READY and, when the boot block wants it, waits for program_go. */
void program_start_first(void);
void program_go(void);
/*
 * Control thread: starts what block (of size bytes, kernel memory, taken over) describes. stdio: host descriptors,
 * taken over; -1 = closed. The supervisor hears STARTED or EXEC_ERROR under this id.
 */
void program_exec(u32 id, struct boot_block *block, size_t size, const int stdio[3]);
void program_signal(u32 id, int sig);
void program_signal_all(int sig);
/* The user's terminal is (not) ours to read from; go_on: the first program's group is continued. */
void program_terminal(bool ours, bool go_on);
/* The first program, where limpet is a job of a shell's: it stops and goes on together with limpet. */
bool program_is_job(const struct process *p);
void program_stopped(void); /* it has. No lock held */
void program_winsize(u32 id, u16 rows, u16 cols);
/* exit.c: the process of program id has ended with this wait status. No lock held. */
void program_exited(u32 id, int status);

#endif
