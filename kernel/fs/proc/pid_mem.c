/*
 * /proc/PID/mem: another program's memory as a file. It stays with the memory that was there at open: after an exec it
 * reads as nothing. Pages that the program itself may not write are not written here either.
 */
#include "fs/proc/proc.h"
#include "mm/mm.h"

struct mem_file {
	struct mm *mm; /* reference */
	struct task *task; /* reference: whose host process to ask */
};

int proc_mem_open(const struct proc_ctx *c, struct file *f)
{
	struct mm *mm = mm_get_allowed(c->task, true);
	struct mem_file *m;

	if (is_err(mm))
		return ptr_err(mm) == -EPERM ? -EACCES : (int)ptr_err(mm);
	m = kzalloc(sizeof(*m));
	if (!m) {
		if (mm)
			mm_put(mm);
		return -ENOMEM;
	}
	m->mm = mm;
	task_get(c->task);
	m->task = c->task;
	f->priv = m;
	return 0;
}

static void mem_release(struct file *f)
{
	struct mem_file *m = f->priv;

	if (!m)
		return;
	if (m->mm)
		mm_put(m->mm);
	task_put(m->task);
	kfree(m);
}

static ssize_t mem_move(struct file *f, struct uio *u, loff_t *pos, bool write)
{
	struct mem_file *m = f->priv;
	char *buf = kmalloc(PAGE_SIZE);
	size_t done = 0, n, moved;
	ssize_t ret = 0;

	if (!buf)
		return -ENOMEM;
	while (u->resid) {
		n = min(u->resid, PAGE_SIZE - ((u64)*pos & (PAGE_SIZE - 1)));
		if (!m->mm)
			break;
		if (write) {
			moved = uio_copy_from(u, buf, n);
			ret = moved ? mm_access_remote(m->task, m->mm, (u64)*pos, buf, moved, true) : -EFAULT;
			if (ret < (ssize_t)moved)
				uio_revert(u, moved - (ret > 0 ? (size_t)ret : 0));
		} else {
			ret = mm_access_remote(m->task, m->mm, (u64)*pos, buf, n, false);
			if (ret > 0) {
				moved = uio_copy_to(u, buf, (size_t)ret);
				ret = moved ? (ssize_t)moved : -EFAULT;
				if (ret > 0)
					n = moved;
			} else if (ret == -EFAULT) {
				ret = -EIO;
			}
		}
		if (ret <= 0)
			break;
		done += (size_t)ret;
		*pos += ret;
		if ((size_t)ret < n)
			break;
		if (fatal_pending_current())
			break;
	}
	kfree(buf);
	if (done || !u->resid)
		return (ssize_t)done;
	return ret == -ESRCH ? 0 : write && ret == -EFAULT ? -EIO : ret;
}

static ssize_t mem_read(struct file *f, struct uio *to, loff_t *pos) { return mem_move(f, to, pos, false); }
static ssize_t mem_write(struct file *f, struct uio *from, loff_t *pos) { return mem_move(f, from, pos, true); }

/* Addresses beyond the middle are no negative positions here, but programs have none. */
static loff_t mem_llseek(struct file *f, loff_t off, int whence)
{
	return whence != SEEK_SET && whence != SEEK_CUR ? -EINVAL : generic_llseek(f, off, whence, 0);
}

const struct file_ops proc_mem_fops = {
	.name = "mem",
	.read = mem_read,
	.write = mem_write,
	.llseek = mem_llseek,
	.release = mem_release,
};
