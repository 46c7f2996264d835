/*
 * exec of one thread among many, execve(2): the others end, and the caller becomes the leader with the leader's
 * number. Whoever waits for the process or signals it notices nothing.
 */
#include "abi/linux/errno.h"
#include "proc/container.h"
#include "proc/internal.h"
#include "proc/ptimer.h"

static int zap_others(struct task *t)
{
	struct process *p = t->process;
	struct sighand *sh = process_lock_sighand(p);
	struct task *o;
	int err = 0;

	if (p->group_exiting || p->exec_task) {
		err = -EAGAIN;
	} else {
		p->exec_task = t;
		for_each_thread(p, o)
			if (o != t && !o->exiting)
				task_set_work(o, WORK_EXIT);
		wake_up_all(&p->stop_wait);
	}
	mutex_unlock(&sh->lock);
	return err;
}

static int wait_alone(struct process *p)
{
	for (;;) {
		u32 left;

		task_prepare_sleep();
		mutex_lock(&tasklist_lock);
		left = p->nr_threads;
		mutex_unlock(&tasklist_lock);
		if (left == 1)
			return 0;
		if (fatal_pending_current())
			return -EAGAIN;
		(void)task_sleep(KTIME_MAX);
	}
}

/* The old leader is a zombie: t takes its place and number. Returns it, its table reference to be put. */
static struct task *take_lead_locked(struct task *t)
{
	struct process *p = t->process, *c;
	struct task *old = p->leader;
	struct pid *mine = t->pid;

	list_for_each_entry(c, &p->children, sibling)
		if (c->parent_tid == mine->nr)
			c->parent_tid = p->pid->nr;
	list_del(&old->thread_node);
	p->leader = t;
	/* The references move with the numbers. */
	t->pid = old->pid;
	old->pid = mine;
	t->pid->task = t;
	mine->task = NULL;
	container_count_task_locked(p->container, -1);
	pid_release_unused(mine);
	wake_up_all(&mine->exit_wait);
	t->start_time = old->start_time;
	old->state = TASK_DEAD;
	return old;
}

/* The current task must be published. */
int exec_dethread(void)
{
	struct task *t = current, *old = NULL;
	struct process *p = t->process;
	struct sighand *sh;
	int err = zap_others(t);

	if (err)
		return err;
	err = wait_alone(p);
	mutex_lock(&tasklist_lock);
	sh = process_lock_sighand(p);
	if (!err && p->leader != t)
		old = take_lead_locked(t);
	p->exec_task = NULL;
	mutex_unlock(&sh->lock);
	if (!err)
		p->exit_signal = SIGCHLD;
	mutex_unlock(&tasklist_lock);
	if (old)
		task_put(old);
	if (err)
		return err;
	ptimer_exec(p);
	/* From here the exec goes on on a host process of its own. */
	task_rusage_give_back(t);
	return 0;
}
