/*
 * The end of threads and processes, _exit(2).
 *
 * A thread gives up what it holds, is taken off its group and, unless it leads it, is gone. The last one turns the
 * process into a zombie: its children get a new parent, its parent hears of it, and wait4 (or nobody, when the
 * parent ignores SIGCHLD) removes it. The leader of a group with live threads stays as a zombie until they are gone.
 */
#include "abi/linux/errno.h"
#include "core/log.h"
#include "core/program.h"
#include "core/stats.h"
#include "core/strace.h"
#include "fs/tty/tty.h"
#include "gate/gate.h"
#include "ipc/futex.h"
#include "ipc/sysv.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "proc/container.h"
#include "proc/internal.h"
#include "proc/ptimer.h"
#include "proc/session.h"
#include "sys/seccomp.h"

void process_wake_parent(struct process *p)
{
	if (p->parent)
		wake_up_all(&p->parent->child_wait);
}

void vfork_release(struct process *p)
{
	struct task *parent;

	mutex_lock(&tasklist_lock);
	parent = p->vforked ? p->vfork_parent : NULL;
	p->vforked = false;
	p->vfork_parent = NULL;
	if (parent) {
		task_wake(parent);
		wake_up_all(&parent->process->child_wait);
	}
	mutex_unlock(&tasklist_lock);
}

/* Robust futexes and the join word of pthreads: the last touches of the program's memory. */
static void release_user_memory(struct task *t)
{
	struct uptr tid = t->clear_child_tid;

	if (!t->mm)
		return;
	futex_exit_robust(t);
	t->clear_child_tid = uptr(0);
	if (uptr_null(tid) || atomic_load(&t->mm->users) <= 1)
		return;
	if (!put_user_u32(tid, 0))
		(void)futex_wake(tid, FUTEX_F_SHARED, 1, ~0u);
}

/* From here on it takes no signals and is not waited for in a stop. */
static void exit_signals(struct task *t)
{
	struct process *p = t->process;
	struct sighand *sh = process_lock_sighand(p);
	bool completed;

	t->exiting = true;
	completed = stop_leave_locked(t);
	signal_retarget_locked(t, ~t->blocked);
	mutex_unlock(&sh->lock);
	if (completed) {
		mutex_lock(&tasklist_lock);
		stop_notify_parent(p, CLD_STOPPED);
		mutex_unlock(&tasklist_lock);
	}
}

/* Tells the parent that p is dead. True: nobody is going to wait for it. */
static bool notify_exit(struct process *p)
{
	struct process *parent = p->parent;
	struct siginfo info;
	struct sighand *sh;
	struct sigaction *a;
	u32 sig = p->exit_signal;
	bool autoreap = false;

	if (!parent)
		return false;
	if (container_doomed(p->container)) {
		process_wake_parent(p);
		return true;
	}
	/* A parent that has exec'ed did not ask for an odd signal. */
	if (p->parent_exec_id != parent->exec_id)
		sig = SIGCHLD;
	siginfo_init(&info, (int)sig, CLD_EXITED);
	info.chld.pid = (s32)p->pid->nr;
	info.chld.uid = p->leader->cred->uid;
	info.chld.utime = p->self_dead.utime / (NSEC_PER_SEC / USER_HZ);
	info.chld.stime = p->self_dead.stime / (NSEC_PER_SEC / USER_HZ);
	info.chld.status = p->exit_status >> 8 & 0xff;
	if (p->exit_status & 0x7f) {
		info.code = p->exit_status & 0x80 ? CLD_DUMPED : CLD_KILLED;
		info.chld.status = p->exit_status & 0x7f;
	}
	sh = process_lock_sighand(parent);
	a = &sh->action[SIGCHLD - 1];
	if (sig == SIGCHLD && (a->handler == SIG_IGN || (a->flags & SA_NOCLDWAIT))) {
		autoreap = true;
		if (a->handler == SIG_IGN)
			sig = 0;
	}
	if (sig && sig_valid((int)sig))
		(void)signal_send_locked(parent->leader, true, (int)sig, &info);
	mutex_unlock(&sh->lock);
	process_wake_parent(p);
	return autoreap;
}

/* A group that loses its last tie to its session's shell, with stopped members that nobody could continue. */
static void hang_up_orphans(struct process *p, const struct process *parent, const struct process *ignored)
{
	struct pid *pgrp = p->pgrp;
	struct process *m;
	bool stopped = false;

	if (!parent || parent->pgrp == pgrp || parent->session != p->session || !pgrp_will_be_orphaned(pgrp, ignored))
		return;
	list_for_each_entry(m, &pgrp->pgrp_members, pgrp_node)
		stopped |= m->stopped;
	if (!stopped)
		return;
	(void)signal_send_pgrp(pgrp, SIGHUP, NULL);
	(void)signal_send_pgrp(pgrp, SIGCONT, NULL);
}

static struct task *live_thread(struct process *p)
{
	struct task *t;

	for_each_thread(p, t)
		if (!t->exited && !t->exiting)
			return t;
	return NULL;
}

static struct process *find_reaper(const struct process *p)
{
	struct process *r;

	if (p->has_child_subreaper)
		for (r = p->parent; r && r != p->pid->ns->init; r = r->parent)
			if (r->child_subreaper && live_thread(r))
				return r;
	return p->pid->ns->init;
}

/* PR_SET_PDEATHSIG of c's threads: the thread t that was their parent is gone. */
static void parent_death_signals(struct process *c, struct task *t)
{
	struct task *o;

	for_each_thread(c, o) {
		struct siginfo info;
		int sig = (int)o->pdeath_signal;

		if (!sig)
			continue;
		siginfo_init(&info, sig, SI_USER);
		info.rt.pid = (s32)t->process->pid->nr;
		info.rt.uid = t->cred->uid;
		if (!signal_may_send(o, sig, &info))
			(void)signal_send_process(c, sig, &info);
	}
}

/* A thread of many ends: another one is the POSIX parent of its children. */
static void pass_children(struct task *t)
{
	struct process *p = t->process, *c;
	struct task *heir;

	if (list_empty(&p->children))
		return;
	heir = live_thread(p);
	list_for_each_entry(c, &p->children, sibling) {
		if (c->parent_tid != t->pid->nr)
			continue;
		c->parent_tid = heir ? heir->pid->nr : p->pid->nr;
		parent_death_signals(c, t);
	}
}

/* The process ends: its children go to the next subreaper or init; zombies nobody waits for land on dead. */
static void lose_children(struct task *t, struct list_head *dead)
{
	struct process *p = t->process, *reaper, *c, *n;
	struct task *heir;

	if (list_empty(&p->children))
		return;
	reaper = find_reaper(p);
	heir = live_thread(reaper);
	list_for_each_entry_safe(c, n, &p->children, sibling) {
		list_move_tail(&c->sibling, &reaper->children);
		c->parent = reaper;
		atomic_store(&c->ppid, reaper->pid->nr);
		c->parent_tid = heir ? heir->pid->nr : reaper->pid->nr;
		c->exit_signal = SIGCHLD;
		parent_death_signals(c, t);
		if (c->zombie && notify_exit(c)) {
			struct task *leader = process_reap_locked(c);

			list_add_tail(&leader->thread_node, dead);
			continue;
		}
		if (c->zombie)
			container_zombie_locked(c);
		hang_up_orphans(c, p, NULL);
	}
}

/* A PID 1 ends: its children stay with it, all on their way out, and it goes last. */
static void bury_children(struct process *p, struct list_head *dead)
{
	struct process *c, *n;

	list_for_each_entry_safe(c, n, &p->children, sibling)
		if (c->zombie)
			list_add_tail(&process_reap_locked(c)->thread_node, dead);
}

struct task *process_reap_locked(struct process *p)
{
	struct task *leader = p->leader;
	struct sighand *sh;

	mutex_assert_held(&tasklist_lock);
	sh = process_lock_sighand(p);
	list_del(&leader->thread_node);
	p->reaped = true;
	p->leader = NULL;
	mutex_unlock(&sh->lock);
	leader->state = TASK_DEAD;
	p->pid->task = NULL;
	container_count_task_locked(p->container, -1);
	p->parent = NULL;
	list_del(&p->sibling);
	list_del(&p->pgrp_node);
	list_del(&p->session_node);
	pid_release_unused(p->pid);
	pid_release_unused(p->pgrp);
	pid_release_unused(p->session);
	wake_up_all(&p->pid->exit_wait);
	if (p == p->pid->ns->init)
		p->pid->ns->init = NULL;
	container_reaped_locked(p);
	return leader;
}

void reaped_put(struct task *leader)
{
	struct process *p = leader->process;

	task_put(leader);
	process_put(p);
}

/* The first process of a container that ends is the last to go; so is that of the one whose processes it saw. */
static void reap_init(struct container *c, struct list_head *dead)
{
	if (c->ending && c->init && c->processes == 1)
		list_add_tail(&process_reap_locked(c->init)->thread_node, dead);
}

/* The last thread is gone. */
static void process_ended(struct task *t, struct list_head *dead)
{
	struct process *p = t->process;
	struct container *c = p->container;

	if (!p->group_exiting)
		p->exit_status = p->leader->exit_code;
	if (p == init_process)
		return;
	if (p == c->init)
		container_end_locked(c, p->exit_status);
	if (p == p->pid->ns->init)
		bury_children(p, dead);
	else
		lose_children(t, dead);
	hang_up_orphans(p, p->parent, p);
	wake_up_all(&p->pid->exit_wait);
	if (p != c->init && (p->program_id || notify_exit(p)))
		list_add_tail(&process_reap_locked(p)->thread_node, dead);
	else
		container_zombie_locked(p);
	for (; c; c = c->owner)
		reap_init(c, dead);
}

static void put_reaped(struct list_head *dead)
{
	struct task *d, *n;

	list_for_each_entry_safe(d, n, dead, thread_node) {
		list_del(&d->thread_node);
		reaped_put(d);
	}
}

void container_settle(struct container *c)
{
	struct list_head dead;
	bool empty;

	list_init(&dead);
	mutex_lock(&tasklist_lock);
	reap_init(c, &dead);
	empty = container_empty_locked(c);
	mutex_unlock(&tasklist_lock);
	put_reaped(&dead);
	if (empty)
		program_container_empty(c);
}

/* Out of the group, and everybody whom that concerns is told. */
static void exit_notify(struct task *t, int status, const struct rusage_sum *used)
{
	struct process *p = t->process;
	struct container *c = p->container, *owner = c->owner;
	struct list_head dead;
	struct sighand *sh;
	bool leads, last, empty, owner_empty;
	u32 program = p->program_id;
	int how;

	list_init(&dead);
	container_get(c);
	mutex_lock(&tasklist_lock);
	wakes_hold();
	leads = t == p->leader;
	last = p->nr_threads == 1;
	rusage_add(&p->self_dead, used);
	t->ru_base = *used;
	t->exit_code = status;
	stats_task_ended(t);
	t->state = leads ? TASK_ZOMBIE : TASK_DEAD;
	sh = process_lock_sighand(p);
	t->exited = true;
	p->nr_threads--;
	if (last)
		p->zombie = true;
	if (!leads)
		list_del(&t->thread_node);
	mutex_unlock(&sh->lock);
	seccomp_drop(t); /* listeners hear of the last one's end */

	if (!leads) {
		t->pid->task = NULL;
		container_count_task_locked(c, -1);
		pid_release_unused(t->pid);
		wake_up_all(&t->pid->exit_wait);
	}
	if (!last)
		pass_children(t);
	else
		process_ended(t, &dead);
	if (p->exec_task && p->nr_threads == 1)
		task_wake(p->exec_task);
	how = p->exit_status;
	empty = container_empty_locked(c);
	owner_empty = owner && container_empty_locked(owner);
	mutex_unlock(&tasklist_lock);
	wakes_release();

	put_reaped(&dead);
	if (last && p == init_process) {
		program_drain(0);
		sandbox_exit(how);
	}
	if (last && program && program != c->nr)
		program_exited(program, how);
	if (!leads)
		task_put(t); /* the pid table's */
	if (empty)
		program_container_empty(c);
	if (owner_empty)
		program_container_empty(owner);
	container_put(c);
}

/* outside: the host process is dead already; its memory cannot be touched and its use is not known. */
static void exit_task(struct task *t, int status, bool outside)
{
	struct process *p = t->process;
	struct rusage_sum used;
	bool group_dead;

	memset(&used, 0, sizeof(used));
	exit_signals(t);
	group_dead = atomic_sub(&p->live, 1) == 0;
	if (!outside)
		strace_exited(status);
	if (group_dead) {
		ptimer_exit(p);
		sem_exit(p);
	}
	if (!outside) {
		release_user_memory(t);
		task_rusage_current(&used);
		task_rusage_give_back(t);
	}
	if (t == p->leader || group_dead)
		vfork_release(p);
	if (group_dead && process_session_leader(p))
		tty_session_leader_exit(p);
	task_drop_parts(t);
	if (group_dead)
		process_drop_parts(p);
	exit_notify(t, status, &used);
}

void do_exit(int status)
{
	struct task *t = current;

	BUG_ON(!t->process || t->exiting);
	exit_task(t, status, false);
	/* Nothing but the host thread is left; it drops the running task's own reference. */
	hthread_exit();
}

void do_group_exit(int status)
{
	struct task *t = current;
	struct process *p = t->process;
	struct sighand *sh = process_lock_sighand(p);

	if (p->group_exiting)
		status = p->exit_status;
	else if (p->exec_task && p->exec_task != t)
		status = 0; /* the process lives on as what the exec makes of it */
	else
		signal_group_exit_locked(p, status);
	mutex_unlock(&sh->lock);
	do_exit(status);
}

/* Returns who had lent its host thread to t. */
static struct task *died_outside_one(struct task *t, int status)
{
	struct process *p = t->process;
	struct task *lender;
	struct sighand *sh = process_lock_sighand(p);

	if (t->exiting) {
		mutex_unlock(&sh->lock);
		return NULL;
	}
	if (!p->group_exiting)
		signal_group_exit_locked(p, status & 0x7f ? status & 0x7f : SIGKILL);
	status = p->exit_status;
	mutex_unlock(&sh->lock);
	exit_task(t, status, true);
	lender = t->lender;
	t->lender = NULL;
	task_put(t); /* the running task's own */
	return lender;
}

/* Lenders died with it: any number of them, so this does not recurse. */
void task_died_outside(struct task *t, int status)
{
	while ((t = died_outside_one(t, status)))
		status = SIGKILL;
}
