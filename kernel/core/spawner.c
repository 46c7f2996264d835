/*
 * Blank host processes for execs that cannot stay where they are: vfork's and posix_spawn's children, threads' execs.
 *
 * A few zygotes are kept ready (gate/park.c); an exec takes one with one wake-up and waits for nobody. The spawner
 * makes them, in the background, and serves those that found none. It is a process of its own, blank as well: what it
 * forks is under the programs' seccomp filter already, with no filter to be compiled and no second one beneath.
 * kserver's thread makes the spawner, when the first request comes: a sandbox that never spawns has neither spawner nor
 * zygotes. It serves that request itself, and others while there is no spawner: one killed from outside is replaced.
 *
 * As many zygotes are kept as were once missing, within ZYGOTES_MAX; IDLE_NS without an exec, none.
 */
#include "core/kserver.h"

#include "abi/linux/errno.h"
#include "core/atomic.h"
#include "core/kserver_main.h"
#include "core/log.h"
#include "core/time.h"
#include "gate/host.h"
#include "gate/internal.h"
#include "proc/task.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define ZYGOTES_MAX 4u
#define IDLE_NS (10 * NSEC_PER_SEC)

/* A request lives on its sender's kernel stack until done. */
struct spawn {
	struct list_head node;
	struct task *task;
	void (*fn)(void *);
	void *arg;
	int err;
	u32 done; /* futex word */
};
static struct mutex spawn_lock = MUTEX_INIT(LOCK_LEAF);
static struct list_head spawns = LIST_HEAD_INIT(spawns); /* under spawn_lock */
static u32 wanted; /* zygotes to keep; atomic */
static u32 seq; /* futex word: bumped when there is something to do */
static u32 running; /* futex word: the spawner's process lives */
static struct task *spawner; /* it; set once by kserver's thread */

static void call_spawner(void)
{
	atomic_add(&seq, 1);
	host_futex(&seq, FUTEX_WAKE, 1, NULL, NULL, 0);
}

int kserver_spawn(struct task *t, void (*fn)(void *), void *arg)
{
	struct spawn s = { .task = t, .fn = fn, .arg = arg };

	if (zygote_call(t, fn, arg)) {
		if (zygote_count() < atomic_load(&wanted))
			call_spawner();
		return 0;
	}
	mutex_lock(&spawn_lock);
	list_add_tail(&s.node, &spawns);
	if (wanted < ZYGOTES_MAX)
		atomic_store(&wanted, wanted + 1);
	mutex_unlock(&spawn_lock);
	call_spawner();
	while (!atomic_load(&s.done))
		host_futex(&s.done, FUTEX_WAIT, 0, NULL, NULL, 0);
	return s.err;
}

static bool serve_one(void)
{
	struct spawn *s;

	mutex_lock(&spawn_lock);
	s = list_first_entry_or_null(&spawns, struct spawn, node);
	if (s)
		list_del(&s->node);
	mutex_unlock(&spawn_lock);
	if (!s)
		return false;
	s->err = hproc_spawn(s->task, s->fn, s->arg);
	/* Beyond this store the request may be gone; waking a stale address harms nobody. */
	u32 *word = &s->done;

	atomic_store(word, 1);
	host_futex(word, FUTEX_WAKE, 1, NULL, NULL, 0);
	return true;
}

/* A process of its own. */
static void spawner_process(void *arg __unused)
{
	struct hthread *ht = current->ht;
	const struct timespec64 idle = ns_to_timespec64(IDLE_NS);

	task_set_comm(current, "limpet-spare");
	for (;;) {
		u32 now = atomic_load(&seq);

		if (serve_one())
			continue;
		if (zygote_count() < atomic_load(&wanted) && !zygote_spawn())
			continue;
		atomic_store(&ht->park, PARK_WAITING);
		long err = host_futex(&seq, FUTEX_WAIT, now, zygote_count() ? &idle : NULL, NULL, 0);

		atomic_store(&ht->park, PARK_NONE);
		if (err != -ETIMEDOUT)
			continue;
		atomic_store(&wanted, 0);
		while (zygote_dismiss())
			;
	}
}

void spawner_died(struct task *t)
{
	if (t != spawner || atomic_load(&t->ht->park) != PARK_WAITING)
		panic("the host killed the spawner while it was at work");
	log_warn("the spawner was killed from outside");
	atomic_store(&running, 0);
	host_futex(&running, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* kserver's thread. */
void spawner_main(void *arg __unused)
{
	for (;;) {
		u32 now = atomic_load(&seq);

		if (atomic_load(&running)) {
			host_futex(&running, FUTEX_WAIT, 1, NULL, NULL, 0);
			continue;
		}
		if (!serve_one()) {
			host_futex(&seq, FUTEX_WAIT, now, NULL, NULL, 0);
			continue;
		}
		if (!spawner)
			spawner = service_task("spawner");
		if (!spawner)
			continue;
		atomic_store(&running, 1);
		if (hproc_spawn(spawner, spawner_process, NULL))
			atomic_store(&running, 0);
	}
}
