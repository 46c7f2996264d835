/* Unix sockets for NETLINK_SOCK_DIAG, unix_diag of sock_diag(7). */
#include "net/route/route.h"
#include "net/unix/unix.h"

#define SHOWN_ESTABLISHED 1u
#define SHOWN_CLOSE 7u
#define SHOWN_LISTEN 10u

static u32 shown_state(const struct unix_sock *u)
{
	switch (atomic_load(&u->state)) {
	case UNIX_LISTEN:
		return SHOWN_LISTEN;
	case UNIX_ESTABLISHED:
		return SHOWN_ESTABLISHED;
	}
	return SHOWN_CLOSE;
}

static u32 inode_of(const struct unix_sock *u) { return atomic_load(&u->sock.file) ? (u32)u->sock.ino : 0; }

/* unix_table_lock held: so u's peer, once seen, cannot be freed, and nothing of u is looked at that needs its lock. */
static void put_attributes(struct rt_build *b, struct unix_sock *u, u32 show)
{
	struct unix_addr *a = atomic_load(&u->addr);
	struct unix_sock *peer = atomic_load(&u->peer);
	bool listens = atomic_load(&u->state) == UNIX_LISTEN;
	u32 peer_ino = peer ? inode_of(peer) : 0, queue[2];

	if ((show & UDIAG_SHOW_NAME) && a && a->len > UNIX_PATH_OFFSET) {
		u32 len = a->len - UNIX_PATH_OFFSET;

		rt_build_attr(b, UNIX_DIAG_NAME, a->name + UNIX_PATH_OFFSET, a->name[UNIX_PATH_OFFSET] ? len - 1 : len);
	}
	if ((show & UDIAG_SHOW_PEER) && peer_ino)
		rt_build_attr(b, UNIX_DIAG_PEER, &peer_ino, sizeof(peer_ino));
	if (show & UDIAG_SHOW_RQLEN) {
		queue[0] = listens ? atomic_load(&u->qlen) : (u32)atomic_load_relaxed(&u->inq_bytes);
		queue[1] = listens ? atomic_load(&u->backlog) : atomic_load(&u->wmem);
		rt_build_attr(b, UNIX_DIAG_RQLEN, queue, sizeof(queue));
	}
	if (show & UDIAG_SHOW_MEMINFO) {
		const u32 mem[9] = { 0, atomic_load(&u->sock.rcvbuf), atomic_load(&u->wmem), atomic_load(&u->sock.sndbuf) };

		rt_build_attr(b, UNIX_DIAG_MEMINFO, mem, sizeof(mem));
	}
	rt_build_attr(b, UNIX_DIAG_SHUTDOWN, &(u8){ (u8)atomic_load(&u->shutdown) }, 1);
}

int unix_diag(struct rt_build *b, const struct unix_diag_req *want, bool dump)
{
	struct unix_sock *u;
	int found = 0;

	mutex_lock(&unix_table_lock);
	list_for_each_entry(u, &unix_all, all_node) {
		struct unix_diag_msg m = { AF_UNIX, (u8)u->sock.type, (u8)shown_state(u), 0, inode_of(u), { 0, 0 } };
		u64 cookie;
		void *p;

		if (!atomic_load(&u->ref.count))
			continue;
		if (dump ? !(want->states >> m.state & 1) : m.ino != want->ino)
			continue;
		cookie = socket_cookie(&u->sock);
		m.cookie[0] = (u32)cookie;
		m.cookie[1] = (u32)(cookie >> 32);
		p = rt_build_begin(b, SOCK_DIAG_BY_FAMILY, sizeof(m));
		if (p)
			memcpy(p, &m, sizeof(m));
		put_attributes(b, u, want->show);
		rt_build_end(b);
		found++;
		if (!dump)
			break;
	}
	mutex_unlock(&unix_table_lock);
	return found;
}
