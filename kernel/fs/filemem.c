/*
 * File memory: a buddy allocator over the pages of one sparse memfd.
 *
 * Free space is kept as aligned power-of-two blocks, in a list per order and a hash by address (to find buddies).
 * A run is cut out exactly: what a block has too much goes straight back as smaller blocks, so any part of a run can
 * be freed alone. Everything free reads as zeros: freeing punches first. Single pages are cleared by hand and kept
 * resident up to a limit, since small files come and go all the time.
 */
#include "fs/filemem.h"

#include "abi/layout.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/mman.h"
#include "abi/linux/stat.h"
#include "core/alloc.h"
#include "core/lock.h"
#include "core/log.h"
#include "gate/host.h"
#include "lib/list.h"
#include "lib/string.h"

#define MAX_ORDER 28u /* FILEMEM_SIZE in pages */
#define FHASH_SIZE 4096u
#define WARM_MAX 512u
_Static_assert((PAGE_SIZE << MAX_ORDER) == FILEMEM_SIZE, "orders cover file memory");

struct free_block {
	struct list_head node; /* of its order */
	struct hlist_node hash;
	u64 page;
	u32 order;
};

static struct mutex filemem_lock = MUTEX_INIT(LOCK_LEAF);
static struct list_head free_blocks[MAX_ORDER + 1]; /* under filemem_lock, as all below */
static __big struct hlist_head fhash[FHASH_SIZE];
static u32 warm[WARM_MAX]; /* page numbers, zeroed and resident */
static u32 warm_count;
static int memfd = -1; /* immutable after filemem_init */

static struct hlist_head *bucket(u64 page)
{
	return &fhash[hash_u64(page) & (FHASH_SIZE - 1)];
}

/* The address space of a block is lost when there is no memory to note it down. */
static void insert_block(u64 page, u32 order)
{
	struct free_block *b = kmalloc(sizeof(*b));

	if (!b)
		return;
	b->page = page;
	b->order = order;
	list_add(&b->node, &free_blocks[order]);
	hlist_add(&b->hash, bucket(page));
}

static void remove_block(struct free_block *b)
{
	list_del(&b->node);
	hlist_del(&b->hash);
	kfree(b);
}

static struct free_block *find_block(u64 page, u32 order)
{
	struct free_block *b;

	hlist_for_each_entry(b, bucket(page), hash)
		if (b->page == page && b->order == order)
			return b;
	return NULL;
}

static void free_block_locked(u64 page, u32 order)
{
	while (order < MAX_ORDER) {
		struct free_block *buddy = find_block(page ^ (1ull << order), order);

		if (!buddy)
			break;
		remove_block(buddy);
		page &= ~(1ull << order);
		order++;
	}
	insert_block(page, order);
}

static void free_range_locked(u64 page, u64 pages)
{
	while (pages) {
		u32 order = page ? (u32)__builtin_ctzll(page) : MAX_ORDER;
		u32 fit = 63 - (u32)__builtin_clzll(pages);

		order = min(order, fit);
		free_block_locked(page, order);
		page += 1ull << order;
		pages -= 1ull << order;
	}
}

void filemem_init(int fd)
{
	memfd = fd;
	for (u32 i = 0; i <= MAX_ORDER; i++)
		list_init(&free_blocks[i]);
	mutex_lock(&filemem_lock);
	/* Page 0 stays unused: offset 0 is nobody's. */
	free_range_locked(1, (1ull << MAX_ORDER) - 1);
	mutex_unlock(&filemem_lock);
}

u64 filemem_alloc(u64 pages)
{
	u64 page = FILEMEM_NONE;
	u32 want, order;

	if (!pages || pages > 1ull << MAX_ORDER)
		return FILEMEM_NONE;
	want = pages == 1 ? 0 : 64 - (u32)__builtin_clzll(pages - 1);
	mutex_lock(&filemem_lock);
	if (pages == 1 && warm_count) {
		page = warm[--warm_count];
		goto out;
	}
	for (order = want; order <= MAX_ORDER; order++) {
		struct free_block *b = list_first_entry_or_null(&free_blocks[order], struct free_block, node);

		if (!b)
			continue;
		page = b->page;
		remove_block(b);
		free_range_locked(page + pages, (1ull << order) - pages);
		break;
	}
out:
	mutex_unlock(&filemem_lock);
	return page == FILEMEM_NONE ? FILEMEM_NONE : page << PAGE_SHIFT;
}

void filemem_punch(u64 offset, u64 pages)
{
	long err = host_madvise(filemem_ptr(offset), pages << PAGE_SHIFT, MADV_REMOVE);

	/* Without the punch it must still read as zeros. */
	if (unlikely(err < 0)) {
		log_debug("file memory: punch of %llu pages: %ld", (unsigned long long)pages, err);
		memset(filemem_ptr(offset), 0, pages << PAGE_SHIFT);
	}
}

void filemem_free(u64 offset, u64 pages)
{
	bool kept = false;

	if (!pages)
		return;
	if (pages == 1 && atomic_load_relaxed(&warm_count) < WARM_MAX) {
		memset(filemem_ptr(offset), 0, PAGE_SIZE);
		mutex_lock(&filemem_lock);
		if (warm_count < WARM_MAX) {
			warm[warm_count++] = (u32)(offset >> PAGE_SHIFT);
			kept = true;
		}
		mutex_unlock(&filemem_lock);
		if (kept)
			return;
	}
	filemem_punch(offset, pages);
	mutex_lock(&filemem_lock);
	free_range_locked(offset >> PAGE_SHIFT, pages);
	mutex_unlock(&filemem_lock);
}

void *filemem_ptr(u64 offset)
{
	return (void *)(FILEMEM_BASE + offset);
}

int filemem_fd(void)
{
	return memfd;
}

u64 filemem_resident(void)
{
	struct statx st;

	if (host_statx(memfd, "", AT_EMPTY_PATH, STATX_BLOCKS, &st) < 0)
		return 0;
	return st.stx_blocks * 512;
}
