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
	if (has_mov(code, nr)) {
		p->from = site - MOV_LEN;
		return SITE_PATCHED;
	}
	return plan_moves(p, (u32)have);
}

/* Already patched by its mov: the system call instruction itself stays, for who jumps there. */
static bool mov_patched(const struct mm *mm, const struct plan *p)
{
	const struct patch_area *a;
	u64 to;
	s32 disp;

	if (p->code[BEFORE - MOV_LEN] != 0xe9)
		return false;
	memcpy(&disp, p->code + BEFORE - MOV_LEN + 1, sizeof(disp));
	to = p->site + (u64)(s64)disp;
	a = area_at(mm, to);
	return a && a->slots[(to - a->addr) / SLOT_SIZE].site == p->site;
}

static bool patchable(const struct vma *v, u64 from, u64 to)
{
	return v && v->start <= from && to <= v->end && (v->prot & PROT_EXEC) && !(v->flags & MAP_SHARED) &&
	       (v->file || !(v->flags & VMA_SEALED));
}

/*
 * With the pages writable under mm->lock, so that no copy can need mm_fault: an unreadable page behind a file's end
 * is SIGBUS, which takes no lock.
 */
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
	if (mm_host_protect(first, end - first, PROT_READ | PROT_WRITE) || copy_in(now, uptr(p->from), len) ||
	    memcmp(now, p->code + BEFORE - (p->site - p->from), len) || copy_out(uptr(p->from), jump, JMP_LEN))
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
		stats_trap(c->state, c->stat);
		return;
	}
	stats_trap(c->state, c->stat);
	state = patch_site(mm, site, nr);
	c->state = (u16)state;
	c->stat = state > SITE_PATCHED ? (u16)name_site(mm, site, state) : STATS_NO_SITE;
	/* One that is patched may lose it again; one whose code changes may settle. */
	atomic_store_relaxed(&c->count, state == SITE_PATCHED || state == SITE_CHANGED ? 0 : NEVER);
}

/* The slot a jump at `from` leads to, if it is that of a site there. */
static struct patch_area *jump_target(const struct mm *mm, u64 from, const u8 *jump, u32 *slot)
{
	struct patch_area *a;
	s32 disp;
	u64 to;

	if (jump[0] != 0xe9)
		return NULL;
	memcpy(&disp, jump + 1, sizeof(disp));
	to = from + JMP_LEN + (u64)(s64)disp;
	a = area_at(mm, to);
	if (!a || (to - a->addr) % SLOT_SIZE)
		return NULL;
	*slot = (u32)((to - a->addr) / SLOT_SIZE);
	return a;
}

void patch_hide(struct task *t)
{
	u64 rip = t->regs.rip, site;
	const struct patch_area *a = t->mm ? area_at(t->mm, rip) : NULL;
	const struct slot *s;
	u32 off, i;

	if (!a)
		return;
	s = &a->slots[(rip - a->addr) / SLOT_SIZE];
	site = atomic_load(&s->site);
	off = (u32)(rip - a->addr) % SLOT_SIZE;
	if (!site)
		return; /* the program jumped here by itself */
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
	bool found = false;

	for (u32 i = 0; mm && i < PATCH_AREAS && !found; i++) {
		const struct patch_area *a = atomic_load(&mm->patch_area[i]);

		if (!a)
			break;
		for (u32 n = 0; n < SLOTS && !found; n++) {
			u64 site = atomic_load(&a->slots[n].site);

			found = site && slot_has(&a->slots[n], site, rip);
		}
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
		const struct patch_area *a;
		const struct slot *s;

		if (copy_in(jump, uptr(site), sizeof(jump)))
			continue;
		a = jump_target(t->mm, site, jump, &n);
		s = a ? &a->slots[n] : NULL;
		if (!s || atomic_load(&s->site) != site || !s->moved)
			continue;
		for (u32 i = 0; i < s->nr_insns; i++)
			if (site + s->off[i] == rip) {
				t->regs.rip = slot_addr(a, n) + s->slot_off[i];
				return true;
			}
	}
	return false;
}

bool patch_step(struct task *t)
{
	u64 site = t->regs.rip;
	const struct patch_area *a;
	u8 jump[JMP_LEN];
	u32 n;

	if (!t->mm || !atomic_load(&t->mm->patch_area[0]) || copy_in(jump, uptr(site), sizeof(jump)))
		return false;
	a = jump_target(t->mm, site, jump, &n);
	if (!a || atomic_load(&a->slots[n].site) != site || !a->slots[n].moved)
		return false;
	t->regs.rip = site + SYSCALL_LEN;
	return true;
}

/*
 * The slot's jump out of the program's code again, if it is there: old slots mean nothing, and then nothing is touched,
 * or a store across two pages could make them executable in turn for ever. What is executable can be read.
 * True: it was there.
 */
static bool unpatch(struct patch_area *a, u32 n, u64 from, u64 start, u64 end)
{
	u64 page = PAGE_ALIGN_DOWN(from), behind = PAGE_ALIGN_UP(from + JMP_LEN);
	u8 jump[JMP_LEN], now[JMP_LEN];
	bool done;

	slot_jump(a, n, from, jump);
	if (copy_in(now, uptr(from), JMP_LEN) || memcmp(now, jump, JMP_LEN) ||
	    mm_host_protect(page, behind - page, PROT_READ | PROT_WRITE))
		return false;
	done = !copy_out(uptr(from), a->slots[n].original, JMP_LEN);
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

		if (atomic_load(&a->first) >= end + MOV_LEN || atomic_load(&a->last) + JMP_LEN <= start)
			continue;
		for (u32 n = 0; n < SLOTS; n++) {
			u64 site = atomic_load(&a->slots[n].site), from = slot_from(&a->slots[n], site);
			struct counter *c;

			if (!site || from >= end || from + JMP_LEN <= start ||
			    !patchable(vma_find(mm, from), from, from + JMP_LEN) || !unpatch(a, n, from, start, end))
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
	for (u32 i = 0; i < PATCH_AREAS; i++) {
		const struct patch_area *a = atomic_load(&mm->patch_area[i]);

		if (!a)
			return;
		if (atomic_load(&a->first) >= addr + len + MOV_LEN || atomic_load(&a->last) + JMP_LEN <= addr)
			continue;
		for (u32 n = 0; n < SLOTS; n++) {
			const struct slot *s = &a->slots[n];
			u64 site = atomic_load(&s->site), from = slot_from(s, site);
			u64 lo = max(from, addr), hi = min(from + JMP_LEN, addr + len);
			u8 jump[JMP_LEN], *at = (u8 *)buf + (lo - addr);

			if (!site || lo >= hi)
				continue;
			slot_jump(a, n, from, jump);
			if (!memcmp(at, jump + (lo - from), hi - lo))
				memcpy(at, s->original + (lo - from), hi - lo);
		}
	}
}
