/*
 * The list of VMAs of an mm: an AVL tree by address. Each node knows the extent of its subtree and the largest
 * hole between the VMAs in it, so that a hole of a wanted size is found from the top in O(log n).
 *
 * Knows nothing of the host: callers change the host's mappings first, or are unable to fail afterwards. All
 * functions want mm->lock held. VMAs taken out go to a chain that the caller frees without the lock, since dropping
 * a file may do anything.
 */
#include "mm/vma.h"

#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "lib/string.h"

struct vma *vma_alloc(u64 start, u64 end, u32 prot, u32 flags)
{
	struct vma *v = kzalloc(sizeof(*v));

	if (v) {
		v->start = start;
		v->end = end;
		v->prot = prot;
		v->flags = flags;
	}
	return v;
}

void vma_free(struct vma *v)
{
	if (v->file) {
		if (v->flags & VMA_DENY)
			exe_allow_write(v->file);
		file_put(v->file);
	}
	kfree(v->anon_name);
	kfree(v);
}

/* The file of another VMA for this one; its flags are the other's already. */
void vma_share_file(struct vma *n, const struct vma *v, u64 offset)
{
	n->file = file_get(v->file);
	n->offset = offset;
	if (n->flags & VMA_DENY)
		atomic_sub(&n->file->inode->write_count, 1); /* denied by v: cannot fail */
}

void vma_free_chain(struct vma *dead)
{
	while (dead) {
		struct vma *next = dead->node.right;

		vma_free(dead);
		dead = next;
	}
}

/* A stack that grows keeps a distance to what lies below it. */
static u64 vma_low(const struct vma *v)
{
	if (!(v->flags & MAP_GROWSDOWN))
		return v->start;
	return v->start > STACK_GUARD_GAP ? v->start - STACK_GUARD_GAP : 0;
}

static s32 height(const struct vma *v) { return v ? v->node.height : 0; }

static u64 hole(u64 from, u64 to) { return to > from ? to - from : 0; }

/* Recomputes what v knows of its subtree from its children. */
static void node_update(struct vma *v)
{
	struct vma *l = v->node.left, *r = v->node.right;

	v->node.height = max(height(l), height(r)) + 1;
	v->node.lo = l ? l->node.lo : vma_low(v);
	v->node.hi = r ? r->node.hi : v->end;
	v->node.gap = 0;
	if (l)
		v->node.gap = max(l->node.gap, hole(l->node.hi, vma_low(v)));
	if (r) {
		v->node.gap = max(v->node.gap, r->node.gap);
		v->node.gap = max(v->node.gap, hole(v->end, r->node.lo));
	}
}

static void replace_child(struct mm *mm, struct vma *parent, struct vma *old, struct vma *new)
{
	if (!parent)
		mm->root = new;
	else if (parent->node.left == old)
		parent->node.left = new;
	else
		parent->node.right = new;
	if (new)
		new->node.parent = parent;
}

static struct vma *rotate_left(struct mm *mm, struct vma *v)
{
	struct vma *r = v->node.right;

	replace_child(mm, v->node.parent, v, r);
	v->node.right = r->node.left;
	if (v->node.right)
		v->node.right->node.parent = v;
	r->node.left = v;
	v->node.parent = r;
	node_update(v);
	node_update(r);
	return r;
}

static struct vma *rotate_right(struct mm *mm, struct vma *v)
{
	struct vma *l = v->node.left;

	replace_child(mm, v->node.parent, v, l);
	v->node.left = l->node.right;
	if (v->node.left)
		v->node.left->node.parent = v;
	l->node.right = v;
	v->node.parent = l;
	node_update(v);
	node_update(l);
	return l;
}

/* From v to the root: heights, extents and holes again, and balance. */
static void rebalance(struct mm *mm, struct vma *v)
{
	while (v) {
		s32 lean = height(v->node.left) - height(v->node.right);

		if (lean > 1) {
			struct vma *l = v->node.left;

			if (height(l->node.left) < height(l->node.right))
				rotate_left(mm, l);
			v = rotate_right(mm, v);
		} else if (lean < -1) {
			struct vma *r = v->node.right;

			if (height(r->node.right) < height(r->node.left))
				rotate_right(mm, r);
			v = rotate_left(mm, v);
		} else {
			node_update(v);
		}
		v = v->node.parent;
	}
}

/* After v's own borders changed. */
void vma_touch(struct mm *mm, struct vma *v) { rebalance(mm, v); }

/* v overlaps nothing in the tree. */
void vma_insert(struct mm *mm, struct vma *v)
{
	struct vma *parent = NULL, **link = &mm->root;

	while (*link) {
		parent = *link;
		link = v->start < parent->start ? &parent->node.left : &parent->node.right;
	}
	v->node.left = v->node.right = NULL;
	v->node.parent = parent;
	*link = v;
	mm->vma_count++;
	rebalance(mm, v);
}

static void vma_erase(struct mm *mm, struct vma *v)
{
	struct vma *fix;

	if (v->node.left && v->node.right) {
		struct vma *s = v->node.right; /* the successor takes v's place */

		while (s->node.left)
			s = s->node.left;
		if (s->node.parent == v) {
			fix = s;
		} else {
			fix = s->node.parent;
			replace_child(mm, fix, s, s->node.right);
			s->node.right = v->node.right;
			s->node.right->node.parent = s;
		}
		s->node.left = v->node.left;
		s->node.left->node.parent = s;
		replace_child(mm, v->node.parent, v, s);
	} else {
		fix = v->node.parent;
		replace_child(mm, fix, v, v->node.left ? v->node.left : v->node.right);
	}
	mm->vma_count--;
	rebalance(mm, fix);
}

struct vma *vma_find(struct mm *mm, u64 addr)
{
	struct vma *v = mm->root, *best = NULL;

	while (v) {
		if (addr < v->end) {
			best = v;
			v = v->node.left;
		} else {
			v = v->node.right;
		}
	}
	return best;
}

struct vma *vma_first(struct mm *mm)
{
	struct vma *v = mm->root;

	while (v && v->node.left)
		v = v->node.left;
	return v;
}

struct vma *vma_next(struct vma *v)
{
	if (v->node.right) {
		for (v = v->node.right; v->node.left;)
			v = v->node.left;
		return v;
	}
	while (v->node.parent && v == v->node.parent->node.right)
		v = v->node.parent;
	return v->node.parent;
}

struct vma *vma_prev(struct vma *v)
{
	if (v->node.left) {
		for (v = v->node.left; v->node.right;)
			v = v->node.right;
		return v;
	}
	while (v->node.parent && v == v->node.parent->node.left)
		v = v->node.parent;
	return v->node.parent;
}

struct vma *vma_overlap(struct mm *mm, u64 start, u64 end)
{
	struct vma *v = vma_find(mm, start);

	return v && v->start < end ? v : NULL;
}

/* Holes of the subtree v, which lies between the borders below (end of what is left of it) and above. */
static u64 gap_search(const struct vma *v, u64 below, u64 above, u64 len, u64 low, u64 high)
{
	u64 addr, largest;

	if (above <= low || below >= high)
		return 0;
	if (!v) {
		below = max(below, low);
		above = min(above, high);
		return hole(below, above) >= len ? above - len : 0;
	}
	largest = max(hole(below, v->node.lo), hole(v->node.hi, above));
	if (largest < len && v->node.gap < len)
		return 0;
	addr = gap_search(v->node.right, v->end, above, len, low, high);
	return addr ? addr : gap_search(v->node.left, below, vma_low(v), len, low, high);
}

/* The highest hole of len bytes within [low, high), low > 0: its address so that it ends as high as possible; 0 = none. */
u64 vma_gap_top(struct mm *mm, u64 len, u64 low, u64 high)
{
	return gap_search(mm->root, 0, ~0ull, len, low, high);
}

/* Is [start, end) free, with the distance that a stack above it wants? */
bool vma_range_free(struct mm *mm, u64 start, u64 end)
{
	struct vma *v = vma_find(mm, start);

	return !v || vma_low(v) >= end;
}

/* Cuts v at addr, strictly inside it. On failure nothing has changed. */
static int vma_split(struct mm *mm, struct vma *v, u64 addr)
{
	struct vma *n;

	if (mm->vma_count >= MAX_MAP_COUNT)
		return -ENOMEM;
	n = vma_alloc(addr, v->end, v->prot, v->flags);
	if (!n)
		return -ENOMEM;
	if (v->anon_name) {
		n->anon_name = kstrdup(v->anon_name);
		if (!n->anon_name) {
			kfree(n);
			return -ENOMEM;
		}
	}
	n->flags &= ~MAP_GROWSDOWN; /* only the lowest part of a stack grows */
	n->name = v->name;
	if (v->file)
		vma_share_file(n, v, v->offset + (addr - v->start));
	v->end = addr;
	vma_touch(mm, v);
	vma_insert(mm, n);
	return 0;
}

/* Makes start and end borders between VMAs where they lie inside one. -ENOMEM: perhaps one cut made, which is harmless. */
int vma_isolate(struct mm *mm, u64 start, u64 end)
{
	struct vma *v = vma_overlap(mm, start, end);
	int err;

	if (v && v->start < start) {
		err = vma_split(mm, v, start);
		if (err)
			return err;
	}
	v = vma_find(mm, end - 1);
	if (v && v->start < end && v->end > end)
		return vma_split(mm, v, end);
	return 0;
}

/* Takes all VMAs within the isolated range out and puts them on the chain. */
void vma_remove_range(struct mm *mm, u64 start, u64 end, struct vma **dead)
{
	struct vma *v;

	while ((v = vma_overlap(mm, start, end))) {
		mm_account(mm, v->prot, v->flags, -(s64)((v->end - v->start) >> PAGE_SHIFT));
		vma_erase(mm, v);
		v->node.right = *dead;
		*dead = v;
	}
}

static bool same_text(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static bool vma_joins(const struct vma *a, const struct vma *b)
{
	/* b may have lost MAP_GROWSDOWN by a cut; then a's is what counts for the whole. */
	return a->end == b->start && a->prot == b->prot && (a->flags & ~MAP_GROWSDOWN) == b->flags &&
	       a->file == b->file && a->name == b->name && same_text(a->anon_name, b->anon_name) &&
	       (!a->file || a->offset + (a->end - a->start) == b->offset);
}

/* Joins VMAs that have become alike, from the one before start to the one behind end. */
void vma_merge_range(struct mm *mm, u64 start, u64 end, struct vma **dead)
{
	struct vma *v = vma_find(mm, start), *n;

	if (!v)
		return;
	n = vma_prev(v);
	if (n)
		v = n;
	while ((n = vma_next(v)) && v->start <= end) {
		if (!vma_joins(v, n)) {
			v = n;
			continue;
		}
		vma_erase(mm, n);
		v->end = n->end;
		vma_touch(mm, v);
		n->node.right = *dead;
		*dead = n;
	}
}
