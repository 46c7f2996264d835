/* Mutexes on shared futex words, and in debug builds the check of their order. */
#include "core/lock.h"

#include "core/log.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "proc/task.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define SPIN_ROUNDS 100

#ifdef LIMPET_DEBUG
/* Classes held by each host thread, innermost last. Only the thread itself touches its row. */
#define HELD_MAX 14
static struct held {
	u8 depth;
	u8 class[HELD_MAX];
} held[THREAD_SLOTS];

/* False until the first thread has its pages: there is no current before. */
bool lock_debug_ready;

static struct task *owner(void)
{
	return lock_debug_ready ? current : NULL;
}

static struct held *my_held(void)
{
	struct task *t = owner();

	return t && t->ht ? &held[t->ht->slot] : NULL;
}

static void note_lock(const struct mutex *m, bool nested)
{
	struct held *h = my_held();

	if (!h)
		return;
	for (u32 i = 0; i < h->depth; i++)
		if (h->class[i] > m->class || (h->class[i] == m->class && !nested))
			panic("lock order: class %u taken while holding class %u", m->class, h->class[i]);
	BUG_ON(h->depth == HELD_MAX);
	h->class[h->depth++] = (u8)m->class;
}

static void note_unlock(const struct mutex *m)
{
	struct held *h = my_held();

	if (!h)
		return;
	for (u32 i = h->depth; i-- > 0;) {
		if (h->class[i] != m->class)
			continue;
		for (; i + 1 < h->depth; i++)
			h->class[i] = h->class[i + 1];
		h->depth--;
		return;
	}
}

void lock_assert_none(void)
{
	struct held *h = my_held();

	if (h && h->depth)
		panic("a lock of class %u is held where none may be", h->class[h->depth - 1]);
}
#else
static inline void note_lock(const struct mutex *m __unused, bool nested __unused) {}
static inline void note_unlock(const struct mutex *m __unused) {}
#endif

void mutex_init(struct mutex *m, enum lock_class class) { *m = (struct mutex){ .class = class }; }

static void lock_slow(struct mutex *m)
{
	for (int i = 0; i < SPIN_ROUNDS; i++) {
		if (atomic_load_relaxed(&m->state) == 0 && atomic_cas(&m->state, 0, 1))
			return;
		__builtin_ia32_pause();
	}
	while (atomic_xchg(&m->state, 2) != 0)
		host_futex(&m->state, FUTEX_WAIT, 2, NULL, NULL, 0);
}

static void lock_common(struct mutex *m, bool nested)
{
	note_lock(m, nested);
	if (unlikely(!atomic_cas(&m->state, 0, 1)))
		lock_slow(m);
#ifdef LIMPET_DEBUG
	m->owner = owner();
#endif
}

void mutex_lock(struct mutex *m) { lock_common(m, false); }
void mutex_lock_nested(struct mutex *m) { lock_common(m, true); }

bool mutex_trylock(struct mutex *m)
{
	if (!atomic_cas(&m->state, 0, 1))
		return false;
	note_lock(m, true);
#ifdef LIMPET_DEBUG
	m->owner = owner();
#endif
	return true;
}

void mutex_unlock(struct mutex *m)
{
#ifdef LIMPET_DEBUG
	m->owner = NULL;
#endif
	note_unlock(m);
	if (unlikely(atomic_xchg(&m->state, 0) == 2))
		host_futex(&m->state, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void mutex_lock_two(struct mutex *a, struct mutex *b)
{
	if (a == b) {
		mutex_lock(a);
		return;
	}
	mutex_lock(a < b ? a : b);
	mutex_lock_nested(a < b ? b : a);
}

void mutex_unlock_two(struct mutex *a, struct mutex *b)
{
	mutex_unlock(a);
	if (a != b)
		mutex_unlock(b);
}

void mutex_assert_held(const struct mutex *m)
{
#ifdef LIMPET_DEBUG
	if (m->state == 0 || m->owner != owner())
		panic("lock of class %u is not held", m->class);
#else
	(void)m;
#endif
}
