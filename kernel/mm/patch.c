/*
 * Call-site patching: see patch.h; trampolines are in trampoline.c.
 *
 * The pages to be patched are made unexecutable first, under mm->lock. Other threads that run into them wait for the
 * lock in mm_fault, so none sees half an instruction. The same when the old code comes back.
 */
#include "mm/patch.h"

#include "core/boot.h"
#include "core/log.h"
#include "fs/file.h"
#include "lib/string.h"
#include "mm/code.h"
#include "mm/image.h"
#include "mm/trampoline.h"
#include "mm/vma.h"
#include "proc/task.h"

#define TRAPS_MIN 8u /* patching costs about as much as this many traps */
#define SETS 256u
#define WAYS 4u
#define NEVER 0x7fffffffu

/* Traps by site: a small cache of counts, hints only. */
static struct counter {
	u64 site;
	u32 mm_id;
	u32 count; /* atomic */
	u16 state; /* enum site_state, of the last decision */
	u16 stat; /* of stats_site() */
} counters[SETS][WAYS];

/* The site's counter; a new one takes the place of the least used, which ages. NULL: not yet. */
static struct counter *counter_for(const struct mm *mm, u64 site, bool make)
{
	struct counter *set = counters[hash_u64(site + mm->id) % SETS], *least = &set[0];

	for (u32 i = 0; i < WAYS; i++) {
		if (set[i].site == site && set[i].mm_id == mm->id)
			return &set[i];
		if (atomic_load_relaxed(&set[i].count) < atomic_load_relaxed(&least->count))
			least = &set[i];
	}
	if (!make)
		return NULL;
	u32 n = atomic_load_relaxed(&least->count);

	if (n == NEVER) {
		/* All four are decided: one of them has to decide anew. */
		least = &set[site / 2 % WAYS];
	} else if (n > 1) {
		atomic_store_relaxed(&least->count, n - 1);
		return NULL;
	}
	*least = (struct counter){ .site = site, .mm_id = mm->id };
	return least;
}

/*
 * The bytes of a mov $nr,%eax may be the tail of another instruction: a prefix that makes it another register, or a
 * lea. (They cannot be the tail of a memory access: rax is the number, and nothing is mapped that low.)
 */
static bool has_mov(const u8 *site, u64 nr)
{
	u32 imm;

	memcpy(&imm, site - MOV_LEN + 1, sizeof(imm));
	return site[-5] == 0xb8 && imm == nr && (site[-6] & 0xf0) != 0x40 && site[-6] != 0x8d;
}

/*
 * Whole instructions behind the system call until there is room for the jump. No-operations behind a return are moved
 * like all others, since a function may begin with some; only breakpoints are taken for what fills gaps.
 */
static enum site_state plan_moves(struct plan *p, u32 have)
{
	const u8 *code = p->code + BEFORE;
	u32 off = SYSCALL_LEN;
	u8 kind = INSN_PLAIN;

	while (off < JMP_LEN) {
		struct insn_info *info = &p->insn[p->nr_insns].info;

		if ((kind == INSN_END || kind == INSN_JMP) && off < have && code[off] == 0xcc) {
			off++;
			continue;
		}
		if (p->nr_insns == MOVED_INSNS || off >= have)
			return SITE_SHORT;
		if (!insn_info(code + off, have - off, info))
			return SITE_INSN;
		p->traps |= 1u << off;
		p->insn[p->nr_insns++].off = (u8)off;
		kind = info->kind;
		off += info->len;
		p->moved = off - SYSCALL_LEN;
	}
	return SITE_PATCHED;
}

enum site_state plan_decide(struct plan *p, u64 site, u64 nr, u32 have)
{
	p->site = p->from = site;
	if (has_mov(p->code + BEFORE, nr)) {
		p->from = site - MOV_LEN;
		return SITE_PATCHED;
	}
	return plan_moves(p, have);
}

/* What to do with a site; its code is fetched once. No lock held. */
static enum site_state plan_make(struct plan *p, u64 site, u64 nr)
{
	const u8 *code = p->code + BEFORE;
	u64 into = site & (PAGE_SIZE - 1);
	size_t have;

	memset(p, 0, sizeof(*p));
	p->site = p->from = site;
	have = copy_in_partial(p->code + BEFORE, uptr(site), AFTER);
	if (have < JMP_LEN || code[0] != 0x0f || code[1] != 0x05)
		return have && code[0] == 0xe9 ? SITE_PATCHED : SITE_CHANGED;
	/* In front of it there may be nothing. */
	if (copy_in(p->code, uptr(site - BEFORE), BEFORE) && into && into < BEFORE &&
	    copy_in(p->code + BEFORE - into, uptr(site - into), into))
		return SITE_CHANGED;
	return plan_decide(p, site, nr, (u32)have);
}

/* The slot a jump at `from` leads to, if it is one. */
static struct area_ref jump_target(const struct mm *mm, u64 from, const u8 *jump, u32 *slot)
{
	struct area_ref r, none = { NULL, 0 };
	s32 disp;
	u64 off;

	if (jump[0] != 0xe9)
		return none;
	memcpy(&disp, jump + 1, sizeof(disp));
	off = from + JMP_LEN + (u64)(s64)disp;
	r = area_at(mm, off);
	if (!r.a)
		return none;
	off -= r.a->addr + r.shift;
	if (off % SLOT_SIZE || off / SLOT_SIZE >= r.a->nr_slots)
		return none;
	*slot = (u32)(off / SLOT_SIZE);
	return r;
}

/* Already patched by its mov: the system call instruction itself stays, for who jumps there. */
static bool mov_patched(const struct mm *mm, const struct plan *p)
{
	struct area_ref r;
	u32 n;

	r = jump_target(mm, p->site - MOV_LEN, p->code + BEFORE - MOV_LEN, &n);
	return r.a && r.a->slots[n].site + r.shift == p->site;
}

static bool patchable(const struct vma *v, u64 from, u64 to)
{
	return v && v->start <= from && to <= v->end && (v->prot & PROT_EXEC) && !(v->flags & MAP_SHARED) &&
	       (v->file || !(v->flags & VMA_SEALED));
}

/* Under mm->lock no copy may have its fault mended (code_read). */
static enum site_state patch_locked(struct mm *mm, struct plan *p)
{
	u64 first = PAGE_ALIGN_DOWN(p->from), end = max(p->from + JMP_LEN, p->site + SYSCALL_LEN + p->moved);
	u8 jump[JMP_LEN], now[MOV_LEN + AFTER];
	size_t len = end - p->from;
	enum site_state state;

	end = PAGE_ALIGN_UP(end);
	if (!patchable(vma_find(mm, first), first, end))
		return SITE_MEMORY;
	state = trampoline_make(mm, p, jump);
	if (state != SITE_PATCHED)
		return state;
	if (mm_host_protect(first, end - first, PROT_READ | PROT_WRITE) || code_read(mm, now, p->from, len) != len ||
	    memcmp(now, p->code + BEFORE - (p->site - p->from), len) || !code_write(mm, p->from, jump, JMP_LEN))
		state = SITE_CHANGED;
	mm->exec_seq++;
	if (mm_host_protect(first, end - first, PROT_READ | PROT_EXEC))
		log_warn("patching: %#lx cannot be made executable again", first); /* mm_fault tries again */
	return state;
}

/* For --stats: where a site is, by the file it is mapped from. */
static u32 name_site(struct mm *mm, u64 site, enum site_state state)
{
	const char *name = "anonymous memory";
	struct file *file = NULL;
	u64 offset = site;
	char buf[256];
	struct vma *v;

	if (!boot->stats)
		return STATS_NO_SITE;
	mutex_lock(&mm->lock);
	v = vma_find(mm, site);
	if (v && v->start <= site && v->file) {
		file = file_get(v->file);
		offset = site - v->start + v->offset;
	} else if (v && v->start <= site && v->name) {
		name = v->name;
	}
	mutex_unlock(&mm->lock);
	if (file) {
		name = path_text(&file->path, NULL, buf, sizeof(buf));
		if (is_err(name))
			name = "a long path";
	}
	u32 stat = stats_site(name, offset, state);

	if (file)
		file_put(file);
	return stat;
}

static enum site_state patch_site(struct mm *mm, u64 site, u64 nr)
{
	enum site_state state;
	struct plan plan;

	state = plan_make(&plan, site, nr);
	if (state != SITE_PATCHED || plan.code[BEFORE] == 0xe9 || mov_patched(mm, &plan))
		return state;
	mutex_lock(&mm->lock);
	state = patch_locked(mm, &plan);
	mutex_unlock(&mm->lock);
	if (state == SITE_PATCHED)
		stats_patched();
	log_debug("patching: %#lx (call %lu): %s", site, nr, state == SITE_PATCHED ? "done" : "stays a trap");
	return state;
}

void patch_trap(struct mm *mm, u64 rip, u64 nr)
{
	u64 site = rip - SYSCALL_LEN;
	struct counter *c = counter_for(mm, site, true);
	enum site_state state;
	u32 n;

	if (!c) {
		stats_trap(SITE_COLD, STATS_NO_SITE);
		return;
	}
	n = atomic_load_relaxed(&c->count);
	if (n == NEVER || n + 1 < TRAPS_MIN) {
		if (n != NEVER)
			atomic_store_relaxed(&c->count, n + 1);
		if (!n)
			image_trapped(mm, site);
		stats_trap(c->state, c->stat);
		if (image_affordable())
			image_adopt(mm, site);
		return;
	}
	stats_trap(c->state, c->stat);
	state = patch_site(mm, site, nr);
	c->state = (u16)state;
	c->stat = state > SITE_PATCHED ? (u16)name_site(mm, site, state) : STATS_NO_SITE;
	/* One that is patched may lose it again; one whose code changes may settle. */
	atomic_store_relaxed(&c->count, state == SITE_PATCHED || state == SITE_CHANGED ? 0 : NEVER);
}

void patch_hide(struct task *t)
{
	struct area_ref r = { NULL, 0 };
	const struct slot *s;
	u64 site;
	u32 off, i;

	if (t->mm)
		r = area_at(t->mm, t->regs.rip);
	if (!r.a)
		return;
	off = (u32)(t->regs.rip - r.a->addr - r.shift);
	if (off / SLOT_SIZE >= r.a->nr_slots)
		return; /* an image's stub */
	s = &r.a->slots[off / SLOT_SIZE];
	site = atomic_load(&s->site);
	off %= SLOT_SIZE;
	if (!site)
		return; /* the program jumped here by itself */
	site += r.shift;
	if (!s->moved || off < ENTER_LEN) {
		t->regs.rip = !s->moved && off < MOV_LEN ? site - MOV_LEN : site;
		return;
	}
	for (i = s->nr_insns; i && s->slot_off[i - 1] > off;)
		i--;
	if (i == s->nr_insns && off >= s->len - JMP_LEN && off != s->slot_off[i - 1]) {
		t->regs.rip = site + SYSCALL_LEN + s->moved; /* at the jump back */
		return;
	}
	/* Half way is possible in a call only, which has pushed. */
	if (off != s->slot_off[i - 1])
		t->regs.rsp += 8;
	t->regs.rip = site + s->off[i - 1];
}

static bool slot_has(const struct slot *s, u64 site, u64 rip)
{
	for (u32 i = 0; i < s->nr_insns; i++)
		if (site + s->off[i] == rip)
			return true;
	return false;
}

/* Tried again, but not for ever, since the program's own instruction may be one that faults. */
bool patch_restored(struct task *t)
{
	struct mm *mm = t->mm;
	u64 rip = t->regs.rip;
	struct area_ref r;
	bool found = false;

	for (u32 i = 0; mm && !found && (r = area_nth(mm, i)).a; i++)
		for (u32 n = 0; n < r.a->nr_slots && !found; n++) {
			u64 site = atomic_load(&r.a->slots[n].site);

			found = site && slot_has(&r.a->slots[n], site + r.shift, rip);
		}
	if (!found)
		return false;
	mutex_lock(&mm->lock);
	found = !mm_retries_used_up(mm, PAGE_ALIGN_DOWN(rip));
	mutex_unlock(&mm->lock);
	return found;
}

bool patch_resume(struct task *t)
{
	u64 rip = t->regs.rip;
	u8 jump[JMP_LEN];
	u32 n;

	if (!t->mm || !atomic_load(&t->mm->patch_area[0]))
		return false;
	for (u64 site = rip - SYSCALL_LEN; site >= rip - (JMP_LEN - 1); site--) {
		const struct slot *s;
		struct area_ref r;

		if (copy_in(jump, uptr(site), sizeof(jump)))
			continue;
		r = jump_target(t->mm, site, jump, &n);
		s = r.a ? &r.a->slots[n] : NULL;
		if (!s || atomic_load(&s->site) + r.shift != site || !s->moved)
			continue;
		for (u32 i = 0; i < s->nr_insns; i++)
			if (site + s->off[i] == rip) {
				t->regs.rip = slot_addr(r.a, n) + r.shift + s->slot_off[i];
				return true;
			}
	}
	return false;
}

bool patch_step(struct task *t)
{
	u64 site = t->regs.rip;
	struct area_ref r;
	u8 jump[JMP_LEN];
	u32 n;

	if (!t->mm || !atomic_load(&t->mm->patch_area[0]) || copy_in(jump, uptr(site), sizeof(jump)))
		return false;
	r = jump_target(t->mm, site, jump, &n);
	if (!r.a || atomic_load(&r.a->slots[n].site) + r.shift != site || !r.a->slots[n].moved)
		return false;
	t->regs.rip = site + SYSCALL_LEN;
	return true;
}

/*
 * The slot's jump out of the program's code again, if it is there: old slots mean nothing, and then nothing is touched,
 * or a store across two pages could make them executable in turn for ever. What is executable can be read.
 * True: it was there.
 */
static bool unpatch(struct mm *mm, struct patch_area *a, u32 n, u64 from, u64 start, u64 end)
{
	u64 page = PAGE_ALIGN_DOWN(from), behind = PAGE_ALIGN_UP(from + JMP_LEN);
	u8 jump[JMP_LEN], now[JMP_LEN];
	bool done;

	slot_jump(a, n, from, jump);
	if (code_read(mm, now, from, JMP_LEN) != JMP_LEN || memcmp(now, jump, JMP_LEN) ||
	    mm_host_protect(page, behind - page, PROT_READ | PROT_WRITE))
		return false;
	done = code_write(mm, from, a->slots[n].original, JMP_LEN);
	/* A neighbour stays what it was; mm_fault tries again. */
	if ((page < start && mm_host_protect(page, PAGE_SIZE, PROT_READ | PROT_EXEC)) ||
	    (behind > end && mm_host_protect(end, PAGE_SIZE, PROT_READ | PROT_EXEC)))
		log_warn("patching: %#lx cannot be made executable again", from);
	return done;
}

void patch_drop_locked(struct mm *mm, u64 start, u64 end)
{
	u32 dropped = 0;

	for (u32 i = 0; i < PATCH_AREAS && mm->patch_area[i]; i++) {
		struct patch_area *a = mm->patch_area[i];

		/* An image is left by mapping the file itself, before anything changes. */
		if (a->image || atomic_load(&a->first) >= end + MOV_LEN || atomic_load(&a->last) + JMP_LEN <= start)
			continue;
		for (u32 n = 0; n < a->nr_slots; n++) {
			u64 site = atomic_load(&a->slots[n].site), from = slot_from(&a->slots[n], site);
			struct counter *c;

			if (!site || from >= end || from + JMP_LEN <= start ||
			    !patchable(vma_find(mm, from), from, from + JMP_LEN) ||
			    !unpatch(mm, a, n, from, start, end))
				continue;
			dropped++;
			mm->exec_seq++;
			c = counter_for(mm, site, false);
			if (c)
				atomic_store_relaxed(&c->count, 0);
		}
	}
	if (dropped)
		stats_dropped(dropped);
}

void patch_unshow(const struct mm *mm, u64 addr, void *buf, size_t len)
{
	struct area_ref r;

	for (u32 i = 0; (r = area_nth(mm, i)).a; i++) {
		const struct patch_area *a = r.a;
		u64 base = addr - r.shift;

		if (a->image && base + len > IMAGE_TEXT_AT && base < IMAGE_TEXT_AT + (a->image->pages << PAGE_SHIFT)) {
			u64 skip = base < IMAGE_TEXT_AT ? IMAGE_TEXT_AT - base : 0;

			image_unshow(a->image, base + skip - IMAGE_TEXT_AT, (u8 *)buf + skip, len - skip);
		}
		if (atomic_load(&a->first) >= base + len + MOV_LEN || atomic_load(&a->last) + JMP_LEN <= base)
			continue;
		for (u32 n = 0; n < a->nr_slots; n++) {
			const struct slot *s = &a->slots[n];
			u64 site = atomic_load(&s->site), from = slot_from(s, site);
			u64 lo = max(from, base), hi = min(from + JMP_LEN, base + len);
			u8 jump[JMP_LEN], *at = (u8 *)buf + (lo - base);

			if (!site || lo >= hi)
				continue;
			slot_jump(a, n, from, jump);
			if (!memcmp(at, jump + (lo - from), hi - lo))
				memcpy(at, s->original + (lo - from), hi - lo);
		}
	}
}
