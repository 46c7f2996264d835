/* Bytes on their way from one end of a loopback connection to the other; see loop.h. */
#include "net/inet/loop.h"

static void chunk_free(struct loop_chunk *c)
{
	if (c->size != LOOP_SMALL)
		kpages_free(c->data, c->size / PAGE_SIZE);
	kfree(c);
}

/* For a write of n bytes. */
static struct loop_chunk *chunk_alloc(size_t n)
{
	bool small = n <= LOOP_SMALL;
	struct loop_chunk *c = kmalloc(sizeof(*c) + (small ? LOOP_SMALL : 0));

	if (!c)
		return NULL;
	c->next = NULL;
	c->size = small ? LOOP_SMALL : n <= LOOP_MEDIUM ? LOOP_MEDIUM : LOOP_CHUNK;
	c->data = small ? (u8 *)(c + 1) : kpages_alloc(c->size / PAGE_SIZE);
	if (c->data)
		return c;
	kfree(c);
	return NULL;
}

/* The chunk to write the next bytes of n in all to. The writer. */
static struct loop_chunk *chunk_for(struct loop_ring *r, u64 head, size_t n)
{
	struct loop_chunk *c = r->w, *fresh;

	if (likely(c)) {
		if (head == atomic_load(&r->tail))
			c->base = head;
		if (head != c->base + c->size)
			return c;
		fresh = atomic_load(&r->spare) ? atomic_xchg(&r->spare, NULL) : NULL;
		if (!fresh)
			fresh = chunk_alloc(max(n, (size_t)LOOP_MEDIUM));
		if (!fresh)
			return NULL;
		fresh->next = NULL;
		fresh->base = head;
		r->w = fresh;
		atomic_store(&c->next, fresh);
		return fresh;
	}
	c = chunk_alloc(n);
	if (!c)
		return NULL;
	c->base = head;
	r->w = c;
	r->r = c;
	return c;
}

ssize_t loop_ring_put(struct loop_ring *r, struct uio *from, size_t n)
{
	u64 head = r->head;
	ssize_t done = 0;

	if (!atomic_load_relaxed(&r->used_lately))
		atomic_store_relaxed(&r->used_lately, 1);
	while (n) {
		struct loop_chunk *c = chunk_for(r, head, n);
		size_t piece, got;

		if (!c)
			return done ? done : -ENOMEM;
		piece = min(n, (size_t)(c->base + c->size - head));
		got = uio_copy_from(from, c->data + (head - c->base), piece);
		head += got;
		done += (ssize_t)got;
		n -= got;
		atomic_store(&r->head, head);
		if (got < piece)
			return done ? done : -EFAULT;
	}
	return done;
}

ssize_t loop_ring_get(struct loop_ring *r, struct uio *to, u64 skip, size_t n)
{
	u64 pos = r->tail + skip, head = atomic_load(&r->head);
	struct loop_chunk *c;
	ssize_t done = 0;

	if (pos >= head)
		return 0;
	n = min(n, (size_t)(head - pos));
	for (c = r->r; n;) {
		size_t piece, got;

		/* There is a byte at pos: what lies behind a full chunk is in the next. */
		if (pos >= c->base + c->size) {
			c = atomic_load(&c->next);
			continue;
		}
		piece = min(n, (size_t)(c->base + c->size - pos));
		got = to ? uio_copy_to(to, c->data + (pos - c->base), piece) : piece;
		pos += got;
		done += (ssize_t)got;
		n -= got;
		if (got < piece)
			return done ? done : -EFAULT;
	}
	return done;
}

void loop_ring_consume(struct loop_ring *r, u64 n)
{
	u64 tail = r->tail + n;
	struct loop_chunk *c, *next;

	/* As long as the tail stands, the writer leaves the chunks alone. */
	while ((c = r->r) && tail >= c->base + c->size && (next = atomic_load(&c->next))) {
		r->r = next;
		if (c->size != LOOP_CHUNK || !atomic_cas(&r->spare, NULL, c))
			chunk_free(c);
	}
	atomic_store(&r->tail, tail);
}

void loop_ring_free(struct loop_ring *r)
{
	struct loop_chunk *c = r->r, *next;

	for (; c; c = next) {
		next = c->next;
		chunk_free(c);
	}
	if (r->spare)
		chunk_free(r->spare);
	r->r = r->w = r->spare = NULL;
}
