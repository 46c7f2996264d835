/*
 * Pages with forbidden sequences: what happens when one is run.
 *
 * The instruction that a sequence begins in is found out (code_ask.c). Its first byte becomes SCAN_TRAP, which is no
 * instruction, and so does the sequence's; what it was is remembered, and code_trap.c carries it out. A page is
 * unexecutable while that is done, so no thread sees half of it, and its bytes come back when it stops being
 * executable: programs that move or change their code see what they wrote.
 *
 * Jumping into the middle of such an instruction, which only a hostile program does, finds nothing forbidden either.
 *
 * JITs have data between their code, and data has every sequence sooner or later. Where no instruction is found only the
 * sequence gets its trap. So that nobody reads traps instead of data, such pages are run with a key that closes them to
 * reading (gate->code_key): a read takes the traps out and makes the page unexecutable, until the next fetch.
 */
#include "abi/control.h"
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "core/log.h"
#include "fs/file.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/code.h"
#include "mm/insn.h"
#include "mm/vma.h"
#include "proc/task.h"

#define ROUNDS_MAX 256u /* sequences in one page, about */
#define FIXES_MAX 4096u
#define WARNINGS_MAX 8u

/* Why a page does not run. */
struct refusal {
	u32 kind;
	u64 addr, offset;
	struct file *file; /* reference held; NULL = memory */
};

/* A page with its surroundings. bytes[before..before + PAGE_SIZE) is the page. */
struct page_view {
	u64 page;
	size_t before, n;
	u8 bytes[CODE_BEFORE + PAGE_SIZE + CODE_BEHIND];
};

static u64 view_addr(const struct page_view *w, size_t i) { return w->page - w->before + i; }

/* The first fix that ends behind addr. */
static u32 fix_find(const struct mm *mm, u64 addr)
{
	u32 lo = 0, hi = mm->fix_count;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (mm->fixes[mid].start + mm->fixes[mid].len <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct code_fix *fix_add(struct mm *mm, u64 start)
{
	u32 at = fix_find(mm, start);

	if (mm->fix_count == mm->fix_room) {
		u32 room = mm->fix_room ? min(mm->fix_room * 2, FIXES_MAX) : 8;
		struct code_fix *n;

		if (mm->fix_count == FIXES_MAX)
			return NULL;
		n = krealloc(mm->fixes, room * sizeof(*n));
		if (!n)
			return NULL;
		mm->fixes = n;
		mm->fix_room = room;
	}
	memmove(mm->fixes + at + 1, mm->fixes + at, (mm->fix_count - at) * sizeof(*mm->fixes));
	atomic_store(&mm->fix_low, mm->fix_count ? min(mm->fix_low, start) : start);
	atomic_store(&mm->fix_high, mm->fix_count ? max(mm->fix_high, start + INSN_MAX) : start + INSN_MAX);
	mm->fix_count++;
	mm->fixes[at] = (struct code_fix){ .start = start };
	return &mm->fixes[at];
}

static void fix_remove(struct mm *mm, u32 at, u32 n)
{
	mm->fix_count -= n;
	memmove(mm->fixes + at, mm->fixes + at + n, (mm->fix_count - at) * sizeof(*mm->fixes));
}

/* The page is PROT_READ, for the kernel alone where the gate can do that. */
static int hide(struct mm *mm, u64 page)
{
	if (!mm_range_is_guests(page, PAGE_SIZE))
		return -EINVAL;
	if (!gate->code_key)
		return (int)host_mprotect((void *)page, PAGE_SIZE, PROT_READ);
	mm->code_hidden = true;
	return (int)host_pkey_mprotect((void *)page, PAGE_SIZE, PROT_READ, gate->code_key);
}

/* Writes into a page that need not be writable; it is PROT_READ behind it. */
static int put_byte(struct mm *mm, u64 addr, u8 v)
{
	void *page = (void *)PAGE_ALIGN_DOWN(addr);
	struct vma *in = vma_find(mm, addr);
	long err;

	/* Trampolines are everybody's. */
	if (in && in->start <= addr && !in->file && (in->flags & VMA_NOWRITE))
		return -EPERM;
	err = hide(mm, (u64)page);
	if (err)
		return (int)err;
	err = host_mprotect(page, PAGE_SIZE, PROT_READ | PROT_WRITE);
	if (err)
		return (int)err;
	if (!code_write(mm, addr, &v, 1))
		err = -EFAULT;
	if (host_mprotect(page, PAGE_SIZE, PROT_READ))
		err = -ENOMEM;
	return (int)err;
}

/* A jump instead of a frequent XRSTOR. */
static bool fix_jump(struct mm *mm, struct code_fix *f, const struct scan_hit *hit, u64 addr)
{
	u8 jump[CODE_JUMP], around[2 * SCAN_REACH + INSN_MAX];
	struct scan_hit other;
	u32 n = f->len;

	if (hit->kind != SCAN_XRSTOR || addr - f->start >= CODE_JUMP || code_forbidden(f) != SCAN_XRSTOR ||
	    !code_stub(mm, f->start, f->bytes, f->len, jump))
		return false;
	/* Its bytes may not make a new sequence with those beside it. */
	if (code_read(mm, around, f->start - SCAN_REACH, SCAN_REACH) != SCAN_REACH)
		return false;
	memcpy(around + SCAN_REACH, jump, CODE_JUMP);
	memset(around + SCAN_REACH + CODE_JUMP, SCAN_TRAP, n - CODE_JUMP);
	if (code_read(mm, around + SCAN_REACH + n, f->start + n, SCAN_REACH) != SCAN_REACH)
		return false;
	for (size_t from = 0; scan_next(around, 2 * SCAN_REACH + n, from, &other); from = other.at + 1)
		if (other.at < SCAN_REACH + n && other.at + other.len > SCAN_REACH)
			return false;
	for (u32 i = 0; i < n; i++) {
		if (put_byte(mm, f->start + i, i < CODE_JUMP ? jump[i] : SCAN_TRAP))
			return false;
		f->changed |= 1u << i;
	}
	return true;
}

static int fix_put(struct mm *mm, struct code_fix *f, u32 off)
{
	int err = put_byte(mm, f->start + off, SCAN_TRAP);

	if (!err)
		f->changed |= 1u << off;
	return err;
}

void code_drop(struct mm *mm, u64 addr, u64 len)
{
	u32 i = fix_find(mm, addr), n = i;

	while (n < mm->fix_count && mm->fixes[n].start < addr + len)
		n++;
	fix_remove(mm, i, n - i);
}

void code_restore(struct mm *mm, u64 addr, u64 len)
{
	u32 i = fix_find(mm, addr), n;

	for (n = i; n < mm->fix_count && mm->fixes[n].start < addr + len; n++) {
		const struct code_fix *f = &mm->fixes[n];

		/* All of it, also what lies beyond the border: that page is looked at again before it runs. */
		for (u32 k = 0; k < f->len; k++)
			if (f->changed >> k & 1)
				(void)!put_byte(mm, f->start + k, f->bytes[k]);
	}
	fix_remove(mm, i, n - i);
}

bool code_hides(const struct mm *mm, u64 page)
{
	if (!mm->code_hidden)
		return false;
	for (u32 i = fix_find(mm, page); i < mm->fix_count && mm->fixes[i].start < page + PAGE_SIZE; i++)
		if (!mm->fixes[i].shown)
			return true;
	return false;
}

int code_show_traps(struct mm *mm, u64 page)
{
	long err;

	for (u32 i = fix_find(mm, page); i < mm->fix_count && mm->fixes[i].start < page + PAGE_SIZE; i++)
		mm->fixes[i].shown = true;
	if (!mm_range_is_guests(page, PAGE_SIZE))
		return -EINVAL;
	err = host_pkey_mprotect((void *)page, PAGE_SIZE, PROT_READ, 0);
	if (!err)
		err = code_enable(page, PAGE_SIZE, PROT_READ | PROT_EXEC, NULL);
	return err == CODE_BUSY ? 0 : (int)err; /* the next fetch tries again */
}

void code_unshow(struct mm *mm, u64 addr, void *buf, size_t len)
{
	u8 *to = buf;

	if (!atomic_load_relaxed(&mm->fix_count))
		return;
	mutex_lock(&mm->lock);
	for (u32 i = fix_find(mm, addr); i < mm->fix_count && mm->fixes[i].start < addr + len; i++) {
		const struct code_fix *f = &mm->fixes[i];

		for (u32 k = 0; k < f->len; k++)
			if ((f->changed >> k & 1) && f->start + k >= addr && f->start + k - addr < len)
				to[f->start + k - addr] = f->bytes[k];
	}
	mutex_unlock(&mm->lock);
}

/* Leaves what programs see as it is, and is tried again by the fetch that finds the page unexecutable. */
void code_reveal_slow(struct mm *mm, u64 addr, u64 len)
{
	u32 i;

	mutex_lock(&mm->lock);
	for (i = fix_find(mm, addr); i < mm->fix_count && mm->fixes[i].start < addr + len;) {
		u64 page = PAGE_ALIGN_DOWN(mm->fixes[i].start);

		if (mm->fixes[i].shown) {
			i++;
			continue;
		}
		if (mm_host_protect(page, PAGE_SIZE, PROT_READ))
			break;
		i = fix_find(mm, addr);
	}
	mutex_unlock(&mm->lock);
}

bool code_try_again(struct mm *mm, u64 rip)
{
	bool again = false;
	u32 i;

	if (!atomic_load_relaxed(&mm->fix_count))
		return false;
	mutex_lock(&mm->lock);
	i = fix_find(mm, rip);
	if (i < mm->fix_count && mm->fixes[i].data && mm->fixes[i].start < rip + INSN_MAX &&
	    !mm_retries_used_up(mm, PAGE_ALIGN_DOWN(rip))) {
		/* An instruction begins at rip: the fetch's fault will say so to who looks. */
		again = !put_byte(mm, mm->fixes[i].start, mm->fixes[i].bytes[0]);
		fix_remove(mm, i, 1);
	}
	mutex_unlock(&mm->lock);
	return again;
}

int code_fixes_copy(struct mm *to, const struct mm *from)
{
	to->code_hidden = from->code_hidden;
	to->fix_low = from->fix_low;
	to->fix_high = from->fix_high;
	if (!from->fix_count)
		return 0;
	to->fixes = kmalloc(from->fix_count * sizeof(*to->fixes));
	if (!to->fixes)
		return -ENOMEM;
	memcpy(to->fixes, from->fixes, from->fix_count * sizeof(*to->fixes));
	to->fix_count = to->fix_room = from->fix_count;
	return 0;
}

bool code_fix_at(struct mm *mm, u64 rip, struct code_fix *out)
{
	bool found = false;
	u32 i;

	mutex_lock(&mm->lock);
	i = fix_find(mm, rip);
	if (i < mm->fix_count && mm->fixes[i].start == rip) {
		*out = mm->fixes[i];
		found = true;
	}
	mutex_unlock(&mm->lock);
	return found;
}

/* Beside the page, all that code_enable() looks at. */
static bool view_read(struct mm *mm, struct page_view *w, u64 page)
{
	size_t before = code_is_exec(mm, page - 1) ? CODE_BEFORE : SCAN_REACH;
	size_t behind = code_is_exec(mm, page + PAGE_SIZE) ? CODE_BEHIND : SCAN_REACH;
	u8 *p = w->bytes;

	w->page = page;
	w->before = code_read(mm, p, page - before, before) == before ? before : 0;
	if (code_read(mm, p + w->before, page, PAGE_SIZE) != PAGE_SIZE)
		return false;
	w->n = w->before + PAGE_SIZE;
	w->n += code_read(mm, p + w->n, page + PAGE_SIZE, behind);
	return true;
}

/* What surrounds the sequence, as the program wrote it. */
static void ask_about(const struct mm *mm, const struct page_view *w, size_t at, u64 rip, struct code_question *q)
{
	size_t from = at > CODE_BEFORE ? at - CODE_BEFORE : 0, to = min(at + CODE_BEHIND, w->n);
	u64 base = view_addr(w, from);

	q->n = (u32)(to - from);
	q->at = (u32)(at - from);
	q->known = rip >= base && rip - base <= q->at ? (s32)(rip - base) : -1;
	memcpy(q->bytes, w->bytes + from, q->n);
	for (u32 i = fix_find(mm, base); i < mm->fix_count && mm->fixes[i].start < base + q->n; i++)
		for (u32 k = 0; k < mm->fixes[i].len; k++)
			if (mm->fixes[i].start + k - base < q->n)
				q->bytes[mm->fixes[i].start + k - base] = mm->fixes[i].bytes[k];
}

/*
 * An instruction that ends in 0F before add %ebp,%edi (01 EF): the processor knows another spelling of the addition.
 */
static bool respell(struct mm *mm, const struct scan_hit *hit, u64 addr, const struct code_question *q,
		    const struct code_answer *a)
{
	u32 i = fix_find(mm, addr + 1);
	struct code_fix *f;

	if (hit->kind != SCAN_WRPKRU || q->bytes[q->at] != 0x0f || (u32)a->start + a->len != q->at + 1)
		return false;
	if (i < mm->fix_count && mm->fixes[i].start < addr + 3)
		return false;
	f = fix_add(mm, addr + 1);
	if (!f)
		return false;
	f->len = 2;
	f->changed = 3;
	memcpy(f->bytes, "\x01\xef", 2);
	return !put_byte(mm, addr + 1, 0x03) && !put_byte(mm, addr + 2, 0xfd);
}

static void log_bytes(const u8 *p, u32 n, u64 addr, u64 start)
{
	char text[3 * INSN_MAX + 1];

	for (u32 i = 0; i < n; i++)
		ksnprintf(text + 3 * i, 4, "%02x ", p[i]);
	text[3 * n] = 0;
	log_debug("code: forbidden bytes at %#lx, in the instruction at %#lx: %s", addr, start, text);
}

/* The sequence at addr begins in the instruction that the answer names. */
static bool fix_hit(struct mm *mm, const struct scan_hit *hit, u64 addr, const struct code_question *q,
		    const struct code_answer *a)
{
	u64 start = addr - q->at + (u32)a->start;
	u32 i = fix_find(mm, start);
	struct code_fix *f;

	if (a->start < 0 || a->len > INSN_MAX || (u32)a->start > q->at || q->at - (u32)a->start >= a->len ||
	    (u32)a->start + a->len > q->n || !code_is_exec(mm, start))
		return false;
	log_bytes(q->bytes + a->start, a->len, addr, start);
	if (respell(mm, hit, addr, q, a))
		return true;
	if (i < mm->fix_count && mm->fixes[i].start == start) {
		f = &mm->fixes[i];
		if (f->len != a->len)
			return false;
	} else if (i < mm->fix_count && mm->fixes[i].start < start + a->len) {
		return false; /* instructions that overlap */
	} else {
		f = fix_add(mm, start);
		if (!f)
			return false;
		f->len = a->len;
		memcpy(f->bytes, q->bytes + a->start, a->len);
		if (a->flags_dead && fix_jump(mm, f, hit, addr))
			return true;
	}
	return !fix_put(mm, f, 0) && !fix_put(mm, f, (u32)(addr - start));
}

/* No instruction is known to have it. In what is not run, in front of the page, stay the bytes that are there. */
static bool fix_data(struct mm *mm, const struct scan_hit *hit, u64 addr, const u8 *bytes)
{
	u32 skip = code_is_exec(mm, addr) ? 0 : (u32)(PAGE_ALIGN_UP(addr) - addr), i, len;
	struct code_fix *f;

	if (skip >= hit->len)
		return false;
	addr += skip;
	bytes += skip;
	len = min((u32)hit->len - skip, (u32)INSN_MAX);
	i = fix_find(mm, addr);
	if (i < mm->fix_count && mm->fixes[i].start < addr + len)
		return false;
	f = fix_add(mm, addr);
	if (!f)
		return false;
	f->len = len;
	f->data = true;
	memcpy(f->bytes, bytes, len);
	log_debug("code: %#lx: forbidden bytes (kind %u) in no instruction", addr, hit->kind);
	return !fix_put(mm, f, 0);
}

static void refuse(struct mm *mm, u64 addr, const struct scan_hit *hit, struct refusal *why)
{
	struct vma *v = vma_find(mm, addr);

	*why = (struct refusal){ .kind = hit->kind, .addr = addr };
	if (v && v->start <= addr && v->file) {
		why->file = file_get(v->file);
		why->offset = v->offset + (addr - v->start);
	}
}

/* To the log, and the first few to the user. */
static void complain(const struct refusal *why)
{
	static const char *const names[] = { "", "WRPKRU", "XRSTOR", "WRGSBASE" };
	static u32 warnings;
	char *buf = kmalloc(PATH_MAX), text[300];
	const char *path = "memory";

	if (why->file && why->file->path.dentry && buf) {
		path = path_text(&why->file->path, NULL, buf, PATH_MAX);
		if (is_err(path))
			path = "a file";
	}
	ksnprintf(text, sizeof(text), "%s: offset %#lx: %s in code whose instructions cannot be told apart: not run", path,
		  why->file ? why->offset : why->addr, names[why->kind]);
	log_warn("%s", text);
	if (atomic_add(&warnings, 1) <= WARNINGS_MAX)
		control_send(CONTROL_WARN, 0, text);
	kfree(buf);
}

static enum code_resolved resolve_locked(struct mm *mm, struct page_view *w, u64 page, u64 rip, struct code_question *q,
					 bool ask, struct refusal *why)
{
	struct scan_hit hit;
	struct code_answer a;

	if (!code_is_exec(mm, page))
		return CODE_RESOLVED; /* not any more: the next fault says so */
	if (hide(mm, page) || !view_read(mm, w, page))
		return CODE_UNREADABLE;
	for (size_t from = 0; scan_next(w->bytes, w->n, from, &hit); from = hit.at + 1) {
		if (hit.at + hit.len <= w->before || hit.at >= w->before + PAGE_SIZE)
			continue;
		ask_about(mm, w, hit.at, rip, q);
		if (!code_answer_known(q, &a)) {
			if (ask)
				return CODE_ASK;
			a = (struct code_answer){ .start = -1 };
		}
		if (!fix_hit(mm, &hit, view_addr(w, hit.at), q, &a) &&
		    !fix_data(mm, &hit, view_addr(w, hit.at), w->bytes + hit.at)) {
			refuse(mm, view_addr(w, hit.at), &hit, why);
			return CODE_REFUSED;
		}
	}
	switch (code_enable(page, PAGE_SIZE, PROT_READ | PROT_EXEC, NULL)) {
	case 0:
		return CODE_RESOLVED;
	case CODE_BUSY:
		return CODE_LATER;
	default:
		return CODE_REFUSED;
	}
}

enum code_resolved code_resolve(struct mm *mm, u64 page, u64 rip)
{
	struct page_view *w = kmalloc(sizeof(*w));
	struct code_question q;
	struct refusal why = { 0 };
	enum code_resolved r = w ? CODE_ASK : CODE_REFUSED;
	bool ask = true;

	for (u32 i = 0; i < ROUNDS_MAX && r == CODE_ASK; i++) {
		mutex_lock(&mm->lock);
		r = resolve_locked(mm, w, page, rip, &q, ask, &why);
		mutex_unlock(&mm->lock);
		/* Without an answer the sequence is data, until its trap is met. */
		if (r == CODE_ASK)
			ask = !code_ask(&q);
	}
	kfree(w);
	if (r == CODE_LATER) {
		mm_pause_killable();
		r = CODE_RESOLVED;
	}
	if (why.kind)
		complain(&why);
	if (why.file)
		file_put(why.file);
	return r == CODE_ASK ? CODE_REFUSED : r;
}
