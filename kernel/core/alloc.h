/*
 * Kernel memory. One heap in a shared mapping: a pointer means the same in every process of the sandbox.
 * All functions may be called with locks held (the heap's own lock is the innermost), never block on the
 * guest, return memory aligned to 16 bytes, and fail with NULL when the sandbox's kernel memory is used up:
 * callers turn that into -ENOMEM.
 */
#ifndef LIMPET_CORE_ALLOC_H
#define LIMPET_CORE_ALLOC_H

#include "lib/types.h"

void *kmalloc(size_t size) __must_check;
void *kzalloc(size_t size) __must_check;
/* n * size with overflow check, zeroed. */
void *kcalloc(size_t n, size_t size) __must_check;
/* Contents up to the smaller size kept; on failure the old block stays valid. p may be NULL. */
void *krealloc(void *p, size_t size) __must_check;
void kfree(void *p); /* NULL is fine */
char *kstrdup(const char *s) __must_check;
char *kstrndup(const char *s, size_t max) __must_check; /* at most max bytes and a 0 */

/* Whole pages, page-aligned, not zeroed. */
void *kpages_alloc(size_t pages) __must_check;
void kpages_free(void *p, size_t pages);

struct kmem_stats {
	u64 bytes_used; /* handed out and not freed, rounded to size classes */
	u64 objects_used;
	u64 bytes_heap; /* taken from the host so far */
};
void kmem_stats(struct kmem_stats *out);

/*
 * What the heap may hold. Beyond it allocations fail, long before the host's limit for the sandbox is met: the host
 * does not fail anything there, it kills.
 */
void kmem_set_limit(u64 bytes);

/* Debug builds: the n-th allocation from now fails (0 = off), then every following n-th. */
void kmem_fail_every(u32 n);

/*
 * Asks the host for huge pages under what each fresh process touches of the kernel's memory: text, data, heap, stacks. For
 * sandboxes that fork a lot; costs a few MiB. By kserver. False: the host had not enough of them.
 */
bool kmem_collapse(void);
/* Reads a byte in each `step` of the heap's busiest part, where there is one in use. */
void kmem_warm(u64 step);

#endif
