/*
 * To which instruction does a byte belong? The supervisor decodes, outside of every guest process, and only bytes go
 * there and numbers come back. Answers are remembered by the bytes that were shown, for all programs: equal bytes have
 * equal answers. A program can at most fill the memory with answers about its own code.
 */
#include "abi/control.h"
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "core/log.h"
#include "core/stats.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/string.h"
#include "mm/code.h"
#include "proc/container.h"

#define ANSWERS 512u /* remembered; a power of 2 */
#define ASKING_MAX 32u /* at a time; others wait */
#define ASKING_EACH 4u /* of one container */
#define WAIT_MAX (3 * NSEC_PER_SEC)

static struct answered {
	struct code_question q;
	struct code_answer a;
	bool used;
} *answers; /* under lock; NULL = none yet */

static struct asking {
	u64 id; /* 0 = free */
	const struct container *whose; /* compared only */
	struct code_answer a;
	bool done; /* atomic */
	struct wait_queue wait;
} asking[ASKING_MAX]; /* id and a under lock */

/* Only outside wait queues, whose locks rank above it. */
static struct mutex lock = MUTEX_INIT(LOCK_NOTIFY);
static u64 last_id;
static struct wait_queue freed_wait = { MUTEX_INIT(LOCK_WAITQ), LIST_HEAD_INIT(freed_wait.waiters) };
static u32 freed; /* how often; atomic */

static struct answered *place_of(const struct code_question *q)
{
	return answers + (hash_bytes(q->at, q->bytes, q->n) & (ANSWERS - 1));
}

/*
 * The dynamic linker's, of which nearly every program has one: mov $mask,%eax; xor %edx,%edx; xrstor 0x40(%rsp); mov
 * 0x30(%rsp),%r9. Nobody can want the flags of the xor.
 */
static bool is_linkers(const struct code_question *q)
{
	static const u8 like[] = { 0xb8, 0, 0, 0, 0, 0x31, 0xd2, 0x0f, 0xae, 0x6c, 0x24, 0x40, 0x4c, 0x8b, 0x4c, 0x24, 0x30 };
	const u8 *p = q->bytes + q->at - 7;

	return q->at >= 7 && q->at + sizeof(like) - 7 <= q->n && p[0] == like[0] &&
	       !memcmp(p + 5, like + 5, sizeof(like) - 5);
}

bool code_answer_known(const struct code_question *q, struct code_answer *a)
{
	const struct answered *k;
	bool known = false;

	if (is_linkers(q)) {
		*a = (struct code_answer){ .start = (s32)q->at, .len = 5, .flags_dead = true };
		return true;
	}
	mutex_lock(&lock);
	if (answers) {
		k = place_of(q);
		known = k->used && k->q.n == q->n && k->q.at == q->at && !memcmp(k->q.bytes, q->bytes, q->n);
		if (known)
			*a = k->a;
	}
	mutex_unlock(&lock);
	return known;
}

static void remember(const struct code_question *q, const struct code_answer *a)
{
	struct answered *fresh = NULL;

	if (!atomic_load(&answers))
		fresh = kcalloc(ANSWERS, sizeof(*fresh));
	mutex_lock(&lock);
	if (!answers) {
		answers = fresh;
		fresh = NULL;
	}
	if (answers)
		*place_of(q) = (struct answered){ *q, *a, true };
	mutex_unlock(&lock);
	kfree(fresh);
}

static struct asking *asking_get(void)
{
	const struct container *whose = current_container();
	struct asking *s = NULL;
	u32 same = 0;

	mutex_lock(&lock);
	for (u32 i = 0; i < ASKING_MAX; i++) {
		if (!asking[i].id)
			s = &asking[i];
		else
			same += asking[i].whose == whose;
	}
	if (same >= ASKING_EACH)
		s = NULL;
	if (s) {
		s->whose = whose;
		wait_queue_init(&s->wait);
		s->id = ++last_id;
		s->done = false;
	}
	mutex_unlock(&lock);
	return s;
}

static struct asking *asking_wait(s64 deadline)
{
	for (;;) {
		u32 seen = atomic_load(&freed);
		struct asking *s = asking_get();

		if (s || wait_event_full(&freed_wait, atomic_load(&freed) != seen, WAIT_KILLABLE, deadline, 0))
			return s;
	}
}

void control_located(s64 id, s64 start, s64 len, bool flags_dead)
{
	struct asking *s = NULL;

	mutex_lock(&lock);
	for (u32 i = 0; i < ASKING_MAX && !s; i++)
		if (id > 0 && asking[i].id == (u64)id)
			s = &asking[i];
	if (s && !s->done) {
		s->a.start = start >= 0 && start < CODE_BEFORE + CODE_BEHIND ? (s32)start : -1;
		s->a.len = len > 0 && len <= 15 ? (u32)len : 0;
		s->a.flags_dead = flags_dead;
		atomic_store(&s->done, true);
		/* Under the lock: a slot is not handed on while its sleeper is being woken. */
		wake_up(&s->wait);
	}
	mutex_unlock(&lock);
}

int code_ask(const struct code_question *q)
{
	s64 deadline = ktime_get() + WAIT_MAX;
	struct asking *s = asking_wait(deadline);
	struct code_answer a;
	s64 begun = ktime_get();
	bool done;

	if (!s)
		return -EAGAIN;
	control_locate((s64)s->id, q->at, q->known, q->bytes, q->n);
	(void)wait_event_full(&s->wait, atomic_load(&s->done), WAIT_KILLABLE, deadline, 0);
	stats_asked(ktime_get() - begun);
	mutex_lock(&lock);
	done = s->done;
	a = s->a;
	s->id = 0;
	mutex_unlock(&lock);
	(void)atomic_add(&freed, 1);
	wake_up_all(&freed_wait);
	if (!done)
		return -ETIMEDOUT;
	if (a.start >= 0 && !a.len)
		a.start = -1;
	remember(q, &a);
	return 0;
}
