/* Doubly linked circular list and single-headed hash chain. No locking of its own. */
#ifndef LIMPET_LIB_LIST_H
#define LIMPET_LIB_LIST_H

#include "lib/types.h"

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name) { &(name), &(name) }

static inline void list_init(struct list_head *h) { h->next = h->prev = h; }
static inline bool list_empty(const struct list_head *h) { return h->next == h; }

static inline void list_insert_(struct list_head *n, struct list_head *prev, struct list_head *next)
{
	next->prev = n;
	n->next = next;
	n->prev = prev;
	prev->next = n;
}
static inline void list_add(struct list_head *n, struct list_head *h) { list_insert_(n, h, h->next); }
static inline void list_add_tail(struct list_head *n, struct list_head *h) { list_insert_(n, h->prev, h); }

/* The node may be asked list_empty() afterwards: it answers true. Safe on an initialised node that is on no list. */
static inline void list_del(struct list_head *n)
{
	n->next->prev = n->prev;
	n->prev->next = n->next;
	list_init(n);
}
static inline void list_move_tail(struct list_head *n, struct list_head *h)
{
	list_del(n);
	list_add_tail(n, h);
}
/* Moves every node of from to the end of to; from is empty afterwards. */
static inline void list_splice_tail_init(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first_entry(h, type, member) list_entry((h)->next, type, member)
#define list_first_entry_or_null(h, type, member) (list_empty(h) ? NULL : list_first_entry(h, type, member))
#define list_for_each_entry(pos, h, member)                                                                  \
	for (pos = list_entry((h)->next, __typeof__(*pos), member); &pos->member != (h);                     \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))
#define list_for_each_entry_safe(pos, n, h, member)                                                          \
	for (pos = list_entry((h)->next, __typeof__(*pos), member),                                          \
	    n = list_entry(pos->member.next, __typeof__(*pos), member);                                      \
	     &pos->member != (h); pos = n, n = list_entry(n->member.next, __typeof__(*n), member))

/* Hash chains: the head is one pointer. A zeroed head and a zeroed node are valid and empty. */
struct hlist_node {
	struct hlist_node *next, **pprev;
};
struct hlist_head {
	struct hlist_node *first;
};
static inline void hlist_add(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	if (h->first)
		h->first->pprev = &n->next;
	h->first = n;
	n->pprev = &h->first;
}
static inline bool hlist_unhashed(const struct hlist_node *n) { return !n->pprev; }
static inline void hlist_del(struct hlist_node *n)
{
	if (!n->pprev)
		return;
	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
	n->next = NULL;
	n->pprev = NULL;
}
#define hlist_entry_or_null(ptr, type, member) ((ptr) ? container_of(ptr, type, member) : NULL)
#define hlist_for_each_entry(pos, h, member)                                                                 \
	for (pos = hlist_entry_or_null((h)->first, __typeof__(*pos), member); pos;                           \
	     pos = hlist_entry_or_null(pos->member.next, __typeof__(*pos), member))

#endif
