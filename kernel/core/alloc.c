/*
 * The kernel heap: a buddy allocator of pages under a slab allocator of small objects.
 *
 * Each page of the heap has a descriptor (struct hpage) in an array at the heap's end, but for those in front. Slabs of one page (objects
 * up to 512 bytes) or four (up to 2 KiB) carve their block into equal objects linked through their first word.
 * One lock guards it all; memory is first touched outside of it.
 */
#include "core/alloc.h"

#include "abi/layout.h"
#include "core/lock.h"
#include "core/log.h"
#include "gate/host.h"
#include "lib/list.h"
#include "lib/string.h"

#define MAX_ORDER 14 /* 64 MiB */
#define GROW_ORDER 9 /* 2 MiB of addresses at a time */
#define TRIM_PAGES 16 /* blocks from this size on go back to the host when freed */
#define MADV_REMOVE 9

enum hpage_kind { HPAGE_NONE, HPAGE_FREE, HPAGE_LARGE, HPAGE_SLAB, HPAGE_SLAB_TAIL };

struct hpage {
	u8 kind;
	u8 order; /* of the block that begins here */
	u8 class;
	u8 tail; /* SLAB_TAIL: pages back to the head */
	u16 inuse; /* slab: objects handed out */
	u16 total;
	void *free; /* slab: first free object */
	struct list_head node; /* free list of its order, or partial list of its class */
};

static const u16 class_size[] = { 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048 };
#define CLASSES ARRAY_SIZE(class_size)
#define SMALL_MAX 2048

#define DESC_BYTES ((HEAP_SIZE >> PAGE_SHIFT) * sizeof(struct hpage))
#define DESCS ((struct hpage *)(HEAP_BASE + HEAP_SIZE - DESC_BYTES))
#define HEAP_PAGES ((HEAP_SIZE - DESC_BYTES) >> PAGE_SHIFT)
/* The descriptors of the first pages, which are used most, lie with these in one huge page (kmem_collapse). */
#define HUGE_PAGE (2ull << 20)
#define NEAR_BYTES 0x10000ull
#define NEAR_PAGES (NEAR_BYTES / sizeof(struct hpage))
#define FIRST_PAGE (NEAR_BYTES >> PAGE_SHIFT)
_Static_assert((HEAP_BASE & (HUGE_PAGE - 1)) == 0, "layout");

static struct hpage *page(u64 n) { return (n < NEAR_PAGES ? (struct hpage *)HEAP_BASE : DESCS) + n; }
static u64 number_of(const struct hpage *h) { return (u64)(h - (h < DESCS ? (struct hpage *)HEAP_BASE : DESCS)); }

static struct mutex heap_lock = MUTEX_INIT(LOCK_HEAP);
/* Under heap_lock: */
static struct list_head free_blocks[MAX_ORDER + 1];
static struct list_head partial[CLASSES];
static u64 top = FIRST_PAGE;
static struct kmem_stats stats;
static u64 pages_used, pages_max = HEAP_PAGES;
static u64 collapsed_end; /* pages in front of it stay with us: a hole would split the huge page; atomic */
static u32 fail_every, fail_count;
static bool ready;

static u64 page_of(const void *p) { return ((u64)p - HEAP_BASE) >> PAGE_SHIFT; }
static void *page_ptr(u64 n) { return (void *)(HEAP_BASE + (n << PAGE_SHIFT)); }

static void heap_init_locked(void)
{
	if (ready)
		return;
	for (u32 i = 0; i <= MAX_ORDER; i++)
		list_init(&free_blocks[i]);
	for (u32 i = 0; i < CLASSES; i++)
		list_init(&partial[i]);
	ready = true;
}

static bool grow_locked(u32 order)
{
	u32 o = max(order, (u32)GROW_ORDER);
	u64 start = ALIGN_UP(top, 1ul << o);

	if (start + (1ul << o) > HEAP_PAGES)
		return false;
	/* What alignment skips is given to the lists block by block. */
	while (top < start) {
		u32 k = (u32)__builtin_ctzl(top);

		page(top)->kind = HPAGE_FREE;
		page(top)->order = (u8)k;
		list_add(&page(top)->node, &free_blocks[k]);
		top += 1ul << k;
	}
	page(start)->kind = HPAGE_FREE;
	page(start)->order = (u8)o;
	list_add(&page(start)->node, &free_blocks[o]);
	top = start + (1ul << o);
	stats.bytes_heap = (top - FIRST_PAGE) << PAGE_SHIFT;
	return true;
}

/* Returns a page number or 0. */
static u64 block_alloc_locked(u32 order, enum hpage_kind kind)
{
	u32 o;

	if (order > MAX_ORDER || pages_used + (1ul << order) > pages_max)
		return 0;
	for (;;) {
		for (o = order; o <= MAX_ORDER && list_empty(&free_blocks[o]); o++)
			;
		if (o <= MAX_ORDER)
			break;
		if (!grow_locked(order))
			return 0;
	}
	struct hpage *h = list_first_entry(&free_blocks[o], struct hpage, node);
	u64 n = number_of(h);

	list_del(&h->node);
	while (o > order) {
		struct hpage *buddy = page(n + (1ul << --o));

		buddy->kind = HPAGE_FREE;
		buddy->order = (u8)o;
		list_add(&buddy->node, &free_blocks[o]);
	}
	h->kind = kind;
	h->order = (u8)order;
	pages_used += 1ul << order;
	return n;
}

static void block_free_locked(u64 n)
{
	u32 order = page(n)->order;

	pages_used -= 1ul << order;
	page(n)->kind = HPAGE_NONE;
	while (order < MAX_ORDER) {
		u64 b = n ^ (1ul << order);

		if (b < FIRST_PAGE || b >= top || page(b)->kind != HPAGE_FREE || page(b)->order != order)
			break;
		list_del(&page(b)->node);
		page(b)->kind = HPAGE_NONE;
		n = min(n, b);
		order++;
	}
	page(n)->kind = HPAGE_FREE;
	page(n)->order = (u8)order;
	list_add(&page(n)->node, &free_blocks[order]);
}

static u32 order_of(size_t n)
{
	u32 o = 0;

	while ((1ul << o) < n)
		o++;
	return o;
}

static bool fail_now(void)
{
	return unlikely(fail_every) && atomic_add(&fail_count, 1) % fail_every == 0;
}

void *kpages_alloc(size_t n)
{
	u64 p;

	if (!n || n > (1ul << MAX_ORDER) || fail_now())
		return NULL;
	mutex_lock(&heap_lock);
	heap_init_locked();
	p = block_alloc_locked(order_of(n), HPAGE_LARGE);
	if (p) {
		stats.bytes_used += PAGE_SIZE << page(p)->order;
		stats.objects_used++;
	}
	mutex_unlock(&heap_lock);
	return p ? page_ptr(p) : NULL;
}

static void large_free(u64 n)
{
	u32 order = page(n)->order;

	/* The block is ours alone until it is linked: hand big ones back first, without the lock. */
	if ((1ul << order) >= TRIM_PAGES && n >= atomic_load_relaxed(&collapsed_end))
		host_madvise(page_ptr(n), PAGE_SIZE << order, MADV_REMOVE);
	mutex_lock(&heap_lock);
	stats.bytes_used -= PAGE_SIZE << order;
	stats.objects_used--;
	block_free_locked(n);
	mutex_unlock(&heap_lock);
}

void kpages_free(void *p, size_t n)
{
	if (!p)
		return;
	BUG_ON(page(page_of(p))->kind != HPAGE_LARGE || ((u64)p & ~PAGE_MASK));
	(void)n;
	large_free(page_of(p));
}

static u32 class_of(size_t size)
{
	u32 c = 0;

	while (class_size[c] < size)
		c++;
	return c;
}

static u32 class_order(u32 c) { return class_size[c] > 512 ? 2 : 0; }

/* Adds a slab to the class; the lock is dropped for the first touch of its memory. False = no memory. */
static bool slab_add_locked(u32 c)
{
	u32 order = class_order(c);
	u64 n = block_alloc_locked(order, HPAGE_SLAB);
	size_t size = class_size[c];

	if (!n)
		return false;
	mutex_unlock(&heap_lock);
	u8 *base = page_ptr(n);
	u16 total = (u16)((PAGE_SIZE << order) / size);

	for (u16 i = 0; i < total; i++)
		*(void **)(base + i * size) = i + 1 < total ? base + (i + 1) * size : NULL;
	for (u64 i = 1; i < (1ul << order); i++) {
		page(n + i)->kind = HPAGE_SLAB_TAIL;
		page(n + i)->tail = (u8)i;
	}
	mutex_lock(&heap_lock);
	page(n)->class = (u8)c;
	page(n)->inuse = 0;
	page(n)->total = total;
	page(n)->free = base;
	list_add(&page(n)->node, &partial[c]);
	return true;
}

#ifdef LIMPET_DEBUG
#define NEW_BYTE 0x5a
#define FREE_BYTE 0x6b
/* A free object's first word links it to others; what follows tells. */
static void check_not_free(const u8 *p, size_t size)
{
	for (size_t i = 8; i < size; i++)
		if (p[i] != FREE_BYTE)
			return;
	panic("%zu bytes at %#lx are freed twice", size, (u64)p);
}
#endif

void *kmalloc(size_t size)
{
	if (size > SMALL_MAX)
		return kpages_alloc((size + PAGE_SIZE - 1) >> PAGE_SHIFT);
	if (fail_now())
		return NULL;
	u32 c = class_of(size);

	mutex_lock(&heap_lock);
	heap_init_locked();
	while (list_empty(&partial[c])) {
		if (!slab_add_locked(c)) {
			mutex_unlock(&heap_lock);
			return NULL;
		}
	}
	struct hpage *h = list_first_entry(&partial[c], struct hpage, node);
	void **obj = h->free;

	h->free = *obj;
	if (++h->inuse == h->total)
		list_del(&h->node);
	stats.bytes_used += class_size[c];
	stats.objects_used++;
	mutex_unlock(&heap_lock);
#ifdef LIMPET_DEBUG
	memset(obj, NEW_BYTE, class_size[c]);
#endif
	return obj;
}

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);

	if (p)
		memset(p, 0, size);
	return p;
}

void *kcalloc(size_t n, size_t size)
{
	size_t bytes;

	return mul_overflow(n, size, &bytes) ? NULL : kzalloc(bytes);
}

void kfree(void *p)
{
	if (!p)
		return;
	u64 n = page_of(p);

	BUG_ON((u64)p < HEAP_BASE || n < FIRST_PAGE || n >= top);
	if (page(n)->kind == HPAGE_SLAB_TAIL)
		n -= page(n)->tail;
	struct hpage *h = page(n);

	if (h->kind == HPAGE_LARGE) {
		BUG_ON(p != page_ptr(n));
		large_free(n);
		return;
	}
	BUG_ON(h->kind != HPAGE_SLAB);
	u32 c = h->class;

	BUG_ON(((u64)p - (u64)page_ptr(n)) % class_size[c]);
#ifdef LIMPET_DEBUG
	check_not_free(p, class_size[c]);
	memset(p, FREE_BYTE, class_size[c]);
#endif
	mutex_lock(&heap_lock);
	BUG_ON(h->inuse == 0);
	*(void **)p = h->free;
	h->free = p;
	if (h->inuse-- == h->total)
		list_add(&h->node, &partial[c]);
	stats.bytes_used -= class_size[c];
	stats.objects_used--;
	/* An empty slab goes back unless it is the class's last. */
	if (h->inuse == 0 && partial[c].next->next != &partial[c]) {
		list_del(&h->node);
		for (u64 i = 1; i < (1ul << h->order); i++)
			page(n + i)->kind = HPAGE_NONE;
		block_free_locked(n);
	}
	mutex_unlock(&heap_lock);
}

void *krealloc(void *p, size_t size)
{
	size_t old;
	void *q;

	if (!p)
		return kmalloc(size);
	u64 n = page_of(p);

	if (page(n)->kind == HPAGE_SLAB_TAIL)
		n -= page(n)->tail;
	old = page(n)->kind == HPAGE_LARGE ? PAGE_SIZE << page(n)->order : class_size[page(n)->class];
	if (size <= old && size > old / 2)
		return p;
	q = kmalloc(size);
	if (!q)
		return NULL;
	memcpy(q, p, min(old, size));
	kfree(p);
	return q;
}

char *kstrndup(const char *s, size_t max)
{
	size_t n = strnlen(s, max);
	char *p = kmalloc(n + 1);

	if (p) {
		memcpy(p, s, n);
		p[n] = 0;
	}
	return p;
}

char *kstrdup(const char *s) { return kstrndup(s, SIZE_MAX - 1); }

void kmem_stats(struct kmem_stats *out)
{
	mutex_lock(&heap_lock);
	*out = stats;
	mutex_unlock(&heap_lock);
}

void kmem_set_limit(u64 bytes)
{
	mutex_lock(&heap_lock);
	pages_max = min(bytes >> PAGE_SHIFT, HEAP_PAGES);
	mutex_unlock(&heap_lock);
}

void kmem_fail_every(u32 n)
{
	fail_count = 0;
	fail_every = n;
}

#define WARM_MAX (4ull << 20)

void kmem_warm(u64 step)
{
	u64 end = min(atomic_load(&top), FIRST_PAGE + (WARM_MAX >> PAGE_SHIFT)), stride = step >> PAGE_SHIFT;

	for (u64 window = FIRST_PAGE; window < end; window += stride) {
		for (u64 n = window; n < window + stride; n++) {
			/* Stale or not: the page is there. */
			if (page(n)->kind != HPAGE_SLAB && page(n)->kind != HPAGE_LARGE)
				continue;
			(void)*(volatile u8 *)page_ptr(n);
			break;
		}
	}
}

#define MADV_COLLAPSE 25

extern char __text_start[], __data_huge[];

bool kmem_collapse(void)
{
	static bool have[4];
	const u64 where[] = { (u64)__text_start, (u64)__data_huge, HEAP_BASE, THREADS_BASE };

	atomic_store(&collapsed_end, HUGE_PAGE >> PAGE_SHIFT);
	bool all = true;

	for (u32 i = 0; i < ARRAY_SIZE(where); i++) {
		have[i] = have[i] || !host_madvise((void *)where[i], HUGE_PAGE, MADV_COLLAPSE);
		all = all && have[i];
	}
	return all;
}
