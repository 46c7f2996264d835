/* /proc/PID/fd and fdinfo, proc_pid_fd(5): links to what is open, and what there is to say about it. */
#include "abi/linux/stat.h"
#include "fs/proc/proc.h"

/* What descriptor fd of n's task is, referenced; *cloexec may be NULL. */
static struct file *file_of(const struct proc_node *n, u32 fd, bool *cloexec)
{
	struct task *t = proc_task(n);
	struct files *files = t ? task_get_files(t) : NULL;
	struct file *f = files ? files_lookup(files, fd) : NULL;

	if (f && cloexec) {
		mutex_lock(&files->lock);
		*cloexec = fd < files->capacity && (files->cloexec[fd / 64] >> (fd % 64) & 1);
		mutex_unlock(&files->lock);
	}
	if (files)
		files_put(files);
	if (t)
		task_put(t);
	return f;
}

static int fd_jump(const struct proc_ctx *c, struct path *out)
{
	struct file *f = file_of(c->node, c->node->index, NULL);

	if (!f)
		return -ENOENT;
	*out = f->path;
	path_get(out);
	file_put(f);
	return 0;
}

static const struct proc_entry fd_entry = { .name = "fd", .mode = S_IFLNK, .jump = fd_jump };

static int show_fdinfo(struct seq *s, const struct proc_ctx *c)
{
	bool cloexec = false;
	struct file *f = file_of(c->node, c->node->index, &cloexec);
	char *more;
	int n;

	if (!f)
		return -ENOENT;
	seq_printf(s, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n", f->pos,
		   atomic_load_relaxed(&f->flags) | (cloexec ? O_CLOEXEC : 0), f->path.mnt ? f->path.mnt->id : 0,
		   f->inode->ino);
	if (f->ops && f->ops->show_fdinfo && !(f->mode_flags & FMODE_PATH)) {
		more = kmalloc(PAGE_SIZE);
		n = more ? f->ops->show_fdinfo(f, more, PAGE_SIZE) : 0;
		if (n > 0)
			seq_write(s, more, min((size_t)n, PAGE_SIZE - 1));
		kfree(more);
	}
	file_put(f);
	return 0;
}

static const struct proc_entry fdinfo_entry = PFILE("fdinfo", 0444, show_fdinfo, .flags = PROC_ACCESS);

/*
 * Is fd open in n's task, and how? Holds no reference: a directory's lock is held, under which no file may be released.
 * *capacity is where descriptors end.
 */
static bool fd_peek(const struct proc_node *n, u32 fd, u32 *mode, u32 *capacity)
{
	struct files *files;
	struct file *f = NULL;
	struct task *t;

	*capacity = 0;
	mutex_lock(&tasklist_lock);
	t = n->pid->task;
	files = t ? t->files : NULL;
	if (files) {
		mutex_lock(&files->lock);
		*capacity = files->capacity;
		f = fd < files->capacity ? files->fd[fd] : NULL;
		*mode = f ? f->mode_flags : 0;
		mutex_unlock(&files->lock);
	}
	mutex_unlock(&tasklist_lock);
	return f;
}

static int fd_lookup(struct inode *dir, const struct qstr *name, struct inode **out)
{
	const struct proc_node *n = proc_node(dir);
	bool links = n->e->dir == &proc_fd_dir;
	u32 fd, mode, capacity;

	if (!proc_parse_number(name, INT32_MAX, &fd))
		return -ENOENT;
	if (!proc_may_look(n))
		return -EACCES;
	if (!fd_peek(n, fd, &mode, &capacity))
		return -ENOENT;
	*out = proc_inode(dir->sb, links ? &fd_entry : &fdinfo_entry, n->pid, n->thread, fd);
	if (*out && links) {
		(*out)->mode = S_IFLNK | (mode & FMODE_READ ? 0500 : 0) | (mode & FMODE_WRITE ? 0300 : 0);
		(*out)->size = 64;
	}
	return *out ? 0 : -ENOMEM;
}

static int fd_readdir(struct file *f, struct dir_context *ctx, loff_t base)
{
	const struct proc_node *n = proc_node(f->inode);
	bool links = n->e->dir == &proc_fd_dir, open;
	u32 fd, mode, capacity;
	char name[12];
	int len;

	if (!proc_may_look(n))
		return 0;
	for (fd = (u32)(ctx->pos - base);; fd++) {
		open = fd_peek(n, fd, &mode, &capacity);
		if (fd >= capacity)
			return 0;
		len = ksnprintf(name, sizeof(name), "%u", fd);
		if (open && !ctx->emit(ctx, name, (u32)len, proc_ino(links ? &fd_entry : &fdinfo_entry, n->pid, fd),
				       (links ? S_IFLNK : S_IFREG) >> 12, base + fd + 1))
			return 0;
		ctx->pos = base + fd + 1;
	}
}

const struct proc_dir proc_fd_dir = { .stale = true, .lookup = fd_lookup, .readdir = fd_readdir };
const struct proc_dir proc_fdinfo_dir = { .stale = true, .lookup = fd_lookup, .readdir = fd_readdir };
