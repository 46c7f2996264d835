/* See container.h. */
#include "proc/container.h"

#include "abi/boot.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "core/kserver.h"
#include "core/poller.h"
#include "abi/linux/errno.h"
#include "fs/fs.h"
#include "fs/tty/tty.h"
#include "lib/string.h"
#include "proc/task.h"

struct container first_container = {
	.ref = { 1 },
	.node = LIST_HEAD_INIT(first_container.node),
	.pid_ns = &root_pid_ns,
	.own_pids = true,
	.thaw_wait = { .lock = MUTEX_INIT(LOCK_WAITQ), .waiters = LIST_HEAD_INIT(first_container.thaw_wait.waiters) },
	.go_wait = { .lock = MUTEX_INIT(LOCK_WAITQ), .waiters = LIST_HEAD_INIT(first_container.go_wait.waiters) },
};

u32 container_several;

/* Under tasklist_lock, in order of their making. The first is always there. */
static struct list_head containers = LIST_HEAD_INIT(containers);

static void fill(struct container *c, const struct boot_block *b)
{
	c->terminal = b->terminal;
	c->memory_limit = b->memory_limit;
	c->limits = (struct container_limits){
		.memory = b->group_memory, .swap = b->group_swap, .quota = b->group_quota, .period = b->group_period,
		.shares = b->group_shares, .pids = b->group_pids,
	};
}

void container_boot(void)
{
	fill(&first_container, boot);
	first_container.spawner = spawner_first();
	list_add_tail(&first_container.node, &containers);
}

struct container *container_alloc(u32 nr, const struct boot_block *block, struct container *share)
{
	struct container *c = kzalloc(sizeof(*c));

	if (!c)
		return NULL;
	ref_init(&c->ref);
	list_init(&c->node);
	wait_queue_init(&c->go_wait);
	wait_queue_init(&c->thaw_wait);
	c->nr = nr;
	c->own_pids = !share;
	if (share) {
		c->owner = share->owner ? share->owner : share;
		container_get(c->owner);
	}
	c->pid_ns = share ? share->pid_ns : pid_ns_alloc();
	if (c->pid_ns && share)
		ref_get(&c->pid_ns->ref);
	fill(c, block);
	c->spawner = c->pid_ns ? spawner_alloc(c) : NULL;
	if (!c->spawner) {
		container_put(c);
		return NULL;
	}
	bool late;

	mutex_lock(&tasklist_lock);
	late = c->owner && container_doomed(c->owner);
	if (!late) {
		list_add_tail(&c->node, &containers);
		if (c->owner)
			c->owner->processes++;
	}
	mutex_unlock(&tasklist_lock);
	if (late) {
		container_put(c);
		return NULL;
	}
	atomic_store(&container_several, 1u);
	poller_limits_changed();
	return c;
}

void container_put(struct container *c)
{
	if (!ref_put(&c->ref))
		return;
	if (c->devpts_root)
		devpts_drop(c->devpts_root);
	spawner_free(c->spawner);
	if (c->pid_ns)
		pid_ns_put(c->pid_ns);
	if (c->owner)
		container_put(c->owner);
	kfree(c);
}

struct container *current_container(void)
{
	return current->process && current->process->container ? current->process->container : &first_container;
}

struct container *container_next(struct container *c)
{
	mutex_assert_held(&tasklist_lock);
	if (!c)
		return list_first_entry_or_null(&containers, struct container, node);
	return c->node.next == &containers ? NULL : container_of(c->node.next, struct container, node);
}

struct container *container_lookup(u32 nr)
{
	struct container *c;

	mutex_lock(&tasklist_lock);
	list_for_each_entry(c, &containers, node)
		if (c->nr == nr)
			break;
	if (&c->node == &containers || c->ending)
		c = NULL;
	else
		container_get(c);
	mutex_unlock(&tasklist_lock);
	return c;
}

static void signal_all_locked(struct container *c, int sig, const struct process *but)
{
	struct task *t;

	for (u32 nr = 1; (t = task_next_in(c->pid_ns, nr)); nr = t->pid->nr + 1)
		if (t == t->process->leader && t->process != but && !t->process->zombie &&
		    (t->process->container == c || t->process->container->owner == c))
			(void)signal_send_process(t->process, sig, NULL);
}

void container_started_locked(struct container *c, struct process *init)
{
	mutex_assert_held(&tasklist_lock);
	c->started = true;
	c->init = init;
	if (c->owner)
		c->owner->processes--; /* what stood for it */
}

void container_hold_locked(struct container *c, int by)
{
	mutex_assert_held(&tasklist_lock);
	c->processes += (u32)by;
	if (c->owner)
		c->owner->processes += (u32)by;
}

void container_count_task_locked(struct container *c, int by)
{
	mutex_assert_held(&tasklist_lock);
	atomic_store(&c->tasks, c->tasks + (u32)by);
}

/* The host's own limit is some way above, for what the guest kernel needs. */
bool container_full(const struct container *c)
{
	s64 limit = atomic_load(&c->limits.pids);

	return limit > 0 && atomic_load(&c->tasks) >= (u64)limit;
}

void container_enter_locked(struct process *p) { container_hold_locked(p->container, 1); }

/* A parent outside may never wait for it; its container's end does not wait for that either. */
void container_zombie_locked(struct process *p)
{
	struct container *c = p->container;

	mutex_assert_held(&tasklist_lock);
	if (!c->owner || p == c->init || p->left || !p->parent || p->parent->container == c)
		return;
	p->left = true;
	c->processes--;
}

void container_reaped_locked(struct process *p)
{
	struct container *c = p->container;

	mutex_assert_held(&tasklist_lock);
	if (!p->left)
		c->processes--;
	if (c->owner)
		c->owner->processes--;
	if (p == c->init)
		c->init = NULL;
}

bool container_empty_locked(struct container *c)
{
	if (!c->ending || c->processes || c->finished)
		return false;
	c->finished = true;
	return true;
}

void container_end_locked(struct container *c, int status)
{
	c->ending = true;
	c->exit_status = c->exit_instead ? c->exit_instead : status;
	signal_all_locked(c, SIGKILL, c->init);
}

void container_signal_all(struct container *c, int sig)
{
	mutex_lock(&tasklist_lock);
	signal_all_locked(c, sig, NULL);
	mutex_unlock(&tasklist_lock);
}

void container_freeze(struct container *c, bool on)
{
	struct task *t;

	mutex_lock(&tasklist_lock);
	atomic_store(&c->frozen, on);
	for (u32 nr = 1; on && (t = task_next_in(c->pid_ns, nr)); nr = t->pid->nr + 1)
		if (t->process->container == c && !t->exited)
			task_set_work(t, WORK_FREEZE);
	mutex_unlock(&tasklist_lock);
	if (!on)
		wake_up_all(&c->thaw_wait);
}

void container_frozen_wait(void)
{
	struct container *c = current_container();

	atomic_and(&current->work, ~WORK_FREEZE);
	(void)wait_event_full(&c->thaw_wait, !atomic_load(&c->frozen), WAIT_KILLABLE, KTIME_MAX, 0);
}

int container_set_world(struct container *c)
{
	struct fs_context *fs = fs_context_copy(current->fs);

	if (!fs)
		return -ENOMEM;
	mutex_lock(&tasklist_lock);
	c->mnt_ns = mount_ns_get(current->mnt_ns);
	c->fs = fs;
	mutex_unlock(&tasklist_lock);
	return 0;
}

int container_world(struct container *c, struct mount_ns **ns, struct fs_context **fs)
{
	struct fs_context *from;

	if (c == &first_container)
		return fs_boot_finish(ns, fs);
	mutex_lock(&tasklist_lock);
	from = c->fs;
	if (from) {
		ref_get(&from->ref);
		*ns = mount_ns_get(c->mnt_ns);
	}
	mutex_unlock(&tasklist_lock);
	if (!from)
		return -EAGAIN;
	*fs = fs_context_copy(from);
	fs_context_put(from);
	return *fs ? 0 : -ENOMEM;
}

void container_set_console(struct container *c, struct tty *tty)
{
	struct tty *old;

	tty_get(tty);
	mutex_lock(&tasklist_lock);
	old = c->console;
	c->console = tty;
	mutex_unlock(&tasklist_lock);
	if (old)
		tty_put(old);
}

void container_finish(struct container *c)
{
	struct container *owner = NULL;
	struct tty *console;
	struct mount_ns *mnt_ns;
	struct fs_context *fs;

	mutex_lock(&tasklist_lock);
	c->ending = c->finished = true;
	if (c->owner && !c->started) {
		c->owner->processes--;
		owner = c->owner;
		container_get(owner);
	}
	console = c->console;
	mnt_ns = c->mnt_ns;
	fs = c->fs;
	c->console = NULL;
	c->mnt_ns = NULL;
	c->fs = NULL;
	list_del(&c->node);
	mutex_unlock(&tasklist_lock);
	if (console)
		tty_put(console);
	if (fs)
		fs_context_put(fs);
	if (mnt_ns)
		mount_ns_put(mnt_ns);
	spawner_end(c->spawner);
	container_put(c);
	if (owner) {
		container_settle(owner);
		container_put(owner);
	}
}
