/*
 * Instructions that would undo the gate (docs/gate.md), as bytes at any alignment:
 *
 *   0F 01 EF, D5 80..FF 01 EF               WRPKRU (the second as APX would write it)
 *   0F AE /5 with a memory operand          XRSTOR
 *   F3 [prefixes] 0F AE /3 with a register  WRGSBASE; also F3 [prefixes] D5 80..FF AE /3
 *
 * Pure functions on bytes: what executable memory is, is protect.c's and code.h's business.
 */
#ifndef LIMPET_MM_SCAN_H
#define LIMPET_MM_SCAN_H

#include "lib/types.h"

enum scan_kind { SCAN_WRPKRU = 1, SCAN_XRSTOR, SCAN_WRGSBASE };

/* How far bytes on either side of a border can belong to one sequence: an instruction is 15 bytes at most. */
#define SCAN_REACH 15u

/* One sequence: its opcode begins at `at` (0F or D5). Another byte there and it is gone. */
struct scan_hit {
	size_t at;
	u32 kind; /* enum scan_kind */
	u32 len; /* from `at`, of the bytes that make it forbidden */
};

/*
 * A byte that begins no instruction in 64-bit mode, and is part of no sequence: instead of any byte it makes an
 * instruction invalid that it begins, and takes a sequence apart that it is the first opcode byte of.
 */
#define SCAN_TRAP 0x06u

/* The first sequence that begins at or behind `from` and lies in p[0..n); prefixes before `from` count. */
bool scan_next(const u8 *p, size_t n, size_t from, struct scan_hit *hit);
/* No sequence lies in p[0..n). */
bool scan_bytes_clean(const u8 *p, size_t n);

#endif
