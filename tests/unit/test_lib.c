/*
 * kernel/lib against the host's C library: strings, numbers, formatted output, lists. The sources are included under
 * other names, so that both libraries can be here.
 */
#define memcpy t_memcpy
#define memmove t_memmove
#define memset t_memset
#define memcmp t_memcmp
#define memchr t_memchr
#define strlen t_strlen
#define strnlen t_strnlen
#define strcmp t_strcmp
#define strncmp t_strncmp
#define strchr t_strchr
#define strrchr t_strrchr
#define strlcpy t_strlcpy
#include "kernel/lib/string.c"
#include "kernel/lib/printf.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strlcpy
#include "lib/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

int snprintf(char *buf, size_t size, const char *fmt, ...);
int strcmp(const char *a, const char *b);
int memcmp(const void *a, const void *b, size_t n);
void *memmove(void *dst, const void *src, size_t n);
int rand(void);

static void moves(void **state)
{
	unsigned char a[200], b[200];

	for (int n = 0; n < 20000; n++) {
		size_t len = (size_t)rand() % 80, from = (size_t)rand() % 100, to = (size_t)rand() % 100;

		for (int i = 0; i < 200; i++)
			a[i] = b[i] = (unsigned char)rand();
		t_memmove(a + to, a + from, len);
		memmove(b + to, b + from, len);
		assert_int_equal(memcmp(a, b, 200), 0);
		t_memset(a + to, n, len);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(a[to + i], (unsigned char)n);
		if (to + len < from || from + len < to) {
			t_memcpy(a + to, b + from, len);
			assert_int_equal(t_memcmp(a + to, b + from, len), 0);
		}
	}
}

static void strings(void **state)
{
	char buf[8];

	assert_int_equal(t_strlen(""), 0);
	assert_int_equal(t_strlen("abc"), 3);
	assert_int_equal(t_strnlen("abc", 2), 2);
	assert_int_equal(t_strcmp("abc", "abc"), 0);
	assert_true(t_strcmp("abc", "abd") < 0);
	assert_true(t_strcmp("\xff", "a") > 0);
	assert_true(t_strcmp("ab", "abc") < 0);
	assert_int_equal(t_strncmp("abX", "abY", 2), 0);
	assert_int_equal(t_strncmp("a", "b", 0), 0);
	assert_string_equal(t_strchr("a/b/c", '/'), "/b/c");
	assert_string_equal(t_strrchr("a/b/c", '/'), "/c");
	assert_null(t_strchr("abc", 'x'));
	assert_non_null(t_strchr("abc", 0));
	assert_int_equal(t_strlcpy(buf, "longer than that", sizeof(buf)), 16);
	assert_string_equal(buf, "longer ");
	assert_int_equal(t_strlcpy(buf, "", sizeof(buf)), 0);
	assert_null(t_memchr("abc", 'c', 2));
	assert_non_null(t_memchr("abc", 'c', 3));
	assert_true(t_memcmp("\x01\xff", "\x01\x01", 2) > 0);
}

static void numbers(void **state)
{
	static const struct { const char *text; unsigned base; int err; u64 value; } cases[] = {
		{ "0", 10, 0, 0 }, { "18446744073709551615", 10, 0, ~0ull }, { "18446744073709551616", 10, -34, 0 },
		{ "", 10, -22, 0 }, { "1x", 10, -22, 0 }, { "-1", 10, -22, 0 }, { " 1", 10, -22, 0 },
		{ "ff", 16, 0, 255 }, { "0x1F", 0, 0, 31 }, { "017", 0, 0, 15 }, { "18", 8, -22, 0 }, { "0", 0, 0, 0 },
		{ "99999999999999999999999999", 10, -34, 0 }, { "ffffffffffffffff", 16, 0, ~0ull }, { "x", 0, -22, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		u64 v = 77;
		int err = kstrtou64(cases[i].text, cases[i].base, &v);

		if (err != cases[i].err || (!err && v != cases[i].value))
			fail_msg("\"%s\" in base %u: %d, %llu", cases[i].text, cases[i].base, err, (unsigned long long)v);
	}
}

#define SAME(...) do { \
	char a_[128], b_[128]; \
	int x_ = ksnprintf(a_, sizeof(a_), __VA_ARGS__), y_ = snprintf(b_, sizeof(b_), __VA_ARGS__); \
	assert_string_equal(a_, b_); \
	assert_int_equal(x_, y_); \
} while (0)

static void formats(void **state)
{
	static const long values[] = { 0, 1, -1, 42, -42, 2147483647, -2147483648l, 0x7fffffffffffffff, -0x7fffffffffffffff - 1 };
	char small[5];

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		long v = values[i];

		SAME("%d|%5d|%-5d|%05d", (int)v, (int)v, (int)v, (int)v);
		SAME("%ld|%20ld|%-20ld|%020ld", v, v, v, v);
		SAME("%lx|%#lx|%lX|%lo|%lu", (unsigned long)v, (unsigned long)v, (unsigned long)v, (unsigned long)v, (unsigned long)v);
		SAME("%.3d|%8.3d", (int)v, (int)v);
		SAME("%hd|%hu|%lld|%zu", (short)v, (unsigned short)v, (long long)v, (size_t)v);
	}
	SAME("%s|%10s|%-10s|%.2s|%.*s|%*s", "abc", "abc", "abc", "abc", 1, "abc", 7, "abc");
	SAME("%c%%%c", 'x', 'y');
	SAME("%s", "");
	assert_int_equal(ksnprintf(small, sizeof(small), "%s", "too long"), 8);
	assert_string_equal(small, "too ");
	assert_int_equal(ksnprintf(NULL, 0, "%d", 12345), 5);
	assert_int_equal(ksnprintf(small, 1, "%d", 12345), 5);
	assert_string_equal(small, "");
}

struct item { int n; struct list_head node; };

static void lists(void **state)
{
	struct list_head head = LIST_HEAD_INIT(head);
	struct item items[5], *it;
	int sum = 0;

	assert_true(list_empty(&head));
	for (int i = 0; i < 5; i++) {
		items[i].n = i;
		list_add_tail(&items[i].node, &head);
	}
	list_for_each_entry(it, &head, node)
		sum = sum * 10 + it->n;
	assert_int_equal(sum, 1234);
	list_del(&items[2].node);
	list_del(&items[0].node);
	sum = 0;
	list_for_each_entry(it, &head, node)
		sum = sum * 10 + it->n;
	assert_int_equal(sum, 134);
	assert_ptr_equal(list_first_entry_or_null(&head, struct item, node), &items[1]);
	list_del(&items[1].node);
	list_del(&items[3].node);
	list_del(&items[4].node);
	assert_true(list_empty(&head));
	assert_null(list_first_entry_or_null(&head, struct item, node));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves), cmocka_unit_test(strings), cmocka_unit_test(numbers), cmocka_unit_test(formats),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
