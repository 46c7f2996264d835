/*
 * sendfile(2), splice(2), tee(2), copy_file_range(2): bytes from one description to another through a kernel buffer.
 *
 * What is taken from a file with a position can be given back by not moving the position. A pipe is read in place:
 * this file takes the pipe's reading claim (fs/pipe/pipe.h), looks at the bytes, writes them, and moves the tail by
 * what the other side took, so nothing is lost when that is less.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/pipe/pipe.h"
#include "fs/rw.h"
#include "lib/string.h"
#include "proc/task.h"

#define CHUNK (32 * 1024ul) /* a block that the heap keeps */
#define CHUNK_PAGES (CHUNK / PAGE_SIZE)

static ssize_t read_at(struct file *f, void *buf, size_t len, loff_t *pos)
{
	struct uio u;

	uio_init_kernel(&u, buf, len);
	return file_read(f, &u, pos, 0);
}

/* Writes all of it at *pos (NULL: the file's own position), as far as the file takes it. */
static ssize_t write_all(struct file *f, const char *buf, size_t len, loff_t *pos)
{
	size_t done = 0;

	while (done < len) {
		struct uio u;
		ssize_t n;

		uio_init_kernel(&u, (char *)buf + done, len - done);
		n = pos ? file_write(f, &u, pos, 0) : file_write_pos(f, &u, 0, true);
		if (n <= 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* in from *in_pos to out (at *out_pos or its own position) until len, the end of in, or an error. */
static ssize_t copy_positioned(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos, size_t len)
{
	char *buf = kpages_alloc(CHUNK_PAGES);
	size_t done = 0;
	ssize_t ret = 0;

	if (!buf)
		return -ENOMEM;
	while (done < len) {
		loff_t pos = *in_pos;
		ssize_t n;

		if (done && signal_pending_current())
			break;
		n = read_at(in, buf, min(len - done, CHUNK), &pos);
		if (n <= 0) {
			ret = n;
			break;
		}
		ret = write_all(out, buf, (size_t)n, out_pos);
		if (ret <= 0)
			break;
		*in_pos += ret;
		done += (size_t)ret;
		if (ret < n)
			break;
	}
	kpages_free(buf, CHUNK_PAGES);
	return done ? (ssize_t)done : ret;
}

/* Runs copy_positioned at the file's own position when in_pos is NULL. */
static ssize_t copy_from_pos(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos, size_t len)
{
	loff_t pos;
	ssize_t ret;

	if (in_pos)
		return copy_positioned(in, in_pos, out, out_pos, len);
	ret = sleep_lock(&in->pos_lock);
	if (ret)
		return ret;
	pos = in->pos;
	sleep_unlock(&in->pos_lock);
	ret = copy_positioned(in, &pos, out, out_pos, len);
	if (ret > 0) {
		int err = sleep_lock(&in->pos_lock);

		if (!err) {
			in->pos = pos;
			sleep_unlock(&in->pos_lock);
		}
	}
	return ret;
}

ssize_t file_sendfile(struct file *in, struct file *out, loff_t *in_pos, size_t count)
{
	if (!(in->mode_flags & FMODE_READ) || !(out->mode_flags & FMODE_WRITE))
		return -EBADF;
	if (in_pos && !file_has_pos(in))
		return -ESPIPE;
	if (in_pos && *in_pos < 0)
		return -EINVAL;
	if (!file_has_pos(in) || !(S_ISREG_(in->inode->mode) || S_ISBLK_(in->inode->mode)))
		return -EINVAL;
	if (out->flags & O_APPEND)
		return -EINVAL;
	return copy_from_pos(in, in_pos, out, NULL, min(count, (size_t)RW_MAX));
}

/* Takes the reading claim of a pipe that has bytes: how many; 0 = the writers are gone (no claim); -EAGAIN, -ERESTARTSYS. */
static ssize_t pipe_begin(struct pipe *p, bool nonblock)
{
	for (;;) {
		bool had_writers;
		u64 n;
		int err = wait_event(&p->rd_wait, pipe_claim(&p->rbusy));

		if (err)
			return err;
		had_writers = atomic_load(&p->writers) != 0;
		n = pipe_avail(p);
		if (n)
			return (ssize_t)min(n, (u64)CHUNK);
		pipe_release_claim(&p->rbusy, &p->rd_wait);
		if (!had_writers)
			return 0;
		if (nonblock)
			return -EAGAIN;
		err = wait_event(&p->rd_wait, !atomic_load(&p->writers) || pipe_avail(p));
		if (err)
			return err;
	}
}

/* Copies up to len bytes from the tail without taking them; stops at a packet's border. Under the reading claim. */
static size_t pipe_look(struct pipe *p, char *buf, size_t len)
{
	u32 mask = atomic_load(&p->capacity) / PAGE_SIZE - 1;
	u64 pos = p->tail;
	size_t done = 0;

	if (p->packets && atomic_load(&p->pk_head) != p->pk_tail) {
		const struct pipe_packet *pk = &p->packets[p->pk_tail & mask];

		len = min(len, (size_t)((pk->start == pos ? pk->end : pk->start) - pos));
	}
	while (done < len) {
		size_t n = min(len - done, PAGE_SIZE - (pos & ~PAGE_MASK));

		memcpy(buf + done, (char *)p->pages[(pos / PAGE_SIZE) & mask] + (pos & ~PAGE_MASK), n);
		done += n;
		pos += n;
	}
	return done;
}

static void pipe_advance(struct pipe *p, size_t n)
{
	u64 tail = p->tail + n;

	if (p->packets && atomic_load(&p->pk_head) != p->pk_tail) {
		struct pipe_packet *pk = &p->packets[p->pk_tail & (atomic_load(&p->capacity) / PAGE_SIZE - 1)];

		if (pk->start < tail) {
			if (tail >= pk->end)
				atomic_store(&p->pk_tail, p->pk_tail + 1);
			else
				pk->start = tail;
		}
	}
	atomic_store(&p->tail, tail);
}

static void pipe_end(struct pipe *p, bool moved)
{
	pipe_release_claim(&p->rbusy, &p->rd_wait);
	if (moved && wait_queue_active(&p->wr_wait))
		wake_up_poll(&p->wr_wait, POLLOUT | POLLWRNORM);
}

static ssize_t splice_from_pipe(struct file *in, struct file *out, loff_t *out_pos, size_t len, bool nonblock)
{
	struct pipe *p = in->priv;
	char *buf = kpages_alloc(CHUNK_PAGES);
	size_t done = 0;
	ssize_t ret = 0;

	if (!buf)
		return -ENOMEM;
	while (done < len) {
		ssize_t n = pipe_begin(p, nonblock || done);

		if (n <= 0) {
			ret = n;
			break;
		}
		n = (ssize_t)pipe_look(p, buf, min(len - done, (size_t)n));
		ret = write_all(out, buf, (size_t)n, out_pos);
		if (ret > 0)
			pipe_advance(p, (size_t)ret);
		pipe_end(p, ret > 0);
		if (ret <= 0)
			break;
		done += (size_t)ret;
		if (ret < n)
			break;
	}
	kpages_free(buf, CHUNK_PAGES);
	return done ? (ssize_t)done : ret;
}

/* Into a pipe only what it has room for, so that nothing taken from a stream has to wait in our hands. */
static ssize_t splice_to_pipe(struct file *in, loff_t *in_pos, struct file *out, size_t len, bool nonblock)
{
	struct pipe *p = out->priv;
	struct uio u;
	char *buf;
	ssize_t n, ret;

	if (nonblock && !pipe_room(p) && atomic_load(&p->readers))
		return -EAGAIN;
	ret = wait_event(&p->wr_wait, pipe_room(p) || !atomic_load(&p->readers));
	if (ret)
		return ret;
	if (atomic_load(&p->readers))
		len = min(len, (size_t)pipe_room(p));
	len = min(len, CHUNK);
	if (file_has_pos(in))
		return copy_from_pos(in, in_pos, out, NULL, len);
	buf = kpages_alloc(CHUNK_PAGES);
	if (!buf)
		return -ENOMEM;
	uio_init_kernel(&u, buf, len);
	n = file_read_pos(in, &u, 0, true);
	ret = n > 0 ? write_all(out, buf, (size_t)n, NULL) : n;
	kpages_free(buf, CHUNK_PAGES);
	return ret;
}

ssize_t file_splice(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos, size_t len, u32 flags)
{
	bool from_pipe = file_is_pipe(in), to_pipe = file_is_pipe(out);
	bool nonblock = flags & SPLICE_F_NONBLOCK;

	if (!(in->mode_flags & FMODE_READ) || !(out->mode_flags & FMODE_WRITE))
		return -EBADF;
	if ((from_pipe && in_pos) || (to_pipe && out_pos))
		return -ESPIPE;
	if (!from_pipe && !to_pipe)
		return -EINVAL;
	if ((in_pos && !file_has_pos(in)) || (out_pos && !file_has_pos(out)))
		return -EINVAL;
	if ((in_pos && *in_pos < 0) || (out_pos && *out_pos < 0))
		return -EINVAL;
	len = min(len, (size_t)RW_MAX);
	if (from_pipe) {
		if (to_pipe && in->priv == out->priv)
			return -EINVAL;
		if (out->flags & O_APPEND)
			return -EINVAL;
		nonblock = nonblock || (in->flags & O_NONBLOCK);
		return splice_from_pipe(in, out, out_pos, len, nonblock);
	}
	return splice_to_pipe(in, in_pos, out, len, nonblock || (out->flags & O_NONBLOCK));
}

ssize_t file_tee(struct file *in, struct file *out, size_t len, u32 flags)
{
	struct pipe *from = in->priv, *to = out->priv;
	bool nonblock = (flags & SPLICE_F_NONBLOCK) || ((in->flags | out->flags) & O_NONBLOCK);
	char *buf;
	ssize_t n, ret;

	if (!(in->mode_flags & FMODE_READ) || !(out->mode_flags & FMODE_WRITE))
		return -EBADF;
	if (!file_is_pipe(in) || !file_is_pipe(out) || from == to)
		return -EINVAL;
	buf = kpages_alloc(CHUNK_PAGES);
	if (!buf)
		return -ENOMEM;
	n = pipe_begin(from, nonblock);
	if (n <= 0) {
		ret = n;
		goto out;
	}
	n = (ssize_t)pipe_look(from, buf, min(len, (size_t)n));
	pipe_release_claim(&from->rbusy, &from->rd_wait);
	if (nonblock && atomic_load(&to->readers)) {
		u64 room = pipe_room(to);

		if (!room) {
			ret = -EAGAIN;
			goto out;
		}
		n = min(n, (ssize_t)room);
	}
	ret = write_all(out, buf, (size_t)n, NULL);
out:
	kpages_free(buf, CHUNK_PAGES);
	return ret;
}

static int copy_range_check(struct file *in, loff_t in_pos, struct file *out, loff_t out_pos, size_t *len)
{
	loff_t size, end;

	if (in_pos < 0 || out_pos < 0)
		return -EINVAL;
	if (add_overflow(in_pos, (loff_t)*len, &end) || add_overflow(out_pos, (loff_t)*len, &end))
		return -EOVERFLOW;
	size = file_size(in);
	if (size < 0)
		return (int)size;
	*len = in_pos >= size ? 0 : min(*len, (size_t)(size - in_pos));
	if (in->inode == out->inode && out_pos < in_pos + (loff_t)*len && in_pos < out_pos + (loff_t)*len)
		return -EINVAL;
	return 0;
}

ssize_t file_copy_range(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos, size_t len)
{
	int ret;

	if (S_ISDIR_(in->inode->mode) || S_ISDIR_(out->inode->mode))
		return -EISDIR;
	if (!S_ISREG_(in->inode->mode) || !S_ISREG_(out->inode->mode))
		return -EINVAL;
	if (!(in->mode_flags & FMODE_READ) || !(out->mode_flags & FMODE_WRITE) || (out->flags & O_APPEND))
		return -EBADF;
	len = min(len, (size_t)RW_MAX);
	ret = copy_range_check(in, in_pos ? *in_pos : in->pos, out, out_pos ? *out_pos : out->pos, &len);
	if (ret || !len)
		return ret;
	return copy_from_pos(in, in_pos, out, out_pos, len);
}
