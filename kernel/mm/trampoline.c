/* Trampolines of patched call sites: see trampoline.h. */
#include "mm/trampoline.h"

#include "core/alloc.h"
#include "fs/filemem.h"
#include "gate/gate.h"
#include "lib/string.h"
#include "mm/image.h"
#include "mm/patch.h"
#include "mm/scan.h"
#include "mm/vma.h"

#define REACH 0x7fff0000ull /* of a 32-bit displacement, less an area */
#define WINDOW 0x1000000ull /* of displacements with the same highest byte */
#define FAR_WINDOWS 8 /* how many of those are tried for the byte below it */

static u8 *slot_ptr(const struct patch_area *a, u32 slot)
{
	return (u8 *)filemem_ptr(a->offset) + slot * SLOT_SIZE;
}

u64 slot_addr(const struct patch_area *a, u32 slot) { return a->addr + slot * SLOT_SIZE; }

struct area_ref area_nth(const struct mm *mm, u32 i)
{
	struct area_ref r = { i < PATCH_AREAS ? atomic_load(&mm->patch_area[i]) : NULL, 0 };

	if (r.a)
		r.shift = mm->patch_shift[i];
	return r;
}

struct area_ref area_at(const struct mm *mm, u64 addr)
{
	struct area_ref r;

	for (u32 i = 0; (r = area_nth(mm, i)).a; i++)
		if (addr - (r.a->addr + r.shift) < r.a->size)
			return r;
	return r;
}

struct patch_area *area_alloc(u32 slots)
{
	struct patch_area *a = kzalloc(sizeof(*a) + slots * sizeof(a->slots[0]));

	if (!a)
		return NULL;
	ref_init(&a->ref);
	mutex_init(&a->lock, LOCK_LEAF);
	a->offset = FILEMEM_NONE;
	a->size = slots * SLOT_SIZE;
	a->nr_slots = slots;
	a->first = ~0ull;
	return a;
}

void area_put(struct patch_area *a)
{
	if (!ref_put(&a->ref))
		return;
	if (a->offset != FILEMEM_NONE)
		filemem_free(a->offset, a->size >> PAGE_SHIFT);
	if (a->image)
		text_image_free(a->image);
	kfree(a);
}

void patch_copy(struct mm *to, const struct mm *from)
{
	for (u32 i = 0; i < PATCH_AREAS; i++) {
		to->patch_shift[i] = from->patch_shift[i];
		to->patch_area[i] = from->patch_area[i];
		if (to->patch_area[i])
			ref_get(&to->patch_area[i]->ref);
	}
}

void patch_free(struct mm *mm)
{
	for (u32 i = 0; i < PATCH_AREAS; i++)
		if (mm->patch_area[i])
			area_put(mm->patch_area[i]);
}

/* No instruction's first byte in 64-bit mode, or a privileged instruction's. Emulators run 0xce. */
bool trap_byte(u8 b)
{
	static const u8 list[] = { 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82,
				   0x6c, 0x6d, 0x6e, 0x6f, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef, 0xf4, 0xfa,
				   0xfb };

	for (u32 i = 0; i < ARRAY_SIZE(list); i++)
		if (list[i] == b)
			return true;
	return false;
}

static bool reaches(u64 area, u64 site)
{
	return area > site ? area - site < REACH : site - area < REACH;
}

static u64 gap_between(struct mm *mm, u64 low, u64 high)
{
	low = max(PAGE_ALIGN_UP(low), USER_MIN);
	high = PAGE_ALIGN_DOWN(min(high, MM_TOP));
	return low < high && high - low >= AREA_SIZE ? vma_gap_top(mm, AREA_SIZE, low, high) : 0;
}

/* Where displacements from `base` have a highest byte, or one below it, that is a trap. */
static u64 place_by_bytes(struct mm *mm, u64 base, bool highest, bool second)
{
	u64 addr = 0;

	for (u32 n = 0; n < (highest ? 256 : 2 * FAR_WINDOWS) && !addr; n++) {
		u64 low = base + (highest ? (u64)(s64)(s32)(n << 24) :
				  n % 2 ? -(u64)(n / 2 + 1) * WINDOW : (u64)(n / 2) * WINDOW);

		if (low > MM_TOP || !reaches(low, base) || (highest && !trap_byte((u8)n)))
			continue;
		if (!second) {
			addr = gap_between(mm, low, low + WINDOW);
			continue;
		}
		for (u32 b = 0; b < 256 && !addr; b++)
			if (trap_byte((u8)b))
				addr = gap_between(mm, low + (b << 16), low + ((b + 1) << 16));
	}
	return addr;
}

/* Below everything else if that is near (a program at its fixed address), else as high as the jump reaches. */
static u64 area_place(struct mm *mm, const struct plan *p)
{
	u64 low = p->site > REACH ? p->site - REACH : 0, high = min(p->site + REACH, MM_TOP), first, addr;

	if (p->traps & (1u << 3 | 1u << 4))
		return place_by_bytes(mm, p->from + JMP_LEN, p->traps & 1u << 4, p->traps & 1u << 3);
	low = max(PAGE_ALIGN_UP(low), USER_MIN);
	high = PAGE_ALIGN_DOWN(high);
	first = vma_first(mm)->start;
	if (first > low + (1u << 20)) {
		addr = vma_gap_top(mm, AREA_SIZE, low, first - (1u << 18));
		if (addr)
			return addr;
	}
	return vma_gap_top(mm, AREA_SIZE, low, high);
}

static struct patch_area *area_add_locked(struct mm *mm, const struct plan *p, u32 index)
{
	u64 addr = area_place(mm, p);
	struct patch_area *a;
	struct vma *v;

	if (!addr || !reaches(addr, p->site) || mm->vma_count >= MAX_MAP_COUNT)
		return NULL;
	a = area_alloc(SLOTS);
	v = vma_alloc(addr, addr + AREA_SIZE, PROT_READ | PROT_EXEC,
		      MAP_SHARED | VMA_SEALED | VMA_NOWRITE | VMA_DONTDUMP);
	if (!a || !v)
		goto fail;
	a->offset = filemem_alloc(AREA_SIZE >> PAGE_SHIFT);
	if (a->offset == FILEMEM_NONE)
		goto fail;
	a->addr = addr;
	*(u64 *)slot_ptr(a, GATE_SLOT) = (u64)gate->call_entry;
	if (mm_host_map(addr, AREA_SIZE, v->prot, MAP_SHARED, filemem_fd(), a->offset)) {
		int ignored = mm_host_unmap(addr, AREA_SIZE);

		(void)ignored;
		filemem_free(a->offset, AREA_SIZE >> PAGE_SHIFT);
		goto fail;
	}
	v->name = "[limpet]";
	vma_insert(mm, v);
	mm_account(mm, v->prot, v->flags, AREA_SIZE >> PAGE_SHIFT);
	atomic_store(&mm->patch_area[index], a);
	return a;
fail:
	kfree(a);
	kfree(v);
	return NULL;
}

/* Code is written here, its addresses as the program sees them. */
struct emit {
	u8 text[SLOT_SIZE];
	u32 len;
	u64 addr; /* of text[0] */
	bool bad; /* does not fit, or something is out of reach */
};

static void emit(struct emit *e, const void *bytes, u32 n)
{
	if (e->len + n > SLOT_SIZE) {
		e->bad = true;
		return;
	}
	memcpy(e->text + e->len, bytes, n);
	e->len += n;
}

/* A displacement to `to` that ends an instruction. */
static void emit_rel32(struct emit *e, u64 to)
{
	s64 far = (s64)(to - (e->addr + e->len + 4));
	s32 near = (s32)far;

	e->bad |= far != near;
	emit(e, &near, 4);
}

/* rcx = the address behind the system call, r11 = where to go on; both are the system call's to spoil. */
static void emit_enter(struct emit *e, u64 area, u64 rip, u64 next)
{
	emit(e, "\x48\x8d\x0d", 3); /* lea rip(%rip),%rcx */
	emit_rel32(e, rip);
	emit(e, "\x4c\x8d\x1d", 3); /* lea next(%rip),%r11 */
	emit_rel32(e, next);
	emit(e, "\xff\x25", 2); /* jmp *area(%rip) */
	emit_rel32(e, area);
}

static void emit_call(struct emit *e, u64 ret, u64 to)
{
	u32 half[2] = { (u32)ret, (u32)(ret >> 32) };

	emit(e, "\x68", 1); /* push: the address that the call itself would have pushed */
	emit(e, &half[0], 4);
	emit(e, "\xc7\x44\x24\x04", 4); /* movl $high,4(%rsp) */
	emit(e, &half[1], 4);
	emit(e, "\xe9", 1);
	emit_rel32(e, to);
}

static void emit_insn(struct emit *e, const u8 *code, u64 at, const struct insn_info *i)
{
	u64 target = at + (u64)i->target;
	u8 jcc[2] = { 0x0f, (u8)(0x80 | i->cond) };
	u32 start = e->len;
	s32 disp;

	switch (i->kind) {
	case INSN_JCC:
		emit(e, jcc, 2);
		emit_rel32(e, target);
		return;
	case INSN_JMP:
		emit(e, "\xe9", 1);
		emit_rel32(e, target);
		return;
	case INSN_CALL:
		emit_call(e, at + i->len, target);
		return;
	}
	emit(e, code, i->len);
	if (i->rip_disp && !e->bad) {
		memcpy(&disp, code + i->rip_disp, sizeof(disp));
		s64 far = (s64)(s32)disp + (s64)(at - (e->addr + start));

		disp = (s32)far;
		e->bad |= far != disp;
		memcpy(e->text + start + i->rip_disp, &disp, sizeof(disp));
	}
}

/* What belongs into a slot. */
static void slot_code(const struct patch_area *a, u32 slot, struct plan *p, struct emit *e)
{
	u64 rip = p->site + SYSCALL_LEN;
	u8 last = INSN_PLAIN;

	memset(e, 0, sizeof(*e));
	e->addr = slot_addr(a, slot);
	if (!p->moved) {
		emit(e, p->code + BEFORE - MOV_LEN, MOV_LEN);
		emit_enter(e, a->addr, rip, rip);
		return;
	}
	emit_enter(e, a->addr, rip, e->addr + ENTER_LEN);
	for (u32 i = 0; i < p->nr_insns; i++) {
		p->insn[i].slot_off = (u8)e->len;
		emit_insn(e, p->code + BEFORE + p->insn[i].off, p->site + p->insn[i].off, &p->insn[i].info);
		last = p->insn[i].info.kind;
	}
	if (last != INSN_END && last != INSN_JMP) {
		emit(e, "\xe9", 1);
		emit_rel32(e, rip + p->moved);
	}
}

void slot_jump(const struct patch_area *a, u32 slot, u64 from, u8 *jump)
{
	s32 disp = (s32)(slot_addr(a, slot) - (from + JMP_LEN));

	jump[0] = 0xe9;
	memcpy(jump + 1, &disp, sizeof(disp));
}

/* A slot is for this jump when the bytes of its displacement trap where instructions began. */
static bool slot_fits(const struct patch_area *a, u32 slot, const struct plan *p, u8 *jump)
{
	slot_jump(a, slot, p->from, jump);
	for (u32 i = 1; i < JMP_LEN; i++)
		if ((p->traps & 1u << i) && !trap_byte(jump[i]))
			return false;
	return true;
}

static bool around_site_clean(const struct plan *p, const u8 *jump)
{
	u8 code[BEFORE + JMP_LEN + SCAN_REACH];
	u64 at = BEFORE - (p->site - p->from);

	memcpy(code, p->code, sizeof(code));
	memcpy(code + at, jump, JMP_LEN);
	return scan_bytes_clean(code, sizeof(code));
}

static bool around_slot_clean(const struct patch_area *a, u32 slot, const struct emit *e)
{
	u8 code[SCAN_REACH + SLOT_SIZE + SCAN_REACH];
	u32 before = slot ? SCAN_REACH : 0, after = slot + 1 < a->nr_slots ? SCAN_REACH : 0;

	memcpy(code, slot_ptr(a, slot) - before, before + SLOT_SIZE + after);
	memcpy(code + before, e->text, e->len);
	return scan_bytes_clean(code, before + SLOT_SIZE + after);
}

static bool slot_same(const struct patch_area *a, u32 slot, const struct plan *p, const struct emit *e)
{
	const struct slot *s = &a->slots[slot];

	return s->site == p->site && s->moved == p->moved && s->len == e->len &&
	       !memcmp(s->original, p->code + BEFORE - (p->site - p->from), JMP_LEN) &&
	       !memcmp(slot_ptr(a, slot), e->text, e->len);
}

static void slot_write(struct patch_area *a, u32 slot, const struct plan *p, const struct emit *e)
{
	struct slot *s = &a->slots[slot];

	memcpy(slot_ptr(a, slot), e->text, e->len);
	s->moved = (u8)p->moved;
	s->len = (u8)e->len;
	s->nr_insns = (u8)p->nr_insns;
	for (u32 i = 0; i < p->nr_insns; i++) {
		s->off[i] = p->insn[i].off;
		s->slot_off[i] = p->insn[i].slot_off;
	}
	memcpy(s->original, p->code + BEFORE - (p->site - p->from), JMP_LEN);
	atomic_store(&a->first, min(a->first, p->site));
	atomic_store(&a->last, max(a->last, p->site));
	atomic_store(&s->site, p->site);
}

enum site_state area_use(struct patch_area *a, struct plan *p, u8 *jump)
{
	enum site_state state = SITE_REACH;
	struct emit e;

	mutex_lock(&a->lock);
	for (u32 i = GATE_SLOT + 1; i < a->nr_slots; i++) {
		u64 site = a->slots[i].site;

		if ((site && site != p->site) || !slot_fits(a, i, p, jump))
			continue;
		slot_code(a, i, p, &e);
		if (e.bad) {
			state = e.len + 8 > SLOT_SIZE ? SITE_SHORT : SITE_REACH;
			break;
		}
		if (site && !slot_same(a, i, p, &e))
			continue;
		if (!around_slot_clean(a, i, &e) || !around_site_clean(p, jump)) {
			state = SITE_DIRTY;
			continue;
		}
		if (!site)
			slot_write(a, i, p, &e);
		state = SITE_PATCHED;
		break;
	}
	mutex_unlock(&a->lock);
	return state;
}

enum site_state trampoline_make(struct mm *mm, struct plan *p, u8 *jump)
{
	enum site_state state = SITE_REACH;

	for (u32 i = 0; i < PATCH_AREAS && state != SITE_PATCHED && state != SITE_SHORT; i++) {
		struct patch_area *a = mm->patch_area[i];

		if (a && (a->image || !reaches(a->addr, p->site)))
			continue;
		if (!a) {
			a = area_add_locked(mm, p, i);
			if (!a)
				return state;
		}
		state = area_use(a, p, jump);
	}
	return state;
}
