/* The only spellings of atomic access. load/store are acquire/release; the rest are sequentially consistent. */
#ifndef LIMPET_CORE_ATOMIC_H
#define LIMPET_CORE_ATOMIC_H

#include "lib/types.h"

#define atomic_load(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define atomic_store(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define atomic_load_relaxed(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define atomic_store_relaxed(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define atomic_xchg(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define atomic_add(p, v) __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST) /* returns the new value */
#define atomic_sub(p, v) __atomic_sub_fetch(p, v, __ATOMIC_SEQ_CST) /* returns the new value */
#define atomic_or(p, v) __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST) /* returns the old value */
#define atomic_and(p, v) __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST) /* returns the old value */
#define atomic_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)
/* True when *p was old and is now new. */
#define atomic_cas(p, old, new)                                                                              \
	({                                                                                                   \
		__typeof__(*(p)) old_ = (old);                                                               \
		__atomic_compare_exchange_n(p, &old_, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);       \
	})

/* Reference counts. A count that was 0 may not be raised again: ref_get_unless_zero for caches. */
struct ref {
	u32 count;
};
static inline void ref_init(struct ref *r) { r->count = 1; }
static inline u32 ref_read(struct ref *r) { return atomic_load(&r->count); }
static inline void ref_get(struct ref *r) { atomic_add(&r->count, 1); }
static inline bool ref_put(struct ref *r) { return atomic_sub(&r->count, 1) == 0; } /* true: was the last */
static inline bool ref_get_unless_zero(struct ref *r)
{
	u32 c = atomic_load_relaxed(&r->count);

	while (c)
		if (__atomic_compare_exchange_n(&r->count, &c, c + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return true;
	return false;
}

#endif
