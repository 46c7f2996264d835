/* The text of /proc/net/unix, proc_net(5). */
#include "net/unix/unix.h"

#define FLAG_ACCEPTCON 0x10000u
#define LINE_MAX (80 + UNIX_ADDR_MAX)

static const char header[] = "Num       RefCount Protocol Flags    Type St Inode Path\n";

struct text {
	char *buf;
	size_t len, size;
};

/* As Linux's enum socket_state, which has connecting and disconnecting ones where there is no file. */
static u32 shown_state(const struct unix_sock *u)
{
	bool connected = u->state == UNIX_ESTABLISHED;

	if (atomic_load(&u->sock.file))
		return connected ? 3 : 1;
	return connected ? 2 : 4;
}

/* line has LINE_MAX bytes. Kernel addresses are not shown. */
static size_t format(struct unix_sock *u, char *line)
{
	struct unix_addr *a = atomic_load(&u->addr);
	u64 ino = atomic_load(&u->sock.file) ? u->sock.ino : 0;
	u32 len = a ? a->len - UNIX_PATH_OFFSET : 0;
	size_t n;

	n = (size_t)ksnprintf(line, LINE_MAX, "%016lx: %08X %08X %08X %04X %02X %5lu", 0ul, u->ref.count, 0u,
			      u->state == UNIX_LISTEN ? FLAG_ACCEPTCON : 0u, (u32)u->sock.type, shown_state(u), ino);
	if (len) {
		const u8 *name = a->name + UNIX_PATH_OFFSET;

		if (name[0])
			len--; /* a path's 0 */
		line[n++] = ' ';
		for (u32 i = 0; i < len; i++)
			line[n++] = name[i] ? (char)name[i] : '@';
	}
	line[n++] = '\n';
	return n;
}

static int add_line(struct text *t, struct unix_sock *u)
{
	if (t->size - t->len < LINE_MAX) {
		size_t size = t->size ? t->size * 2 : 4096;
		char *buf = krealloc(t->buf, size);

		if (!buf)
			return -ENOMEM;
		t->buf = buf;
		t->size = size;
	}
	t->len += format(u, t->buf + t->len);
	return 0;
}

int unix_proc_show(int (*emit)(void *ctx, const char *text, size_t len), void *ctx)
{
	struct text t = { 0 };
	struct unix_sock *u;
	int ret;

	ret = emit(ctx, header, sizeof(header) - 1);
	if (ret)
		return ret;
	mutex_lock(&unix_table_lock);
	list_for_each_entry(u, &unix_all, all_node) {
		/* One whose last reference is gone waits for the lock to leave the list. */
		if (!atomic_load(&u->ref.count))
			continue;
		ret = add_line(&t, u);
		if (ret)
			break;
	}
	mutex_unlock(&unix_table_lock);
	if (!ret && t.len)
		ret = emit(ctx, t.buf, t.len);
	kfree(t.buf);
	return ret;
}
