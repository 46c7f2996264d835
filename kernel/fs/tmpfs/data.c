/* Pages of a tmpfs file: finding, making and dropping them. See tmpfs.h for runs, pins and mappings. */
#include "fs/tmpfs/tmpfs.h"
#include "gate/host.h"

#define FILEMEM_MAX_RUN (1ull << 27) /* pages: half of all file memory */
#define AHEAD_MAX (64ull << 20 >> PAGE_SHIFT) /* pages taken ahead at most */

static bool bit_get(const u64 *map, u64 n)
{
	return map[n / 64] >> (n % 64) & 1;
}

static void bit_set(u64 *map, u64 n)
{
	map[n / 64] |= 1ull << (n % 64);
}

static void bit_clear(u64 *map, u64 n)
{
	map[n / 64] &= ~(1ull << (n % 64));
}

/* Index of the first run that ends behind page. */
static u32 run_index(const struct tmpfs_inode *ti, u64 page)
{
	u32 lo = 0, hi = ti->nruns;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (ti->runs[mid].page + ti->runs[mid].pages <= page)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct tmpfs_run *tmpfs_find_run(struct tmpfs_inode *ti, u64 page)
{
	u32 i = run_index(ti, page);

	return i < ti->nruns ? &ti->runs[i] : NULL;
}

bool tmpfs_page_has_data(const struct tmpfs_run *r, u64 page)
{
	return r->mapped || bit_get(r->present, page - r->page);
}

static int run_insert(struct tmpfs_inode *ti, u32 at, const struct tmpfs_run *r)
{
	if (ti->nruns == ti->runs_cap) {
		u32 cap = ti->runs_cap ? ti->runs_cap * 2 : 4;
		struct tmpfs_run *n = krealloc(ti->runs, cap * sizeof(*n));

		if (!n)
			return -ENOMEM;
		ti->runs = n;
		ti->runs_cap = cap;
	}
	memmove(&ti->runs[at + 1], &ti->runs[at], (ti->nruns - at) * sizeof(*r));
	ti->runs[at] = *r;
	ti->nruns++;
	return 0;
}

/* A new run that begins at page, for at least one of the wanted pages, in the gap before runs[at]. */
static int run_new(struct inode *i, u32 at, u64 page, u64 wanted)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	u64 gap = at < ti->nruns ? ti->runs[at].page - page : TMPFS_MAX_SIZE >> PAGE_SHIFT;
	u64 size_pages = PAGE_ALIGN_UP(i->size) >> PAGE_SHIFT, total = 0, n = wanted;
	struct tmpfs_run r = { .page = page };
	int err;

	/* As much again as the file has, or what its size says is to come. */
	if (ti->nruns)
		total = ti->runs[ti->nruns - 1].page + ti->runs[ti->nruns - 1].pages;
	n = umax(n, umin(umin(total, page), AHEAD_MAX));
	if (size_pages > page)
		n = umax(n, umin(size_pages - page, AHEAD_MAX));
	n = umin(umin(n, gap), FILEMEM_MAX_RUN);
	for (;; n = wanted < n ? wanted : n / 2) {
		r.pages = n;
		r.present = kcalloc((n + 63) / 64, sizeof(u64));
		r.offset = r.present ? filemem_alloc(n) : FILEMEM_NONE;
		if (r.offset != FILEMEM_NONE)
			break;
		kfree(r.present);
		if (n == 1)
			return -ENOMEM;
	}
	err = run_insert(ti, at, &r);
	if (err) {
		kfree(r.present);
		filemem_free(r.offset, r.pages);
	}
	return err;
}

u64 tmpfs_reserve(struct inode *i, u64 page, u64 *pages, int *err)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	u32 at = run_index(ti, page);
	struct tmpfs_run *r;

	*err = 0;
	if (at == ti->nruns || ti->runs[at].page > page) {
		*err = run_new(i, at, page, *pages);
		if (*err)
			return FILEMEM_NONE;
	}
	r = &ti->runs[at];
	*pages = umin(*pages, r->page + r->pages - page);
	return r->offset + ((page - r->page) << PAGE_SHIFT);
}

/*
 * Pages of all instances together. Where the sandbox's memory ends the host kills instead of refusing, so files must
 * find the end before: an eighth is left for programs when the heap has its quarter.
 */
static u64 all_pages, all_max; /* atomic */

static u64 charge_all(u64 n)
{
	u64 max = atomic_load_relaxed(&all_max), used = atomic_load(&all_pages), got;

	if (unlikely(!max)) {
		max = tmpfs_total_memory() / 8 * 5 >> PAGE_SHIFT;
		atomic_store_relaxed(&all_max, max);
	}
	do {
		got = used < max ? umin(n, max - used) : 0;
		if (!got)
			return 0;
	} while (!__atomic_compare_exchange_n(&all_pages, &used, used + got, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	return got;
}

/* Counts n more pages against the instance's limit: how many are granted. */
static u64 charge(struct super_block *sb, u64 n)
{
	struct tmpfs_sb *s = tmpfs_s(sb);
	u64 used = atomic_load(&s->used_blocks), got;

	n = charge_all(n);
	do {
		got = n;
		if (s->max_blocks && used + n > s->max_blocks)
			got = used < s->max_blocks ? s->max_blocks - used : 0;
		if (!got) {
			atomic_sub(&all_pages, n);
			return 0;
		}
	} while (!__atomic_compare_exchange_n(&s->used_blocks, &used, used + got, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	atomic_sub(&all_pages, n - got);
	return got;
}

static void uncharge(struct inode *i, u64 n)
{
	atomic_sub(&all_pages, n);
	atomic_sub(&tmpfs_s(i->sb)->used_blocks, n);
}

static void set_blocks(struct inode *i)
{
	atomic_store(&i->blocks, tmpfs_i(i)->present_pages * (PAGE_SIZE / 512));
}

u64 tmpfs_make_present(struct inode *i, u64 page, u64 *pages, int *err)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	u64 offset = tmpfs_reserve(i, page, pages, err), n, missing = 0, got;
	struct tmpfs_run *r;
	u64 first;

	if (offset == FILEMEM_NONE)
		return FILEMEM_NONE;
	r = tmpfs_find_run(ti, page);
	first = page - r->page;
	for (n = 0; n < *pages; n++)
		missing += !bit_get(r->present, first + n);
	if (!missing)
		return offset;
	got = charge(i->sb, missing);
	ti->present_pages += got;
	for (n = 0; n < *pages; n++) {
		if (bit_get(r->present, first + n))
			continue;
		if (!got)
			break;
		got--;
		bit_set(r->present, first + n);
	}
	set_blocks(i);
	*pages = n;
	if (!n) {
		*err = -ENOSPC;
		return FILEMEM_NONE;
	}
	return offset;
}

/* Memory to give back, once nobody copies from it. When there is no memory for the note it is cleared and lost. */
static void bury(struct tmpfs_inode *ti, u64 offset, u64 pages)
{
	struct tmpfs_dead *d = kmalloc(sizeof(*d));

	if (!d) {
		filemem_punch(offset, pages);
		return;
	}
	*d = (struct tmpfs_dead){ .next = ti->dead, .offset = offset, .pages = pages };
	ti->dead = d;
}

struct tmpfs_dead *tmpfs_take_dead(struct tmpfs_inode *ti)
{
	struct tmpfs_dead *d = NULL;

	if (!ti->pins) {
		d = ti->dead;
		ti->dead = NULL;
	}
	return d;
}

void tmpfs_free_dead(struct tmpfs_dead *d)
{
	while (d) {
		struct tmpfs_dead *next = d->next;

		filemem_free(d->offset, d->pages);
		kfree(d);
		d = next;
	}
}

void tmpfs_unpin(struct inode *i)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	struct tmpfs_dead *dead;

	mutex_lock(&ti->lock);
	ti->pins--;
	dead = tmpfs_take_dead(ti);
	mutex_unlock(&ti->lock);
	tmpfs_free_dead(dead);
}

/* Pages [a, b) of the run hold nothing any more: counted, cleared in place. */
static void run_clear(struct inode *i, struct tmpfs_run *r, u64 a, u64 b)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	u64 n, gone = 0;

	for (n = a; n < b; n++) {
		if (!bit_get(r->present, n))
			continue;
		bit_clear(r->present, n);
		gone++;
	}
	ti->present_pages -= gone;
	uncharge(i, gone);
	if (gone || r->mapped)
		filemem_punch(r->offset + (a << PAGE_SHIFT), b - a);
}

void tmpfs_drop_pages(struct inode *i, u64 page, u64 end)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	u32 at = run_index(ti, page), to;

	for (to = at; to < ti->nruns && ti->runs[to].page < end;) {
		struct tmpfs_run *r = &ti->runs[to];
		u64 a = page > r->page ? page - r->page : 0;
		u64 b = umin(end - r->page, r->pages), n, gone = 0;

		if (r->mapped || a || b < r->pages) {
			/* Part of a run, or one that programs see: it keeps its place. */
			run_clear(i, r, a, b);
			to++;
			continue;
		}
		for (n = 0; n < r->pages; n++)
			gone += bit_get(r->present, n);
		ti->present_pages -= gone;
		uncharge(i, gone);
		bury(ti, r->offset, r->pages);
		kfree(r->present);
		memmove(r, r + 1, (ti->nruns - to - 1) * sizeof(*r));
		ti->nruns--;
	}
	set_blocks(i);
}

void tmpfs_zero_part(struct inode *i, u64 from, u64 to)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	u64 page = from >> PAGE_SHIFT;
	struct tmpfs_run *r = tmpfs_find_run(ti, page);

	if (from < to && r && r->page <= page && tmpfs_page_has_data(r, page))
		memset(filemem_ptr(r->offset + (from - (r->page << PAGE_SHIFT))), 0, to - from);
}

/* Programs dirty mapped pages without telling: the host knows which exist. */
void tmpfs_sync_mapped(struct inode *i)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	u8 vec[1024];

	if (!ti->has_mapped)
		return;
	for (u32 k = 0; k < ti->nruns; k++) {
		struct tmpfs_run *r = &ti->runs[k];

		if (!r->mapped)
			continue;
		for (u64 a = 0; a < r->pages; a += sizeof(vec)) {
			u64 n = umin(r->pages - a, (u64)sizeof(vec));

			if (host_mincore(filemem_ptr(r->offset + (a << PAGE_SHIFT)), n << PAGE_SHIFT, vec) < 0)
				break;
			for (u64 b = 0; b < n; b++) {
				if (!(vec[b] & 1) || bit_get(r->present, a + b))
					continue;
				bit_set(r->present, a + b);
				ti->present_pages++;
				atomic_add(&tmpfs_s(i->sb)->used_blocks, 1);
				atomic_add(&all_pages, 1);
			}
		}
	}
	set_blocks(i);
}

u64 tmpfs_next_data(struct tmpfs_inode *ti, u64 page, u64 end)
{
	for (u32 k = run_index(ti, page); k < ti->nruns && page < end; k++) {
		struct tmpfs_run *r = &ti->runs[k];

		for (page = umax(page, r->page); page < r->page + r->pages && page < end; page++)
			if (bit_get(r->present, page - r->page))
				return page;
	}
	return end;
}

u64 tmpfs_next_hole(struct tmpfs_inode *ti, u64 page, u64 end)
{
	while (page < end) {
		struct tmpfs_run *r = tmpfs_find_run(ti, page);

		if (!r || r->page > page || !bit_get(r->present, page - r->page))
			return page;
		page++;
	}
	return end;
}

int tmpfs_set_size(struct inode *i, u64 size)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	struct tmpfs_dead *dead = NULL;
	int err = 0;

	mutex_lock(&ti->lock);
	if ((size < i->size && (ti->seals & F_SEAL_SHRINK)) || (size > i->size && (ti->seals & F_SEAL_GROW))) {
		err = -EPERM;
	} else if (size < i->size) {
		u64 keep = PAGE_ALIGN_UP(size);

		tmpfs_sync_mapped(i);
		tmpfs_zero_part(i, size, keep);
		tmpfs_drop_pages(i, keep >> PAGE_SHIFT, TMPFS_MAX_SIZE >> PAGE_SHIFT);
		ti->truncations++;
		atomic_store(&i->size, size);
		dead = tmpfs_take_dead(ti);
	} else {
		atomic_store(&i->size, size);
	}
	mutex_unlock(&ti->lock);
	tmpfs_free_dead(dead);
	return err;
}

/* The last reference is gone: no lock, no pins, no mappings. */
void tmpfs_free_data(struct inode *i)
{
	struct tmpfs_inode *ti = tmpfs_i(i);

	for (u32 k = 0; k < ti->nruns; k++) {
		filemem_free(ti->runs[k].offset, ti->runs[k].pages);
		kfree(ti->runs[k].present);
	}
	uncharge(i, ti->present_pages);
	tmpfs_free_dead(ti->dead);
	kfree(ti->runs);
	ti->runs = NULL;
	ti->nruns = 0;
}
