/*
 * The search: see scan.h. A sequence has one of two marks, the byte AE or the pair 01 EF. Eight positions at a time
 * are tested for either with general registers; both are rare in code, so what surrounds them can be looked at slowly.
 */
#include "mm/scan.h"

#define WORD 8u
#define ONES 0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

struct scan_word {
	u64 v;
} __packed __attribute__((may_alias));

static u64 load_word(const u8 *p) { return ((const struct scan_word *)p)->v; }

/* Top bits of the bytes that equal b. Bytes above a true one may be marked falsely; none is missed. */
static u64 equal_bytes(u64 w, u8 b)
{
	u64 x = w ^ ONES * b;

	return (x - ONES) & ~x & HIGHS;
}

/* From memory: as an operand it could complete a WRPKRU in our own text. */
static const volatile u8 wrpkru_end = 0xef;

/* Is there a mark at i? One at the end needs the byte behind it. */
static bool mark(const u8 *p, size_t n, size_t i)
{
	return i + 1 < n && (p[i] == 0xae || (p[i] == 0x01 && p[i + 1] == wrpkru_end));
}

static bool is_prefix(u8 b)
{
	switch (b) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0x66: case 0x67:
	case 0xf0: case 0xf2: case 0xf3:
		return true;
	default:
		return (b & 0xf0) == 0x40;
	}
}

/* F3 among the prefixes that end before p[at]. */
static bool has_f3(const u8 *p, size_t at)
{
	size_t low = at > SCAN_REACH ? at - SCAN_REACH : 0;

	while (at-- > low && is_prefix(p[at]))
		if (p[at] == 0xf3)
			return true;
	return false;
}

/* What the mark at i stands for; hit->kind 0 = nothing. */
static bool examine(const u8 *p, size_t i, struct scan_hit *hit)
{
	bool legacy = i >= 1 && p[i - 1] == 0x0f, rex2 = i >= 2 && p[i - 2] == 0xd5 && p[i - 1] >= 0x80;
	u8 modrm = p[i + 1], reg = modrm >> 3 & 7;

	if (!legacy && !rex2)
		return false;
	hit->at = legacy ? i - 1 : i - 2;
	hit->len = (u32)(i + 2 - hit->at);
	if (p[i] == 0x01)
		hit->kind = SCAN_WRPKRU;
	else if (modrm < 0xc0 && reg == 5)
		hit->kind = SCAN_XRSTOR; /* with REX2 it is invalid, as far as is known */
	else if (modrm >= 0xc0 && reg == 3 && has_f3(p, hit->at))
		hit->kind = SCAN_WRGSBASE;
	else
		return false;
	return legacy || hit->kind != SCAN_XRSTOR;
}

/* The first mark at or behind i; n = none. */
static size_t next_mark(const u8 *p, size_t n, size_t i)
{
	for (; i + WORD + 1 <= n; i += WORD) {
		u64 w = load_word(p + i), next = load_word(p + i + 1);

		if (!(equal_bytes(w, 0xae) | (equal_bytes(w, 0x01) & equal_bytes(next, 0xef))))
			continue;
		for (size_t k = i; k < i + WORD; k++)
			if (mark(p, n, k))
				return k;
	}
	for (; i < n; i++)
		if (mark(p, n, i))
			return i;
	return n;
}

bool scan_next(const u8 *p, size_t n, size_t from, struct scan_hit *hit)
{
	for (size_t i = next_mark(p, n, from); i < n; i = next_mark(p, n, i + 1))
		if (examine(p, i, hit) && hit->at >= from)
			return true;
	return false;
}

bool scan_bytes_clean(const u8 *p, size_t n)
{
	struct scan_hit hit;

	return !scan_next(p, n, 0, &hit);
}
