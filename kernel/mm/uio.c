/* struct uio: the walker over the buffers of read- and write-like calls. See mm/uaccess.h. */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "mm/code.h"
#include "mm/uaccess.h"
#include "proc/task.h"

/* What one call transfers at most, as Linux: the total of readv(2) is cut to it. */
#define UIO_MAX_TOTAL 0x7ffff000ull

static void uio_init_one(struct uio *u, u64 base, size_t len, bool kernel)
{
	u->resid = len;
	u->one = (struct iovec){ base, len };
	u->iov = &u->one;
	u->iov_count = 1;
	u->iov_off = 0;
	u->kernel = kernel;
}

void uio_init_user(struct uio *u, struct uptr buf, size_t len) { uio_init_one(u, buf.addr, len, false); }
void uio_init_kernel(struct uio *u, void *buf, size_t len) { uio_init_one(u, (u64)buf, len, true); }

void uio_init_iov(struct uio *u, const struct iovec *iov, u32 count, size_t total)
{
	u->resid = total;
	u->iov = iov;
	u->iov_count = count;
	u->iov_off = 0;
	u->kernel = false;
	u->one = (struct iovec){ 0, 0 };
}

int uio_import(struct uio *u, struct uptr uvec, u64 count, struct iovec *fast, u32 fast_count, struct iovec **iov)
{
	struct iovec *v = fast;
	u64 total = 0;
	int err;

	*iov = NULL;
	if (count > UIO_MAXIOV)
		return -EINVAL;
	if (count > fast_count) {
		v = kmalloc(count * sizeof(*v));
		if (!v)
			return -ENOMEM;
	}
	err = copy_in(v, uvec, count * sizeof(*v));
	for (u64 i = 0; !err && i < count; i++) {
		if ((s64)v[i].len < 0) {
			err = -EINVAL;
			break;
		}
		v[i].len = min(v[i].len, UIO_MAX_TOTAL - total);
		total += v[i].len;
		if (!user_range_ok(uptr(v[i].base), v[i].len))
			err = -EFAULT;
	}
	if (err) {
		if (v != fast)
			kfree(v);
		return err;
	}
	if (v != fast)
		*iov = v;
	uio_init_iov(u, v, count, total);
	return 0;
}

/* The next piece: its address, and at most len bytes of it. 0 bytes = nothing left. */
static size_t uio_piece(struct uio *u, size_t len, u64 *addr)
{
	len = min(len, u->resid);
	while (len && u->iov_count) {
		if (u->iov_off < u->iov->len) {
			*addr = u->iov->base + u->iov_off;
			return min(len, (size_t)u->iov->len - u->iov_off);
		}
		u->iov++;
		u->iov_count--;
		u->iov_off = 0;
	}
	return 0;
}

static void uio_advance(struct uio *u, size_t n)
{
	u->iov_off += n;
	u->resid -= n;
}

size_t uio_copy_to(struct uio *u, const void *src, size_t len)
{
	size_t done = 0, n, k;
	u64 addr;

	while ((n = uio_piece(u, len - done, &addr))) {
		if (u->kernel)
			memcpy((void *)addr, (const char *)src + done, k = n);
		else
			k = copy_out_partial(uptr(addr), (const char *)src + done, n);
		uio_advance(u, k);
		done += k;
		if (k < n)
			break;
	}
	return done;
}

size_t uio_copy_from(struct uio *u, void *dst, size_t len)
{
	size_t done = 0, n, k;
	u64 addr;

	while ((n = uio_piece(u, len - done, &addr))) {
		if (u->kernel) {
			memcpy((char *)dst + done, (const void *)addr, k = n);
		} else {
			code_reveal(current->mm, addr, n);
			k = copy_in_partial((char *)dst + done, uptr(addr), n);
		}
		uio_advance(u, k);
		done += k;
		if (k < n)
			break;
	}
	return done;
}

size_t uio_zero(struct uio *u, size_t len)
{
	size_t done = 0, n, k;
	u64 addr;

	while ((n = uio_piece(u, len - done, &addr))) {
		if (u->kernel)
			memset((void *)addr, 0, k = n);
		else
			k = clear_user_partial(uptr(addr), n);
		uio_advance(u, k);
		done += k;
		if (k < n)
			break;
	}
	return done;
}

void uio_skip(struct uio *u, size_t len)
{
	size_t done = 0, n;
	u64 addr;

	while ((n = uio_piece(u, len - done, &addr))) {
		uio_advance(u, n);
		done += n;
	}
}

void uio_revert(struct uio *u, size_t n)
{
	u->resid += n;
	while (n > u->iov_off) {
		n -= u->iov_off;
		u->iov--;
		u->iov_count++;
		u->iov_off = u->iov->len;
	}
	u->iov_off -= n;
}

u32 uio_host_iov(struct uio *u, struct iovec *host, u32 max, size_t len, size_t *bytes)
{
	const struct iovec *v = u->iov;
	size_t off = u->iov_off, left = min(len, u->resid), sum = 0;
	u32 pieces = 0;

	for (u32 i = 0; i < u->iov_count && pieces < max && left; i++, v++, off = 0) {
		size_t n;

		if (off >= v->len)
			continue;
		n = min((size_t)v->len - off, left);
		if (!u->kernel && !user_range_ok(uptr(v->base + off), n))
			break;
		if (!u->kernel)
			code_reveal(current->mm, v->base + off, n);
		host[pieces++] = (struct iovec){ v->base + off, n };
		sum += n;
		left -= n;
	}
	*bytes = sum;
	return pieces;
}
