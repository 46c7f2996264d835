/*
 * The VMA tree of kernel/mm/vma.c against a page map: random inserts, cuts, removals and joins; after each the tree's
 * own rules are checked, and searches for holes are compared with a plain scan.
 *
 * build: kernel/mm/vma.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/file.h"
#include "mm/vma.h"

#define PAGES 512u
#define BASE 0x100000ull

/* Stubs of what vma.c uses. */
void *kzalloc(size_t n) { return calloc(1, n); }
void kfree(void *p) { free(p); }
char *kstrdup(const char *s) { return strdup(s); }
void file_put(struct file *f) { ref_put(&f->ref); }
void exe_allow_write(struct file *f) {}
void mm_account(struct mm *mm, u32 prot, u32 flags, s64 pages) { mm->total_pages += pages; }

static u8 map[PAGES]; /* 0 = free, else prot + 1 */
static struct mm mm;

static u64 addr_of(u32 page) { return BASE + page * PAGE_SIZE; }

static s32 check_node(const struct vma *v, u64 *lo, u64 *hi, u64 *gap)
{
	u64 llo, lhi, lgap = 0, rlo, rhi, rgap = 0;
	s32 l = 0, r = 0;

	*lo = v->start;
	*hi = v->end;
	*gap = 0;
	if (v->node.left) {
		assert_ptr_equal(v->node.left->node.parent, v);
		l = check_node(v->node.left, &llo, &lhi, &lgap);
		assert_true(lhi <= v->start);
		*lo = llo;
		*gap = v->start - lhi > lgap ? v->start - lhi : lgap;
	}
	if (v->node.right) {
		assert_ptr_equal(v->node.right->node.parent, v);
		r = check_node(v->node.right, &rlo, &rhi, &rgap);
		assert_true(v->end <= rlo);
		*hi = rhi;
		*gap = rgap > *gap ? rgap : *gap;
		*gap = rlo - v->end > *gap ? rlo - v->end : *gap;
	}
	assert_true(l - r <= 1 && r - l <= 1);
	assert_int_equal(v->node.height, (l > r ? l : r) + 1);
	assert_int_equal(v->node.lo, *lo);
	assert_int_equal(v->node.hi, *hi);
	assert_int_equal(v->node.gap, *gap);
	return v->node.height;
}

static void check_all(void)
{
	u64 lo, hi, gap, count = 0, pages = 0;
	u8 seen[PAGES] = { 0 };
	struct vma *prev = NULL;

	if (mm.root) {
		assert_null(mm.root->node.parent);
		check_node(mm.root, &lo, &hi, &gap);
	}
	for (struct vma *v = vma_first(&mm); v; prev = v, v = vma_next(v)) {
		assert_ptr_equal(vma_prev(v), prev);
		count++;
		for (u64 a = v->start; a < v->end; a += PAGE_SIZE, pages++)
			seen[(a - BASE) / PAGE_SIZE] = v->prot + 1;
	}
	assert_int_equal(count, mm.vma_count);
	assert_int_equal(pages, mm.total_pages);
	assert_memory_equal(seen, map, sizeof(map));
}

static u64 scan_gap(u32 pages, u32 low, u32 high)
{
	u32 run = 0;

	for (u32 p = high; p-- > low;) {
		run = map[p] ? 0 : run + 1;
		if (run == pages)
			return addr_of(p);
	}
	return 0;
}

static void clear(u32 from, u32 n)
{
	struct vma *dead = NULL;

	assert_int_equal(vma_isolate(&mm, addr_of(from), addr_of(from + n)), 0);
	vma_remove_range(&mm, addr_of(from), addr_of(from + n), &dead);
	vma_free_chain(dead);
	memset(map + from, 0, n);
}

static void put(u32 from, u32 n, u32 prot)
{
	struct vma *dead = NULL, *v;

	clear(from, n);
	v = vma_alloc(addr_of(from), addr_of(from + n), prot, MAP_PRIVATE);
	assert_non_null(v);
	vma_insert(&mm, v);
	mm_account(&mm, prot, 0, n);
	if (rand() & 1)
		vma_merge_range(&mm, v->start, v->end, &dead);
	vma_free_chain(dead);
	memset(map + from, prot + 1, n);
}

static void random_work(void **state)
{
	struct vma *dead = NULL;

	srand(7);
	for (int i = 0; i < 20000; i++) {
		u32 from = rand() % PAGES, n = 1 + rand() % 24, low, high, want;

		if (from + n > PAGES)
			n = PAGES - from;
		if (rand() % 3)
			put(from, n, rand() % 3);
		else
			clear(from, n);
		check_all();
		low = rand() % PAGES;
		high = low + rand() % (PAGES - low + 1);
		want = 1 + rand() % 12;
		assert_int_equal(vma_gap_top(&mm, want * PAGE_SIZE, addr_of(low), addr_of(high)),
				 scan_gap(want, low, high));
		assert_int_equal(vma_range_free(&mm, addr_of(from), addr_of(from + n)),
				 !memchr(map + from, 1, n) && !memchr(map + from, 2, n) && !memchr(map + from, 3, n));
	}
	vma_merge_range(&mm, 0, TASK_SIZE, &dead);
	vma_free_chain(dead);
	check_all();
	for (struct vma *v = vma_first(&mm); v && vma_next(v); v = vma_next(v))
		assert_false(v->end == vma_next(v)->start && v->prot == vma_next(v)->prot);
	clear(0, PAGES);
	assert_null(mm.root);
}

/* A cut keeps file offsets, references and names right, and a join gives them back. */
static void split_and_join(void **state)
{
	struct file f = { .ref = { 1 } };
	struct vma *v = vma_alloc(addr_of(0), addr_of(8), 1, MAP_PRIVATE), *dead = NULL;

	v->file = file_get(&f);
	v->offset = 5 * PAGE_SIZE;
	v->anon_name = kstrdup("name");
	vma_insert(&mm, v);
	mm_account(&mm, 1, 0, 8);
	assert_int_equal(vma_isolate(&mm, addr_of(2), addr_of(5)), 0);
	assert_int_equal(mm.vma_count, 3);
	assert_int_equal(f.ref.count, 4);
	v = vma_find(&mm, addr_of(5));
	assert_int_equal(v->offset, 10 * PAGE_SIZE);
	vma_merge_range(&mm, addr_of(2), addr_of(5), &dead);
	vma_free_chain(dead);
	assert_int_equal(mm.vma_count, 1);
	assert_int_equal(f.ref.count, 2);
	dead = NULL;
	vma_remove_range(&mm, 0, TASK_SIZE, &dead);
	vma_free_chain(dead);
	assert_int_equal(f.ref.count, 1);
	assert_int_equal(mm.total_pages, 0);
}

/* Below a stack that grows a hole is smaller by the guard. */
static void stack_guard(void **state)
{
	u64 top = 0x10000000, low = 0x1000000;
	struct vma *v = vma_alloc(top - PAGE_SIZE, top, 3, MAP_PRIVATE | MAP_GROWSDOWN), *dead = NULL;

	vma_insert(&mm, v);
	assert_int_equal(vma_gap_top(&mm, PAGE_SIZE, low, top), top - PAGE_SIZE - STACK_GUARD_GAP - PAGE_SIZE);
	assert_false(vma_range_free(&mm, top - 3 * PAGE_SIZE, top - 2 * PAGE_SIZE));
	mm.total_pages = 1;
	vma_remove_range(&mm, 0, TASK_SIZE, &dead);
	vma_free_chain(dead);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_work),
		cmocka_unit_test(split_and_join),
		cmocka_unit_test(stack_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
