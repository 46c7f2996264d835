/*
 * The search for forbidden instructions against a plain one: at every offset, cut off at every end, in random bytes.
 * Each buffer has its exact size, so that the sanitizer sees a read beyond it; it does not look into assembly, for which
 * there are pages without access.
 *
 * build: kernel/mm/scan.c
 */
#include "mm/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BYTES(...) { { __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }) }

struct sample {
	u8 b[24];
	size_t len;
};

static const struct sample forbidden[] = {
	BYTES(0x0f, 0x01, 0xef),
	BYTES(0xd5, 0x80, 0x01, 0xef),
	BYTES(0x0f, 0xae, 0x2f),
	BYTES(0x0f, 0xae, 0x6c),
	BYTES(0x0f, 0xae, 0xa8),
	BYTES(0xf3, 0x0f, 0xae, 0xd8),
	BYTES(0xf3, 0x48, 0x0f, 0xae, 0xdf),
	BYTES(0x66, 0xf3, 0x2e, 0x65, 0x4f, 0x0f, 0xae, 0xdb),
	BYTES(0xf3, 0x64, 0x64, 0x64, 0x64, 0x64, 0x64, 0x64, 0x64, 0x64, 0x64, 0x48, 0x0f, 0xae, 0xd9),
	BYTES(0xf3, 0xd5, 0x98, 0xae, 0xd8),
};

static const struct sample allowed[] = {
	BYTES(0x0f, 0x01, 0xee), /* rdpkru */
	BYTES(0x0f, 0xae, 0xe8), /* lfence */
	BYTES(0xf3, 0x0f, 0xae, 0xe8), /* incsspd */
	BYTES(0x0f, 0xae, 0x1f), /* stmxcsr */
	BYTES(0x0f, 0xae, 0x27), /* xsave */
	BYTES(0x0f, 0xae, 0x0f), /* fxrstor */
	BYTES(0x0f, 0xae, 0xd8),
	BYTES(0xf3, 0x90, 0x0f, 0xae, 0xd8),
	BYTES(0xf3, 0x48, 0x0f, 0xae, 0xd7), /* wrfsbase */
	BYTES(0xd5, 0x7f, 0x01, 0xef),
	BYTES(0x0f, 0xf3, 0xae, 0x2f),
};

static bool plain_prefix(u8 b) { return b && memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", b, 11) != NULL; }

/* The definition, byte by byte. */
static u32 plain_at(const u8 *p, size_t n, size_t i)
{
	size_t op = p[i] == 0x0f ? i + 1 : i + 2, k;

	if (op + 1 >= n || (p[i] != 0x0f && (p[i] != 0xd5 || !(p[i + 1] & 0x80))))
		return 0;
	if (p[op] == 0x01 && p[op + 1] == 0xef)
		return SCAN_WRPKRU;
	if (p[op] != 0xae)
		return 0;
	if (p[i] == 0x0f && p[op + 1] >> 6 != 3 && (p[op + 1] & 0x38) == 0x28)
		return SCAN_XRSTOR;
	if ((p[op + 1] & 0xf8) != 0xd8)
		return 0;
	for (k = 1; k <= SCAN_REACH && k <= i; k++) {
		if (p[i - k] == 0xf3)
			return SCAN_WRGSBASE;
		if (!plain_prefix(p[i - k]) && p[i - k] >> 4 != 4)
			break;
	}
	return 0;
}

static size_t plain_next(const u8 *p, size_t n, size_t from)
{
	while (from < n && !plain_at(p, n, from))
		from++;
	return from;
}

static void compare(const u8 *p, size_t n)
{
	struct scan_hit hit;
	size_t from = 0, want;

	for (;;) {
		want = plain_next(p, n, from);
		assert_int_equal(scan_next(p, n, from, &hit), want < n);
		if (want >= n)
			break;
		assert_int_equal(hit.at, want);
		assert_int_equal(hit.kind, plain_at(p, n, want));
		assert_true(hit.at + hit.len <= n);
		from = want + 1;
	}
	assert_int_equal(scan_bytes_clean(p, n), plain_next(p, n, 0) == n);
}

static void samples(void **state)
{
	for (size_t s = 0; s < sizeof(forbidden) / sizeof(*forbidden); s++)
		for (size_t before = 0; before < 40; before++)
			for (size_t behind = 0; behind < 20; behind++) {
				size_t n = before + forbidden[s].len + behind;
				u8 *p = malloc(n);

				memset(p, 0x90, n);
				memcpy(p + before, forbidden[s].b, forbidden[s].len);
				assert_false(scan_bytes_clean(p, n));
				compare(p, n);
				/* Without its last byte it is nothing. */
				if (!behind)
					assert_true(scan_bytes_clean(p, n - 1));
				free(p);
			}
	for (size_t s = 0; s < sizeof(allowed) / sizeof(*allowed); s++)
		for (size_t before = 0; before < 40; before++) {
			size_t n = before + allowed[s].len;
			u8 *p = malloc(n);

			memset(p, 0x90, n);
			memcpy(p + before, allowed[s].b, allowed[s].len);
			assert_true(scan_bytes_clean(p, n));
			free(p);
		}
}

static void trapped(void **state)
{
	for (size_t s = 0; s < sizeof(forbidden) / sizeof(*forbidden); s++) {
		u8 b[sizeof(forbidden->b)];
		struct scan_hit hit;

		memcpy(b, forbidden[s].b, sizeof(b));
		while (scan_next(b, forbidden[s].len, 0, &hit))
			b[hit.at] = SCAN_TRAP;
		assert_true(plain_next(b, forbidden[s].len, 0) == forbidden[s].len);
	}
}

/* Bytes drawn from those that matter, so that sequences and near misses abound. */
static void random_bytes(void **state)
{
	static const u8 pool[] = { 0x0f, 0x0f, 0xae, 0xae, 0x01, 0xef, 0xef, 0xf3, 0x48, 0x2f, 0xd8, 0xd5, 0x98, 0x66, 0x00, 0x90 };

	srand(1);
	for (int round = 0; round < 100000; round++) {
		size_t n = (size_t)rand() % 64;
		u8 *p = malloc(n ? n : 1);

		for (size_t i = 0; i < n; i++)
			p[i] = rand() % 8 ? pool[rand() % sizeof(pool)] : (u8)rand();
		compare(p, n);
		free(p);
	}
}

/* Whole blocks, which are searched by assembly, up to the borders of memory. */
static void long_random(void **state)
{
	static const u8 pool[] = { 0x0f, 0xae, 0x01, 0xef, 0xf3, 0x2f, 0xd8, 0xd5 };
	const size_t page = 4096;
	u8 *room = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *mid = room + page;

	assert_true(room != MAP_FAILED && !mprotect(mid, page, PROT_READ | PROT_WRITE));
	srand(2);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)rand() % 300, rare = 1 + (size_t)rand() % 30;

		for (size_t i = 0; i < page; i++)
			mid[i] = i >= n && i < page - n ? 0 : rand() % (int)rare ? 0x90 : pool[rand() % sizeof(pool)];
		compare(mid, n);
		compare(mid + page - n, n);
	}
	munmap(room, 3 * page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples),
		cmocka_unit_test(trapped),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(long_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
