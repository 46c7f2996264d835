/*
 * Text images of files: which there are, and their mappings. See image.h; what is in one: image_make.c.
 */
#include "mm/image.h"

#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/stat.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "core/log.h"
#include "core/time.h"
#include "fs/file.h"
#include "fs/filemem.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/code.h"
#include "mm/vma.h"
#include "proc/task.h"

#define SEEN_MIN 3u /* executable mappings before there is an image, which costs a millisecond or two to make */
#define SEEN_MIN_LATE 2u
#define LONG (300 * NSEC_PER_MSEC) /* a sandbox that has lived so long can afford it earlier */
#define AGAIN (300 * NSEC_PER_MSEC) /* until it is made anew, for whatever reason; each time twice as long */
#define AGAIN_SHIFT_MAX 6u
#define IN_USE (5 * NSEC_PER_SEC) /* since it was mapped: it is not given up for another one */
#define QUIET (2 * NSEC_PER_SEC) /* since the last change: a later one has another time then */
#define PAGES_MAX (64ull << 20 >> PAGE_SHIFT) /* all images; at most a sixteenth of what the sandbox may have */
#define LOW_MIN 2u
#define OWN_AREAS_MIN 8u /* of an mm's areas that are left to its own patches */

/* A file as it was. */
struct identity {
	u64 dev, ino, size;
	s64 mtime, ctime; /* ns */
};

/* Hangs on the inode. */
struct file_image {
	struct list_head node; /* in held, when it has an area; under images_lock, as all below */
	struct patch_area *area; /* one reference; NULL = none */
	struct identity id; /* the area is made of this, or there was nothing to patch in it */
	u64 offset, len; /* of the range that was mapped last */
	u32 seen; /* such mappings */
	s64 used; /* when the area was mapped last */
	s64 again; /* when it may be made anew */
	u32 makes;
	u32 met_asked; /* of met, so many were known when it was made */
	struct image_met met;
	u32 changes; /* of the file, as far as was told */
	bool making, hopeless;
	u32 low; /* so often the area was wanted where there is nothing in front, while nobody had it mapped */
	bool above; /* the next one is behind the text */
};

static struct mutex images_lock = MUTEX_INIT(LOCK_LEAF);
static struct list_head held = LIST_HEAD_INIT(held); /* the least recently used first */
static u64 pages_held; /* of all images that are not freed yet; atomic */

static s64 begun; /* when the first program was mapped; atomic */

static bool affordable_at(s64 now)
{
	s64 was = atomic_load(&begun);

	if (!was)
		atomic_store(&begun, now);
	return was && now - was > LONG;
}

bool image_affordable(void) { return affordable_at(ktime_get()); }

static s64 nsec(const struct statx_timestamp *t) { return t->tv_sec * NSEC_PER_SEC + t->tv_nsec; }

static bool identify(int fd, struct identity *id)
{
	struct statx st;

	memset(id, 0, sizeof(*id));
	if (host_statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st))
		return false;
	id->dev = (u64)st.stx_dev_major << 32 | st.stx_dev_minor;
	id->ino = st.stx_ino;
	id->size = st.stx_size;
	id->mtime = nsec(&st.stx_mtime);
	id->ctime = nsec(&st.stx_ctime);
	return true;
}

static struct file_image *file_image(struct inode *inode)
{
	struct file_image *f = atomic_load(&inode->image), *old = NULL;

	if (f)
		return f;
	f = kzalloc(sizeof(*f));
	if (!f)
		return NULL;
	list_init(&f->node);
	if (__atomic_compare_exchange_n(&inode->image, (void **)&old, f, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
		return f;
	kfree(f);
	return old;
}

/* Its area, whose reference is the caller's to put when the lock is free. */
static struct patch_area *detach_locked(struct file_image *f)
{
	struct patch_area *a = f->area;

	if (a)
		list_del(&f->node);
	f->area = NULL;
	f->hopeless = false;
	f->seen = 0;
	f->met.count = f->met_asked = f->low = 0;
	return a;
}

static void forget(struct file_image *f)
{
	struct patch_area *a;

	mutex_lock(&images_lock);
	f->changes++;
	a = detach_locked(f);
	mutex_unlock(&images_lock);
	if (a)
		area_put(a);
}

void image_forget(struct inode *inode)
{
	struct file_image *f = atomic_load(&inode->image);

	if (f)
		forget(f);
}

void image_free(struct inode *inode)
{
	if (!inode->image)
		return;
	forget(inode->image);
	kfree(inode->image);
}

void text_image_free(struct text_image *t)
{
	if (t->text != FILEMEM_NONE)
		filemem_free(t->text, t->pages);
	if (t->counted)
		atomic_sub(&pages_held, t->pages + (IMAGE_AREA_SIZE >> PAGE_SHIFT));
	kfree(t->clean);
	kfree(t);
}

/* Room for so many pages more, at the cost of images that were not wanted for long. */
static bool make_room(u64 pages)
{
	u64 most = boot->memory_limit ? min(PAGES_MAX, boot->memory_limit / 16 >> PAGE_SHIFT) : PAGES_MAX;
	struct patch_area *a;

	do {
		struct file_image *f;

		if (atomic_add(&pages_held, pages) <= most)
			return true;
		atomic_sub(&pages_held, pages);
		mutex_lock(&images_lock);
		f = list_first_entry_or_null(&held, struct file_image, node);
		a = f && ktime_get() - f->used > IN_USE ? detach_locked(f) : NULL;
		mutex_unlock(&images_lock);
		if (a)
			area_put(a);
	} while (a);
	return false;
}

/* f->making is ours. */
static struct patch_area *make(struct file_image *f, int fd, const struct identity *id, u64 offset, u64 len, bool above,
			       u32 changes)
{
	struct identity now;
	struct patch_area *a = NULL, *old = NULL;
	struct image_met met;
	bool wanted = image_worthwhile(fd, offset, len), room = false;

	if (wanted)
		room = make_room((len + IMAGE_AREA_SIZE) >> PAGE_SHIFT);
	mutex_lock(&images_lock);
	met = f->met;
	f->met_asked = met.count;
	f->again = ktime_get() + (AGAIN << min(f->makes, AGAIN_SHIFT_MAX));
	f->makes++;
	mutex_unlock(&images_lock);
	if (room)
		a = image_make(fd, offset, len, above, &met);
	if (a)
		a->image->counted = true;
	else if (room)
		atomic_sub(&pages_held, (len + IMAGE_AREA_SIZE) >> PAGE_SHIFT);
	mutex_lock(&images_lock);
	f->making = false;
	f->seen = 0;
	f->hopeless = !wanted;
	mutex_unlock(&images_lock);
	if (!a)
		return NULL;
	/* Changed while it was read? */
	if (!identify(fd, &now) || memcmp(&now, id, sizeof(now))) {
		area_put(a);
		return NULL;
	}
	mutex_lock(&images_lock);
	if (f->changes == changes) {
		old = f->area;
		if (!old)
			list_add_tail(&f->node, &held);
		ref_get(&a->ref);
		f->area = a;
		f->used = ktime_get();
	}
	mutex_unlock(&images_lock);
	if (old)
		area_put(old);
	return a;
}

void image_look(struct map_pieces *p, struct file *file, u64 offset, u64 len, u32 prot, u32 flags)
{
	const struct map_source *s = p->piece;
	struct patch_area *a = NULL, *old = NULL;
	struct file_image *f;
	struct identity id;
	bool begin = false, above = false, affordable;
	s64 now;
	u32 changes = 0;

	if ((prot & (PROT_EXEC | PROT_WRITE)) != PROT_EXEC || (flags & MAP_TYPE) != MAP_PRIVATE || p->count != 1 ||
	    !s->exclusive || s->host_fd < 0 || s->host_fd == filemem_fd() || s->host_offset != offset ||
	    len > IMAGE_TEXT_MAX || !S_ISREG_(file->inode->mode) || (code_copied() && !p->stable) ||
	    (!s->fixed && atomic_load(&file->inode->write_count) > 0))
		return;
	f = file_image(file->inode);
	if (!f || !identify(s->host_fd, &id) || offset >= id.size || offset + len > PAGE_ALIGN_UP(id.size))
		return;
	p->image_of = f;
	now = ktime_get();
	affordable = affordable_at(now);
	mutex_lock(&images_lock);
	if (memcmp(&f->id, &id, sizeof(id))) {
		old = detach_locked(f);
		f->changes++;
		f->id = id;
	}
	if (!f->area && (f->offset != offset || f->len != len)) {
		f->offset = offset;
		f->len = len;
		f->seen = 0;
		f->hopeless = false;
	}
	if (f->area && f->offset == offset && f->len == len) {
		a = f->area;
		ref_get(&a->ref);
		list_move_tail(&f->node, &held);
		f->used = now;
		begin = f->met.count > f->met_asked && !f->making && affordable && now > f->again;
		f->making |= begin;
		above = f->above;
		changes = f->changes;
	} else if (!f->area && !f->hopeless && !f->making && now > f->again &&
		   ++f->seen >= (affordable ? SEEN_MIN_LATE : SEEN_MIN)) {
		begin = f->making = true;
		above = f->above;
		changes = f->changes;
	}
	mutex_unlock(&images_lock);
	if (old)
		area_put(old);
	if (begin && ktime_get_real() - max(id.ctime, id.mtime) > QUIET) {
		struct patch_area *fresh = make(f, s->host_fd, &id, offset, len, above, changes);

		if (fresh && a)
			area_put(a);
		a = fresh ? fresh : a;
	} else if (begin) {
		mutex_lock(&images_lock);
		f->making = false;
		mutex_unlock(&images_lock);
	}
	p->image = a;
}

static bool has_area(const struct mm *mm, const struct patch_area *a, u64 shift)
{
	struct area_ref r;

	for (u32 i = 0; (r = area_nth(mm, i)).a; i++)
		if (r.a == a && r.shift == shift)
			return true;
	return false;
}

static u32 areas(const struct mm *mm)
{
	u32 n = 0;

	while (area_nth(mm, n).a)
		n++;
	return n;
}

void image_place(struct mm *mm, struct map_pieces *p, u64 addr, u64 len)
{
	struct patch_area *a = p->image;
	u64 at;

	if (!a)
		return;
	at = a->addr + (addr - IMAGE_TEXT_AT);
	if (has_area(mm, a, addr - IMAGE_TEXT_AT)) {
		p->image_fits = true;
		return;
	}
	/* In front there is nothing: the next image of it has its area behind. */
	p->image_above = a->addr < IMAGE_TEXT_AT && addr < IMAGE_TEXT_AT - a->addr + USER_MIN;
	p->image_fits = !p->image_above && at >= USER_MIN && at < MM_TOP && a->size <= MM_TOP - at &&
			vma_range_free(mm, at, at + a->size) && (at >= addr + len || at + a->size <= addr) &&
			areas(mm) < PATCH_AREAS - OWN_AREAS_MIN && mm->vma_count < MAX_MAP_COUNT - 4;
}

/* An image that others have mapped suits them, and whoever maps a file low on purpose does not take it from them. */
void image_put(struct map_pieces *p)
{
	struct file_image *f = p->image_of;
	struct patch_area *old = NULL;

	if (p->image_above) {
		mutex_lock(&images_lock);
		if (f->area == p->image && ref_read(&f->area->ref) <= 2 && ++f->low >= LOW_MIN) {
			f->above = true;
			f->changes++;
			old = detach_locked(f);
		}
		mutex_unlock(&images_lock);
	}
	if (old)
		area_put(old);
	if (p->image)
		area_put(p->image);
}

/* From file memory, which was looked at when it was made. */
static int map_known(u64 addr, u64 len, u32 prot, u32 flags, u64 offset, u64 first, const struct text_image *t)
{
	struct code_clean clean = { t->clean, first, t->pages + (IMAGE_AREA_SIZE >> PAGE_SHIFT) };
	int err;

	if (!code_scanned() || !t->clean)
		return mm_host_map(addr, len, prot, flags, filemem_fd(), offset);
	err = mm_host_map(addr, len, PROT_READ, flags, filemem_fd(), offset);
	if (!err)
		err = code_enable(addr, len, PROT_READ | PROT_EXEC, &clean);
	return err < 0 ? err : 0;
}

static int add_area(struct mm *mm, struct patch_area *a, u64 shift)
{
	u64 addr = a->addr + shift;
	u32 index = areas(mm);
	struct vma *v;
	int err;

	if (index == PATCH_AREAS)
		return -ENOMEM;
	v = vma_alloc(addr, addr + a->size, PROT_READ | PROT_EXEC, MAP_SHARED | VMA_SEALED | VMA_NOWRITE | VMA_DONTDUMP);
	if (!v)
		return -ENOMEM;
	err = map_known(addr, a->size, v->prot, MAP_SHARED, a->offset, a->image->pages, a->image);
	if (err) {
		(void)!mm_host_unmap(addr, a->size);
		kfree(v);
		return err;
	}
	v->name = "[limpet]";
	vma_insert(mm, v);
	mm_account(mm, v->prot, v->flags, (s64)(a->size >> PAGE_SHIFT));
	ref_get(&a->ref);
	mm->patch_shift[index] = shift;
	atomic_store(&mm->patch_area[index], a);
	return 0;
}

int image_map(struct mm *mm, struct patch_area *a, u64 addr, u64 len, u32 prot)
{
	u64 shift = addr - IMAGE_TEXT_AT;
	int err = has_area(mm, a, shift) ? 0 : add_area(mm, a, shift);

	if (!err)
		err = map_known(addr, len, prot, MAP_PRIVATE, a->image->text, 0, a->image);
	if (!err)
		stats_image_mapped();
	return err;
}

u32 image_flags(const struct map_pieces *p) { return p->image_fits ? VMA_IMAGE : p->image_of ? VMA_TEXT : 0; }

bool image_is_stub(const struct mm *mm, u64 page)
{
	struct area_ref r;

	for (u32 i = 0; (r = area_nth(mm, i)).a; i++)
		if (r.a->image && r.a->image->stubs && page == r.a->addr + r.shift + IMAGE_STUBS)
			return true;
	return false;
}

void image_unshow(const struct text_image *t, u64 at, u8 *buf, size_t n)
{
	for (u32 i = 0; i < t->nr_moved; i++) {
		u64 from = t->moved[i].at, lo = max(from, at), hi = min(from + t->moved[i].len, at + n);

		if (lo < hi && !memcmp(buf + (lo - at), filemem_ptr(t->text + lo), hi - lo))
			memcpy(buf + (lo - at), t->moved[i].bytes + (lo - from), hi - lo);
	}
}

/* The first VMA of the range with this flag. */
static struct vma *find_flag(struct mm *mm, u64 start, u64 end, u32 flag)
{
	struct vma *v = vma_find(mm, start);

	while (v && v->start < end && !(v->flags & flag))
		v = vma_next(v);
	return v && v->start < end ? v : NULL;
}

bool image_in(struct mm *mm, u64 start, u64 end) { return find_flag(mm, start, end, VMA_IMAGE) != NULL; }

void image_trapped(struct mm *mm, u64 addr)
{
	struct file_image *f;
	struct vma *v;
	u32 i;

	mutex_lock(&mm->lock);
	v = find_flag(mm, addr, addr + 1, VMA_IMAGE);
	f = v ? atomic_load(&v->file->inode->image) : NULL;
	if (f) {
		u32 at = (u32)(v->offset - f->offset + (addr - v->start));

		mutex_lock(&images_lock);
		for (i = 0; i < f->met.count && f->met.at[i] != at; i++)
			;
		if (i == f->met.count && i < IMAGE_MET)
			f->met.at[f->met.count++] = at;
		mutex_unlock(&images_lock);
	}
	mutex_unlock(&mm->lock);
}

/* What is to be mapped anew: one VMA's part of a range. */
struct renewal {
	u64 start, end, offset;
	u32 prot, flags;
	struct file *file; /* reference held */
};

static void renewal_of(struct renewal *l, const struct vma *v, u64 start, u64 end)
{
	l->start = max(v->start, start);
	l->end = min(v->end, end);
	l->offset = v->offset + (l->start - v->start);
	l->prot = v->prot;
	l->flags = v->flags;
	l->file = file_get(v->file);
}

/* Is it still as it was? */
static bool renewal_valid(struct mm *mm, const struct renewal *l)
{
	struct vma *v = vma_find(mm, l->start);

	return v && v->start <= l->start && v->end >= l->end && v->file == l->file && v->flags == l->flags &&
	       v->prot == l->prot && v->offset + (l->start - v->start) == l->offset;
}

static bool leaving_find(struct mm *mm, u64 start, u64 end, struct renewal *l)
{
	struct vma *v;

	mutex_lock(&mm->lock);
	v = find_flag(mm, start, end, VMA_IMAGE);
	if (v)
		renewal_of(l, v, start, end);
	mutex_unlock(&mm->lock);
	return v != NULL;
}

static int leave_locked(struct mm *mm, const struct renewal *l, const struct map_pieces *p, struct vma **dead)
{
	u32 flags = l->flags & ~VMA_IMAGE;
	int err;

	if (!renewal_valid(mm, l))
		return 0; /* look again */
	err = vma_isolate(mm, l->start, l->end);
	if (err)
		return err;
	if (code_copied() && !p->stable)
		flags = (flags & ~VMA_STABLE) | VMA_COPIED;
	err = mm_pieces_map(p, l->start, l->end - l->start, l->prot, flags);
	if (err)
		return err;
	mm->exec_seq++;
	vma_find(mm, l->start)->flags = flags;
	vma_merge_range(mm, l->start, l->end, dead);
	return 0;
}

int image_leave(struct mm *mm, u64 start, u64 end)
{
	struct renewal l;
	int err = 0;

	while (!err && leaving_find(mm, start, end, &l)) {
		struct vma *dead = NULL;
		struct map_pieces p;

		err = mm_pieces_get(l.file, l.offset, l.end - l.start, l.prot, MAP_PRIVATE, &p);
		if (!err) {
			mutex_lock(&mm->lock);
			err = leave_locked(mm, &l, &p, &dead);
			mutex_unlock(&mm->lock);
			mm_pieces_put(&p);
			vma_free_chain(dead);
		}
		file_put(l.file);
	}
	return err;
}

/* Has its file an image for just this VMA? */
static bool can_adopt(const struct vma *v)
{
	struct file_image *f = v->file ? atomic_load(&v->file->inode->image) : NULL;
	bool can;

	if (!f || !atomic_load(&f->area))
		return false;
	mutex_lock(&images_lock);
	can = f->area && f->offset == v->offset && f->len == v->end - v->start;
	mutex_unlock(&images_lock);
	return can;
}

/* The one at addr, or with addr 0 any whose file has an image already. */
static bool adoption_find(struct mm *mm, u64 addr, struct renewal *l)
{
	struct vma *v;

	mutex_lock(&mm->lock);
	v = addr ? find_flag(mm, addr, addr + 1, VMA_TEXT) : find_flag(mm, 0, TASK_SIZE, VMA_TEXT);
	while (v && !addr && !can_adopt(v))
		v = find_flag(mm, v->end, TASK_SIZE, VMA_TEXT);
	if (v) {
		renewal_of(l, v, v->start, v->end);
		/* Once only, whatever comes of it. */
		v->flags = l->flags &= ~VMA_TEXT;
	}
	mutex_unlock(&mm->lock);
	return v != NULL;
}

static void adopt_locked(struct mm *mm, const struct renewal *l, struct map_pieces *p)
{
	struct vma *v = vma_find(mm, l->start);
	u64 len = l->end - l->start;

	if (!renewal_valid(mm, l) || v->start != l->start || v->end != l->end || atomic_load(&mm->users) != 1)
		return;
	image_place(mm, p, l->start, len);
	if (!p->image_fits)
		return;
	if (!image_map(mm, p->image, l->start, len, l->prot))
		v->flags |= VMA_IMAGE;
	else if (mm_pieces_map(p, l->start, len, l->prot, l->flags))
		log_warn("text image: %#lx is mapped from nowhere", l->start);
	mm->exec_seq++;
}

/*
 * Patches of its own go with the pages that they are in. Nobody else may run meanwhile: another thread could just have
 * met an instruction in whose place there is a trap (code_fix.c), and find none.
 */
void image_adopt(struct mm *mm, u64 addr)
{
	struct renewal l;

	if (!mm || atomic_load(&mm->users) != 1)
		return;
	while (adoption_find(mm, addr, &l)) {
		struct map_pieces p;

		if (!mm_pieces_get(l.file, l.offset, l.end - l.start, l.prot, MAP_PRIVATE, &p)) {
			image_look(&p, l.file, l.offset, l.end - l.start, l.prot, MAP_PRIVATE);
			mutex_lock(&mm->lock);
			adopt_locked(mm, &l, &p);
			mutex_unlock(&mm->lock);
			mm_pieces_put(&p);
		}
		file_put(l.file);
	}
}
