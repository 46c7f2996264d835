/*
 * libFuzzer: answers about instructions (CONTROL_LOCATED) that are not what was asked for, as the guest kernel takes them.
 * An input is a row of questions, each with the answers that come while it waits: which id, and three numbers of any
 * size. Whatever they say, what is remembered lies within the question's bytes, and no place stays taken.
 *
 * build: -I kernel -fno-builtin
 */
#include "kernel_host.h"

#include "mm/code_ask.c"

static const u8 *data;
static size_t size;
static u64 asked;

u32 hash_bytes(u32 h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const u8 *)p)[i]) * 16777619u;
	return h;
}
s64 ktime_get(void) { return 0; }
void stats_asked(s64 ns) {}
void wait_queue_init(struct wait_queue *wq) {}
void wake_up(struct wait_queue *wq) {}
void waiter_init(struct waiter *w) {}
void wait_prepare(struct wait_queue *wq, struct waiter *w) {}
void wait_remove(struct waiter *w) {}
int wait_block(enum wait_mode mode, s64 deadline) { return -ETIMEDOUT; }

static u8 byte(void)
{
	if (!size)
		return 0;
	size--;
	return *data++;
}

static s64 number(void)
{
	u64 v = 0;
	u8 n = byte();

	/* Small ones mostly, which get further. */
	for (u32 i = 0; i < (n & 8 ? 8u : 2u); i++)
		v |= (u64)byte() << 8 * i;
	return n & 1 ? (s64)(0 - v) : (s64)v;
}

/* The request has gone out: what comes back. */
void control_locate(s64 id, s64 at, s64 known, const void *code, u32 n)
{
	if ((u64)id <= asked)
		abort();
	asked = (u64)id;
	for (u32 k = byte() & 3; k; k--) {
		s64 to = byte() & 1 ? number() : id, start = number(), len = number();

		control_located(to, start, len, byte() & 1);
	}
}

int LLVMFuzzerTestOneInput(const u8 *input, size_t n);
int LLVMFuzzerTestOneInput(const u8 *input, size_t n)
{
	data = input;
	size = n;
	while (size) {
		struct code_question q = { .n = 1 + (byte() | (u32)byte() << 8) % (CODE_BEFORE + CODE_BEHIND) };
		struct code_answer a;
		int err;

		q.at = byte() % q.n;
		q.known = -1;
		memset(q.bytes, byte(), q.n);
		err = code_ask(&q);
		if (err && err != -ETIMEDOUT)
			abort();
		/* An earlier answer to the same question may be there. */
		if (!code_answer_known(&q, &a)) {
			if (!err)
				abort();
			continue;
		}
		if (a.start != -1 && (a.start < 0 || a.start >= (s32)(CODE_BEFORE + CODE_BEHIND) || a.len < 1 || a.len > 15))
			abort();
	}
	for (u32 i = 0; i < ASKING_MAX; i++)
		if (asking[i].id)
			abort();
	/* One table, once. */
	if (live > 1)
		abort();
	return 0;
}
