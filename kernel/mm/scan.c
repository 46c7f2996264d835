/*
 * The search: see scan.h. A sequence has one of two marks, the byte AE or the pair 01 EF. 64 positions at a time are
 * tested for either; both are rare in code, so what surrounds them can be looked at slowly.
 *
 * Vector registers hold the program's state, and the kernel's own code uses none: those used here are saved and put
 * back around the loop, in one asm statement, in which nothing faults. As SSE it leaves their upper parts alone.
 */
#include "mm/scan.h"

#define BLOCK 64u

/* As data: as operands they could complete a sequence in our own text. */
static const volatile u8 wrpkru_end = 0xef;
static const u8 wanted[3][16] __aligned(16) = {
	{ [0 ... 15] = 0xae }, { [0 ... 15] = 0x01 }, { [0 ... 15] = 0xef },
};

/* Is there a mark at i? One at the end needs the byte behind it. */
static bool mark(const u8 *p, size_t n, size_t i)
{
	return i + 1 < n && (p[i] == 0xae || (p[i] == 0x01 && p[i + 1] == wrpkru_end));
}

/* xmm0: marks in the 16 bytes at `at`. xmm5..7 are what is wanted. */
#define MARKS(at)                          \
	"movdqu " at "(%[p]), %%xmm0\n"      \
	"movdqu 1+" at "(%[p]), %%xmm1\n"    \
	"movdqa %%xmm0, %%xmm2\n"            \
	"pcmpeqb %%xmm5, %%xmm0\n"           \
	"pcmpeqb %%xmm6, %%xmm2\n"           \
	"pcmpeqb %%xmm7, %%xmm1\n"           \
	"pand %%xmm2, %%xmm1\n"              \
	"por %%xmm1, %%xmm0\n"

/*
 * From *at on, blocks of 64 bytes, while they and one byte more end within n: the marks of the first that has any, as
 * bits, *at being where it begins. 0 = none, *at is behind the last.
 */
static u64 blocks_marks(const u8 *p, size_t n, size_t *at)
{
	u8 saved[7][16];
	const u8 *from = p + *at, *last;
	u64 bits = 0, part = 0;

	if (n < BLOCK + 1 || *at > n - (BLOCK + 1))
		return 0;
	last = p + n - (BLOCK + 1);
	asm volatile("movups %%xmm0, 0x00(%[saved])\n"
		     "movups %%xmm1, 0x10(%[saved])\n"
		     "movups %%xmm2, 0x20(%[saved])\n"
		     "movups %%xmm3, 0x30(%[saved])\n"
		     "movups %%xmm5, 0x40(%[saved])\n"
		     "movups %%xmm6, 0x50(%[saved])\n"
		     "movups %%xmm7, 0x60(%[saved])\n"
		     "movups 0x00(%[wanted]), %%xmm5\n"
		     "movups 0x10(%[wanted]), %%xmm6\n"
		     "movups 0x20(%[wanted]), %%xmm7\n"
		     "1:\n" MARKS("0x00") "movdqa %%xmm0, %%xmm3\n"
		     MARKS("0x10") "por %%xmm0, %%xmm3\n"
		     MARKS("0x20") "por %%xmm0, %%xmm3\n"
		     MARKS("0x30") "por %%xmm0, %%xmm3\n"
		     "pmovmskb %%xmm3, %k[bits]\n"
		     "test %k[bits], %k[bits]\n"
		     "jnz 2f\n"
		     "add $64, %[p]\n"
		     "cmp %[last], %[p]\n"
		     "jbe 1b\n"
		     "jmp 3f\n"
		     "2:\n" MARKS("0x30") "pmovmskb %%xmm0, %k[bits]\n"
		     MARKS("0x20") "pmovmskb %%xmm0, %k[part]\n"
		     "shl $16, %[bits]\n"
		     "or %[part], %[bits]\n"
		     MARKS("0x10") "pmovmskb %%xmm0, %k[part]\n"
		     "shl $16, %[bits]\n"
		     "or %[part], %[bits]\n"
		     MARKS("0x00") "pmovmskb %%xmm0, %k[part]\n"
		     "shl $16, %[bits]\n"
		     "or %[part], %[bits]\n"
		     "3:\n"
		     "movups 0x00(%[saved]), %%xmm0\n"
		     "movups 0x10(%[saved]), %%xmm1\n"
		     "movups 0x20(%[saved]), %%xmm2\n"
		     "movups 0x30(%[saved]), %%xmm3\n"
		     "movups 0x40(%[saved]), %%xmm5\n"
		     "movups 0x50(%[saved]), %%xmm6\n"
		     "movups 0x60(%[saved]), %%xmm7\n"
		     : [p] "+r"(from), [bits] "+r"(bits), [part] "+r"(part)
		     : [last] "r"(last), [wanted] "r"(wanted), [saved] "r"(saved)
		     : "memory", "cc");
	*at = (size_t)(from - p);
	return bits;
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

/* The first sequence whose mark is at or behind i, and before `to`. */
static bool slow_next(const u8 *p, size_t n, size_t from, size_t i, size_t to, struct scan_hit *hit)
{
	for (; i < to; i++)
		if (mark(p, n, i) && examine(p, i, hit) && hit->at >= from)
			return true;
	return false;
}

bool scan_next(const u8 *p, size_t n, size_t from, struct scan_hit *hit)
{
	size_t at = from;
	u64 bits;

	while ((bits = blocks_marks(p, n, &at))) {
		for (; bits; bits &= bits - 1)
			if (examine(p, at + (u32)__builtin_ctzll(bits), hit) && hit->at >= from)
				return true;
		at += BLOCK;
	}
	return slow_next(p, n, from, at, n, hit);
}

bool scan_bytes_clean(const u8 *p, size_t n)
{
	struct scan_hit hit;

	return !scan_next(p, n, 0, &hit);
}
