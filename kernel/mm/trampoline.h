/*
 * Trampolines of patched call sites, inside mm/ only: areas of slots in reach of the code, and what is written there.
 *
 * An area is file memory, mapped shared and executable for the program and written by the kernel through its own
 * mapping. A slot once written never changes, so forks share areas, and a thread that is still in a slot when its site
 * gets its old code back runs on. The VMA is sealed: a program can neither change nor unmap it, like the vDSO.
 *
 * Two kinds. Most areas belong to an address space and its forks, and grow by a slot a site. That of a text image
 * (image.h) belongs to a file, is complete before anybody maps it, and lies at the same distance from the text in all
 * address spaces, so that one copy fits all: its addresses are nominal, mm->patch_shift says where it is.
 */
#ifndef LIMPET_MM_TRAMPOLINE_H
#define LIMPET_MM_TRAMPOLINE_H

#include "core/lock.h"
#include "core/stats.h"
#include "mm/insn_len.h"
#include "mm/mm.h"

#define AREA_SIZE 0x8000ull
#define SLOT_SIZE 64u
#define SLOTS ((u32)(AREA_SIZE / SLOT_SIZE))

#define GATE_SLOT 0 /* slot 0 begins with the call entry's address */

#define JMP_LEN 5u
#define SYSCALL_LEN 2u
#define MOV_LEN 5u /* mov $nr,%eax */
#define ENTER_LEN 20u /* of what emit_enter writes */
#define MOVED_INSNS 3u
#define BEFORE 15u /* bytes in front of a site that are looked at */
#define AFTER 48u /* and from it on */

/* What a site's code is to become. */
struct plan {
	u64 site; /* its system call instruction */
	u64 from; /* where the jump goes: the site, or the mov in front of it */
	u32 moved; /* bytes behind the system call instruction that run in the slot; 0 = the mov is replaced */
	u32 nr_insns;
	u32 traps; /* bit n: an instruction began at from + n, n in 1..4: that byte must be none's first */
	struct {
		struct insn_info info;
		u8 off; /* from the site */
		u8 slot_off; /* in the slot */
	} insn[MOVED_INSNS];
	u8 code[BEFORE + AFTER]; /* the program's, from site - BEFORE */
};

struct slot {
	u64 site; /* 0 = free; atomic, written last; all others immutable from then on */
	u8 moved, nr_insns, len;
	u8 off[MOVED_INSNS], slot_off[MOVED_INSNS];
	u8 original[JMP_LEN]; /* what the jump replaces */
};

struct patch_area {
	struct ref ref; /* one each mm; an image's also its file's */
	u64 addr; /* immutable: in the program */
	u64 offset; /* immutable: in file memory */
	u64 size; /* immutable: bytes; slots, and behind an image's a page of stubs */
	u32 nr_slots; /* immutable */
	struct text_image *image; /* immutable: an image's; NULL = an mm's */
	struct mutex lock; /* LOCK_LEAF; for writing */
	u64 first, last; /* sites lie between; under lock, atomic */
	struct slot slots[];
};

/* An area as an mm has it: addresses of slots and sites are `shift` above what the area says. */
struct area_ref {
	struct patch_area *a; /* NULL = none */
	u64 shift;
};

static inline u64 slot_from(const struct slot *s, u64 site) { return s->moved ? site : site - MOV_LEN; }

struct patch_area *area_alloc(u32 slots) __must_check; /* one reference, no memory yet; NULL = no memory */
void area_put(struct patch_area *a);
/* mm's i-th area, the one that addr lies in. The list only grows, no lock needed. */
struct area_ref area_nth(const struct mm *mm, u32 i);
struct area_ref area_at(const struct mm *mm, u64 addr);
u64 slot_addr(const struct patch_area *a, u32 slot);
/* What stands at a patched site: a jump to the slot. */
void slot_jump(const struct patch_area *a, u32 slot, u64 site, u8 *jump);
/*
 * A slot for the plan, new or one that says the same; mm->lock held. jump: what is to be written at plan->from.
 * SITE_PATCHED, or why there is none.
 */
enum site_state trampoline_make(struct mm *mm, struct plan *plan, u8 *jump);
/* The same in one area, whose slots reach. */
enum site_state area_use(struct patch_area *a, struct plan *plan, u8 *jump);
/* patch.c. What to do with a site; its code, from BEFORE bytes in front, `have` bytes from it on, stands in the plan. */
enum site_state plan_decide(struct plan *plan, u64 site, u64 nr, u32 have);
/* Bytes at which a thread comes back to the gate with nothing done: no instruction, or one that faults for programs. */
bool trap_byte(u8 b);

#endif
