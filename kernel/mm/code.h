/*
 * Executable memory: what stands between a program's bytes and the processor (docs/gate.md, "Instructions that must not
 * exist"). mm/ only; mm->lock is held unless said otherwise.
 *
 *   code.c       a range turns executable, but for the pages with a forbidden sequence (scan.h)
 *   code_file.c  which pages of a file were found clean before; what must be copied, because others could change it
 *   code_fix.c   the first fetch from a page with a sequence: the instruction it belongs to gets a trap in its place
 *   code_ask.c   which instruction that is: the supervisor says
 *   code_stub.c  the one that is met often gets a jump instead of a trap
 *   code_trap.c  such a trap is met: the instruction is carried out here
 *
 * A page with a sequence that nobody runs, data between functions, costs nothing and breaks nothing.
 */
#ifndef LIMPET_MM_CODE_H
#define LIMPET_MM_CODE_H

#include "mm/mm.h"
#include "mm/scan.h"

struct file;
struct inode;
struct map_pieces;
struct map_source;

/* Does the gate need it, or a test want it? Constant. */
bool code_scanned(void);
bool code_copied(void);

/* code.c. Pages found clean earlier: bit n is the page first + n. */
struct code_clean {
	const u64 *bits; /* NULL = nothing is known */
	u64 first, pages;
};
/*
 * Makes [addr, addr + len) executable (prot: the host's), page by page: what has a sequence stays PROT_READ, as it must
 * be before. With `clean` NULL all of it is looked at. 1 = there was such a page, or one that cannot be read; -errno:
 * nothing of it is executable. CODE_BUSY: nor now, while others write to this memory from outside.
 */
#define CODE_BUSY 2
int code_enable(u64 addr, u64 len, int prot, const struct code_clean *clean) __must_check;
/* Reads the current program's memory under mm->lock; no fault is mended. Bytes read. */
size_t code_read(struct mm *mm, void *to, u64 addr, size_t len);
/* The same the other way round, into pages that are writable; true = all of it. */
bool code_write(struct mm *mm, u64 addr, const void *from, size_t len) __must_check;
/* [addr, addr + len) becomes private anonymous memory with the same contents, PROT_READ. */
int code_make_private(struct mm *mm, u64 addr, u64 len) __must_check;
/* Is the page an executable one of the program's, on paper? */
bool code_is_exec(struct mm *mm, u64 addr);

/* code_file.c. May these pieces be run as they are? Denies writing for that. No lock held. */
void code_pieces_look(struct map_pieces *p, struct file *file, u64 offset, u32 prot, u32 flags);
u32 code_pieces_flags(const struct map_pieces *p, u32 prot); /* VMA_STABLE and so on, once they are mapped */
/* Maps one piece whose contents are wanted executable (or will be: VMA_COPIED). */
int code_map_piece(const struct map_pieces *p, const struct map_source *s, u64 addr, u64 len, u32 prot, u32 flags);

/* code_fix.c */
struct code_fix {
	u64 start;
	u32 len;
	u32 changed; /* bit n: byte n is SCAN_TRAP or part of a jump now */
	bool data; /* nobody knows an instruction here: the sequence alone */
	bool shown; /* programs can read the changed bytes */
	u8 bytes[16]; /* as they were */
};
/* The program fetched from this page, which is executable on paper. Resolved = try again. No lock held. */
enum code_resolved { CODE_RESOLVED, CODE_REFUSED, CODE_UNREADABLE, CODE_ASK, CODE_LATER };
enum code_resolved code_resolve(struct mm *mm, u64 page, u64 rip);
/* The range is unmapped or replaced: forget its traps. */
void code_drop(struct mm *mm, u64 addr, u64 len);
/* The range stops being executable: take its traps out. It is PROT_READ behind it, where there were any. */
void code_restore(struct mm *mm, u64 addr, u64 len);
/* Are there changed bytes in this page that programs must not read? */
bool code_hides(const struct mm *mm, u64 page);
/*
 * The page turns executable again, though what runs there reads it too: from now on that sees the traps.
 * 0, 1 as code_enable, -errno.
 */
int code_show_traps(struct mm *mm, u64 page) __must_check;
/* Bytes that were read at addr, as the program wrote them. No lock held. */
void code_unshow(struct mm *mm, u64 addr, void *buf, size_t len);
/*
 * The program has the kernel read this range, and shall see in it what it wrote: the traps are taken out until the next
 * fetch. Another thread that runs there may have them back before it is read. No lock held.
 */
void code_reveal_slow(struct mm *mm, u64 addr, u64 len);
static inline void code_reveal(struct mm *mm, u64 addr, u64 len)
{
	if (mm && atomic_load_relaxed(&mm->fix_count) && addr < atomic_load_relaxed(&mm->fix_high) &&
	    addr + len > atomic_load_relaxed(&mm->fix_low))
		code_reveal_slow(mm, addr, len);
}
/* An invalid instruction at rip: true = it may have been cut by a trap, try again. No lock held. */
bool code_try_again(struct mm *mm, u64 rip);
int code_fixes_copy(struct mm *to, const struct mm *from) __must_check;
/* No lock held. */
bool code_fix_at(struct mm *mm, u64 rip, struct code_fix *out);

/* Is it, after its prefixes, one of the forbidden ones (code_trap.c)? Else they are only in its bytes. */
enum scan_kind code_forbidden(const struct code_fix *f);

/* code_stub.c */
#define CODE_JUMP 5u
#define CODE_STUB_SIZE 32u
/*
 * What a stub at `at` for the XRSTOR at site consists of, the same for other places as far apart. False = it cannot be
 * moved, or the bytes have more in them than that one instruction.
 */
bool code_stub_compose(u8 *text, u64 at, u64 site, const u8 *insn, u32 len);
/* A place where the XRSTOR at site, len bytes, can run; jump = what leads there. False = a trap has to do. */
bool code_stub(struct mm *mm, u64 site, const u8 *insn, u32 len, u8 jump[CODE_JUMP]);
bool code_is_stub(const struct mm *mm, u64 page);
void code_stubs_copy(struct mm *to, const struct mm *from);
void code_stubs_free(struct mm *mm); /* no lock held, or nobody else knows it */

/* code_ask.c */
#define CODE_BEFORE 256u /* bytes shown in front of a sequence */
#define CODE_BEHIND 80u
struct code_question {
	u8 bytes[CODE_BEFORE + CODE_BEHIND];
	u32 n, at; /* bytes used; the sequence's offset in them */
	s32 known; /* offset where an instruction is known to begin; -1 = none */
};
struct code_answer {
	s32 start; /* offset of the instruction in the question's bytes; -1 = nobody knows */
	u32 len;
	bool flags_dead; /* nobody looks at the flags as they are behind it */
};
/* From memory; false = has to be asked. Takes a leaf lock. */
bool code_answer_known(const struct code_question *q, struct code_answer *a);
/* Asks the supervisor, for a bounded time, and remembers the answer. 0; -errno = there is none. No lock held. */
int code_ask(const struct code_question *q) __must_check;

#endif
