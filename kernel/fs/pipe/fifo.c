/*
 * Opening named pipes, fifo(7): a reader waits for a writer and the other way round, unless O_NONBLOCK (a writer
 * then needs a reader: ENXIO) or O_RDWR. The pipe hangs on the inode while somebody has it open.
 */
#include "abi/linux/errno.h"
#include "fs/pipe/pipe.h"

static struct pipe *fifo_attach(struct inode *inode)
{
	struct pipe *p, *fresh = NULL;

	mutex_lock(&inode->lock);
	if (!inode->pipe) {
		mutex_unlock(&inode->lock);
		fresh = pipe_alloc();
		if (!fresh)
			return NULL;
		mutex_lock(&inode->lock);
	}
	if (!inode->pipe) {
		inode->pipe = fresh;
		fresh = NULL;
	}
	p = inode->pipe;
	p->files++;
	mutex_unlock(&inode->lock);
	if (fresh)
		pipe_free(fresh);
	return p;
}

static void drop_share(struct inode *inode, struct pipe *p)
{
	pipe_detach(inode, p, 0);
}

int fifo_open(struct inode *inode, struct file *file)
{
	u32 mode = file->mode_flags & (FMODE_READ | FMODE_WRITE), seen = 0;
	/* One without a name, opened through /proc/PID/fd, waits for nobody. */
	bool named = !pipe_unnamed(inode), nonblock = file->flags & O_NONBLOCK, wait;
	struct pipe *p;
	int err = 0;

	if (!mode)
		return -EINVAL;
	p = fifo_attach(inode);
	if (!p)
		return -ENOMEM;
	mutex_lock(&p->lock);
	if (named && mode == FMODE_WRITE && nonblock && !p->readers) {
		mutex_unlock(&p->lock);
		drop_share(inode, p);
		return -ENXIO;
	}
	if (mode & FMODE_READ) {
		atomic_store(&p->r_counter, p->r_counter + 1);
		atomic_store(&p->readers, p->readers + 1);
	}
	if (mode & FMODE_WRITE) {
		atomic_store(&p->w_counter, p->w_counter + 1);
		atomic_store(&p->writers, p->writers + 1);
	}
	file->pos = 0;
	wait = false;
	if (named && mode == FMODE_READ && !p->writers) {
		seen = p->w_counter;
		wait = !nonblock;
		if (nonblock)
			file->pos = seen; /* no hangup before a writer came: pipe_poll */
	} else if (named && mode == FMODE_WRITE && !p->readers) {
		seen = p->r_counter;
		wait = true;
	}
	mutex_unlock(&p->lock);

	if (mode & FMODE_READ)
		wake_up_all(&p->wr_wait);
	if (mode & FMODE_WRITE)
		wake_up_all(&p->rd_wait);
	if (wait && mode == FMODE_READ)
		err = wait_event(&p->rd_wait, atomic_load(&p->w_counter) != seen);
	else if (wait)
		err = wait_event(&p->wr_wait, atomic_load(&p->r_counter) != seen);
	if (err) {
		pipe_detach(inode, p, mode);
		return err;
	}
	file->ops = &pipe_fops;
	file->priv = p;
	file->mode_flags &= ~(FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE);
	return 0;
}
