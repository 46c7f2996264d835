/*
 * The contents of a text image (image.h): the file's bytes, a jump at each system call that is certain to be one, and
 * the trampolines. Where the scan is wanted: the dynamic linker's XRSTOR goes to a stub (code_stub.c), and the pages are
 * noted in which no forbidden sequence begins. Nobody can execute any of this before it is finished.
 *
 * Displacements have a highest byte that begins no instruction, by the area's distance; the lower bytes are right or
 * wrong by the slot, as everywhere. What does not fit stays a trap, and gets hot in each process for itself.
 */
#include "core/alloc.h"
#include "core/stats.h"
#include "core/time.h"
#include "fs/filemem.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/code.h"
#include "mm/image.h"

#define CHUNK (16 * PAGE_SIZE)
#define SMALL (256ull << 10)
#define ASK_MAX 8u
#define CALLS 512u /* numbers of system calls are below */
#define INT3 0xcc

/* The text ends 16 MiB behind its start at the latest, the area is 64 KiB: highest bytes EC..EE, and 6C..6E. */
#define DISTANCE_FRONT 0x11000000ull
#define DISTANCE_BEHIND 0x6d000000ull
#define DISTANCES 256u /* steps of an area: images of neighbours do not meet */

struct making {
	struct patch_area *a;
	u8 *text;
	u64 len;
	u64 end; /* offset behind the last site that was patched, with what moved */
	u32 sites;
	const struct image_met *met;
	u32 may_ask; /* about so many sites where nobody trapped yet */
};

struct word {
	u64 v;
} __packed __attribute__((may_alias));

/* Is a byte of w zero? */
static bool has_zero(u64 w) { return (w - 0x0101010101010101ull) & ~w & 0x8080808080808080ull; }

/* The first 0F 05 at or behind i; n = none. */
static u64 next_syscall(const u8 *p, u64 n, u64 i)
{
	/* Bytes that are 0F with 05 behind them are zero in both. */
	for (; i + 16 < n; i += 8) {
		u64 w = ((const struct word *)(p + i))->v ^ 0x0f0f0f0f0f0f0f0full;
		u64 next = ((const struct word *)(p + i + 1))->v ^ 0x0505050505050505ull;

		if (has_zero(w | next))
			break;
	}
	for (; i + 1 < n; i++)
		if (p[i] == 0x0f && p[i + 1] == 0x05)
			return i;
	return n;
}

#define CERTAIN_BEFORE 8u
#define CERTAIN_BEHIND 8u

/* Is 0F 05 at p, with CERTAIN_* bytes around it, an instruction? *nr: the number that the mov in front says, or ~0. */
static bool certain(const u8 *p, u64 *nr)
{
	u32 imm, cmp;

	memcpy(&imm, p - MOV_LEN + 1, sizeof(imm));
	memcpy(&cmp, p + 4, sizeof(cmp));
	*nr = p[-5] == 0xb8 && imm < CALLS ? imm : ~0ull;
	if (*nr != ~0ull && (p[-6] & 0xf0) != 0x40 && p[-6] != 0x8d)
		return true;
	/* mov $nr,%rax: wherever in it decoding begins, it ends here */
	if (p[-7] == 0x48 && p[-6] == 0xc7 && p[-5] == 0xc0 && imm < CALLS)
		return true;
	/* cmp $-4096,%rax or $-4095 */
	return p[2] == 0x48 && p[3] == 0x3d && (cmp == 0xfffff000u || cmp == 0xfffff001u);
}

bool image_worthwhile(int fd, u64 offset, u64 len)
{
	u8 *buf = kmalloc(CHUNK);
	bool found = false;
	u64 done = 0, nr;

	while (buf && !found && done < len) {
		long got = host_pread64(fd, buf, min(CHUNK, len - done), (loff_t)(offset + done));

		if (got <= (long)(CERTAIN_BEFORE + CERTAIN_BEHIND))
			break;
		for (u64 i = next_syscall(buf, (u64)got, CERTAIN_BEFORE); i + CERTAIN_BEHIND <= (u64)got && !found;
		     i = next_syscall(buf, (u64)got, i + 1))
			found = certain(buf + i, &nr);
		/* Where two chunks meet is looked at twice. */
		done += (u64)got - (CERTAIN_BEFORE + CERTAIN_BEHIND);
	}
	kfree(buf);
	return found;
}

static bool read_text(int fd, u64 offset, u64 text, u64 len)
{
	u64 done = 0;

	while (done < len) {
		long got = host_pread64(fd, filemem_ptr(text + done), len - done, (loff_t)(offset + done));

		if (got < 0)
			return false;
		if (!got)
			break;
		done += (u64)got;
	}
	return done > len - PAGE_SIZE; /* the last page's rest is zero, as in a mapping */
}

/* Which instruction is it? May ask. */
static bool locate(const struct making *m, u64 at, struct code_fix *f, bool *flags_dead)
{
	u64 from = at > CODE_BEFORE ? at - CODE_BEFORE : 0, to = min(at + CODE_BEHIND, m->len);
	struct code_question q = { .n = (u32)(to - from), .at = (u32)(at - from), .known = -1 };
	struct code_answer a;

	memcpy(q.bytes, m->text + from, q.n);
	if (!code_answer_known(&q, &a) && (code_ask(&q) || !code_answer_known(&q, &a)))
		return false;
	if (a.start < 0 || (u32)a.start > q.at || a.len > sizeof(f->bytes) || q.at - (u32)a.start >= a.len ||
	    (u32)a.start + a.len > q.n)
		return false;
	*f = (struct code_fix){ .start = from + (u32)a.start, .len = a.len };
	memcpy(f->bytes, q.bytes + a.start, a.len);
	*flags_dead = a.flags_dead;
	return true;
}

/* Where somebody trapped the supervisor is asked, too; of a small text, the dynamic linker's for one, about the others. */
static bool is_syscall(struct making *m, u64 at)
{
	struct code_fix f;
	bool flags_dead, met = false;

	for (u32 i = 0; i < m->met->count && !met; i++)
		met = m->met->at[i] == at;
	if (!met && m->may_ask) {
		m->may_ask--;
		met = true;
	}
	return met && locate(m, at, &f, &flags_dead) && f.start == at && f.len == SYSCALL_LEN;
}

static void patch_one(struct making *m, u64 at)
{
	struct plan p = { 0 };
	u8 jump[JMP_LEN];
	u64 nr;

	if (!certain(m->text + at, &nr) && !is_syscall(m, at))
		return;
	memcpy(p.code, m->text + at - BEFORE, BEFORE + AFTER);
	if (plan_decide(&p, IMAGE_TEXT_AT + at, nr, AFTER) != SITE_PATCHED || p.from < IMAGE_TEXT_AT + m->end)
		return;
	/* A call that moves pushes the address behind it, which is another one in each process. */
	for (u32 i = 0; i < p.nr_insns; i++)
		if (p.insn[i].info.kind == INSN_CALL)
			return;
	if (area_use(m->a, &p, jump) != SITE_PATCHED)
		return;
	memcpy(m->text + (p.from - IMAGE_TEXT_AT), jump, JMP_LEN);
	m->end = max(p.from - IMAGE_TEXT_AT + JMP_LEN, at + SYSCALL_LEN + p.moved);
	m->sites++;
}

/* The jump instead of the instruction, if no new sequence comes of it. */
static bool put_stub_jump(struct making *m, const struct code_fix *f, u64 to)
{
	u8 now[sizeof(f->bytes)], *at = m->text + f->start;
	s32 disp = (s32)(to - (IMAGE_TEXT_AT + f->start + CODE_JUMP));
	struct scan_hit hit;
	bool clean = true;

	memset(now, SCAN_TRAP, sizeof(now));
	now[0] = 0xe9;
	memcpy(now + 1, &disp, sizeof(disp));
	memcpy(at, now, f->len);
	for (size_t i = 0; clean && scan_next(at - SCAN_REACH, 2 * SCAN_REACH + f->len, i, &hit); i = hit.at + 1)
		clean = hit.at >= SCAN_REACH + f->len || hit.at + hit.len <= SCAN_REACH;
	if (!clean)
		memcpy(at, f->bytes, f->len);
	return clean;
}

static void stub_one(struct making *m, const struct scan_hit *hit)
{
	struct text_image *t = m->a->image;
	u8 *page = (u8 *)filemem_ptr(m->a->offset + IMAGE_STUBS), text[CODE_STUB_SIZE];
	struct code_fix f;
	bool flags_dead;

	if (hit->kind != SCAN_XRSTOR || t->nr_moved == IMAGE_MOVED || hit->at < CODE_BEFORE || hit->at + CODE_BEHIND > m->len ||
	    !locate(m, hit->at, &f, &flags_dead) || !flags_dead || hit->at - f.start >= CODE_JUMP ||
	    code_forbidden(&f) != SCAN_XRSTOR)
		return;
	/* The first and the last place stay free: nothing of ours is beside what belongs to others. */
	for (u64 i = max(t->stubs, CODE_STUB_SIZE); i + 2 * CODE_STUB_SIZE <= PAGE_SIZE; i += CODE_STUB_SIZE) {
		u64 at = m->a->addr + IMAGE_STUBS + i;

		if (!code_stub_compose(text, at, IMAGE_TEXT_AT + f.start, f.bytes, f.len))
			continue;
		if (!put_stub_jump(m, &f, at))
			continue;
		if (!t->stubs)
			memset(page, INT3, PAGE_SIZE);
		memcpy(page + i, text, CODE_STUB_SIZE);
		t->stubs = i + CODE_STUB_SIZE;
		t->moved[t->nr_moved].at = f.start;
		t->moved[t->nr_moved].len = f.len;
		memcpy(t->moved[t->nr_moved++].bytes, f.bytes, sizeof(f.bytes));
		return;
	}
}

/* Bits of the pages in which no sequence begins or ends. */
static void note_clean(u64 *bits, u64 first, const u8 *p, u64 pages)
{
	struct scan_hit hit;

	for (u64 i = 0; i < pages; i++)
		bits[(first + i) / 64] |= 1ull << (first + i) % 64;
	for (size_t from = 0; scan_next(p, pages << PAGE_SHIFT, from, &hit); from = hit.at + 1) {
		u64 a = first + (hit.at >> PAGE_SHIFT), b = first + ((hit.at + hit.len - 1) >> PAGE_SHIFT);

		bits[a / 64] &= ~(1ull << a % 64);
		bits[b / 64] &= ~(1ull << b % 64);
	}
}

static bool look_at(struct making *m)
{
	struct text_image *t = m->a->image;
	u64 area_pages = IMAGE_AREA_SIZE >> PAGE_SHIFT, stub = t->pages + (IMAGE_STUBS >> PAGE_SHIFT);
	struct scan_hit hit;

	for (size_t from = 0; scan_next(m->text, m->len, from, &hit); from = hit.at + 1)
		stub_one(m, &hit);
	t->clean = kcalloc((t->pages + area_pages + 63) / 64, sizeof(u64));
	if (!t->clean)
		return false;
	note_clean(t->clean, 0, m->text, t->pages);
	note_clean(t->clean, t->pages, filemem_ptr(m->a->offset), area_pages);
	/* Stubs are what they are, and end in a test. */
	if (t->stubs)
		t->clean[stub / 64] |= 1ull << stub % 64;
	return true;
}

static struct patch_area *make_area(u64 pages, bool above)
{
	static u32 count;
	u64 step = atomic_add(&count, 1) % DISTANCES * IMAGE_AREA_SIZE;
	struct patch_area *a = area_alloc(IMAGE_SLOTS);
	struct text_image *t = kzalloc(sizeof(*t));
	u64 text = filemem_alloc(pages);

	if (!a || !t || text == FILEMEM_NONE)
		goto fail;
	a->size = IMAGE_AREA_SIZE;
	a->addr = above ? IMAGE_TEXT_AT + DISTANCE_BEHIND + step : IMAGE_TEXT_AT - DISTANCE_FRONT - step;
	a->offset = filemem_alloc(IMAGE_AREA_SIZE >> PAGE_SHIFT);
	if (a->offset == FILEMEM_NONE)
		goto fail;
	t->text = text;
	t->pages = pages;
	a->image = t;
	*(u64 *)filemem_ptr(a->offset + GATE_SLOT * SLOT_SIZE) = (u64)gate->call_entry;
	return a;
fail:
	if (text != FILEMEM_NONE)
		filemem_free(text, pages);
	kfree(t);
	if (a)
		area_put(a);
	return NULL;
}

struct patch_area *image_make(int fd, u64 offset, u64 len, bool above, const struct image_met *met)
{
	struct making m = { .len = len, .met = met, .may_ask = len <= SMALL && image_affordable() ? ASK_MAX : 0 };
	s64 start = ktime_get();

	m.a = make_area(len >> PAGE_SHIFT, above);
	if (!m.a)
		return NULL;
	m.text = filemem_ptr(m.a->image->text);
	if (!read_text(fd, offset, m.a->image->text, len))
		goto fail;
	for (u64 at = next_syscall(m.text, len, BEFORE); at + AFTER <= len; at = next_syscall(m.text, len, at + 1))
		patch_one(&m, at);
	if (code_scanned() && !look_at(&m))
		goto fail;
	stats_image(m.sites, len + IMAGE_AREA_SIZE, ktime_get() - start);
	return m.a;
fail:
	area_put(m.a);
	return NULL;
}
