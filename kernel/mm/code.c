/*
 * A range of memory turns executable: see code.h. It is PROT_READ when it is looked at, so nobody can change it; what
 * stands beside it is looked at as far as a sequence reaches, whatever it is: the list does not have yet what is just
 * being mapped or moved. A neighbour that is writable at the moment will be looked at with our bytes beside it when it
 * turns.
 */
#include "mm/code.h"

#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "core/stats.h"
#include "core/time.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/vma.h"
#include "proc/task.h"

#define CHUNK (8 * PAGE_SIZE)

bool code_scanned(void)
{
	return defence(DEFENCE_SCAN) && (gate == &gate_pkey || defence_asked(DEFENCE_SCAN));
}

bool code_copied(void)
{
	return defence(DEFENCE_COPY) &&
	       (gate == &gate_pkey || defence_asked(DEFENCE_SCAN) || defence_asked(DEFENCE_COPY));
}

size_t code_read(struct mm *mm, void *to, u64 addr, size_t len)
{
	size_t n;

	mutex_assert_held(&mm->lock);
	atomic_store(&mm->looking, current);
	n = copy_in_partial(to, uptr(addr), len);
	atomic_store(&mm->looking, NULL);
	return n;
}

bool code_write(struct mm *mm, u64 addr, const void *from, size_t len)
{
	bool done;

	mutex_assert_held(&mm->lock);
	atomic_store(&mm->looking, current);
	done = !copy_out(uptr(addr), from, len);
	atomic_store(&mm->looking, NULL);
	return done;
}

bool code_is_exec(struct mm *mm, u64 addr)
{
	struct vma *v = addr < TASK_SIZE ? vma_find(mm, addr) : NULL;

	return v && v->start <= addr && (v->prot & PROT_EXEC);
}

/* One chunk with what is around it: bytes[left..left + n) are [at, at + n). */
struct chunk {
	u64 at;
	size_t left, n, right;
	u8 bytes[SCAN_REACH + CHUNK + SCAN_REACH];
};

/* False = its first page cannot be read. A page that cannot be ends the chunk. */
static bool chunk_read(struct mm *mm, struct chunk *c, u64 at, u64 end)
{
	u8 *p = c->bytes;

	c->at = at;
	c->left = code_read(mm, p, at - SCAN_REACH, SCAN_REACH) == SCAN_REACH ? SCAN_REACH : 0;
	p += c->left;
	c->n = PAGE_ALIGN_DOWN(code_read(mm, p, at, min(CHUNK, end - at)));
	p += c->n;
	c->right = c->n ? code_read(mm, p, at + c->n, SCAN_REACH) : 0;
	return c->n != 0;
}

/* Does it need what is on both sides of p + border? Prefixes may be all that is in front. */
static bool crosses(const u8 *p, size_t n, size_t border, const struct scan_hit *hit)
{
	struct scan_hit alone;

	if (hit->at < border)
		return hit->at + hit->len > border;
	return hit->kind == SCAN_WRGSBASE &&
	       !(scan_next(p + border, n - border, hit->at - border, &alone) && alone.at == hit->at - border);
}

/* The pages of a chunk that have a sequence, as bits. */
static u32 chunk_dirty(const struct chunk *c)
{
	size_t end = c->left + c->n, size = end + c->right;
	struct scan_hit hit;
	u32 dirty = 0;

	for (size_t from = 0; scan_next(c->bytes, size, from, &hit); from = hit.at + 1) {
		/* What ends before us or begins behind us is others' business. */
		if (hit.at + hit.len <= c->left || (hit.at >= end && !crosses(c->bytes, size, end, &hit)))
			continue;
		dirty |= 1u << (hit.at < c->left ? 0 : (min(hit.at, end - 1) - c->left) >> PAGE_SHIFT);
	}
	return dirty;
}

static int enable_run(u64 from, u64 to, int prot)
{
	return to > from ? (int)host_mprotect((void *)from, to - from, prot) : 0;
}

static bool is_clean(const struct code_clean *clean, u64 index)
{
	u64 page = clean ? clean->first + index : 0;

	return clean && clean->bits && page < clean->pages && (atomic_load_relaxed(&clean->bits[page / 64]) >> page % 64 & 1);
}

/* No sequence lies across the border at `at`. What cannot be read is not there. */
static bool border_clean(struct mm *mm, u64 at)
{
	u8 p[2 * SCAN_REACH];
	struct scan_hit hit;

	if (code_read(mm, p, at - SCAN_REACH, SCAN_REACH) != SCAN_REACH ||
	    code_read(mm, p + SCAN_REACH, at, SCAN_REACH) != SCAN_REACH)
		return true;
	for (size_t from = 0; scan_next(p, sizeof(p), from, &hit); from = hit.at + 1)
		if (crosses(p, sizeof(p), SCAN_REACH, &hit))
			return false;
	return true;
}

/* Bytes from at on that are known to be clean. What is beside the range is not, so its borders are looked at. */
static u64 clean_run(struct mm *mm, const struct code_clean *clean, u64 at, u64 start, u64 end)
{
	u64 to = at;

	while (to < end && is_clean(clean, (to - start) >> PAGE_SHIFT)) {
		if ((to == start && !border_clean(mm, start)) || (to + PAGE_SIZE == end && !border_clean(mm, end)))
			break;
		to += PAGE_SIZE;
	}
	return to - at;
}

static int enable(struct mm *mm, u64 start, u64 end, int prot, const struct code_clean *clean)
{
	struct chunk *c = NULL; /* when it is needed: of most files all is known */
	u64 run = start, at = start;
	int err = 0, skipped = 0;
	s64 begun;

	while (at < end && !err) {
		u64 known = clean_run(mm, clean, at, start, end);
		u32 dirty;

		if (known) {
			at += known;
			continue;
		}
		if (!c)
			c = kmalloc(sizeof(*c));
		if (!c) {
			err = -ENOMEM;
			break;
		}
		begun = ktime_get();
		if (!chunk_read(mm, c, at, end)) {
			err = enable_run(run, at, prot);
			run = at += PAGE_SIZE;
			skipped = 1;
			continue;
		}
		dirty = chunk_dirty(c);
		stats_scan(c->n, ktime_get() - begun);
		for (u32 i = 0; i < c->n >> PAGE_SHIFT && !err; i++, at += PAGE_SIZE) {
			if (!(dirty >> i & 1))
				continue;
			err = enable_run(run, at, prot);
			run = at + PAGE_SIZE;
			skipped = 1;
		}
	}
	kfree(c);
	if (!err)
		err = enable_run(run, end, prot);
	/* Nothing is executable that the list does not know of. */
	if (err)
		(void)!host_mprotect((void *)start, end - start, PROT_READ);
	return err ? err : skipped;
}

int code_enable(u64 addr, u64 len, int prot, const struct code_clean *clean)
{
	mutex_assert_held(&current->mm->lock);
	/* They may have begun when a page was writable. What is known comes fresh from a file: nobody has it yet. */
	if (!clean && atomic_load(&current->mm->remote_writers))
		return CODE_BUSY;
	return enable(current->mm, addr, addr + len, prot, clean);
}

/* Page by page, as far as it can be read; the rest reads as zeros. */
static int copy_pages(struct mm *mm, u64 from, u64 to, u64 len)
{
	u8 *buf = kmalloc(CHUNK);
	u64 off = 0;
	int err = buf ? 0 : -ENOMEM;

	while (off < len && !err) {
		size_t n = PAGE_ALIGN_DOWN(code_read(mm, buf, from + off, min(CHUNK, len - off)));

		if (fatal_pending_current())
			err = -EINTR;
		else if (n && !code_write(mm, to + off, buf, n))
			err = -ENOMEM;
		off += n ? n : PAGE_SIZE;
	}
	kfree(buf);
	return err;
}

int code_make_private(struct mm *mm, u64 addr, u64 len)
{
	/* Above: the list does not have yet what is being mapped, of which earlier pieces lie below. */
	u64 at = vma_gap_top(mm, len, addr + len, MM_TOP);
	long ret;

	if (!at)
		return -ENOMEM;
	if (!mm_range_is_guests(addr, len) || !mm_range_is_guests(at, len))
		return -EINVAL;
	ret = host_mprotect((void *)addr, len, PROT_READ);
	if (!ret)
		ret = mm_host_map(at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	if (ret)
		return (int)ret;
	ret = copy_pages(mm, addr, at, len);
	if (!ret)
		ret = host_mprotect((void *)at, len, PROT_READ);
	if (!ret)
		ret = host_mremap((void *)at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)addr);
	if (ret >= 0)
		return 0;
	(void)!mm_host_unmap(at, len);
	return (int)ret;
}
