/* A tmpfs file as programs use it: read, write, seek, map, allocate; seals. */
#include "fs/tmpfs/tmpfs.h"
#include "proc/signal.h"

#define CHUNK (1ull << 20) /* bytes made ready at once */

/* One writer at a time; waiting for it can be killed. The lock is held on success, released otherwise. */
static int begin_write(struct tmpfs_inode *ti)
{
	mutex_lock(&ti->lock);
	while (ti->writing) {
		int err;

		mutex_unlock(&ti->lock);
		err = wait_event_killable(&ti->wq, !atomic_load(&ti->writing));
		if (err)
			return err;
		mutex_lock(&ti->lock);
	}
	atomic_store(&ti->writing, true);
	return 0;
}

static void end_write_locked(struct tmpfs_inode *ti)
{
	atomic_store(&ti->writing, false);
}

static void wake_writers(struct tmpfs_inode *ti)
{
	atomic_fence();
	if (wait_queue_active(&ti->wq))
		wake_up_all(&ti->wq);
}

static ssize_t tmpfs_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct inode *i = f->inode;
	struct tmpfs_inode *ti = tmpfs_i(i);
	size_t done = 0;

	while (to->resid) {
		u64 off = (u64)*pos, size, page = off >> PAGE_SHIFT, n, end, got;
		struct tmpfs_run *r;
		void *src = NULL;

		mutex_lock(&ti->lock);
		size = i->size;
		if (off >= size) {
			mutex_unlock(&ti->lock);
			break;
		}
		n = umin((u64)to->resid, umin(size - off, CHUNK));
		r = tmpfs_find_run(ti, page);
		if (r && r->page <= page) {
			end = (r->page + r->pages) << PAGE_SHIFT;
			n = umin(n, end - off);
			if (tmpfs_page_has_data(r, page)) {
				if (!r->mapped)
					n = umin(n, (tmpfs_next_hole(ti, page, (off + n + PAGE_SIZE - 1) >> PAGE_SHIFT)
						    << PAGE_SHIFT) - off);
				src = (char *)filemem_ptr(r->offset) + (off - (r->page << PAGE_SHIFT));
				ti->pins++;
			} else {
				n = umin(n, PAGE_SIZE - (off & (PAGE_SIZE - 1)));
			}
		} else if (r) {
			n = umin(n, (r->page << PAGE_SHIFT) - off);
		}
		mutex_unlock(&ti->lock);
		got = src ? uio_copy_to(to, src, n) : uio_zero(to, n);
		if (src)
			tmpfs_unpin(i);
		*pos += (loff_t)got;
		done += got;
		if (got < n) {
			if (!done)
				return -EFAULT;
			break;
		}
	}
	inode_accessed(f->path.mnt, i);
	return (ssize_t)done;
}

/* How far a write of len at pos may go: seals, RLIMIT_FSIZE, the largest file. */
static int write_limit(struct inode *i, u64 pos, u64 *len)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	u64 max = umin(i->sb->max_file_size, TMPFS_MAX_SIZE), lim = current->process ? rlimit(RLIMIT_FSIZE) : ~0ull;

	if (ti->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if ((ti->seals & F_SEAL_GROW) && pos + *len > i->size) {
		if (pos >= i->size)
			return -EPERM;
		*len = i->size - pos;
	}
	if (pos >= lim) {
		signal_send_task(current, SIGXFSZ, NULL);
		return -EFBIG;
	}
	if (pos >= max)
		return -EFBIG;
	*len = umin(*len, umin(lim, max) - pos);
	return 0;
}

/* One contiguous piece. Returns bytes written or -errno; *full = the file system is full behind them. Lock held. */
static ssize_t write_piece(struct inode *i, struct uio *from, u64 pos, u64 len)
{
	struct tmpfs_inode *ti = tmpfs_i(i);
	u64 page = pos >> PAGE_SHIFT, in_page = pos & (PAGE_SIZE - 1);
	u64 pages = (in_page + umin(len, CHUNK) + PAGE_SIZE - 1) >> PAGE_SHIFT, offset;
	u32 truncations = ti->truncations;
	struct tmpfs_dead *dead;
	size_t n;
	int err;

	offset = tmpfs_make_present(i, page, &pages, &err);
	if (offset == FILEMEM_NONE)
		return err;
	len = umin(len, (pages << PAGE_SHIFT) - in_page);
	ti->pins++;
	mutex_unlock(&ti->lock);
	n = uio_copy_from(from, (char *)filemem_ptr(offset) + in_page, len);
	mutex_lock(&ti->lock);
	/* Truncated meanwhile: the write counts as the earlier one. */
	if (truncations == ti->truncations && pos + n > i->size)
		atomic_store(&i->size, pos + n);
	ti->pins--;
	dead = tmpfs_take_dead(ti);
	if (unlikely(dead)) {
		mutex_unlock(&ti->lock);
		tmpfs_free_dead(dead);
		mutex_lock(&ti->lock);
	}
	return n ? (ssize_t)n : -EFAULT;
}

static ssize_t tmpfs_write(struct file *f, struct uio *from, loff_t *ppos)
{
	struct inode *i = f->inode;
	struct tmpfs_inode *ti = tmpfs_i(i);
	u64 pos, len = from->resid, done = 0;
	int err;

	if (!len)
		return 0;
	inode_drop_setid(i);
	if (unlikely(ti->xattrs))
		(void)!tmpfs_removexattr(i, "security.capability");
	err = begin_write(ti);
	if (err)
		return err;
	pos = f->flags & O_APPEND ? i->size : (u64)*ppos;
	err = write_limit(i, pos, &len);
	while (!err && done < len) {
		ssize_t n = write_piece(i, from, pos + done, len - done);

		if (n < 0) {
			err = (int)n;
			break;
		}
		done += (u64)n;
		if (fatal_pending_current())
			break;
	}
	end_write_locked(ti);
	mutex_unlock(&ti->lock);
	wake_writers(ti);
	if (!done)
		return err;
	*ppos = (loff_t)(pos + done);
	inode_touch(i, ATTR_MTIME | ATTR_CTIME);
	return (ssize_t)done;
}

static loff_t tmpfs_llseek(struct file *f, loff_t off, int whence)
{
	struct inode *i = f->inode;
	struct tmpfs_inode *ti = tmpfs_i(i);
	u64 end, page;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_llseek(f, off, whence, (loff_t)i->size);
	mutex_lock(&ti->lock);
	if (off < 0 || (u64)off >= i->size) {
		mutex_unlock(&ti->lock);
		return -ENXIO;
	}
	tmpfs_sync_mapped(i);
	end = PAGE_ALIGN_UP(i->size) >> PAGE_SHIFT;
	page = (u64)off >> PAGE_SHIFT;
	page = whence == SEEK_DATA ? tmpfs_next_data(ti, page, end) : tmpfs_next_hole(ti, page, end);
	if (page == end && whence == SEEK_DATA) {
		off = -ENXIO;
	} else {
		off = (loff_t)umin(umax((u64)off, page << PAGE_SHIFT), i->size);
	}
	mutex_unlock(&ti->lock);
	if (off >= 0)
		f->pos = off;
	return off;
}

static int tmpfs_mmap(struct file *f, u64 offset, u64 len, u32 prot, u32 flags, struct map_source *out)
{
	struct inode *i = f->inode;
	struct tmpfs_inode *ti = tmpfs_i(i);
	u64 page = offset >> PAGE_SHIFT, pages = PAGE_ALIGN_UP(len) >> PAGE_SHIFT, where, end;
	struct tmpfs_run *r;
	bool shared = (flags & 3) == 1 || (flags & 3) == 3; /* MAP_SHARED, MAP_SHARED_VALIDATE */
	int err = 0;

	if (offset & (PAGE_SIZE - 1) || page + pages < page || page + pages > TMPFS_MAX_SIZE >> PAGE_SHIFT)
		return -EOVERFLOW;
	mutex_lock(&ti->lock);
	/* A shared mapping of a writable description could be made writable later: no difference is made. */
	if (shared && (f->mode_flags & FMODE_WRITE) && (ti->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))) {
		mutex_unlock(&ti->lock);
		return -EPERM;
	}
	end = PAGE_ALIGN_UP(i->size) >> PAGE_SHIFT;
	if (page >= end) {
		where = filemem_beyond(offset);
	} else {
		pages = umin(pages, end - page);
		where = tmpfs_reserve(i, page, &pages, &err);
	}
	if (where != FILEMEM_NONE && page < end) {
		r = tmpfs_find_run(ti, page);
		r->mapped = true;
		ti->has_mapped = true;
		/* The mapping keeps the description, the description keeps the places. */
		if (!f->priv) {
			f->priv = f;
			ti->map_users++;
		}
	}
	mutex_unlock(&ti->lock);
	if (err)
		return err;
	*out = (struct map_source){
		.host_fd = filemem_fd(), .host_offset = where, .len = pages << PAGE_SHIFT
	};
	inode_accessed(f->path.mnt, i);
	return 0;
}

static void tmpfs_release(struct file *f)
{
	struct inode *i = f->inode;
	struct tmpfs_inode *ti = tmpfs_i(i);
	struct tmpfs_dead *dead = NULL;

	if (!f->priv)
		return;
	mutex_lock(&ti->lock);
	if (--ti->map_users == 0) {
		u64 end = PAGE_ALIGN_UP(i->size) >> PAGE_SHIFT;

		tmpfs_sync_mapped(i);
		ti->has_mapped = false;
		for (u32 k = 0; k < ti->nruns; k++)
			ti->runs[k].mapped = false;
		/* What lies beyond the end was only kept for the mappings. */
		tmpfs_drop_pages(i, end, TMPFS_MAX_SIZE >> PAGE_SHIFT);
		dead = tmpfs_take_dead(ti);
	}
	mutex_unlock(&ti->lock);
	tmpfs_free_dead(dead);
}

static int tmpfs_fsync(struct file *f, bool data_only)
{
	return 0;
}

/* [from, to) reads as zeros. Lock held. */
static void punch(struct inode *i, u64 from, u64 to)
{
	u64 a = PAGE_ALIGN_UP(from), b = PAGE_ALIGN_DOWN(to);

	tmpfs_sync_mapped(i);
	if (a > b) { /* inside one page */
		tmpfs_zero_part(i, from, to);
		return;
	}
	tmpfs_zero_part(i, from, a);
	tmpfs_zero_part(i, b, to);
	if (a < b)
		tmpfs_drop_pages(i, a >> PAGE_SHIFT, b >> PAGE_SHIFT);
}

static int allocate(struct inode *i, u64 from, u64 to)
{
	u64 page = from >> PAGE_SHIFT, end = PAGE_ALIGN_UP(to) >> PAGE_SHIFT;

	while (page < end) {
		u64 n = end - page;
		int err;

		if (tmpfs_make_present(i, page, &n, &err) == FILEMEM_NONE)
			return err;
		page += n;
	}
	return 0;
}

static int tmpfs_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct inode *i = f->inode;
	struct tmpfs_inode *ti = tmpfs_i(i);
	u64 end = (u64)off + (u64)len;
	struct tmpfs_dead *dead;
	bool keep = mode & FALLOC_FL_KEEP_SIZE;
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (off < 0 || len <= 0 || ((mode & FALLOC_FL_PUNCH_HOLE) && (!keep || (mode & FALLOC_FL_ZERO_RANGE))))
		return -EINVAL;
	if (end > umin(i->sb->max_file_size, TMPFS_MAX_SIZE))
		return -EFBIG;
	if (!(mode & FALLOC_FL_PUNCH_HOLE) && (u64)len > tmpfs_total_memory())
		return -ENOSPC;
	if (!keep) {
		err = inode_size_ok(i, end);
		if (err)
			return err;
	}
	err = begin_write(ti);
	if (err)
		return err;
	if (ti->seals & (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE) ? F_SEAL_WRITE | F_SEAL_FUTURE_WRITE : 0))
		err = -EPERM;
	else if (!keep && end > i->size && (ti->seals & F_SEAL_GROW))
		err = -EPERM;
	if (!err && (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
		punch(i, (u64)off, end);
	if (!err && !(mode & FALLOC_FL_PUNCH_HOLE)) {
		err = allocate(i, (u64)off, end);
		if (!err && !keep && end > i->size)
			atomic_store(&i->size, end);
	}
	dead = tmpfs_take_dead(ti);
	end_write_locked(ti);
	mutex_unlock(&ti->lock);
	wake_writers(ti);
	tmpfs_free_dead(dead);
	if (!err)
		inode_touch(i, ATTR_MTIME | ATTR_CTIME);
	return err;
}

const struct file_ops tmpfs_file_ops = {
	.name = "tmpfs",
	.read = tmpfs_read,
	.write = tmpfs_write,
	.llseek = tmpfs_llseek,
	.mmap = tmpfs_mmap,
	.release = tmpfs_release,
	.fsync = tmpfs_fsync,
	.fallocate = tmpfs_fallocate,
};
