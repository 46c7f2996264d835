/*
 * Call-site patching: see patch.h.
 *
 * Trampolines live in areas of file memory within 2 GiB of the code, mapped shared and executable for the program
 * and written by the kernel through its own mapping. A slot once written never changes, so forks share areas. The
 * VMA is sealed: a program can neither change nor unmap it, like the vDSO.
 *
 * The page to be patched is made unexecutable first, under mm->lock. Other threads that run into it wait for the
 * lock in mm_fault, so none sees half an instruction.
 */
#include "mm/patch.h"

#include "core/alloc.h"
#include "core/log.h"
#include "fs/filemem.h"
#include "gate/gate.h"
#include "lib/string.h"
#include "mm/vma.h"
#include "proc/task.h"

#define TRAPS_MIN 12 /* patching costs about as much as this many traps */
#define COUNTERS 256u
#define NEVER 0x7fffffffu

#define AREA_SIZE 0x8000ull
#define SLOT_SIZE 64u
#define SLOTS (AREA_SIZE / SLOT_SIZE)
#define GATE_SLOT 0 /* slot 0 begins with the call entry's address */
#define REACH 0x7fff0000ull /* of a 32-bit displacement, less an area */

#define JMP_LEN 5u
#define SYSCALL_LEN 2u
#define MOVED_MAX 7u
#define ENTER_LEN 26u /* of what emit_enter writes */
#define MOV_LEN 5u /* mov $nr,%eax */

/*
 * A slot's meaning: its site's syscall instruction, shifted, and the length of the moved instruction; 0 in the low
 * byte = the mov in front of it was replaced. Atomic; written last.
 */
#define SLOT_INFO(site, moved) ((site) << 8 | (moved))
#define INFO_SITE(info) ((info) >> 8)
#define INFO_MOVED(info) ((u32)((info)&0xff))

struct patch_area {
	struct ref ref; /* one each mm */
	u64 addr; /* immutable: in the program */
	u64 offset; /* immutable: in file memory */
	struct mutex lock; /* LOCK_LEAF; for writing */
	u64 info[SLOTS];
};

struct code {
	u8 before[6]; /* in front of the syscall instruction */
	u8 here[SYSCALL_LEN + MOVED_MAX + 2];
};

/* Traps by site: a small cache of counts, hints only. */
static struct counter {
	u64 site;
	u32 mm_id;
	u32 count; /* atomic */
} counters[COUNTERS];

static u8 *slot_ptr(const struct patch_area *a, u32 slot)
{
	return (u8 *)filemem_ptr(a->offset) + slot * SLOT_SIZE;
}

static u64 slot_addr(const struct patch_area *a, u32 slot) { return a->addr + slot * SLOT_SIZE; }

static struct patch_area *area_at(struct mm *mm, u64 addr)
{
	for (u32 i = 0; i < PATCH_AREAS; i++) {
		struct patch_area *a = atomic_load(&mm->patch_area[i]);

		if (a && addr - a->addr < AREA_SIZE)
			return a;
	}
	return NULL;
}

static void area_put(struct patch_area *a)
{
	if (!ref_put(&a->ref))
		return;
	filemem_free(a->offset, AREA_SIZE >> PAGE_SHIFT);
	kfree(a);
}

void patch_copy(struct mm *to, const struct mm *from)
{
	for (u32 i = 0; i < PATCH_AREAS; i++) {
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

static bool reaches(u64 area, u64 site)
{
	return area > site ? area - site < REACH : site - area < REACH;
}

/* Below everything else if that is near (a program at its fixed address), else as high as the jump reaches. */
static u64 area_place(struct mm *mm, u64 site)
{
	u64 low = site > REACH ? site - REACH : 0, high = min(site + REACH, MM_TOP), first, addr;

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

static struct patch_area *area_add_locked(struct mm *mm, u64 site, u32 index)
{
	u64 addr = area_place(mm, site);
	struct patch_area *a;
	struct vma *v;

	if (!addr || !reaches(addr, site) || mm->vma_count >= MAX_MAP_COUNT)
		return NULL;
	a = kzalloc(sizeof(*a));
	v = vma_alloc(addr, addr + AREA_SIZE, PROT_READ | PROT_EXEC,
		      MAP_SHARED | VMA_SEALED | VMA_NOWRITE | VMA_DONTDUMP);
	if (!a || !v)
		goto fail;
	a->offset = filemem_alloc(AREA_SIZE >> PAGE_SHIFT);
	if (a->offset == FILEMEM_NONE)
		goto fail;
	ref_init(&a->ref);
	mutex_init(&a->lock, LOCK_LEAF);
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

/* An area that the site reaches; old ones first, tried from *index on. */
static struct patch_area *area_for_locked(struct mm *mm, u64 site, u32 *index)
{
	while (*index < PATCH_AREAS) {
		u32 i = (*index)++;
		struct patch_area *a = mm->patch_area[i];

		if (!a)
			return area_add_locked(mm, site, i);
		if (reaches(a->addr, site))
			return a;
	}
	return NULL;
}

/* Register forms, and memory forms relative to another register than the instruction pointer. 0 = not known. */
static u32 modrm_len(const u8 *p)
{
	u8 mod = p[0] >> 6, rm = p[0] & 7;
	u32 sib = rm == 4;

	if (mod == 3)
		return 1;
	if (mod == 1)
		return 2 + sib;
	if (mod == 2)
		return 5 + sib;
	return 0;
}

/* Length of an instruction that means the same anywhere; 0 = not one of those that follow system calls. */
static u32 movable_len(const u8 *p)
{
	u32 m;

	if (p[0] == 0x3d) /* cmp $imm,%eax */
		return 5;
	if (p[0] == 0x48 && p[1] == 0x3d) /* cmp $imm,%rax */
		return 6;
	if (p[0] == 0x83 && p[1] == 0xf8)
		return 3;
	if (p[0] == 0x48 && p[1] == 0x83 && p[2] == 0xf8)
		return 4;
	/* mov, test, movslq with a 64-bit prefix */
	if ((p[0] & 0xf8) == 0x48 && (p[1] == 0x89 || p[1] == 0x8b || p[1] == 0x85 || p[1] == 0x63)) {
		m = modrm_len(p + 2);
		return m ? 2 + m : 0;
	}
	/* ret, with nothing that runs behind it */
	if (p[0] == 0xc3 && ((p[1] == 0x90 && p[2] == 0x90) || (p[1] == 0xcc && p[2] == 0xcc) ||
			     (p[1] == 0x66 && (p[2] == 0x2e || p[2] == 0x0f)) || (p[1] == 0x0f && p[2] == 0x1f)))
		return 1;
	return 0;
}

/* Bytes that are no instruction's first in 64-bit mode. */
static bool invalid_opcode(u8 b)
{
	static const u8 list[] = { 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82 };

	for (u32 i = 0; i < ARRAY_SIZE(list); i++)
		if (list[i] == b)
			return true;
	return false;
}

static u8 *emit(u8 *p, const void *bytes, u32 n)
{
	memcpy(p, bytes, n);
	return p + n;
}

/* rcx = the address behind the system call, r11 = where to go on; both are the system call's to spoil. */
static u8 *emit_enter(u8 *p, u64 p_addr, u64 area, u64 rip, u64 next)
{
	s32 disp = (s32)(area - (p_addr + ENTER_LEN));

	p = emit(p, "\x48\xb9", 2); /* movabs $rip,%rcx */
	p = emit(p, &rip, 8);
	p = emit(p, "\x49\xbb", 2); /* movabs $next,%r11 */
	p = emit(p, &next, 8);
	p = emit(p, "\xff\x25", 2); /* jmp *area(%rip) */
	return emit(p, &disp, 4);
}

static u8 *emit_jump(u8 *p, u64 p_addr, u64 to)
{
	s32 disp = (s32)(to - (p_addr + JMP_LEN));

	p = emit(p, "\xe9", 1);
	return emit(p, &disp, 4);
}

/* A free slot; the jump from `from` must have an invalid opcode as its third byte when trap is set. 0 = none. */
static u32 slot_find(const struct patch_area *a, u64 from, bool trap)
{
	for (u32 i = GATE_SLOT + 1; i < SLOTS; i++) {
		u64 disp = slot_addr(a, i) - (from + JMP_LEN);

		if (!a->info[i] && (!trap || invalid_opcode((u8)(disp >> 8))))
			return i;
	}
	return 0;
}

/* What belongs into a slot; its length. */
static u32 slot_code(const struct patch_area *a, u32 slot, u64 site, const struct code *c, u32 moved, u8 *text)
{
	u64 addr = slot_addr(a, slot), rip = site + SYSCALL_LEN;
	u8 *p = text;

	if (!moved) {
		p = emit(p, c->before + 1, MOV_LEN);
		p = emit_enter(p, addr + MOV_LEN, a->addr, rip, rip);
	} else {
		p = emit_enter(p, addr, a->addr, rip, addr + ENTER_LEN);
		p = emit(p, c->here + SYSCALL_LEN, moved);
		p = emit_jump(p, addr + ENTER_LEN + moved, rip + moved);
	}
	return (u32)(p - text);
}

/* The slot that a relative, through another mm, has filled in the same way; 0 = none. */
static u32 slot_same(const struct patch_area *a, u64 site, const struct code *c, u32 moved)
{
	u8 text[SLOT_SIZE];

	for (u32 i = GATE_SLOT + 1; i < SLOTS; i++) {
		if (a->info[i] != SLOT_INFO(site, moved))
			continue;
		if (!memcmp(slot_ptr(a, i), text, slot_code(a, i, site, c, moved, text)))
			return i;
	}
	return 0;
}

/* Writes the trampoline for site and into jump what replaces its code. False = no room. */
static bool slot_write(struct patch_area *a, u64 site, const struct code *c, u32 moved, u8 *jump)
{
	u64 from = moved ? site : site - MOV_LEN;
	u8 text[SLOT_SIZE];
	u32 slot, len;

	mutex_lock(&a->lock);
	slot = slot_same(a, site, c, moved);
	if (!slot) {
		slot = slot_find(a, from, moved != 0);
		if (slot) {
			len = slot_code(a, slot, site, c, moved, text);
			memcpy(slot_ptr(a, slot), text, len);
			atomic_store(&a->info[slot], SLOT_INFO(site, moved));
		}
	}
	mutex_unlock(&a->lock);
	emit_jump(jump, from, slot_addr(a, slot));
	return slot != 0;
}

/* Already patched by its mov: the syscall instruction itself must stay. */
static bool mov_patched(struct mm *mm, u64 site, const struct code *c)
{
	const struct patch_area *a;
	u64 slot;
	s32 disp;

	if (c->before[1] != 0xe9)
		return false;
	memcpy(&disp, c->before + 2, sizeof(disp));
	slot = site + (u64)(s64)disp;
	a = area_at(mm, slot);
	return a && a->info[(slot - a->addr) / SLOT_SIZE] == SLOT_INFO(site, 0);
}

static bool patchable(const struct vma *v, u64 from, u64 to)
{
	return v && v->start <= from && to <= v->end && v->file && v->prot == (PROT_READ | PROT_EXEC) &&
	       !(v->flags & (MAP_SHARED | VMA_SEALED));
}

/*
 * The bytes of a mov $nr,%eax may be the tail of another instruction: a prefix that makes it another register, or a
 * lea. (They cannot be the tail of a memory access: rax is the number, and nothing is mapped that low.)
 */
static bool has_mov(const struct code *c, u64 nr)
{
	u32 imm;

	memcpy(&imm, c->before + 2, sizeof(imm));
	return c->before[1] == 0xb8 && imm == nr && (c->before[0] & 0xf0) != 0x40 && c->before[0] != 0x8d;
}

/*
 * With the page writable under mm->lock, so that no copy can need mm_fault: an unreadable page behind a file's end
 * is SIGBUS, which takes no lock.
 */
static bool patch_locked(struct mm *mm, u64 site, u64 nr)
{
	u64 page = PAGE_ALIGN_DOWN(site), from, to;
	struct code c;
	u8 jump[JMP_LEN];
	bool done = false, mov;
	u32 index = 0, moved;
	struct patch_area *a;

	/* One page, and all of it in one mapping; else it stays a trap. */
	if (site - page < sizeof(c.before) || site - page > PAGE_SIZE - sizeof(c.here) ||
	    !patchable(vma_find(mm, site), page, page + PAGE_SIZE))
		return false;
	if (mm_host_protect(page, PAGE_SIZE, PROT_READ | PROT_WRITE))
		goto out;
	if (copy_in(&c, uptr(site - sizeof(c.before)), sizeof(c)) || c.here[0] != 0x0f || c.here[1] != 0x05 ||
	    mov_patched(mm, site, &c))
		goto out;
	mov = has_mov(&c, nr);
	moved = mov ? 0 : movable_len(c.here + SYSCALL_LEN);
	if (!mov && !moved)
		goto out;
	from = mov ? site - MOV_LEN : site;
	to = from + JMP_LEN;
	while (!done && (a = area_for_locked(mm, site, &index)))
		done = slot_write(a, site, &c, moved, jump);
	if (done && copy_out(uptr(from), jump, to - from))
		done = false;
out:
	if (mm_host_protect(page, PAGE_SIZE, PROT_READ | PROT_EXEC))
		log_warn("patching: %#lx cannot be made executable again", page); /* mm_fault tries again */
	return done;
}

void patch_trap(struct mm *mm, u64 rip, u64 nr)
{
	u64 site = rip - SYSCALL_LEN;
	struct counter *c = &counters[hash_u64(site + mm->id) % COUNTERS];
	u32 n = atomic_load_relaxed(&c->count);

	if (c->site != site || c->mm_id != mm->id) {
		/* The more frequent of two sites that meet here stays. */
		if (n && n != NEVER) {
			atomic_store_relaxed(&c->count, n - 1);
			return;
		}
		c->site = site;
		c->mm_id = mm->id;
		n = 0;
	}
	if (n == NEVER)
		return;
	atomic_store_relaxed(&c->count, n + 1);
	if (n + 1 < TRAPS_MIN)
		return;
	atomic_store_relaxed(&c->count, NEVER);
	mutex_lock(&mm->lock);
	bool done = patch_locked(mm, site, nr);

	mutex_unlock(&mm->lock);
	log_debug("patching: %#lx (call %lu): %s", site, nr, done ? "done" : "stays a trap");
}

void patch_hide(struct task *t)
{
	u64 rip = t->regs.rip, info;
	const struct patch_area *a = t->mm ? area_at(t->mm, rip) : NULL;
	u32 off;

	if (!a)
		return;
	info = atomic_load(&a->info[(rip - a->addr) / SLOT_SIZE]);
	off = (u32)(rip - a->addr) % SLOT_SIZE;
	if (!info)
		return; /* the program jumped here by itself */
	if (!INFO_MOVED(info))
		t->regs.rip = INFO_SITE(info) - MOV_LEN;
	else if (off < ENTER_LEN)
		t->regs.rip = INFO_SITE(info);
	else if (off < ENTER_LEN + INFO_MOVED(info))
		t->regs.rip = INFO_SITE(info) + SYSCALL_LEN;
	else
		t->regs.rip = INFO_SITE(info) + SYSCALL_LEN + INFO_MOVED(info);
}

bool patch_resume(struct task *t)
{
	u64 rip = t->regs.rip, site = rip - SYSCALL_LEN, slot;
	const struct patch_area *a;
	u8 jump[JMP_LEN];
	s32 disp;

	if (!t->mm || !atomic_load(&t->mm->patch_area[0]) || copy_in(jump, uptr(site), sizeof(jump)) || jump[0] != 0xe9)
		return false;
	memcpy(&disp, jump + 1, sizeof(disp));
	slot = site + JMP_LEN + (u64)(s64)disp;
	a = area_at(t->mm, slot);
	if (!a || (slot - a->addr) % SLOT_SIZE)
		return false;
	u64 info = atomic_load(&a->info[(slot - a->addr) / SLOT_SIZE]);

	if (INFO_SITE(info) != site || !INFO_MOVED(info))
		return false;
	t->regs.rip = slot + ENTER_LEN;
	return true;
}
