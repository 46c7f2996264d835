/*
 * Host threads and processes: slots, clone, lending for vfork, and the end of a host thread.
 *
 * A slot's shared memory, from its low end: signal stack (SIGSTACK_SIZE), kernel stack. There is no unmapped guard
 * page between slots: a hole a slot would cost every fork two VMAs a slot. Instead frames are limited at build
 * time (-Wframe-larger-than), nothing recurses without a bound, and a canary below the kernel stack is checked on
 * each way out in debug builds. Threads and processes that wait for work: park.c.
 */
#include "gate/internal.h"

#include "core/alloc.h"
#include "core/atomic.h"
#include "core/boot.h"
#include "core/kserver.h"
#include "core/log.h"
#include "core/wait.h"
#include "gate/host.h"
#include "lib/string.h"
#include "proc/container.h"
#include "proc/sched.h"
#include "proc/task.h"

#define CLONE_VM 0x100
#define CLONE_FS 0x200
#define CLONE_FILES 0x400
#define CLONE_SIGHAND 0x800
#define CLONE_PARENT 0x8000
#define CLONE_THREAD 0x10000
#define CLONE_SYSVSEM 0x40000
#define CLONE_PARENT_SETTID 0x100000
#define SIGCHLD_ 17
#define FUTEX_WAIT 0
#define ARCH_SET_GS 0x1001
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define SECCOMP_SET_MODE_FILTER 1

static __sparse struct hthread hthreads[THREAD_SLOTS];
struct mutex hproc_lock = MUTEX_INIT(LOCK_LEAF);
struct task hthread_nobody;

#define HPROC_BUCKETS 1024u
static __big struct hlist_head hprocs[HPROC_BUCKETS]; /* by host_pid; under hproc_lock */
static struct hproc *kserver_hproc; /* set once */

/*
 * Host processes that are done but not yet reaped: they die more slowly than forks are made when nobody waits for
 * them. Forks wait for them to get fewer, or a storm of short processes would pile them up by the ten thousand.
 */
#define LEAVING_MAX 256u
#define LEAVING_WAIT 2000000000ll /* ns; then the fork is made all the same */
static u32 leaving;
static struct wait_queue leaving_wait = { MUTEX_INIT(LOCK_WAITQ), LIST_HEAD_INIT(leaving_wait.waiters) };
static __sparse u32 free_slots[THREAD_SLOTS];
static u32 nr_free, high_water;
static struct list_head dying = LIST_HEAD_INIT(dying); /* hthread.node: slots whose thread is about to be gone */

static u64 slot_base(u32 slot) { return THREADS_BASE + slot * THREAD_SLOT_SIZE; }
u64 hthread_kstack_top(const struct hthread *ht) { return slot_base(ht->slot) + THREAD_SLOT_SIZE - 16; }
u64 hthread_sigstack(const struct hthread *ht) { return slot_base(ht->slot); }
static u64 scratch_page(u32 slot) { return SCRATCH_BASE + slot * PAGE_SIZE; }

struct shown {
	u8 selector;
	u8 pad[7];
	u64 pkru;
	struct task *task;
	u64 sigframe;
	u64 kstack;
	u64 scratch_frame;
	u64 xmask;
	u64 sigstride;
	u32 defences_off;
};
_Static_assert(SHOWN_OFFSET + offsetof(struct shown, sigstride) == SHOWN_SIGSTRIDE, "asm.h");
_Static_assert(SHOWN_OFFSET + offsetof(struct shown, defences_off) == SHOWN_DEFENCES_OFF, "asm.h");
_Static_assert(GATE_DEFENCE_FRAME == DEFENCE_FRAME && GATE_DEFENCE_RIGHTS == DEFENCE_RIGHTS, "asm.h");
_Static_assert(SHOWN_OFFSET + offsetof(struct shown, sigframe) == SHOWN_SIGFRAME, "asm.h");
_Static_assert(SHOWN_OFFSET + offsetof(struct shown, xmask) == SHOWN_XMASK, "asm.h");
_Static_assert(SHOWN_OFFSET + offsetof(struct shown, task) == SHOWN_TASK, "asm.h");
_Static_assert(offsetof(struct task, mode) == TASK_MODE && offsetof(struct task, work) == TASK_WORK, "asm.h");
_Static_assert(offsetof(struct task, sleep_sp) == TASK_SLEEP_SP, "asm.h");
_Static_assert(offsetof(struct gate_regs, call_rip) == TASK_CALL_RIP && offsetof(struct gate_regs, r11) == TASK_R11, "asm.h");
_Static_assert(offsetof(struct gate_regs, call_ret) == TASK_CALL_RET, "asm.h");
_Static_assert(offsetof(struct gate_regs, rflags) == TASK_RFLAGS && offsetof(struct gate_regs, rbx) == TASK_RBX, "asm.h");

static struct shown *shown_page(u32 slot) { return (struct shown *)(scratch_page(slot) + SHOWN_OFFSET); }

static struct hthread *slot_alloc(void)
{
	struct hthread *ht = NULL, *d, *n;

	mutex_lock(&hproc_lock);
	list_for_each_entry_safe(d, n, &dying, node) {
		if (atomic_load(&d->state) == HTHREAD_FREE) {
			list_del(&d->node);
			ht = d;
			break;
		}
	}
	if (!ht && nr_free)
		ht = &hthreads[free_slots[--nr_free]];
	if (!ht && high_water < THREAD_SLOTS) {
		ht = &hthreads[high_water];
		ht->slot = high_water++;
	}
	if (ht) {
		u32 slot = ht->slot;

		*ht = (struct hthread){ .slot = slot, .state = HTHREAD_STARTING };
		list_init(&ht->node);
	}
	mutex_unlock(&hproc_lock);
	return ht;
}

static void slot_free(struct hthread *ht)
{
	mutex_lock(&hproc_lock);
	list_del(&ht->node);
	ht->state = HTHREAD_FREE;
	free_slots[nr_free++] = ht->slot;
	mutex_unlock(&hproc_lock);
}

/*
 * Where the host puts signal frames depends on the processor. Found out once, from a kick that meets the kernel on its
 * own stack: uc is its ucontext. entry.inc needs the place of a first frame and the distance of one that interrupts it.
 */
static u64 sigframe_offset __ro_after_init, sigframe_stride __ro_after_init;

#define FP_MAGIC1 0x46505853u
#define FP_MAGIC1_AT 464
#define FP_SIZE_AT 468
#define REDZONE 128

/* The host's arithmetic. */
static u64 frame_place(u64 sp, u64 fp_size)
{
	u64 fp = (sp - fp_size) & ~63ull;

	return ((fp - FRAME_SIZE) & ~15ull) - 8;
}

void gate_measure_frame(const u8 *uc)
{
	u64 frame = (u64)uc - FRAME_UC, top = slot_base(0) + SIGSTACK_SIZE;
	const u8 *fp = *(const u8 *const *)(uc + UC_FPSTATE);
	u64 fp_size = *(const u32 *)(fp + FP_SIZE_AT);

	if (sigframe_stride)
		return;
	if (*(const u32 *)(fp + FP_MAGIC1_AT) != FP_MAGIC1 || frame != frame_place(top, fp_size) ||
	    top - frame > SIGSTACK_SIZE / 3)
		panic("signal frames of an unknown kind: %#lx, %#lx, %lu", frame, (u64)fp, fp_size);
	sigframe_offset = frame - slot_base(0);
	sigframe_stride = frame - frame_place(frame - REDZONE, fp_size);
}

/* Sets up what is the host thread's own. Runs before current is valid; returns with it. */
static void thread_setup(struct hthread *ht, bool guest)
{
	struct shown *s = shown_page(ht->slot);
	struct {
		u64 sp;
		int flags, pad;
		u64 size;
	} ss = { hthread_sigstack(ht), 0, 0, SIGSTACK_SIZE };

	s->selector = SELECTOR_ALLOW;
	s->pkru = gate->app_pkru;
	s->task = ht->task;
	s->sigframe = hthread_sigstack(ht) + sigframe_offset;
	s->sigstride = sigframe_stride;
#ifdef LIMPET_DEBUG
	s->defences_off = boot->defences_off;
#endif
	/* No frame yet, whatever the slot's last owner left here. */
	*(u64 *)s->sigframe = 0;
	s->kstack = hthread_kstack_top(ht);
	s->scratch_frame = scratch_page(ht->slot) + SCRATCH_FRAME;
	s->xmask = gate_fpstate_mask();
	BUG_ON(host_arch_prctl(ARCH_SET_GS, scratch_page(ht->slot)));
	BUG_ON(host_sigaltstack(&ss, NULL));
	if (guest && defence(DEFENCE_DISPATCH))
		BUG_ON(host_prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, (u64)&s->selector));
	if (ht->task != &hthread_nobody)
		ht->task->ht = ht;
	atomic_store(&ht->host_tid, ht->own_tid);
	atomic_store(&ht->state, HTHREAD_RUNNING);
}

/* By whoever learns its pid first: its parent or itself. */
static void hproc_set_pid(struct hproc *hp, u32 pid)
{
	mutex_lock(&hproc_lock);
	atomic_store(&hp->host_pid, pid);
	if (!hp->hashed) {
		hp->hashed = true;
		hlist_add(&hp->hash, &hprocs[pid % HPROC_BUCKETS]);
	}
	mutex_unlock(&hproc_lock);
}

void gate_child_start(struct hthread *ht)
{
	bool guest = ht->task->process || ht->task == &hthread_nobody;

	thread_setup(ht, guest);
	/* Then it is the process's first thread. */
	if (atomic_load(&ht->hp->host_pid) == 0)
		hproc_set_pid(ht->hp, ht->own_tid);
	if (ht->needs_filter && boot->guest_filter_len && defence(DEFENCE_FILTER)) {
		struct {
			u16 len;
			u8 pad[6];
			const void *filter;
		} prog = { (u16)boot->guest_filter_len, { 0 }, (const u8 *)boot + boot->guest_filter };
		long err = host_seccomp(SECCOMP_SET_MODE_FILTER, 0, &prog);

		if (err)
			panic("seccomp filter for programs: error %ld", -err);
	}
	ht->start(ht->start_arg);
	panic("a thread's start function returned");
}

static long start_clone(struct hthread *ht, u64 flags)
{
	u64 *top = (u64 *)hthread_kstack_top(ht);

	*top = (u64)ht;
	*(u64 *)(hthread_sigstack(ht) + SIGSTACK_SIZE) = KSTACK_CANARY;
	return gate_clone(flags | CLONE_PARENT_SETTID, (u64)top, &ht->own_tid);
}

static struct hproc *hproc_alloc(void)
{
	struct hproc *hp = kzalloc(sizeof(*hp));

	if (!hp)
		return NULL;
	ref_init(&hp->ref);
	list_init(&hp->threads);
	list_init(&hp->parked);
	return hp;
}

void hproc_put(struct hproc *hp)
{
	mutex_lock(&hproc_lock);
	bool last = ref_put(&hp->ref);

	if (last && hp->hashed)
		hlist_del(&hp->hash);
	mutex_unlock(&hproc_lock);
	if (last)
		kfree(hp);
}

static void hthread_attach(struct hthread *ht, struct hproc *hp)
{
	mutex_lock(&hproc_lock);
	ht->hp = hp;
	ref_get(&hp->ref);
	hp->nr_threads++;
	list_add_tail(&ht->node, &hp->threads);
	mutex_unlock(&hproc_lock);
}

/* True when it was the last one. */
static bool hthread_detach(struct hthread *ht)
{
	struct hproc *hp = ht->hp;

	mutex_lock(&hproc_lock);
	list_del(&ht->node);
	bool last = --hp->nr_threads == 0;
	mutex_unlock(&hproc_lock);
	return last;
}

#define CLONE_RETRIES 50

static void pause_briefly(void)
{
	const struct timespec64 ms = { .tv_nsec = 1000000 };
	u32 word = 0;

	host_futex(&word, FUTEX_WAIT, 0, &ms, NULL, 0);
}

static long spawn_common(struct task *t, struct hproc *hp, u64 flags, bool needs_filter, void (*fn)(void *), void *arg)
{
	struct zygote_pool *pool = spawner_pool();
	struct hthread *ht = slot_alloc();
	long ret;

	if (!ht)
		return -EAGAIN;
	ht->task = t;
	ht->start = fn;
	ht->start_arg = t == &hthread_nobody ? ht : arg;
	ht->zygote = t == &hthread_nobody;
	ht->pool = ht->zygote ? arg : NULL;
	ht->needs_filter = needs_filter;
	hthread_attach(ht, hp);
	struct hthread *before = t->ht;

	/* Others may ask for its host process before it has run an instruction. */
	if (t != &hthread_nobody)
		atomic_store(&t->ht, ht);
	ret = start_clone(ht, flags);
	/* Processes that wait for work or for the reaper count as well: programs come first. */
	for (int i = 0; ret == -EAGAIN && i < CLONE_RETRIES && (i || zygote_dismiss(pool) || atomic_load(&leaving)); i++) {
		while (zygote_dismiss(pool))
			;
		pause_briefly();
		ret = start_clone(ht, flags);
	}
	if (ret < 0) {
		if (t != &hthread_nobody)
			atomic_store(&t->ht, before);
		hthread_detach(ht);
		hproc_put(hp);
		slot_free(ht);
		return ret == -ENOMEM ? -ENOMEM : -EAGAIN;
	}
	return ret;
}

static int new_process(struct task *t, u64 flags, bool needs_filter, void (*fn)(void *), void *arg)
{
	struct hproc *hp = hproc_alloc();
	long ret;

	if (!hp)
		return -ENOMEM;
	/*
	 * The allocation's own reference is the reaper's, who drops it when the process is gone: perhaps before the
	 * clone returns here, hence the second.
	 */
	ref_get(&hp->ref);
	ret = spawn_common(t, hp, flags, needs_filter, fn, arg);
	if (ret < 0)
		hproc_put(hp);
	else
		hproc_set_pid(hp, (u32)ret);
	hproc_put(hp);
	return ret < 0 ? (int)ret : 0;
}

int hproc_spawn(struct task *t, void (*fn)(void *), void *arg)
{
	bool kserver = current->ht->hp == kserver_hproc;

	return new_process(t, CLONE_FILES | CLONE_FS | SIGCHLD_ | (kserver ? 0 : CLONE_PARENT), kserver, fn, arg);
}

void hproc_fork_wait(void)
{
	if (atomic_load(&leaving) < LEAVING_MAX)
		return;
	if (wait_event_full(&leaving_wait, atomic_load(&leaving) < LEAVING_MAX, WAIT_KILLABLE, ktime_get() + LEAVING_WAIT, 0))
		log_debug("fork: %u host processes are still to be reaped", atomic_load(&leaving));
}

int hproc_fork(struct task *t, void (*fn)(void *), void *arg)
{
	return new_process(t, CLONE_FILES | CLONE_FS | CLONE_PARENT | SIGCHLD_, false, fn, arg);
}

int hthread_spawn(struct task *t, void (*fn)(void *), void *arg)
{
	long ret = spawn_common(t, current->ht->hp, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
			   false, fn, arg);
	return ret < 0 ? (int)ret : 0;
}

/* Boot: the host thread that runs boot_start becomes slot 0, on a kernel stack that it moves to afterwards. */
int hthread_adopt_boot(struct task *t)
{
	struct hproc *hp = hproc_alloc();
	struct hthread *ht = slot_alloc();

	if (!hp || !ht)
		return -ENOMEM;
	ht->task = t;
	ht->own_tid = (u32)host_getpid();
	hproc_set_pid(hp, ht->own_tid);
	kserver_hproc = hp;
	hthread_attach(ht, hp);
	thread_setup(ht, false);
	host_tgkill((int)hp->host_pid, (int)ht->host_tid, GATE_KICK_SIGNAL);
	BUG_ON(!sigframe_stride);
	return 0;
}

void hthread_serve(struct hthread *ht, struct task *t)
{
	shown_page(ht->slot)->task = t;
	ht->task = t;
	t->ht = ht;
}

void hthread_lend(struct task *child)
{
	struct hthread *ht = current->ht;
	struct task *parent = current;

	parent->tls = gate_get_fsbase();
	gate_fpstate_park(parent);
	child->lender = parent;
	child->vfork_child = true;
	parent->ht = NULL;
	hthread_serve(ht, child);
}

static void back_to_program(void *arg __unused) { gate_enter_program(true); }

/* The host thread goes back to the task that lent it; the borrower lives on elsewhere or is dead. */
static __noreturn void return_to_lender(struct hthread *ht, struct task *lender)
{
	hthread_serve(ht, lender);
	gate_set_fsbase(lender->tls);
	gate_fpstate_unpark(lender);
	gate_on_stack(hthread_kstack_top(ht), back_to_program, NULL);
}

/* The calling host thread ends. Its task is no longer its business: it may run elsewhere already. */
__noreturn void hthread_end(struct hthread *ht)
{
	u64 all = ~0ull;

	/*
	 * From here on no signal may use the signal stack, and no selector is read: the slot is about to be given away. Nobody
	 * else has the selector's page when the whole process goes.
	 */
	host_rt_sigprocmask(2, &all, NULL, 8);
	struct hproc *hp = ht->hp;
	bool last = hthread_detach(ht);

	if (!last)
		host_prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
	if (last) {
		hthread_settle_parked(hp);
		hp->left = true;
		atomic_add(&leaving, 1u);
	}
	atomic_store(&ht->host_tid, 0);
	atomic_store(&ht->state, HTHREAD_DYING);
	mutex_lock(&hproc_lock);
	list_add_tail(&ht->node, &dying);
	mutex_unlock(&hproc_lock);
	hproc_put(hp);
	gate_thread_end(&ht->state, HTHREAD_FREE, last);
}

static void leave_dead_slot(void *arg)
{
	struct hthread *ht = arg;

	slot_free(ht->start_arg);
	hthread_end(ht);
}

void hthread_exit(void)
{
	struct hthread *ht = current->ht;
	struct task *lender = current->lender;
	struct task *dead = current;

	if (lender) {
		dead->lender = NULL;
		dead->ht = NULL;
		hthread_serve(ht, lender);
		task_put(dead);
		return_to_lender(ht, lender);
	}
	bool reusable = !dead->process->group_exiting && !dead->process->exec_task && sched_default(dead);
	struct hthread *old = dead->dead_ht;

	dead->ht = NULL;
	shown_page(ht->slot)->task = &hthread_nobody;
	ht->task = &hthread_nobody;
	task_put(dead);
	if (old) {
		/* We stand on the stack of a slot that is not ours: leave it first. */
		ht->start_arg = old;
		gate_on_stack(hthread_kstack_top(ht), leave_dead_slot, ht);
	}
	if (reusable)
		hthread_park(ht);
	hthread_end(ht);
}

void hthread_leave(void (*last)(void *), void *arg)
{
	struct hthread *ht = current->ht;

	shown_page(ht->slot)->task = &hthread_nobody;
	ht->task = &hthread_nobody;
	last(arg);
	hthread_end(ht);
}

struct exec_call {
	void (*fn)(void *);
	void *arg;
};

void hthread_exec(void (*fn)(void *), void (*failed)(void *), void *arg)
{
	struct task *t = current;
	struct hthread *ht = t->ht;
	struct task *lender = t->lender;
	int err;

	mutex_lock(&hproc_lock);
	bool alone = ht->hp->nr_threads == 1;
	mutex_unlock(&hproc_lock);
	if (!lender && alone)
		gate_on_stack(hthread_kstack_top(ht), fn, arg);

	/* Another host process takes the task over; from its start on t is not ours to touch. */
	struct task *next = lender ? lender : &hthread_nobody;

	t->lender = NULL;
	t->vfork_child = false;
	t->ht = NULL;
	shown_page(ht->slot)->task = next;
	ht->task = next;
	if (lender)
		lender->ht = ht;
	err = kserver_spawn(t, fn, arg);
	if (err) {
		/* Past the point of no return: the task cannot go on anywhere but here, to its end. */
		log_warn("exec: no host process: error %d", -err);
		t->lender = lender;
		t->vfork_child = lender != NULL;
		hthread_serve(ht, t);
		if (lender)
			lender->ht = NULL;
		failed(arg);
		do_group_exit(SIGKILL);
	}
	if (lender)
		return_to_lender(ht, lender);
	hthread_end(ht);
}

void gate_kick(struct task *t)
{
	task_wake(t);
	if (atomic_load(&t->mode) != GATE_MODE_PROGRAM)
		return;
	struct hthread *ht = atomic_load(&t->ht);

	if (!ht || atomic_xchg(&t->kicked, 1))
		return;
	u32 tid = atomic_load(&ht->host_tid);

	if (!tid || host_tgkill((int)ht->hp->host_pid, (int)tid, GATE_KICK_SIGNAL))
		atomic_store(&t->kicked, 0);
}

static void continue_sleeper(void *arg)
{
	struct task *t = arg;

	gate_sleep_resume(&t->sleep_sp);
}

int hthread_replace(struct task *t)
{
	t->dead_ht = t->ht;
	return hthread_spawn(t, continue_sleeper, t);
}

static struct hproc *hproc_find(u32 host_pid)
{
	struct hproc *hp, *found = NULL;

	mutex_lock(&hproc_lock);
	hlist_for_each_entry(hp, &hprocs[host_pid % HPROC_BUCKETS], hash)
		if (hp->host_pid == host_pid)
			found = hp;
	mutex_unlock(&hproc_lock);
	return found;
}

/* ht's process is gone. True: nobody needs its slot any more. */
static bool release_served(struct hthread *ht, bool (*died)(struct task *t))
{
	struct task *t = ht->task;

	ht->host_tid = 0;
	if (t == &hthread_nobody) {
		zygote_died(ht);
		return true;
	}
	/* Called, but it had not come so far as to begin: somebody else can, unless it was to be in a control group of its own. */
	if (ht->zygote && atomic_load(&ht->park) == PARK_CALLED && t->process->container == &first_container &&
	    !hproc_spawn(t, ht->start, ht->start_arg))
		return true;
	return died(t);
}

#define REAP_RETRIES 100

/* Reaper: the process is gone for the host. Calls died for each task that was still served there. */
void hproc_reaped(u32 host_pid, bool (*died)(struct task *t))
{
	struct hproc *found = hproc_find(host_pid);

	/* Dead before it knew its own pid: its parent is just about to write it down. */
	for (int i = 0; !found && i < REAP_RETRIES; i++) {
		pause_briefly();
		found = hproc_find(host_pid);
	}
	if (!found)
		return;
	if (found->left && atomic_sub(&leaving, 1u) < LEAVING_MAX)
		wake_up_all(&leaving_wait);
	for (;;) {
		struct hthread *ht;

		mutex_lock(&hproc_lock);
		ht = list_first_entry_or_null(&found->threads, struct hthread, node);
		if (ht) {
			list_del(&ht->node);
			found->nr_threads--;
		}
		mutex_unlock(&hproc_lock);
		if (!ht)
			break;
		bool unused = release_served(ht, died);

		hproc_put(found);
		if (unused)
			slot_free(ht);
	}
	hproc_put(found);
}
