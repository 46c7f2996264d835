/* Pipes: the ring, reading, writing, readiness and size; see pipe.h. */
#include "fs/pipe/pipe.h"

#include "abi/linux/errno.h"
#include "abi/linux/ioctl.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "proc/signal.h"
#include "proc/task.h"

#define CAP_SYS_RESOURCE_ 24u
#define F_SETPIPE_SZ_ 1031u
#define F_GETPIPE_SZ_ 1032u
#define PIPE_SIZE_LIMIT (1u << 31)

static struct super_block *pipefs;

static u32 pipe_pages(const struct pipe *p) { return p->capacity / PAGE_SIZE; }

/* Bytes to read. While the ring is moved to its start tail runs ahead of head for a moment: that is empty too. */
u64 pipe_avail(struct pipe *p)
{
	s64 n = (s64)(atomic_load(&p->head) - atomic_load(&p->tail));

	return n > 0 ? (u64)n : 0;
}

/* Pages that hold an unread byte are not free; they are counted from where the pipe was last empty. */
u64 pipe_room(struct pipe *p)
{
	u64 head = atomic_load(&p->head), tail = atomic_load(&p->tail), cap = atomic_load(&p->capacity);
	u64 base = atomic_load(&p->base);
	s64 used;

	if ((s64)(head - tail) <= 0)
		return cap;
	if (p->packets && atomic_load(&p->pk_head) - atomic_load(&p->pk_tail) >= cap / PAGE_SIZE)
		return 0;
	used = (s64)(head - base - PAGE_ALIGN_DOWN(tail - base));
	return used < (s64)cap ? cap - (u64)used : 0;
}

static void wake_readers(struct pipe *p)
{
	if (wait_queue_active(&p->rd_wait) && (pipe_avail(p) || !atomic_load(&p->writers)))
		wake_up_poll(&p->rd_wait, POLLIN | POLLRDNORM);
}

static void wake_writers(struct pipe *p)
{
	if (wait_queue_active(&p->wr_wait) && (pipe_room(p) >= PIPE_BUF || !atomic_load(&p->readers)))
		wake_up_poll(&p->wr_wait, POLLOUT | POLLWRNORM);
}

static size_t piece_len(u64 have, u64 pos, size_t want)
{
	size_t n = min(have, PAGE_SIZE - (pos & ~PAGE_MASK));

	return min(n, want);
}

static char *ring_ptr(struct pipe *p, u64 pos)
{
	return (char *)p->pages[(pos / PAGE_SIZE) & (pipe_pages(p) - 1)] + (pos & ~PAGE_MASK);
}

/* One packet of packet mode at the tail. The holder of rbusy. */
static ssize_t take_packet(struct pipe *p, struct uio *to, const struct pipe_packet *pk)
{
	u64 pos = pk->start, end = pk->end;
	size_t n, got, done = 0;

	while (pos < end && to->resid) {
		n = piece_len(end - pos, pos, to->resid);
		got = uio_copy_to(to, ring_ptr(p, pos), n);
		done += got;
		pos += got;
		if (got < n) {
			uio_revert(to, done);
			return -EFAULT;
		}
	}
	atomic_store(&p->pk_tail, p->pk_tail + 1);
	atomic_store(&p->tail, end);
	return (ssize_t)done;
}

/* What is there, as much as fits; 0 when empty, -EFAULT. The holder of rbusy. */
static ssize_t pipe_take(struct pipe *p, struct uio *to)
{
	u64 tail = p->tail, avail;
	const struct pipe_packet *pk;
	size_t n, got;
	ssize_t done = 0, ret;

	while (to->resid && (avail = pipe_avail(p))) {
		if (unlikely(p->packets) && atomic_load(&p->pk_head) != p->pk_tail) {
			pk = &p->packets[p->pk_tail & (pipe_pages(p) - 1)];
			if (pk->start == tail) {
				ret = take_packet(p, to, pk);
				return ret < 0 ? (done ? done : ret) : done + ret;
			}
			avail = min(avail, pk->start - tail);
		}
		n = piece_len(avail, tail, to->resid);
		got = uio_copy_to(to, ring_ptr(p, tail), n);
		tail += got;
		done += (ssize_t)got;
		atomic_store(&p->tail, tail);
		if (got < n)
			return done ? done : -EFAULT;
	}
	return done;
}

static bool readable(struct pipe *p)
{
	return !atomic_load(&p->writers) || pipe_avail(p);
}

static ssize_t pipe_read(struct file *f, struct uio *to, loff_t *pos)
{
	bool nonblock = atomic_load_relaxed(&f->flags) & O_NONBLOCK;
	struct pipe *p = f->priv;
	bool had_writers, slept = false;
	ssize_t ret;
	int err;

	if (!to->resid)
		return 0;
	for (;;) {
		err = wait_event(&p->rd_wait, pipe_claim(&p->rbusy));
		if (err)
			return err;
		/* In this order: what a writer wrote before it closed must not be missed. */
		had_writers = atomic_load(&p->writers) != 0;
		ret = pipe_take(p, to);
		pipe_release_claim(&p->rbusy, &p->rd_wait);
		if (ret) {
			wake_writers(p);
			if (slept)
				wake_readers(p); /* the next one, when something is left: this one took its wake-up */
			return ret;
		}
		if (!had_writers)
			return 0;
		if (nonblock)
			return -EAGAIN;
		slept = true;
		err = wait_event_exclusive(&p->rd_wait, readable(p));
		if (err) {
			wake_readers(p); /* the wake-up may have been meant for another */
			return err;
		}
	}
}

/*
 * An empty pipe starts again at its first page, so that small ones stay in the cache and need no second page.
 * The holder of wbusy; needs the other side for a moment, and leaves things as they are when a reader has it.
 */
static void rewind_empty(struct pipe *p)
{
	u64 start;

	if (!atomic_cas(&p->rbusy, 0u, 1u)) /* no waiting here, so no mark */
		return;
	if (p->head == p->tail && p->pk_head == p->pk_tail) {
		start = ALIGN_UP(p->head, (u64)p->capacity);
		atomic_store(&p->tail, start);
		atomic_store(&p->head, start);
	}
	pipe_release_claim(&p->rbusy, &p->rd_wait);
}

static void *page_for(struct pipe *p, u64 pos)
{
	void **page = &p->pages[(pos / PAGE_SIZE) & (pipe_pages(p) - 1)];

	if (unlikely(!*page))
		*page = kpages_alloc(1);
	return *page;
}

/* Copies len bytes behind head, across at most two pages; all or nothing. The holder of wbusy. */
static int put_piece(struct pipe *p, struct uio *from, u64 head, size_t len)
{
	size_t first = min(len, PAGE_SIZE - (head & ~PAGE_MASK)), got;
	char *a = page_for(p, head), *b = first < len ? page_for(p, head + first) : a;

	if (!a || !b)
		return -ENOMEM;
	got = uio_copy_from(from, a + (head & ~PAGE_MASK), first);
	if (got == first && first < len)
		got += uio_copy_from(from, b, len - first);
	if (got == len)
		return 0;
	uio_revert(from, got);
	return -EFAULT;
}

static int packets_enable(struct pipe *p)
{
	if (p->packets)
		return 0;
	p->packets = kcalloc(pipe_pages(p), sizeof(*p->packets));
	return p->packets ? 0 : -ENOMEM;
}

/* As much as there is room for; 0 = no room, -EFAULT, -ENOMEM. The holder of wbusy. */
static ssize_t pipe_put(struct pipe *p, struct uio *from, bool packet)
{
	u64 head, in_ring = p->head & (p->capacity - 1);
	ssize_t done = 0;
	size_t n;
	int err = packet ? packets_enable(p) : 0;

	if (err)
		return err;
	if (p->head == atomic_load(&p->tail) && in_ring && in_ring + from->resid > PAGE_SIZE)
		rewind_empty(p);
	head = p->head;
	if (head == atomic_load(&p->tail))
		atomic_store(&p->base, head);
	while (from->resid) {
		n = min(from->resid, (size_t)PIPE_BUF);
		if (pipe_room(p) < n)
			break;
		/* Whole pages when the ring is at a page's start; a short write stays one piece: PIPE_BUF is atomic. */
		if (!packet && done + (ssize_t)from->resid > (ssize_t)PIPE_BUF)
			n = min(n, (size_t)(PAGE_SIZE - (head & ~PAGE_MASK)));
		err = put_piece(p, from, head, n);
		if (err)
			return done ? done : err;
		if (packet) {
			p->packets[p->pk_head & (pipe_pages(p) - 1)] = (struct pipe_packet){ head, head + n };
			atomic_store(&p->pk_head, p->pk_head + 1);
		}
		head += n;
		done += (ssize_t)n;
		atomic_store(&p->head, head);
	}
	return done;
}

static ssize_t broken_pipe(void)
{
	struct siginfo info;

	siginfo_kill(&info, SIGPIPE);
	(void)signal_send_task(current, SIGPIPE, &info);
	return -EPIPE;
}

static bool writable(struct pipe *p, size_t need)
{
	return !atomic_load(&p->readers) || pipe_room(p) >= need;
}

static ssize_t pipe_write(struct file *f, struct uio *from, loff_t *pos)
{
	u32 flags = atomic_load_relaxed(&f->flags);
	struct pipe *p = f->priv;
	ssize_t done = 0, ret;
	size_t need;
	int err;

	if (!from->resid)
		return 0;
	for (;;) {
		err = wait_event(&p->wr_wait, pipe_claim(&p->wbusy));
		if (err)
			return done ? done : err;
		if (!atomic_load(&p->readers)) {
			pipe_release_claim(&p->wbusy, &p->wr_wait);
			ret = broken_pipe();
			return done ? done : ret;
		}
		ret = pipe_put(p, from, flags & O_DIRECT);
		pipe_release_claim(&p->wbusy, &p->wr_wait);
		if (ret > 0)
			wake_readers(p);
		if (ret < 0)
			return done ? done : ret;
		done += ret;
		if (!from->resid) {
			wake_writers(p); /* the next one, when there is room left */
			return done;
		}
		if (flags & O_NONBLOCK)
			return done ? done : -EAGAIN;
		need = min(from->resid, (size_t)PIPE_BUF);
		err = wait_event_exclusive(&p->wr_wait, writable(p, need));
		if (err) {
			wake_writers(p);
			return done ? done : err;
		}
	}
}

static u32 pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->priv;
	u32 mask = 0;

	if (f->mode_flags & FMODE_READ)
		poll_wait(pt, &p->rd_wait);
	if (f->mode_flags & FMODE_WRITE)
		poll_wait(pt, &p->wr_wait);
	if (f->mode_flags & FMODE_READ) {
		bool no_writers = !atomic_load(&p->writers);

		if (pipe_avail(p))
			mask |= POLLIN | POLLRDNORM;
		/* A FIFO opened without a writer hangs up only after one has come and gone; see fifo_open. */
		if (no_writers && (u32)f->pos != atomic_load(&p->w_counter))
			mask |= POLLHUP;
	}
	if (f->mode_flags & FMODE_WRITE) {
		if (pipe_room(p) >= PIPE_BUF)
			mask |= POLLOUT | POLLWRNORM;
		if (!atomic_load(&p->readers))
			mask |= POLLERR;
	}
	return mask;
}

static long pipe_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct pipe *p = f->priv;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_user_u32(uptr(arg), (u32)pipe_avail(p));
}

static void pipe_release(struct file *f)
{
	pipe_detach(f->inode, f->priv, f->mode_flags);
}

const struct file_ops pipe_fops = {
	.name = "pipe",
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
	.async_by_poll = true,
};

struct pipe *pipe_alloc(void)
{
	struct pipe *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->capacity = PIPE_DEFAULT_SIZE;
	p->pages = p->first_pages;
	mutex_init(&p->lock, LOCK_PIPE);
	wait_queue_init(&p->rd_wait);
	wait_queue_init(&p->wr_wait);
	return p;
}

void pipe_free(struct pipe *p)
{
	u32 i;

	for (i = 0; i < pipe_pages(p); i++)
		if (p->pages[i])
			kpages_free(p->pages[i], 1);
	if (p->pages != p->first_pages)
		kfree(p->pages);
	kfree(p->packets);
	kfree(p);
}

void pipe_detach(struct inode *inode, struct pipe *p, u32 mode_flags)
{
	bool last;

	mutex_lock(&inode->lock);
	mutex_lock(&p->lock);
	if (mode_flags & FMODE_READ)
		atomic_store(&p->readers, p->readers - 1);
	if (mode_flags & FMODE_WRITE)
		atomic_store(&p->writers, p->writers - 1);
	if (!p->writers)
		wake_up_all(&p->rd_wait);
	if (!p->readers)
		wake_up_all(&p->wr_wait);
	mutex_unlock(&p->lock);
	last = --p->files == 0;
	if (last)
		inode->pipe = NULL;
	mutex_unlock(&inode->lock);
	if (last)
		pipe_free(p);
}

/* The new ring holds the same bytes from its first page on. The holder of both claims. */
static int pipe_resize(struct pipe *p, u32 size)
{
	u64 tail = p->tail, len = p->head - tail, off = len ? (tail - p->base) & ~PAGE_MASK : 0, delta, pos;
	u32 n = size / PAGE_SIZE, i, live = p->pk_head - p->pk_tail;
	struct pipe_packet *packets = NULL;
	void **pages;

	if (len && (off + len > size || live > n))
		return -EBUSY;
	pages = kcalloc(n, sizeof(*pages));
	if (p->packets)
		packets = kcalloc(n, sizeof(*packets));
	if (!pages || (p->packets && !packets))
		goto fail;
	for (pos = 0; len && pos < off + len; pos += PAGE_SIZE)
		if (!(pages[pos / PAGE_SIZE] = kpages_alloc(1)))
			goto fail;
	for (pos = 0; pos < len;) {
		u64 from = tail + pos, to = off + pos, piece;

		piece = piece_len(len - pos, from, PAGE_SIZE - (to & ~PAGE_MASK));
		memcpy((char *)pages[to / PAGE_SIZE] + (to & ~PAGE_MASK), ring_ptr(p, from), piece);
		pos += piece;
	}
	delta = off - tail;
	for (i = 0; i < live; i++) {
		packets[i] = p->packets[(p->pk_tail + i) & (pipe_pages(p) - 1)];
		packets[i].start += delta;
		packets[i].end += delta;
	}
	for (i = 0; i < pipe_pages(p); i++)
		if (p->pages[i])
			kpages_free(p->pages[i], 1);
	if (p->pages != p->first_pages)
		kfree(p->pages);
	kfree(p->packets);
	p->pages = pages;
	p->packets = packets;
	p->pk_tail = 0;
	p->pk_head = live;
	atomic_store(&p->capacity, size);
	atomic_store(&p->base, 0);
	atomic_store(&p->tail, off);
	atomic_store(&p->head, off + len);
	return 0;
fail:
	for (i = 0; pages && i < n; i++)
		if (pages[i])
			kpages_free(pages[i], 1);
	kfree(pages);
	kfree(packets);
	return -ENOMEM;
}

static long pipe_set_size(struct pipe *p, u64 arg)
{
	u32 size = PAGE_SIZE;
	int err;

	if (arg > PIPE_SIZE_LIMIT)
		return -EINVAL;
	while (size < arg)
		size <<= 1;
	if (size > PIPE_MAX_SIZE && size > p->capacity && !capable(CAP_SYS_RESOURCE_))
		return -EPERM;
	err = wait_event(&p->rd_wait, pipe_claim(&p->rbusy));
	if (err)
		return err;
	err = wait_event(&p->wr_wait, pipe_claim(&p->wbusy));
	if (!err) {
		err = size == p->capacity ? 0 : pipe_resize(p, size);
		pipe_release_claim(&p->wbusy, &p->wr_wait);
		wake_writers(p);
	}
	pipe_release_claim(&p->rbusy, &p->rd_wait);
	return err ? err : (long)size;
}

long pipe_fcntl(struct file *f, u32 cmd, u64 arg)
{
	if (!file_is_pipe(f))
		return -EBADF;
	switch (cmd) {
	case F_GETPIPE_SZ_:
		return atomic_load(&((struct pipe *)f->priv)->capacity);
	case F_SETPIPE_SZ_:
		return pipe_set_size(f->priv, arg & 0xffffffffu);
	default:
		return -EINVAL;
	}
}

static const struct inode_ops pipe_inode_ops = { 0 };
bool pipe_unnamed(const struct inode *inode)
{
	return inode->sb == pipefs;
}

static const struct super_ops pipefs_super_ops = { 0 };
static const struct fs_type pipefs_type = { .name = "pipefs", .nodev = true };

int pipe_init(void)
{
	pipefs = sb_alloc(&pipefs_type, &pipefs_super_ops);
	return pipefs ? 0 : -ENOMEM;
}

static struct inode *pipe_inode(void)
{
	struct inode *inode = inode_alloc(pipefs, &pipe_inode_ops, S_IFIFO | 0600);
	struct pipe *p;

	if (!inode)
		return NULL;
	p = pipe_alloc();
	if (!p) {
		inode_put(inode);
		return NULL;
	}
	inode->ino = inode_next_ino();
	inode->uid = current->cred->fsuid;
	inode->gid = current->cred->fsgid;
	p->files = 2;
	p->readers = p->writers = 1;
	p->r_counter = p->w_counter = 1;
	inode->pipe = p;
	return inode;
}

int pipe_create(u32 flags, struct file *out[2])
{
	struct inode *inode = pipe_inode();
	struct file *rd, *wr;
	struct path path = { 0 };
	char name[32];
	struct pipe *p;
	int err = -ENOMEM;

	if (!inode)
		return -ENOMEM;
	p = inode->pipe;
	ksnprintf(name, sizeof(name), "pipe:[%llu]", (unsigned long long)inode->ino);
	path.dentry = dentry_alloc_anon(inode_get(inode), name); /* the reference is gone in any case */
	if (!path.dentry)
		goto fail;
	flags &= O_NONBLOCK | O_DIRECT;
	rd = file_alloc(&path, O_RDONLY | (flags & O_NONBLOCK), &pipe_fops);
	wr = is_err(rd) ? rd : file_alloc(&path, O_WRONLY | flags, &pipe_fops);
	dentry_put(path.dentry);
	if (is_err(wr)) {
		err = (int)ptr_err(wr);
		if (!is_err(rd)) {
			/* Its release takes one share of the pipe; the writer's is taken below. */
			rd->priv = p;
			rd->mode_flags = FMODE_READ;
			file_put(rd);
			pipe_detach(inode, p, FMODE_WRITE);
			inode_put(inode);
			return err;
		}
		goto fail;
	}
	rd->priv = wr->priv = p;
	rd->mode_flags = FMODE_READ;
	wr->mode_flags = FMODE_WRITE;
	inode_put(inode);
	out[0] = rd;
	out[1] = wr;
	return 0;
fail:
	inode->pipe = NULL;
	pipe_free(p);
	inode_put(inode);
	return err;
}
