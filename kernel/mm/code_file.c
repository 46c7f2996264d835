/*
 * Executable mappings of files: which can be run as they are, and which pages need no second look.
 *
 * A file that nobody can change as long as it is mapped, because it is in a lower layer or on an exclusive root and
 * writing to it is denied meanwhile (ETXTBSY, as Linux has it for programs only), keeps a bit for each page that was
 * found clean. Its pages are read and looked at before mm->lock is taken. Everything else, and all that is shared, is
 * copied to private memory when it is mapped, and looked at there.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/stats.h"
#include "core/time.h"
#include "fs/file.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/code.h"
#include "mm/vma.h"
#include "proc/task.h"

#define CHUNK (16 * PAGE_SIZE)
#define PAGES_MAX (1ull << 20) /* of a file: more is looked at each time */

/* Hangs on the inode; bits are set once and cleared together. */
struct code_map {
	u64 pages;
	u64 clean[]; /* atomic: no sequence begins in the page, with the file's next page behind it */
	/* then as many: the page was looked at */
};

static u64 words(u64 pages) { return (pages + 63) / 64; }

static struct code_map *map_get(struct inode *inode)
{
	struct code_map *m = atomic_load(&inode->code), *old = NULL;
	u64 pages = PAGE_ALIGN_UP(atomic_load(&inode->size)) >> PAGE_SHIFT;

	if (m || !pages || pages > PAGES_MAX)
		return m;
	m = kzalloc(sizeof(*m) + 2 * words(pages) * sizeof(u64));
	if (!m)
		return NULL;
	m->pages = pages;
	if (__atomic_compare_exchange_n(&inode->code, (void **)&old, m, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
		return m;
	kfree(m);
	return old;
}

void code_forget(struct inode *inode)
{
	struct code_map *m = atomic_load(&inode->code);

	for (u64 i = 0; m && i < 2 * words(m->pages); i++)
		atomic_store(&m->clean[i], 0);
}

static bool bit(const u64 *bits, u64 i) { return atomic_load_relaxed(&bits[i / 64]) >> i % 64 & 1; }
static void set_bit(u64 *bits, u64 i) { (void)atomic_or(&bits[i / 64], 1ull << i % 64); }

/* Pages [page, page + n) of the file. */
static void look_at(struct code_map *m, int fd, u64 page, u64 n, u8 *buf)
{
	u64 back = page ? SCAN_REACH : 0, start = (page << PAGE_SHIFT) - back;
	long got = host_pread64(fd, buf, back + (n << PAGE_SHIFT) + SCAN_REACH, (loff_t)start);
	u64 *looked = m->clean + words(m->pages);
	struct scan_hit hit;
	u32 dirty = 0;

	if (got <= (long)back)
		return;
	for (size_t from = back; scan_next(buf, (size_t)got, from, &hit); from = hit.at + 1)
		if ((hit.at - back) >> PAGE_SHIFT < n)
			dirty |= 1u << ((hit.at - back) >> PAGE_SHIFT);
	for (u64 i = 0; i < n && (u64)got > back + (i << PAGE_SHIFT); i++) {
		if (!(dirty >> i & 1))
			set_bit(m->clean, page + i);
		set_bit(looked, page + i);
	}
}

static void look_at_file(struct inode *inode, int fd, u64 offset, u64 len)
{
	struct code_map *m = map_get(inode);
	u64 page = offset >> PAGE_SHIFT, end = (offset + len) >> PAGE_SHIFT;
	u64 looked = 0;
	s64 begun = ktime_get();
	u8 *buf = NULL;

	if (!m)
		return;
	end = min(end, m->pages);
	while (page < end) {
		u64 n = 0;

		if (bit(m->clean + words(m->pages), page)) {
			page++;
			continue;
		}
		if (!buf)
			buf = kmalloc(CHUNK + 2 * SCAN_REACH);
		if (!buf)
			return;
		while (n < CHUNK >> PAGE_SHIFT && page + n < end && !bit(m->clean + words(m->pages), page + n))
			n++;
		look_at(m, fd, page, n, buf);
		page += n;
		looked += n;
	}
	if (looked)
		stats_scan(looked << PAGE_SHIFT, ktime_get() - begun);
	kfree(buf);
}

void code_pieces_look(struct map_pieces *p, struct file *file, u64 offset, u32 prot, u32 flags)
{
	const struct map_source *s = p->piece;

	if (!(prot & PROT_EXEC) || !code_copied() || p->count != 1 || (flags & MAP_TYPE) != MAP_PRIVATE || !s->exclusive)
		return;
	if (!s->fixed) {
		if (inode_write_deny(file->inode))
			return;
		/* Into a mapping of it that was there a moment ago, perhaps. */
		if (mm_remote_writing()) {
			inode_write_allow(file->inode);
			return;
		}
		p->denied = file->inode;
	}
	p->stable = true;
	if (code_scanned() && s->host_offset == offset) {
		look_at_file(file->inode, s->host_fd, offset, s->len);
		p->code = atomic_load(&file->inode->code);
	}
}

u32 code_pieces_flags(const struct map_pieces *p, u32 prot)
{
	if (!p->count || !(prot & PROT_EXEC) || !code_copied() || p->piece[0].host_fd < 0)
		return 0;
	if (!p->stable)
		return VMA_COPIED;
	return VMA_STABLE | (p->denied ? VMA_DENY : 0);
}

int code_map_piece(const struct map_pieces *p, const struct map_source *s, u64 addr, u64 len, u32 prot, u32 flags)
{
	bool wx = (prot & (PROT_WRITE | PROT_EXEC)) == (PROT_WRITE | PROT_EXEC);
	const struct code_map *m = p->code;
	struct code_clean clean;
	int err;

	/* Nothing is there that could be looked at and run; the fault that finds something maps it anew. */
	if (map_source_beyond(s))
		return mm_host_map(addr, len, prot & ~PROT_EXEC, flags, s->host_fd, s->host_offset);
	if (p->stable && m && code_scanned() && !wx) {
		clean = (struct code_clean){ m->clean, s->host_offset >> PAGE_SHIFT, m->pages };
		err = mm_host_map(addr, len, PROT_READ, flags, s->host_fd, s->host_offset);
		if (!err)
			err = code_enable(addr, len, PROT_READ | PROT_EXEC, &clean);
		return err < 0 ? err : 0;
	}
	if (p->stable || !code_copied() || s->host_fd < 0)
		return mm_host_map(addr, len, prot, flags, s->host_fd, s->host_offset);
	err = mm_host_map(addr, len, PROT_READ, (flags & ~MAP_TYPE) | MAP_PRIVATE, s->host_fd, s->host_offset);
	if (!err)
		err = code_make_private(current->mm, addr, len);
	if (err)
		return err;
	/* Contents are there to be run: executable first, as mm_host_map has it. */
	return mm_host_protect(addr, len, wx ? prot & ~PROT_WRITE : prot);
}
