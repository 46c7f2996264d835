/*
 * mmap, munmap, brk.
 *
 * Order in mm_mmap: check the request, let the file name its pieces (no lock: the file may take its own), then under
 * mm->lock choose the address, tell the host, change the list. All that can fail in the list is done before the host
 * is told; if the host fails in the middle, the range ends up unmapped on both sides.
 */
#include "abi/linux/errno.h"
#include "abi/linux/mount.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "fs/file.h"
#include "lib/string.h"
#include "mm/code.h"
#include "mm/image.h"
#include "mm/vma.h"
#include "proc/task.h"

#define LOW_32BIT 0x40000000ull
#define HIGH_32BIT 0x80000000ull

/* Flags of mmap(2) that a VMA remembers. */
#define VMA_KEEP (MAP_SHARED | MAP_PRIVATE | MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_STACK)
/* What MAP_SHARED_VALIDATE lets pass. */
#define MAP_KNOWN                                                                                            \
	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_ABOVE4G | MAP_GROWSDOWN | MAP_DENYWRITE |    \
	 MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | \
	 MAP_FIXED_NOREPLACE | MAP_UNINITIALIZED)

struct request {
	u64 addr, len;
	u32 prot, flags; /* flags as mmap(2) */
	u32 vflags; /* of the VMA */
	struct file *file; /* reference held */
	u64 offset;
	const char *name;
	struct map_pieces pieces;
};

int mm_pieces_get(struct file *file, u64 offset, u64 len, u32 prot, u32 flags, struct map_pieces *out)
{
	u32 room = 0;
	u64 done = 0;

	*out = (struct map_pieces){ 0 };
	while (done < len) {
		struct map_source *s;
		int err;

		if (out->count == room) {
			room = room ? room * 2 : 4;
			s = krealloc(out->piece, room * sizeof(*s));
			if (!s) {
				mm_pieces_put(out);
				return -ENOMEM;
			}
			out->piece = s;
		}
		s = &out->piece[out->count];
		err = file->ops->mmap(file, offset + done, len - done, prot, flags, s);
		if (!err && (!s->len || (s->len & ~PAGE_MASK) || s->len > len - done))
			err = -EIO;
		if (err) {
			mm_pieces_put(out);
			return err;
		}
		done += s->len;
		out->count++;
	}
	code_pieces_look(out, file, offset, prot, flags);
	return 0;
}

void mm_pieces_put(struct map_pieces *p)
{
	if (p->denied)
		inode_write_allow(p->denied);
	image_put(p);
	kfree(p->piece);
	*p = (struct map_pieces){ 0 };
}

/* Maps len bytes; no pieces = anonymous. On failure the range may be half mapped. */
int mm_pieces_map(const struct map_pieces *p, u64 addr, u64 len, u32 prot, u32 flags)
{
	int err = 0;

	if (!p->count)
		return mm_host_map(addr, len, prot, flags, -1, 0);
	if (flags & VMA_IMAGE)
		return image_map(current->mm, p->image, addr, len, prot);
	for (u32 i = 0; i < p->count && !err; i++) {
		const struct map_source *s = &p->piece[i];

		err = (prot & PROT_EXEC) || (flags & VMA_COPIED) ?
			      code_map_piece(p, s, addr, s->len, prot, flags) :
			      mm_host_map(addr, s->len, prot, flags, s->host_fd, s->host_offset);
		addr += s->len;
	}
	return err;
}

static int check_file(struct request *r)
{
	struct file *f = r->file;

	if ((r->vflags & MAP_SHARED) && !(f->mode_flags & FMODE_WRITE)) {
		if (r->prot & PROT_WRITE)
			return -EACCES;
		r->vflags |= VMA_NOWRITE;
	}
	if (!(f->mode_flags & FMODE_READ))
		return -EACCES;
	if (f->path.mnt && (f->path.mnt->flags & MS_NOEXEC)) {
		if (r->prot & PROT_EXEC)
			return -EPERM;
		r->vflags |= VMA_NOEXEC;
	}
	if (!f->ops->mmap)
		return -ENODEV;
	/* Who writes through one view and runs another cannot be served with a copy, and better knows. */
	if ((r->vflags & MAP_SHARED) && (r->prot & PROT_EXEC) && code_copied() && S_ISREG_(f->inode->mode) &&
	    ((f->mode_flags & FMODE_WRITE) || atomic_load(&f->inode->write_count) > 0))
		return -EACCES;
	return r->vflags & MAP_GROWSDOWN ? -EINVAL : 0;
}

/* The kind of mapping: shared or private, and what goes with it. */
static int check_flags(struct request *r)
{
	u32 type = r->flags & MAP_TYPE;

	if (type == MAP_SHARED_VALIDATE && r->file) {
		if (r->flags & ~MAP_KNOWN)
			return -EOPNOTSUPP;
		type = MAP_SHARED;
	}
	r->vflags = r->flags & VMA_KEEP & ~MAP_TYPE;
	if (type == MAP_DROPPABLE && !r->file) {
		/* Memory that the kernel may drop: it need not. */
		r->vflags = (r->vflags & ~MAP_LOCKED) | MAP_PRIVATE | MAP_NORESERVE | VMA_WIPEONFORK | VMA_DONTDUMP;
		return 0;
	}
	if (type != MAP_SHARED && type != MAP_PRIVATE)
		return -EINVAL;
	r->vflags |= type;
	if (r->flags & MAP_HUGETLB)
		return -ENOMEM; /* a machine without reserved huge pages */
	if (type == MAP_SHARED && (r->flags & MAP_GROWSDOWN))
		return -EINVAL;
	return 0;
}

static int use_shared_anon(struct request *r)
{
	struct file *f = mm_shared_anon(r->len);

	if (is_err(f))
		return ptr_err(f);
	if (r->file)
		file_put(r->file);
	r->file = f;
	r->offset = 0;
	r->name = "/dev/zero (deleted)";
	return mm_pieces_get(f, 0, r->len, r->prot, r->flags, &r->pieces);
}

static int find_pieces(struct request *r)
{
	int err;

	if (!r->file)
		return r->vflags & MAP_SHARED ? use_shared_anon(r) : 0;
	err = check_file(r);
	if (!err)
		err = mm_pieces_get(r->file, r->offset, r->len, r->prot, r->flags, &r->pieces);
	if (!err)
		image_look(&r->pieces, r->file, r->offset, r->len, r->prot, r->flags);
	/* /dev/zero, shared: zeros that the mappers have in common. */
	if (!err && (r->vflags & MAP_SHARED) && r->pieces.piece[0].host_fd < 0) {
		mm_pieces_put(&r->pieces);
		err = use_shared_anon(r);
	}
	return err;
}

bool mm_sealed(struct mm *mm, u64 start, u64 end)
{
	for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v))
		if (v->flags & VMA_SEALED)
			return true;
	return false;
}

u64 mm_find_free(struct mm *mm, u64 hint, u64 len, u32 flags, bool huge)
{
	u64 low = flags & MAP_ABOVE4G ? 1ull << 32 : USER_MIN, want, addr;

	hint = PAGE_ALIGN_DOWN(hint);
	if (hint) {
		hint = max(hint, USER_MIN);
		if (hint <= MM_TOP - len && vma_range_free(mm, hint, hint + len))
			return hint;
	}
	if (flags & MAP_32BIT)
		return vma_gap_top(mm, len, LOW_32BIT, HIGH_32BIT);
	/* The host can use huge pages when the address is aligned to one. */
	if (huge && len >= HUGE_SIZE && !add_overflow(len, HUGE_SIZE - PAGE_SIZE, &want)) {
		addr = vma_gap_top(mm, want, low, mm->mmap_base);
		if (addr)
			return ALIGN_UP(addr, HUGE_SIZE);
	}
	addr = vma_gap_top(mm, len, low, mm->mmap_base);
	return addr ? addr : vma_gap_top(mm, len, low, MM_TOP);
}

static int place(struct mm *mm, struct request *r)
{
	if (!(r->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		r->addr = mm_find_free(mm, r->addr, r->len, r->flags,
				       !r->file && !(r->len & (HUGE_SIZE - 1)) && !(r->flags & (MAP_STACK | MAP_GROWSDOWN)));
		return r->addr ? 0 : -ENOMEM;
	}
	if (r->addr & ~PAGE_MASK)
		return -EINVAL;
	if (r->addr > MM_TOP - r->len)
		return -ENOMEM;
	if (r->addr < USER_MIN)
		return -EPERM; /* as under mmap_min_addr */
	if ((r->flags & MAP_FIXED_NOREPLACE) && vma_overlap(mm, r->addr, r->addr + r->len))
		return -EEXIST;
	return mm_sealed(mm, r->addr, r->addr + r->len) ? -EPERM : 0;
}

/* Limits, with what the mapping replaces taken off. */
static int check_room(struct mm *mm, const struct request *r)
{
	u64 pages = r->len >> PAGE_SHIFT, end = r->addr + r->len, gone = 0, gone_data = 0;
	u64 data = mm_is_data(r->prot, r->vflags) ? pages : 0;
	int err;

	for (struct vma *v = vma_overlap(mm, r->addr, end); v && v->start < end; v = vma_next(v)) {
		u64 n = (min(v->end, end) - max(v->start, r->addr)) >> PAGE_SHIFT;

		gone += n;
		if (mm_is_data(v->prot, v->flags))
			gone_data += n;
	}
	err = mm_may_grow(mm, pages - gone, data > gone_data ? data - gone_data : 0);
	if (err)
		return err;
	if (mm->vma_count >= MAX_MAP_COUNT)
		return -ENOMEM;
	return r->vflags & MAP_LOCKED ? mm_lock_allowed(mm, pages, -EAGAIN) : 0;
}

static int map_locked(struct mm *mm, struct request *r, struct vma **dead)
{
	struct vma *v;
	u64 end;
	int err;

	if (!(r->vflags & MAP_LOCKED))
		r->vflags |= mm->def_flags & (MAP_LOCKED | VMA_LOCKONFAULT);
	err = place(mm, r);
	if (err)
		return err;
	end = r->addr + r->len;
	err = check_room(mm, r);
	if (err)
		return err;
	image_place(mm, &r->pieces, r->addr, r->len);
	r->vflags |= mm_pieces_flags(&r->pieces, r->file) | code_pieces_flags(&r->pieces, r->prot) |
		     image_flags(&r->pieces);
	v = vma_alloc(r->addr, end, r->prot, r->vflags);
	if (!v)
		return -ENOMEM;
	err = vma_isolate(mm, r->addr, end);
	if (err) {
		kfree(v);
		return err;
	}
	err = mm_pieces_map(&r->pieces, r->addr, r->len, r->prot, r->vflags);
	vma_remove_range(mm, r->addr, end, dead);
	if (err) {
		int ignored = mm_host_unmap(r->addr, r->len);

		(void)ignored;
		kfree(v);
		return err;
	}
	if (r->vflags & VMA_WIPEONFORK)
		mm_host_advise(r->addr, r->len, MADV_WIPEONFORK);
	v->name = r->name;
	if (r->file) {
		v->file = file_get(r->file);
		v->offset = r->offset;
		r->pieces.denied = NULL; /* v's now, if at all */
	}
	vma_insert(mm, v);
	mm_account(mm, v->prot, v->flags, r->len >> PAGE_SHIFT);
	vma_merge_range(mm, r->addr, end, dead);
	return 0;
}

/* Brings pages in; best effort, as MAP_POPULATE is. */
void mm_populate(u64 addr, u64 len, u32 prot)
{
	if (prot & PROT_WRITE)
		mm_host_advise(addr, len, MADV_POPULATE_WRITE);
	else if (prot & (PROT_READ | PROT_EXEC))
		mm_host_advise(addr, len, MADV_POPULATE_READ);
}

static s64 do_mmap(struct request *r)
{
	struct mm *mm = current->mm;
	struct vma *dead = NULL;
	u64 end;
	int err;

	if (!r->len)
		return -EINVAL;
	if (r->len > MM_TOP)
		return -ENOMEM;
	r->len = PAGE_ALIGN_UP(r->len);
	if (r->len > MM_TOP)
		return -ENOMEM;
	if ((r->offset & ~PAGE_MASK))
		return -EINVAL;
	if (add_overflow(r->offset, r->len, &end) || end > INT64_MAX)
		return -EOVERFLOW;
	err = check_flags(r);
	if (!err)
		err = find_pieces(r);
	if (err)
		return err;
	mutex_lock(&mm->lock);
	err = map_locked(mm, r, &dead);
	mutex_unlock(&mm->lock);
	vma_free_chain(dead);
	if (err)
		return err;
	if ((r->vflags & MAP_LOCKED && !(r->vflags & VMA_LOCKONFAULT)) ||
	    (r->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		mm_populate(r->addr, r->len, r->prot);
	return r->addr;
}

s64 mm_mmap(u64 addr, u64 len, u32 prot, u32 flags, struct file *file, u64 offset)
{
	struct request r = {
		.addr = addr,
		.len = len,
		.prot = prot & (PROT_READ | PROT_WRITE | PROT_EXEC),
		.flags = flags,
		.file = file ? file_get(file) : NULL,
		.offset = file ? offset : 0,
	};
	s64 ret = do_mmap(&r);

	mm_pieces_put(&r.pieces);
	if (r.file)
		file_put(r.file);
	return ret;
}

static int unmap_locked(struct mm *mm, u64 start, u64 end, struct vma **dead)
{
	u64 from = max(start, USER_MIN), to = min(end, MM_TOP);
	int err;

	if (!vma_overlap(mm, start, end))
		return 0;
	if (mm_sealed(mm, start, end))
		return -EPERM;
	err = vma_isolate(mm, start, end);
	if (!err)
		err = mm_host_unmap(from, to - from);
	if (err) {
		vma_merge_range(mm, start, end, dead);
		return err;
	}
	vma_remove_range(mm, start, end, dead);
	return 0;
}

int mm_munmap(u64 addr, u64 len)
{
	struct mm *mm = current->mm;
	struct vma *dead = NULL;
	int err;

	if (!defence(DEFENCE_RANGE) && addr >= TASK_SIZE)
		return mm_host_unmap(addr, len);
	if ((addr & ~PAGE_MASK) || !len || len > TASK_SIZE || addr > TASK_SIZE - PAGE_ALIGN_UP(len))
		return -EINVAL;
	mutex_lock(&mm->lock);
	err = unmap_locked(mm, addr, addr + PAGE_ALIGN_UP(len), &dead);
	mutex_unlock(&mm->lock);
	vma_free_chain(dead);
	return err;
}

static int brk_grow(struct mm *mm, u64 old, u64 new, struct vma **dead)
{
	struct request r = {
		.addr = old,
		.len = new - old,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		.vflags = MAP_PRIVATE,
		.name = "[heap]",
	};

	if (new > MM_TOP || !vma_range_free(mm, old, new + PAGE_SIZE))
		return -ENOMEM;
	return map_locked(mm, &r, dead);
}

u64 mm_brk(u64 brk)
{
	struct mm *mm = current->mm;
	struct vma *dead = NULL;
	u64 old, new, limit, ret, grown = 0;
	int err = 0;

	mutex_lock(&mm->lock);
	limit = rlimit(RLIMIT_DATA);
	if (brk < mm->brk_start || brk > MM_TOP || (limit != RLIM_INFINITY && brk - mm->brk_start > limit)) {
		ret = mm->brk;
		mutex_unlock(&mm->lock);
		return ret;
	}
	old = PAGE_ALIGN_UP(mm->brk);
	new = PAGE_ALIGN_UP(brk);
	if (new < old)
		err = unmap_locked(mm, new, old, &dead);
	else if (new > old)
		err = brk_grow(mm, old, new, &dead);
	if (!err) {
		mm->brk = brk;
		if (new > old && (mm->def_flags & (MAP_LOCKED | VMA_LOCKONFAULT)) == MAP_LOCKED)
			grown = new - old;
	}
	ret = mm->brk;
	mutex_unlock(&mm->lock);
	vma_free_chain(dead);
	if (grown)
		mm_populate(old, grown, PROT_WRITE);
	return ret;
}
