/*
 * Copies between kernel and guest memory. The moves themselves are kernel/gate/usercopy.S; here ranges are checked.
 * The kernel's half of the address space begins at TASK_SIZE: the one comparison in user_range_ok is what keeps
 * a program from pointing the kernel at itself.
 */
#include "mm/uaccess.h"

#include "abi/layout.h"
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "lib/string.h"

/* kernel/gate/usercopy.S */
size_t usercopy(void *dst, const void *src, size_t n);
size_t userclear(void *dst, size_t n);
ssize_t usercopy_str(char *dst, const char *src, size_t max);
int user_get32(const void *p, u32 *out);
int user_get64(const void *p, u64 *out);
int user_put32(void *p, u32 v);
int user_put64(void *p, u64 v);
int user_cmpxchg32(void *p, u32 old, u32 new, u32 *prev);
int user_cmpxchg64(void *p, u64 old, u64 new, u64 *prev);
int user_xchg32(void *p, u32 v, u32 *prev);
int user_xadd32(void *p, u32 v, u32 *prev);

bool user_range_ok(struct uptr p, u64 len)
{
	return !defence(DEFENCE_RANGE) || (len <= TASK_SIZE && p.addr <= TASK_SIZE - len);
}

size_t copy_in_partial(void *dst, struct uptr src, size_t len)
{
	if (!user_range_ok(src, len))
		return 0;
	return len - usercopy(dst, (const void *)src.addr, len);
}

size_t copy_out_partial(struct uptr dst, const void *src, size_t len)
{
	if (!user_range_ok(dst, len))
		return 0;
	return len - usercopy((void *)dst.addr, src, len);
}

int copy_in(void *dst, struct uptr src, size_t len)
{
	return user_range_ok(src, len) && !usercopy(dst, (const void *)src.addr, len) ? 0 : -EFAULT;
}

int copy_out(struct uptr dst, const void *src, size_t len)
{
	return user_range_ok(dst, len) && !usercopy((void *)dst.addr, src, len) ? 0 : -EFAULT;
}

size_t clear_user_partial(struct uptr dst, size_t len)
{
	if (!user_range_ok(dst, len))
		return 0;
	return len - userclear((void *)dst.addr, len);
}

int clear_user(struct uptr dst, size_t len)
{
	return user_range_ok(dst, len) && !userclear((void *)dst.addr, len) ? 0 : -EFAULT;
}

ssize_t copy_in_str(char *dst, struct uptr src, size_t size)
{
	size_t room;
	ssize_t n;

	if (src.addr >= TASK_SIZE && defence(DEFENCE_RANGE))
		return -EFAULT;
	room = defence(DEFENCE_RANGE) ? min((u64)size, TASK_SIZE - src.addr) : size;
	n = usercopy_str(dst, (const char *)src.addr, room);
	if (n < 0)
		return n;
	if ((size_t)n == room)
		return room == size ? -ENAMETOOLONG : -EFAULT;
	return n;
}

/* Grows by doubling and goes on where it was: each byte is fetched once. */
char *copy_in_strdup(struct uptr src, size_t max)
{
	size_t size = 0, want = min(max, (size_t)255) + 1;
	char *s = NULL;

	for (;;) {
		char *p = krealloc(s, want);
		ssize_t n;

		if (!p) {
			kfree(s);
			return err_ptr(-ENOMEM);
		}
		s = p;
		n = copy_in_str(s + size, uptr_add(src, size), want - size);
		if (n >= 0)
			return s;
		if (n != -ENAMETOOLONG || want > max) {
			kfree(s);
			return err_ptr(n == -ENAMETOOLONG ? -E2BIG : n);
		}
		size = want;
		want = min(max, want * 2) + 1;
	}
}

int get_user_u32(struct uptr p, u32 *out)
{
	return user_range_ok(p, 4) ? user_get32((const void *)p.addr, out) : -EFAULT;
}

int get_user_u64(struct uptr p, u64 *out)
{
	return user_range_ok(p, 8) ? user_get64((const void *)p.addr, out) : -EFAULT;
}

int put_user_u32(struct uptr p, u32 v)
{
	return user_range_ok(p, 4) ? user_put32((void *)p.addr, v) : -EFAULT;
}

int put_user_u64(struct uptr p, u64 v)
{
	return user_range_ok(p, 8) ? user_put64((void *)p.addr, v) : -EFAULT;
}

int cmpxchg_user_u32(struct uptr p, u32 old, u32 new, u32 *prev)
{
	return user_range_ok(p, 4) ? user_cmpxchg32((void *)p.addr, old, new, prev) : -EFAULT;
}

int cmpxchg_user_u64(struct uptr p, u64 old, u64 new, u64 *prev)
{
	return user_range_ok(p, 8) ? user_cmpxchg64((void *)p.addr, old, new, prev) : -EFAULT;
}

int atomic_op_user_u32(struct uptr p, unsigned op, u32 arg, u32 *prev)
{
	u32 old, seen, new;
	int err;

	if (!user_range_ok(p, 4))
		return -EFAULT;
	if (op == 0)
		return user_xchg32((void *)p.addr, arg, prev);
	if (op == 1)
		return user_xadd32((void *)p.addr, arg, prev);
	if (op > 4)
		return -ENOSYS;
	err = user_get32((const void *)p.addr, &old);
	while (!err) {
		new = op == 2 ? old | arg : op == 3 ? old & ~arg : old ^ arg;
		err = user_cmpxchg32((void *)p.addr, old, new, &seen);
		if (!err && seen == old) {
			*prev = old;
			return 0;
		}
		old = seen;
	}
	return err;
}

struct extable_entry {
	u64 fault, fixup;
};
extern const struct extable_entry __extable_start[], __extable_end[]; /* kernel.lds */

u64 extable_lookup(u64 rip)
{
	for (const struct extable_entry *e = __extable_start; e < __extable_end; e++)
		if (e->fault == rip)
			return e->fixup;
	return 0;
}
