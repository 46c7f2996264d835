/*
 * The only way to guest memory. A guest address has its own type, so that it cannot be dereferenced by accident;
 * fetch every datum once, into a local, then check it.
 * A range is valid when addr + len <= TASK_SIZE; the access itself may fault and then returns -EFAULT.
 * All of these act on the current task's address space, may block in the host's page fault handling, and must
 * be called with no lock held.
 */
#ifndef LIMPET_MM_UACCESS_H
#define LIMPET_MM_UACCESS_H

#include "lib/types.h"

struct uptr {
	u64 addr;
};
static inline struct uptr uptr(u64 addr) { return (struct uptr){ addr }; }
static inline struct uptr uptr_add(struct uptr p, u64 n) { return (struct uptr){ p.addr + n }; }
static inline bool uptr_null(struct uptr p) { return p.addr == 0; }
bool user_range_ok(struct uptr p, u64 len);

int copy_in(void *dst, struct uptr src, size_t len) __must_check; /* 0 or -EFAULT; dst undefined on failure */
int copy_out(struct uptr dst, const void *src, size_t len) __must_check; /* 0 or -EFAULT */
int clear_user(struct uptr dst, size_t len) __must_check;
/* How many bytes from the start could be copied: for reads and writes that may be partial. */
size_t copy_in_partial(void *dst, struct uptr src, size_t len);
size_t copy_out_partial(struct uptr dst, const void *src, size_t len);
size_t clear_user_partial(struct uptr dst, size_t len);
/* Copies a string with its 0 into dst. Returns its length without the 0, -EFAULT, or -ENAMETOOLONG when size was too small. */
ssize_t copy_in_str(char *dst, struct uptr src, size_t size) __must_check;
/* A new kmalloc'ed copy of at most max bytes with the 0; -E2BIG when longer, -EFAULT, -ENOMEM as err_ptr. */
char *copy_in_strdup(struct uptr src, size_t max);

/* Single naturally aligned words, atomic as the CPU's own access is. */
int get_user_u32(struct uptr p, u32 *out) __must_check;
int get_user_u64(struct uptr p, u64 *out) __must_check;
int put_user_u32(struct uptr p, u32 v) __must_check;
int put_user_u64(struct uptr p, u64 v) __must_check;
/* Atomic compare-exchange on user memory; *prev = what was there. 0 or -EFAULT. */
int cmpxchg_user_u32(struct uptr p, u32 old, u32 new, u32 *prev) __must_check;
int cmpxchg_user_u64(struct uptr p, u64 old, u64 new, u64 *prev) __must_check;
/* Atomic fetch-and-op for FUTEX_WAKE_OP: op 0 set, 1 add, 2 or, 3 andn, 4 xor. */
int atomic_op_user_u32(struct uptr p, unsigned op, u32 arg, u32 *prev) __must_check;

/* Linux's struct iovec. */
struct iovec {
	u64 base;
	u64 len;
};
#define UIO_MAXIOV 1024

/*
 * Where a read puts its bytes or a write takes them from: user memory or a kernel buffer. File types only use
 * uio_copy_to, uio_copy_from and uio->resid. Lives on the caller's stack.
 */
struct uio {
	size_t resid; /* bytes still to go */
	/* private to uio.c */
	const struct iovec *iov;
	u32 iov_count;
	bool kernel; /* iov bases are kernel addresses */
	size_t iov_off; /* bytes of iov[0] already done */
	struct iovec one;
};
void uio_init_user(struct uio *u, struct uptr buf, size_t len);
void uio_init_kernel(struct uio *u, void *buf, size_t len);
void uio_init_iov(struct uio *u, const struct iovec *iov, u32 count, size_t total); /* iov kept by reference */
/* Fetches and checks a user's iovec array (readv(2)): *iov is kmalloc'ed unless it fits fast. -EFAULT, -EINVAL, -ENOMEM. */
int uio_import(struct uio *u, struct uptr uvec, u64 count, struct iovec *fast, u32 fast_count, struct iovec **iov) __must_check;
/*
 * Copy up to len bytes (at most resid) and move on. Return the bytes copied; fewer than asked for means that
 * user memory faulted: return what was transferred so far, or -EFAULT if that is nothing.
 */
size_t uio_copy_to(struct uio *u, const void *src, size_t len); /* kernel -> destination (a read) */
size_t uio_copy_from(struct uio *u, void *dst, size_t len); /* source -> kernel (a write) */
size_t uio_zero(struct uio *u, size_t len); /* a read of zeros */
void uio_skip(struct uio *u, size_t len);
/* Takes back the last n copied bytes. */
void uio_revert(struct uio *u, size_t n);
/*
 * For handing user memory straight to a host call (preadv into the guest's buffer): fills host with up to max
 * pieces that are checked to be user (or kernel) ranges, at most len bytes; returns how many pieces, *bytes the sum.
 */
u32 uio_host_iov(struct uio *u, struct iovec *host, u32 max, size_t len, size_t *bytes);

/* Exception table: kernel/gate looks a faulting kernel RIP up here. 0 = not listed. */
u64 extable_lookup(u64 rip);

#endif
