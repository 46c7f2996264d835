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
 *
 * Containers that joined the sandbox have a spawner each, there from the start, whom the runtime puts into their control
 * group: all their host processes descend from it. When it is killed from outside nobody could make another one in its
 * place, and the container ends.
 */
#include "core/kserver.h"

#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/atomic.h"
#include "core/kserver_main.h"
#include "core/log.h"
#include "core/time.h"
#include "gate/host.h"
#include "gate/internal.h"
#include "lib/string.h"
#include "proc/container.h"
#include "proc/task.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define ZYGOTES_MAX 4u
#define IDLE_NS (10 * NSEC_PER_SEC)

struct spawn {
	struct list_head node;
	struct task *task;
	void (*fn)(void *);
	void *arg;
	/* Told when it fails; nobody waits, and it is freed behind that. NULL: it lives on its sender's stack until done. */
	void (*failed)(void *arg, int err);
	int err;
	u32 done; /* futex word */
};

struct spawner {
	struct container *container;
	struct mutex lock;
	struct list_head spawns; /* under lock */
	u32 wanted; /* zygotes to keep; atomic */
	u32 seq; /* futex word: bumped when there is something to do */
	u32 running; /* futex word: its process lives */
	u32 ended; /* it has to go; atomic */
	bool broken; /* it died and is not replaced; under lock */
	struct task *task; /* its process; set once by kserver's thread */
	struct zygote_pool pool;
};

static struct spawner first = {
	.container = &first_container,
	.lock = MUTEX_INIT(LOCK_LEAF),
	.spawns = LIST_HEAD_INIT(first.spawns),
	.pool = { .list = LIST_HEAD_INIT(first.pool.list) },
};

struct spawner *spawner_first(void) { return &first; }

struct spawner *spawner_alloc(struct container *c)
{
	struct spawner *s = kzalloc(sizeof(*s));

	if (!s)
		return NULL;
	s->container = c;
	mutex_init(&s->lock, LOCK_LEAF);
	list_init(&s->spawns);
	zygote_pool_init(&s->pool);
	s->task = service_task("spawner");
	if (!s->task) {
		kfree(s);
		return NULL;
	}
	s->task->spawner = s;
	return s;
}

void spawner_free(struct spawner *s)
{
	if (!s)
		return;
	cred_put(s->task->cred);
	kfree(s->task);
	kfree(s);
}

struct zygote_pool *spawner_pool(void)
{
	struct spawner *s = current->spawner ? current->spawner : current_container()->spawner;

	return s ? &s->pool : &first.pool;
}

static void call_spawner(struct spawner *s)
{
	atomic_add(&s->seq, 1);
	host_futex(&s->seq, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static bool call_zygote(struct spawner *s, struct task *t, void (*fn)(void *), void *arg)
{
	if (!zygote_call(&s->pool, t, fn, arg))
		return false;
	if (zygote_count(&s->pool) < atomic_load(&s->wanted))
		call_spawner(s);
	return true;
}

static int ask(struct spawner *s, struct spawn *r)
{
	bool broken;

	mutex_lock(&s->lock);
	broken = s->broken;
	if (!broken)
		list_add_tail(&r->node, &s->spawns);
	if (s->wanted < ZYGOTES_MAX)
		atomic_store(&s->wanted, s->wanted + 1);
	mutex_unlock(&s->lock);
	if (broken)
		return -EAGAIN;
	call_spawner(s);
	return 0;
}

int kserver_spawn_later(struct task *t, void (*fn)(void *), void *arg, void (*failed)(void *arg, int err))
{
	struct spawner *s = t->process->container->spawner;
	struct spawn *r;
	int err;

	if (call_zygote(s, t, fn, arg))
		return 0;
	r = kzalloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct spawn){ .task = t, .fn = fn, .arg = arg, .failed = failed };
	err = ask(s, r);
	if (err)
		kfree(r);
	return err;
}

int kserver_spawn(struct task *t, void (*fn)(void *), void *arg)
{
	struct spawner *s = t->process->container->spawner;
	struct spawn r = { .task = t, .fn = fn, .arg = arg };
	int err = call_zygote(s, t, fn, arg) ? 1 : ask(s, &r);

	if (err)
		return min(err, 0);
	while (!atomic_load(&r.done))
		host_futex(&r.done, FUTEX_WAIT, 0, NULL, NULL, 0);
	return r.err;
}

static struct spawn *take(struct spawner *s)
{
	struct spawn *r;

	mutex_lock(&s->lock);
	r = list_first_entry_or_null(&s->spawns, struct spawn, node);
	if (r)
		list_del(&r->node);
	mutex_unlock(&s->lock);
	return r;
}

static void answer(struct spawn *r, int err)
{
	u32 *word = &r->done;

	if (r->failed) {
		if (err)
			r->failed(r->arg, err);
		kfree(r);
		return;
	}
	r->err = err;
	/* Beyond this store the request may be gone; waking a stale address harms nobody. */
	atomic_store(word, 1);
	host_futex(word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static bool serve_one(struct spawner *s)
{
	struct spawn *r = take(s);

	if (r)
		answer(r, hproc_spawn(r->task, r->fn, r->arg));
	return r;
}

/* Whoever asks from now on is told no. */
static void refuse(struct spawner *s)
{
	struct spawn *r;

	mutex_lock(&s->lock);
	s->broken = true;
	mutex_unlock(&s->lock);
	while ((r = take(s)))
		answer(r, -EAGAIN);
}

static void release(void *arg)
{
	struct spawner *s = arg;

	container_put(s->container);
}

/* The container is finished: no process of it is left but these. */
static __noreturn void leave(struct spawner *s)
{
	const struct timespec64 ms = { .tv_nsec = 1000000 };
	u32 word = 0;

	refuse(s);
	zygote_pool_close(&s->pool);
	while (atomic_load(&s->pool.nr_starting))
		host_futex(&word, FUTEX_WAIT, 0, &ms, NULL, 0);
	hthread_leave(release, s);
}

/* A process of its own. */
static void spawner_process(void *arg)
{
	struct spawner *s = arg;
	struct hthread *ht = current->ht;
	const struct timespec64 idle = ns_to_timespec64(IDLE_NS);

	task_set_comm(current, "limpet-spare");
	for (;;) {
		u32 now = atomic_load(&s->seq);

		if (atomic_load(&s->ended))
			leave(s);
		if (serve_one(s))
			continue;
		if (zygote_count(&s->pool) < atomic_load(&s->wanted) && !zygote_spawn(&s->pool))
			continue;
		atomic_store(&ht->park, PARK_WAITING);
		long err = host_futex(&s->seq, FUTEX_WAIT, now, zygote_count(&s->pool) ? &idle : NULL, NULL, 0);

		atomic_store(&ht->park, PARK_NONE);
		if (err != -ETIMEDOUT)
			continue;
		atomic_store(&s->wanted, 0);
		while (zygote_dismiss(&s->pool))
			;
	}
}

void spawner_died(struct task *t)
{
	struct spawner *s = t->spawner;

	if (!s || atomic_load(&t->ht->park) != PARK_WAITING)
		panic("the host killed the spawner while it was at work");
	log_warn("the spawner was killed from outside");
	atomic_store(&s->running, 0);
	if (s == &first) {
		host_futex(&s->running, FUTEX_WAKE, 1, NULL, NULL, 0);
		return;
	}
	refuse(s);
	container_signal_all(s->container, SIGKILL);
	if (atomic_load(&s->ended))
		spawner_end(s);
	container_put(s->container); /* what leave() would have put */
}

int spawner_start(struct spawner *s)
{
	int err;

	container_get(s->container);
	atomic_store(&s->running, 1);
	err = hproc_spawn(s->task, spawner_process, s);
	if (!err)
		return (int)s->task->ht->hp->host_pid;
	atomic_store(&s->running, 0);
	container_put(s->container);
	return err;
}

void spawner_end(struct spawner *s)
{
	atomic_store(&s->ended, 1);
	if (atomic_load(&s->running)) {
		call_spawner(s);
		return;
	}
	/* Never started, or killed from outside: then zygotes are left, and its reference to the container. */
	zygote_pool_close(&s->pool);
}

/* kserver's thread. */
void spawner_main(void *arg __unused)
{
	for (;;) {
		u32 now = atomic_load(&first.seq);

		if (atomic_load(&first.running)) {
			host_futex(&first.running, FUTEX_WAIT, 1, NULL, NULL, 0);
			continue;
		}
		if (!serve_one(&first)) {
			host_futex(&first.seq, FUTEX_WAIT, now, NULL, NULL, 0);
			continue;
		}
		if (!first.task)
			first.task = service_task("spawner");
		if (!first.task)
			continue;
		first.task->spawner = &first;
		atomic_store(&first.running, 1);
		if (hproc_spawn(first.task, spawner_process, &first))
			atomic_store(&first.running, 0);
	}
}
