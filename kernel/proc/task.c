/*
 * Tasks and processes as objects: making, publishing, references, and what others may ask about them.
 *
 * References to a task: the running task itself (task_alloc's; hthread_exit drops it) and the pid table (from
 * task_publish until the thread is released or its process reaped). To a process: each of its tasks, and the pid
 * table until it is reaped. Everything big (mm, files, ...) goes at exit, so that a last put may happen anywhere.
 */
#include "proc/task.h"

#include "abi/linux/errno.h"
#include "abi/linux/prctl.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "core/log.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "fs/tty/tty.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "proc/container.h"
#include "proc/internal.h"
#include "proc/ptimer.h"
#include "proc/uts.h"
#include "sys/seccomp.h"

struct process *init_process;

static void rlimits_default(struct rlimit *r)
{
	static const struct {
		u32 which;
		u64 cur, max;
	} set[] = {
		{ RLIMIT_STACK, 8 << 20, RLIM_INFINITY },    { RLIMIT_CORE, 0, RLIM_INFINITY },
		{ RLIMIT_NOFILE, 1024, 1048576 },	     { RLIMIT_MEMLOCK, 8 << 20, 8 << 20 },
		{ RLIMIT_SIGPENDING, 15000, 15000 },	     { RLIMIT_MSGQUEUE, 819200, 819200 },
		{ RLIMIT_NICE, 0, 0 },			     { RLIMIT_RTPRIO, 0, 0 },
	};

	for (u32 i = 0; i < RLIM_NLIMITS; i++)
		r[i] = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	for (u32 i = 0; i < ARRAY_SIZE(set); i++)
		r[set[i].which] = (struct rlimit){ set[i].cur, set[i].max };
}

struct process *process_alloc(void)
{
	struct process *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	ref_init(&p->ref);
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->pgrp_node);
	list_init(&p->session_node);
	wait_queue_init(&p->child_wait);
	wait_queue_init(&p->stop_wait);
	sigpending_init(&p->shared_pending);
	mutex_init(&p->rlim_lock, LOCK_LEAF);
	rlimits_default(p->rlim);
	p->start_time = ktime_get_boottime();
	p->dumpable = true;
	p->coredump_filter = COREDUMP_FILTER_DEFAULT;
	p->loginuid = p->audit_session = ~0u;
	ptimer_process_init(p);
	return p;
}

void process_inherit(struct process *p, struct process *from)
{
	mutex_lock(&from->rlim_lock);
	memcpy(p->rlim, from->rlim, sizeof(p->rlim));
	mutex_unlock(&from->rlim_lock);
	p->container = from->container;
	container_get(p->container);
	p->dumpable = from->dumpable;
	p->oom_score_adj = from->oom_score_adj;
	p->coredump_filter = from->coredump_filter;
	p->loginuid = from->loginuid;
	p->audit_session = from->audit_session;
	mutex_lock(&tasklist_lock);
	p->exe = from->exe ? file_get(from->exe) : NULL;
	mutex_unlock(&tasklist_lock);
}

struct task *task_alloc(struct process *p)
{
	struct task *t = kzalloc(sizeof(*t));

	if (!t)
		return NULL;
	ref_init(&t->ref);
	list_init(&t->thread_node);
	sigpending_init(&t->pending);
	if (p) {
		process_get(p);
		t->process = p;
	}
	t->orig_rax = ~0ull;
	t->timer_slack_ns = 50000;
	t->cpus_allowed = ~0ull;
	t->start_time = p && !p->pid ? p->start_time : ktime_get_boottime();
	return t;
}

void task_inherit(struct task *t, const struct task *from)
{
	memcpy(t->comm, from->comm, sizeof(t->comm));
	t->cred = cred_get(from->cred);
	t->no_new_privs = from->no_new_privs;
	t->blocked = from->blocked;
	t->timer_slack_ns = from->timer_slack_ns;
	t->nice = from->nice;
	t->cpus_allowed = from->cpus_allowed;
	t->sched_policy = from->sched_policy;
	t->sched_priority = from->sched_priority;
	t->personality = from->personality;
	t->ioprio = from->ioprio;
	t->mce_kill = from->mce_kill;
	if (from->sched_reset_on_fork) {
		t->sched_policy = 0;
		t->sched_priority = 0;
		t->nice = max(t->nice, 0);
	}
}

int task_alloc_pid(struct task *t, u32 want)
{
	struct pid *pid = pid_alloc(t->process->container->pid_ns, want);

	if (is_err(pid))
		return (int)ptr_err(pid);
	t->pid = pid;
	return 0;
}

void task_drop_parts(struct task *t)
{
	struct mm *mm;
	struct files *files;
	struct fs_context *fs;
	struct mount_ns *mnt_ns;
	struct uts_ns *uts_ns;

	mutex_lock(&tasklist_lock);
	mm = t->mm;
	files = t->files;
	fs = t->fs;
	mnt_ns = t->mnt_ns;
	uts_ns = t->uts_ns;
	t->mm = NULL;
	t->files = NULL;
	t->fs = NULL;
	t->mnt_ns = NULL;
	t->uts_ns = NULL;
	mutex_unlock(&tasklist_lock);
	if (mm) {
		atomic_sub(&mm->users, 1);
		mm_put(mm);
	}
	if (files)
		files_put(files);
	if (fs)
		fs_context_put(fs);
	if (mnt_ns)
		mount_ns_put(mnt_ns);
	if (uts_ns)
		uts_ns_put(uts_ns);
	if (t->bounce) {
		kpages_free(t->bounce, BOUNCE_SIZE / PAGE_SIZE);
		t->bounce = NULL;
	}
}

void process_drop_parts(struct process *p)
{
	struct file *exe;
	struct tty *tty;

	mutex_lock(&tasklist_lock);
	exe = p->exe;
	p->exe = NULL;
	tty = p->tty;
	p->tty = NULL;
	mutex_unlock(&tasklist_lock);
	if (exe)
		file_put(exe);
	if (tty)
		tty_put(tty);
}

void process_put(struct process *p)
{
	if (!ref_put(&p->ref))
		return;
	if (!p->pid)
		process_drop_parts(p); /* never published: no exit has done it */
	sigpending_flush(&p->shared_pending);
	if (p->sighand) {
		atomic_sub(&p->sighand->processes, 1);
		sighand_put(p->sighand);
	}
	pid_put(p->pid);
	pid_put(p->pgrp);
	pid_put(p->session);
	if (p->container)
		container_put(p->container);
	kfree(p);
}

void task_put(struct task *t)
{
	if (!ref_put(&t->ref))
		return;
	if (!t->published) {
		task_drop_parts(t);
		if (t->pid) {
			mutex_lock(&tasklist_lock);
			pid_release_unused(t->pid);
			mutex_unlock(&tasklist_lock);
		}
	}
	sigpending_flush(&t->pending);
	if (t->sighand)
		sighand_put(t->sighand);
	if (t->cred)
		cred_put(t->cred);
	seccomp_drop(t);
	pid_put(t->pid);
	if (t->process)
		process_put(t->process);
	kfree(t);
}

/* The first of a container. The others of the sandbox end with the first container's. */
static void publish_init(struct container *c, struct process *p)
{
	container_started_locked(c, p);
	if (c == &first_container)
		init_process = p;
	if (!c->own_pids)
		return;
	c->pid_ns->init = p;
	p->unkillable = c != &first_container || !boot->init_mortal;
}

/* A new process takes its place among its parent's children and in its parent's group and session. */
static void publish_process(struct process *p, struct task *t, struct process *parent, const struct task *maker)
{
	process_get(p); /* the pid table's */
	pid_get(t->pid);
	p->pid = t->pid;
	p->leader = t;
	sighand_get(t->sighand);
	atomic_add(&t->sighand->processes, 1);
	p->sighand = t->sighand;
	container_enter_locked(p);
	if (!p->container->started)
		publish_init(p->container, p);
	if (!parent || parent->reaped) {
		process_set_session(p, p->pid);
		process_set_pgrp(p, p->pid);
		return;
	}
	p->parent_tid = parent->pid->nr;
	if (maker->process == parent)
		p->parent_tid = maker->pid->nr;
	else if (maker->process && maker->process->parent == parent) /* CLONE_PARENT */
		p->parent_tid = maker->process->parent_tid;
	if (parent->zombie) {
		parent = p->pid->ns->init; /* perhaps a zombie too, until the last of its children is gone */
		p->parent_tid = parent->pid->nr;
	}
	p->parent = parent;
	p->ppid = parent->pid->nr;
	p->parent_exec_id = parent->exec_id;
	p->has_child_subreaper = parent->has_child_subreaper || parent->child_subreaper;
	list_add_tail(&p->sibling, &parent->children);
	process_set_session(p, parent->session);
	process_set_pgrp(p, parent->pgrp);
	p->tty = parent->tty;
	if (p->tty)
		tty_get(p->tty);
}

void task_publish(struct task *t, struct process *parent, const struct task *maker)
{
	struct process *p = t->process;
	bool first = !p->pid;

	mutex_lock(&tasklist_lock);
	task_get(t); /* the pid table's */
	t->published = true;
	t->pid->task = t;
	container_count_task_locked(p->container, 1);
	seccomp_inherit_locked(t, maker);
	if (first)
		publish_process(p, t, parent, maker);
	mutex_lock(&p->sighand->lock);
	list_add_tail(&t->thread_node, &p->threads);
	p->nr_threads++;
	atomic_add(&p->live, 1);
	/* Born into a process that dies, is exec'ed over or stops: it goes the same way before its first instruction. */
	if (p->group_exiting || (p->exec_task && p->exec_task != t))
		task_set_work(t, WORK_EXIT);
	else if (!first && (p->stopped || p->stop_count))
		stop_join_locked(t);
	if (!first && p->shared_pending.set & ~t->blocked)
		task_set_work(t, WORK_SIGNAL);
	mutex_unlock(&p->sighand->lock);
	if (p->container->frozen)
		task_set_work(t, WORK_FREEZE);
	if (first && container_doomed(p->container))
		(void)signal_send_process(p, SIGKILL, NULL);
	mutex_unlock(&tasklist_lock);
	if (first)
		ptimer_process_start(p);
}

void task_set_comm(struct task *t, const char *name)
{
	char buf[TASK_COMM_LEN] = { 0 };

	strlcpy(buf, name, sizeof(buf));
	memcpy(t->comm, buf, sizeof(buf));
	/* So that the host's ps and top show it; no harm when not. */
	if (t == current)
		host_prctl(PR_SET_NAME, (u64)t->comm, 0, 0, 0);
}

void *task_bounce(void)
{
	struct task *t = current;

	if (!t->bounce)
		t->bounce = kpages_alloc(BOUNCE_SIZE / PAGE_SIZE);
	return t->bounce;
}

void task_set_work(struct task *t, u32 bits)
{
	atomic_or(&t->work, bits);
	if (t != current)
		gate_kick(t);
}

struct mm *task_get_mm(struct task *t)
{
	struct mm *mm;

	mutex_lock(&tasklist_lock);
	mm = t->mm;
	if (mm)
		mm_get(mm);
	mutex_unlock(&tasklist_lock);
	return mm;
}

struct files *task_get_files(struct task *t)
{
	struct files *f;

	mutex_lock(&tasklist_lock);
	f = t->files;
	if (f)
		ref_get(&f->ref);
	mutex_unlock(&tasklist_lock);
	return f;
}

struct fs_context *task_get_fs(struct task *t)
{
	struct fs_context *fs;

	mutex_lock(&tasklist_lock);
	fs = t->fs;
	if (fs)
		ref_get(&fs->ref);
	mutex_unlock(&tasklist_lock);
	return fs;
}

const struct cred *task_get_cred(struct task *t)
{
	const struct cred *c;

	mutex_lock(&tasklist_lock);
	c = t->cred ? cred_get(t->cred) : NULL;
	mutex_unlock(&tasklist_lock);
	return c;
}

struct mm *task_swap_mm(struct mm *mm)
{
	struct mm *old;

	mutex_lock(&tasklist_lock);
	old = current->mm;
	current->mm = mm;
	mutex_unlock(&tasklist_lock);
	return old;
}

struct files *task_swap_files(struct files *files)
{
	struct files *old;

	mutex_lock(&tasklist_lock);
	old = current->files;
	current->files = files;
	mutex_unlock(&tasklist_lock);
	return old;
}

struct fs_context *task_swap_fs(struct fs_context *fs)
{
	struct fs_context *old;

	mutex_lock(&tasklist_lock);
	old = current->fs;
	current->fs = fs;
	mutex_unlock(&tasklist_lock);
	return old;
}
