/*
 * Host threads that wait for work: those of a process whose guest thread has ended (parked, for the next clone of that
 * process), and blank host processes (zygotes, for the next exec that needs one).
 *
 * hthread.park says where one is. PARK_WAITING is special: the thread holds no lock and is about to do nothing but
 * look at that word, so its process may end, or be killed by the host, without loss. A call is a list removal, a few
 * stores and one wake-up; it cannot fail, and needs no page of memory that is not mapped already.
 */
#include "core/alloc.h"
#include "core/atomic.h"
#include "core/log.h"
#include "gate/host.h"
#include "gate/internal.h"
#include "proc/sched.h"
#include "proc/task.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define PARKED_MAX 4u /* of a process */
#define WINDOW 0x10000ull /* the host maps what is there around a read fault, this much at once */
#define STACK_WARM 4u /* pages */

extern char __text_start[], __text_end[], __data_start[], __sealed_end[], __data_huge[], __bss_big[];

/* On an empty stack: waits to be called or dismissed. */
static void wait_for_work(void *arg)
{
	struct hthread *ht = arg;

	(void)atomic_cas(&ht->park, PARK_ENTERING, PARK_WAITING);
	while (atomic_load(&ht->park) == PARK_WAITING)
		host_futex(&ht->park, FUTEX_WAIT, PARK_WAITING, NULL, NULL, 0);
	if (atomic_load(&ht->park) == PARK_DISMISSED)
		hthread_end(ht);
	hthread_serve(ht, ht->task);
	ht->zygote = false;
	atomic_store(&ht->park, PARK_NONE);
	ht->start(ht->start_arg);
	panic("a thread's start function returned");
}

/* It is t's from here on, but still asleep. */
static void assign(struct hthread *ht, struct task *t)
{
	ht->task = t;
	atomic_store(&t->ht, ht);
}

static void call(struct hthread *ht, void (*fn)(void *), void *arg)
{
	ht->start = fn;
	ht->start_arg = arg;
	if (atomic_xchg(&ht->park, PARK_CALLED) == PARK_WAITING)
		host_futex(&ht->park, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void hthread_park(struct hthread *ht)
{
	struct hproc *hp = ht->hp;

	mutex_lock(&hproc_lock);
	bool stay = hp->nr_threads > 1 && hp->nr_parked < PARKED_MAX;

	if (stay) {
		hp->nr_threads--;
		hp->nr_parked++;
		atomic_store(&ht->park, PARK_ENTERING);
		list_add(&ht->park_node, &hp->parked);
	}
	mutex_unlock(&hproc_lock);
	if (stay)
		gate_on_stack(hthread_kstack_top(ht), wait_for_work, ht);
}

/* What a fresh host thread would have inherited, then what it was to start with. */
static void start_parked(void *arg)
{
	struct task *t = current;
	void (*fn)(void *) = t->parked_start;

	gate_fpstate_unpark(t);
	task_rusage_start(t);
	fn(arg);
}

bool hthread_reserve(struct task *t)
{
	struct hproc *hp = current->ht->hp;
	struct hthread *ht;

	/* Its host thread has what nobody changed. One that parks this moment is not missed. */
	if (list_empty(&hp->parked) || !sched_default(current) || !sched_default(t))
		return false;
	gate_fpstate_park(t);
	if (!t->fp_parked)
		return false;
	mutex_lock(&hproc_lock);
	ht = list_first_entry_or_null(&hp->parked, struct hthread, park_node);
	if (ht) {
		list_del(&ht->park_node);
		hp->nr_parked--;
		hp->nr_threads++;
	}
	mutex_unlock(&hproc_lock);
	if (!ht) {
		gate_fpstate_unpark(t);
		return false;
	}
	assign(ht, t);
	return true;
}

void hthread_call(struct task *t, void (*fn)(void *), void *arg)
{
	t->parked_start = fn;
	call(t->ht, start_parked, arg);
}

void hthread_settle_parked(struct hproc *hp)
{
	struct hthread *ht;

	list_for_each_entry(ht, &hp->parked, park_node)
		while (atomic_load(&ht->park) == PARK_ENTERING)
			host_sched_yield();
}

static void touch(u64 from, u64 to)
{
	for (; from < to; from += WINDOW)
		(void)*(volatile u8 *)from;
}

/* Brings in the kernel's memory that every program needs, where the host has it already: a fault a window. */
static void warm(struct hthread *ht)
{
	volatile u8 *top = (volatile u8 *)hthread_kstack_top(ht);

	touch((u64)__text_start, (u64)__text_end);
	touch((u64)__data_start, (u64)__sealed_end);
	touch((u64)__data_huge, (u64)__bss_big);
	kmem_warm(WINDOW);
	for (u32 i = 1; i <= STACK_WARM; i++)
		top[-(s64)(i * PAGE_SIZE)] = 0;
}

static void zygote_main(void *arg)
{
	struct hthread *ht = arg;
	struct zygote_pool *z = ht->pool;

	warm(ht);
	atomic_store(&ht->park, PARK_ENTERING);
	mutex_lock(&hproc_lock);
	if (z->closed) {
		atomic_store(&ht->park, PARK_DISMISSED);
	} else {
		list_add_tail(&ht->park_node, &z->list);
		z->nr++;
	}
	z->nr_starting--; /* from here on a closed pool is not ours to touch */
	mutex_unlock(&hproc_lock);
	gate_on_stack(hthread_kstack_top(ht), wait_for_work, ht);
}

void zygote_pool_init(struct zygote_pool *z)
{
	*z = (struct zygote_pool){ 0 };
	list_init(&z->list);
}

void zygote_pool_close(struct zygote_pool *z)
{
	mutex_lock(&hproc_lock);
	z->closed = true;
	mutex_unlock(&hproc_lock);
	while (zygote_dismiss(z))
		;
}

static struct hthread *take_zygote(struct zygote_pool *z)
{
	struct hthread *ht;

	if (!atomic_load(&z->nr))
		return NULL;
	mutex_lock(&hproc_lock);
	ht = list_first_entry_or_null(&z->list, struct hthread, park_node);
	if (ht) {
		list_del(&ht->park_node);
		z->nr--;
	}
	mutex_unlock(&hproc_lock);
	return ht;
}

bool zygote_call(struct zygote_pool *z, struct task *t, void (*fn)(void *), void *arg)
{
	struct hthread *ht = take_zygote(z);

	if (ht) {
		assign(ht, t);
		call(ht, fn, arg);
	}
	return ht;
}

bool zygote_dismiss(struct zygote_pool *z)
{
	struct hthread *ht = take_zygote(z);

	if (ht && atomic_xchg(&ht->park, PARK_DISMISSED) == PARK_WAITING)
		host_futex(&ht->park, FUTEX_WAKE, 1, NULL, NULL, 0);
	return ht;
}

u32 zygote_count(const struct zygote_pool *z)
{
	return atomic_load(&z->nr) + atomic_load(&z->nr_starting);
}

int zygote_spawn(struct zygote_pool *z)
{
	int err;

	mutex_lock(&hproc_lock);
	z->nr_starting++;
	mutex_unlock(&hproc_lock);
	err = hproc_spawn(&hthread_nobody, zygote_main, z);
	if (!err)
		return 0;
	mutex_lock(&hproc_lock);
	z->nr_starting--;
	mutex_unlock(&hproc_lock);
	return err;
}

void zygote_died(struct hthread *ht)
{
	u32 park = atomic_load(&ht->park);

	if (!ht->zygote && park == PARK_WAITING) /* the rest of its process has ended */
		return;
	if (!ht->zygote || (park != PARK_NONE && park != PARK_WAITING))
		panic("the host killed a process without a program while it was at work in the kernel");
	mutex_lock(&hproc_lock);
	if (park == PARK_NONE) {
		ht->pool->nr_starting--;
	} else {
		list_del(&ht->park_node);
		ht->pool->nr--;
	}
	mutex_unlock(&hproc_lock);
}
