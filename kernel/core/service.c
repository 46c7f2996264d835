/* Host calls on request: see service.h; the askers' side is kserver_call() (gate/host.h). */
#include "core/service.h"

#include "core/kserver.h"
#include "core/log.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "lib/list.h"
#include "proc/task.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define SPIN_ROUNDS 200

struct request {
	struct list_head node; /* under service.lock until it is taken */
	long nr, arg[6], ret;
	u32 done; /* futex word */
};

static struct {
	struct mutex lock; /* guards all but seq */
	struct list_head requests;
	u32 threads, idle; /* all, and those that wait for a request or are about to look */
	u32 seq; /* futex word: bumped with each request */
} service = {
	.lock = MUTEX_INIT(LOCK_LEAF),
	.requests = LIST_HEAD_INIT(service.requests),
	.threads = 1,
	.idle = 1,
};

/* What may be asked for. The filter of kserver has the last word, on the arguments too. */
static bool is_asked(long nr)
{
	enum { HOST_GUEST, HOST_ASKED, HOST_NETWORK, HOST_SERVER, HOST_BOOT };

	switch (nr) {
#define HOST_CALL(name, who)                                                                                           \
	case NR_##name:                                                                                                \
		return who == HOST_ASKED || who == HOST_NETWORK;
#include "gate/host_calls.h"
#undef HOST_CALL
	default:
		return false;
	}
}

static void wait_done(struct request *r)
{
	for (int i = 0; i < SPIN_ROUNDS && !atomic_load(&r->done); i++)
		__builtin_ia32_pause();
	while (!atomic_load(&r->done))
		gate_sleep(&current->sleep_sp, &r->done, 0, NULL);
}

long kserver_call(long nr, long a, long b, long c, long d, long e, long f)
{
	struct request r = { .nr = nr, .arg = { a, b, c, d, e, f } };

	if (!current->process)
		return host_syscall(nr, a, b, c, d, e, f);
	BUG_ON(!is_asked(nr));
	mutex_lock(&service.lock);
	list_add_tail(&r.node, &service.requests);
	mutex_unlock(&service.lock);
	atomic_add(&service.seq, 1u);
	host_futex(&service.seq, FUTEX_WAKE, 1, NULL, NULL, 0);
	wait_done(&r);
	return r.ret;
}

static void serve(struct request *r)
{
	u32 *word = &r->done;

	r->ret = is_asked(r->nr) ? host_syscall(r->nr, r->arg[0], r->arg[1], r->arg[2], r->arg[3], r->arg[4], r->arg[5]) :
				   -ENOSYS;
	/* Beyond this store the request may be gone; waking a stale address harms nobody. */
	atomic_store(word, 1);
	host_futex(word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Takes a request, if there is one; *more: nobody is left to look for the next. */
static struct request *take(bool *more)
{
	struct request *r;

	mutex_lock(&service.lock);
	r = list_first_entry_or_null(&service.requests, struct request, node);
	if (r) {
		list_del(&r->node);
		service.idle--;
	}
	*more = r && !service.idle && service.threads < SERVICE_THREADS;
	if (*more) {
		service.threads++;
		service.idle++;
	}
	mutex_unlock(&service.lock);
	return r;
}

static void one_less(void)
{
	mutex_lock(&service.lock);
	service.threads--;
	service.idle--;
	mutex_unlock(&service.lock);
}

void service_main(void *arg __unused)
{
	for (;;) {
		u32 seq = atomic_load(&service.seq);
		bool more;
		struct request *r = take(&more);

		if (!r) {
			host_futex(&service.seq, FUTEX_WAIT, seq, NULL, NULL, 0);
			continue;
		}
		/* Without the memory for another thread this one does everything in turn. */
		if (more && kserver_thread("service", service_main, NULL))
			one_less();
		serve(r);
		mutex_lock(&service.lock);
		service.idle++;
		mutex_unlock(&service.lock);
	}
}
