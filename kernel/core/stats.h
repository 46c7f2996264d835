/*
 * Counts for --stats: how system calls came in, and what call sites are like. Nothing is counted on the way of a call
 * through the call gate but the task's own number of calls; all other counts are made where a host signal was paid.
 */
#ifndef LIMPET_CORE_STATS_H
#define LIMPET_CORE_STATS_H

#include "lib/types.h"

struct task;
struct vma;

/* What a call site that trapped is: why it was a trap. */
enum site_state {
	SITE_COLD, /* has not trapped often enough to be worth it */
	SITE_PATCHED, /* it is: a system call begun anew, or another way to its instruction */
	SITE_SHORT, /* no room for a jump */
	SITE_INSN, /* an instruction behind it that is not known well enough to be moved */
	SITE_REACH, /* no room for a trampoline in reach */
	SITE_MEMORY, /* shared, or not the program's */
	SITE_CHANGED, /* the code was written meanwhile */
	SITE_DIRTY, /* bytes would make a forbidden instruction */
	SITE_STATES,
};

void stats_init(void); /* boot: the timer thread runs */
/* A system call came by SIGSYS. site: an index of stats_site, or STATS_NO_SITE. */
#define STATS_NO_SITE 0u
void stats_trap(enum site_state state, u32 site);
/* A site that stays a trap, by where it is mapped from: the number to count its traps under. No lock held. */
u32 stats_site(const char *name, u64 offset, enum site_state state);
void stats_patched(void); /* a site got its jump */
void stats_image(u32 sites, u64 bytes, s64 ns); /* a file's text got so many at once; memory and time that this took */
void stats_image_mapped(void);
void stats_scan(u64 bytes, s64 ns); /* code was looked at before it could run */
void stats_asked(s64 ns); /* the supervisor was, what an instruction is, and took so long */
void stats_dropped(u32 sites); /* the program changed their code */
void stats_flip(void); /* a page turned writable or executable by a fault */
void stats_kick(void); /* a signal met a program */
void stats_task_ended(struct task *t); /* tasklist_lock held */

/* The end: to the supervisor. */
void stats_report(void);

#endif
