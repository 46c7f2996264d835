/*
 * Messages of rtnetlink under the sanitizers: the built-in tables read back, then messages with bytes changed at random
 * in buffers of exactly their size: what rt_message_ok lets pass must be safe to read.
 *
 * build: kernel/net/route/table.c kernel/net/route/build.c kernel/net/route/lo.c kernel/lib/string.c -fno-builtin
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "abi/linux/socket.h"
#include "core/lock.h"
#include "net/host/host.h"

void *kmalloc(size_t n) { return malloc(n); }
void *krealloc(void *p, size_t n) { return realloc(p, n); }
void kfree(void *p) { free(p); }
void mutex_lock(struct mutex *m) {}
void mutex_unlock(struct mutex *m) {}
bool hostnet_present(void) { return false; }
struct rt_snap *hostnet_snapshot(enum rt_kind kind) { return NULL; }

static void tables(void **state)
{
	static const u32 counts[RT_KINDS] = { 1, 2, 5, 0, 5 };
	const u8 lo4[4] = { 127, 5, 5, 5 }, far[4] = { 8, 8, 8, 8 };
	struct rt_snap *s;

	for (enum rt_kind k = 0; k < RT_KINDS; k++) {
		u32 n = 0;

		s = rt_snapshot(k);
		for (const struct nlmsghdr *m = rt_next(s, NULL); m; m = rt_next(s, m), n++) {
			assert_true(rt_message_ok(m, m->len));
			assert_int_equal(rt_kind_of(m->type), k);
			assert_false(rt_message_ok(m, m->len - 1));
		}
		assert_int_equal(n, counts[k]);
		rt_snap_put(s);
	}
	s = rt_snapshot(RT_LINK);
	assert_string_equal(rt_link_name(rt_link_by_index(s, 1)), "lo");
	assert_ptr_equal(rt_link_by_name(s, "lo"), rt_next(s, NULL));
	assert_null(rt_link_by_name(s, "l"));
	assert_null(rt_link_by_index(s, 2));
	rt_snap_put(s);
	s = rt_snapshot(RT_ROUTE);
	assert_non_null(rt_lookup(s, AF_INET, lo4, 0));
	assert_null(rt_lookup(s, AF_INET, lo4, 2));
	assert_null(rt_lookup(s, AF_INET, far, 0));
	rt_snap_put(s);
}

/* Everything a reader may ask of a message. */
static u64 look(const struct nlmsghdr *m)
{
	struct rtnl_link_stats64 t;
	u64 sum = 0;
	u32 len;

	for (u16 type = 0; type < 64; type++) {
		const u8 *p = rt_attr(m, type, 0, &len);

		for (u32 i = 0; p && i < len; i++)
			sum += p[i];
		sum += rt_attr_u32(m, type, 0);
	}
	if (rt_kind_of(m->type) == RT_LINK) {
		const char *name = rt_link_name(m);

		sum += name ? strlen(name) : 0;
		rt_link_stats(m, &t);
		sum += t.rx_bytes;
	}
	if (rt_kind_of(m->type) == RT_ROUTE)
		sum += rt_route_table(m);
	return sum;
}

static void broken(void **state)
{
	u32 passed = 0, refused = 0;

	srand(1);
	for (enum rt_kind k = 0; k < RT_KINDS; k++) {
		struct rt_snap *s = rt_snapshot(k);

		for (const struct nlmsghdr *m = rt_next(s, NULL); m; m = rt_next(s, m)) {
			for (u32 round = 0; round < 20000; round++) {
				u32 size = round % 3 ? m->len : (u32)rand() % (m->len + 1);
				u8 *copy = malloc(size ? size : 1);
				struct rt_snap *one;

				memcpy(copy, m, size);
				for (u32 i = (u32)rand() % 4; size && i; i--)
					copy[(u32)rand() % size] = (u8)rand();
				if (!rt_message_ok((struct nlmsghdr *)copy, size)) {
					refused++;
					free(copy);
					continue;
				}
				passed++;
				look((struct nlmsghdr *)copy);
				/* And in a table of its own. */
				{
					struct rt_build b = { 0 };
					u8 dst[16] = { 127, 0, 0, 1 };

					rt_build_raw(&b, copy, ((struct nlmsghdr *)copy)->len);
					one = rt_build_finish(&b);
					rt_lookup(one, AF_INET, dst, 0);
					rt_lookup(one, AF_INET6, dst, 0);
					rt_link_by_name(one, "lo");
					rt_snap_put(one);
				}
				free(copy);
			}
		}
		rt_snap_put(s);
	}
	assert_true(passed > 1000);
	assert_true(refused > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tables), cmocka_unit_test(broken) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
