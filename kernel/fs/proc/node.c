/* Inodes, directories and files made from the tables of procfs and sysfs. */
#include "abi/layout.h"
#include "abi/linux/capability.h"
#include "abi/linux/stat.h"
#include "fs/internal.h"
#include "fs/proc/proc.h"
#include "mm/mm.h"

#define WRITE_MAX 4096u

struct task *proc_task(const struct proc_node *n)
{
	struct task *t;

	if (!n->pid)
		return NULL;
	mutex_lock(&tasklist_lock);
	t = n->pid->task;
	if (t)
		task_get(t);
	mutex_unlock(&tasklist_lock);
	return t;
}

bool proc_may_look(const struct proc_node *n)
{
	struct task *t = proc_task(n);
	bool ok = t && task_may_access(t, true);

	if (t)
		task_put(t);
	return ok;
}

bool proc_parse_number(const struct qstr *name, u32 limit, u32 *out)
{
	u64 v = 0;

	if (!name->len || name->len > 10 || (name->name[0] == '0' && name->len > 1))
		return false;
	for (u32 i = 0; i < name->len; i++) {
		if (name->name[i] < '0' || name->name[i] > '9')
			return false;
		v = v * 10 + (u32)(name->name[i] - '0');
	}
	*out = (u32)v;
	return v <= limit;
}

int proc_parse_int(const char *text, s64 low, s64 high, s64 *out)
{
	bool negative;
	u64 v;
	int err;

	while (*text == ' ' || *text == '\t')
		text++;
	negative = *text == '-';
	if (negative)
		text++;
	err = kstrtou64(text, 0, &v);
	if (err)
		return err;
	if (v > INT64_MAX)
		return -ERANGE;
	*out = negative ? -(s64)v : (s64)v;
	return *out < low || *out > high ? -EINVAL : 0;
}

u64 proc_ino(const struct proc_entry *e, const struct pid *pid, u32 index)
{
	u64 ino = ((u64)e - KERNEL_BASE) / 8 & 0xfffffff;

	if (!pid && !index)
		return 0xf0000000ull | ino;
	ino |= (u64)(pid ? pid->nr : 0) << 28;
	/* Descriptors and CPUs share a row: their numbers are mixed in, out of the others' way. */
	if (index)
		ino = ((ino ^ index * 0x9e3779b97f4a7c15ull) & ~(1ull << 63)) | 1ull << 62;
	return ino;
}

/* Files of a task belong to its effective ids, or to root when nobody may look into it. */
static void refresh_owner(struct inode *i)
{
	const struct proc_node *n = proc_node(i);
	struct task *t = proc_task(n);
	const struct cred *c = t ? task_get_cred(t) : NULL;
	u32 uid = 0, gid = 0;

	if (c && (t->process->dumpable || i->mode == (S_IFDIR | 0555))) {
		uid = c->euid;
		gid = c->egid;
	}
	if (c) {
		atomic_store(&i->uid, uid);
		atomic_store(&i->gid, gid);
		cred_put(c);
	}
	if (t)
		task_put(t);
}

static int proc_getattr(struct inode *i, struct kstat *st)
{
	if (proc_node(i)->pid)
		refresh_owner(i);
	inode_fill_stat(i, st);
	return 0;
}

static int proc_setattr(struct inode *i, const struct iattr *a)
{
	struct iattr times = *a;

	if (a->valid & (ATTR_MODE | ATTR_UID | ATTR_GID))
		return -EPERM;
	times.valid &= ~ATTR_SIZE; /* truncating what is made on demand changes nothing */
	return inode_setattr_simple(i, &times);
}

static bool same_process(const struct proc_node *n)
{
	struct task *t = proc_task(n);
	bool same = t && t->process == current->process;

	if (t)
		task_put(t);
	return same;
}

static int proc_permission(struct inode *i, u32 mask)
{
	const struct proc_node *n = proc_node(i);
	struct task *t;
	bool hidden;

	if ((n->e->flags & PROC_SYSCTL) && (mask & MAY_WRITE) && S_ISREG_(i->mode) && !(i->mode & 0222))
		return -EACCES;
	if (!n->pid)
		return inode_permission_generic(i, mask);
	refresh_owner(i);
	t = proc_task(n);
	hidden = t && proc_pid_hidden(i->sb, t, 1);
	if (t)
		task_put(t);
	if (hidden)
		return -EPERM;
	/* A program may look at its own descriptors whatever its ids have become. */
	if ((n->e->dir == &proc_fd_dir || n->e->dir == &proc_fdinfo_dir) && !(mask & MAY_WRITE) && same_process(n))
		return 0;
	return inode_permission_generic(i, mask);
}

/* Symlinks. */

static int make_ctx(const struct inode *i, struct proc_ctx *c)
{
	const struct proc_node *n = proc_node(i);

	c->node = n;
	c->sb = i->sb;
	c->task = proc_task(n);
	return n->pid && !c->task ? -ESRCH : 0;
}

static void drop_ctx(struct proc_ctx *c)
{
	if (c->task)
		task_put(c->task);
}

static ssize_t proc_readlink(struct inode *i, char *buf, size_t size)
{
	const struct proc_node *n = proc_node(i);
	struct proc_ctx c;
	ssize_t len;

	if (n->e->text) {
		len = (ssize_t)min(strlen(n->e->text), size);
		memcpy(buf, n->e->text, (size_t)len);
		return len;
	}
	len = make_ctx(i, &c);
	if (len)
		return len == -ESRCH ? -ENOENT : len;
	len = n->e->link(&c, buf, size);
	drop_ctx(&c);
	return len;
}

static int proc_get_link(struct inode *i, struct path *out)
{
	const struct proc_node *n = proc_node(i);
	struct proc_ctx c;
	int err = make_ctx(i, &c);

	if (err)
		return -ENOENT;
	err = task_may_access(c.task, true) ? n->e->jump(&c, out) : -EACCES;
	drop_ctx(&c);
	return err;
}

/* Directories. */

static bool alive(const struct proc_node *n) { return !n->pid || atomic_load(&n->pid->task); }

static bool entry_hidden(const struct inode *dir, const struct proc_entry *e)
{
	return proc_node(dir)->e->dir == &proc_root_dir && proc_sb(dir->sb)->subset_pid && !(e->flags & PROC_KEEP);
}

static int proc_lookup(struct inode *dir, const struct qstr *name, struct inode **out)
{
	const struct proc_node *n = proc_node(dir);
	const struct proc_dir *d = n->e->dir;

	if (!alive(n))
		return -ENOENT;
	if (d->lookup) {
		int err = d->lookup(dir, name, out);

		if (err != -ENOENT)
			return err;
	}
	for (u32 i = 0; i < d->count; i++) {
		const struct proc_entry *e = &d->entries[i];

		if (strlen(e->name) == name->len && !memcmp(e->name, name->name, name->len) && !entry_hidden(dir, e)) {
			*out = proc_inode(dir->sb, e, n->pid, n->thread, n->index);
			return *out ? 0 : -ENOMEM;
		}
	}
	return -ENOENT;
}

static bool proc_revalidate(struct inode *dir, const struct qstr *name, struct inode *inode)
{
	const struct proc_node *n = proc_node(dir);

	return inode && !n->e->dir->stale && alive(n) && alive(proc_node(inode));
}

static u32 dir_type(u32 mode) { return (mode & S_IFMT) >> 12; }

static int proc_readdir(struct file *f, struct dir_context *ctx)
{
	struct inode *dir = f->inode;
	const struct proc_node *n = proc_node(dir);
	const struct proc_dir *d = n->e->dir;

	if (!alive(n))
		return -ENOENT;
	/* emit moves the position itself when it takes an entry. */
	if (ctx->pos == 0 && !ctx->emit(ctx, ".", 1, dir->ino, dir_type(S_IFDIR), 1))
		return 0;
	if (ctx->pos == 1 &&
	    !ctx->emit(ctx, "..", 2, f->path.dentry->parent->inode->ino, dir_type(S_IFDIR), 2))
		return 0;
	for (u64 i = (u64)ctx->pos - 2; ctx->pos >= 2 && i < d->count; i++) {
		const struct proc_entry *e = &d->entries[i];

		if (!entry_hidden(dir, e) && !ctx->emit(ctx, e->name, (u32)strlen(e->name), proc_ino(e, n->pid, n->index),
							 dir_type(e->mode), (loff_t)i + 3))
			return 0;
		ctx->pos = (loff_t)i + 3;
	}
	return d->readdir ? d->readdir(f, ctx, (loff_t)d->count + 2) : 0;
}

static loff_t dir_llseek(struct file *f, loff_t off, int whence)
{
	return whence == SEEK_END ? -EINVAL : generic_llseek(f, off, whence, INT64_MAX);
}

static const struct file_ops proc_dir_fops = { .name = "procdir", .readdir = proc_readdir, .llseek = dir_llseek };

/* Files. */

static void text_put(struct proc_text *t)
{
	if (t && ref_put(&t->ref))
		kfree(t);
}

int proc_file_open(struct file *f)
{
	struct proc_file *pf = kzalloc(sizeof(*pf));

	if (!pf)
		return -ENOMEM;
	mutex_init(&pf->lock, LOCK_LEAF);
	f->priv = pf;
	return 0;
}

void proc_file_release(struct file *f)
{
	struct proc_file *pf = f->priv;

	if (!pf)
		return;
	text_put(pf->text);
	kfree(pf);
}

/* Permission was asked for when the file was opened. That was another program's if there was an exec since. */
static bool still_allowed(const struct proc_file *pf, const struct proc_ctx *c)
{
	const struct process *p = c->task->process;

	return !p || p->exec_id == pf->exec_id || task_may_access(c->task, true);
}

/* All of one program, or nothing. */
static int show_guarded(const struct proc_node *n, const struct proc_file *pf, struct seq *s, const struct proc_ctx *c)
{
	struct mm *mm = mm_get_loaded(c->task), *now;
	int err = 0;

	if (is_err(mm))
		return (int)ptr_err(mm);
	if (still_allowed(pf, c))
		err = n->e->show(s, c);
	now = atomic_load(&c->task->mm);
	if (now && now != mm)
		s->len = min(s->len, sizeof(struct proc_text));
	if (mm)
		mm_put(mm);
	return err;
}

static struct proc_text *make_text(struct file *f)
{
	const struct proc_node *n = proc_node(f->inode);
	struct seq s = { .len = sizeof(struct proc_text) };
	struct proc_text *t;
	struct proc_ctx c;
	int err = make_ctx(f->inode, &c);

	if (err)
		return err_ptr(err);
	/* The header stands in the same block, in front of the text. */
	s.size = 1024;
	s.buf = kmalloc(s.size);
	if (!s.buf)
		err = -ENOMEM;
	else if (n->e->show)
		err = n->pid && (n->e->flags & PROC_ACCESS) ? show_guarded(n, f->priv, &s, &c) : n->e->show(&s, &c);
	else
		seq_puts(&s, n->e->text ? n->e->text : "");
	drop_ctx(&c);
	err = err ? err : s.err;
	if (err) {
		kfree(s.buf);
		return err_ptr(err);
	}
	t = (struct proc_text *)s.buf;
	ref_init(&t->ref);
	t->len = s.len - sizeof(*t);
	return t;
}

/* The text to read at pos, referenced. */
static struct proc_text *text_get(struct file *f, loff_t pos)
{
	struct proc_file *pf = f->priv;
	struct proc_text *t = NULL, *old;

	mutex_lock(&pf->lock);
	if (pos && pf->text) {
		t = pf->text;
		ref_get(&t->ref);
	}
	mutex_unlock(&pf->lock);
	if (t)
		return t;
	t = make_text(f);
	if (is_err(t))
		return t;
	ref_get(&t->ref);
	mutex_lock(&pf->lock);
	old = pf->text;
	pf->text = t;
	mutex_unlock(&pf->lock);
	text_put(old);
	return t;
}

ssize_t proc_file_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct proc_text *t;
	size_t n, done = 0;

	if (*pos < 0)
		return -EINVAL;
	if (!(proc_node(f->inode)->e->show || proc_node(f->inode)->e->text))
		return -EINVAL;
	t = text_get(f, *pos);
	if (is_err(t))
		return ptr_err(t);
	if ((u64)*pos < t->len && to->resid) {
		n = min(t->len - (size_t)*pos, to->resid);
		done = uio_copy_to(to, t->data + *pos, n);
		if (!done) {
			text_put(t);
			return -EFAULT;
		}
		*pos += (loff_t)done;
	}
	text_put(t);
	return (ssize_t)done;
}

ssize_t proc_file_write(struct file *f, struct uio *from, loff_t *pos)
{
	const struct proc_node *n = proc_node(f->inode);
	size_t len = from->resid, end;
	struct proc_ctx c;
	char *buf;
	int err;

	if (!n->e->write)
		return -EINVAL;
	if (!len)
		return 0;
	if (len >= WRITE_MAX)
		return -EINVAL;
	buf = kmalloc(len + 1);
	if (!buf)
		return -ENOMEM;
	if (uio_copy_from(from, buf, len) != len) {
		kfree(buf);
		return -EFAULT;
	}
	for (end = len; end && (buf[end - 1] == '\n' || !buf[end - 1]); end--)
		;
	buf[end] = 0;
	err = make_ctx(f->inode, &c);
	if (!err) {
		err = n->e->write(&c, buf, end);
		drop_ctx(&c);
	}
	kfree(buf);
	if (err)
		return err;
	*pos += (loff_t)len;
	return (ssize_t)len;
}

loff_t proc_file_llseek(struct file *f, loff_t off, int whence)
{
	return whence != SEEK_SET && whence != SEEK_CUR ? -EINVAL : generic_llseek(f, off, whence, 0);
}

static int may_open(struct task *t)
{
	struct mm *mm = mm_get_allowed(t, true);

	if (is_err(mm))
		return ptr_err(mm) == -EPERM ? -EACCES : (int)ptr_err(mm);
	if (mm)
		mm_put(mm);
	return 0;
}

static int proc_open(struct inode *i, struct file *f)
{
	const struct proc_node *n = proc_node(i);
	struct proc_ctx c;
	u32 exec_id;
	int err = 0;

	if (!S_ISREG_(i->mode))
		return alive(n) ? 0 : -ENOENT;
	if (n->pid) {
		err = make_ctx(i, &c);
		if (err)
			return -ENOENT;
		exec_id = c.task->process ? atomic_load(&c.task->process->exec_id) : 0;
		if (n->e->flags & PROC_ACCESS)
			err = may_open(c.task);
		if (!err)
			err = n->e->open ? n->e->open(&c, f) : proc_file_open(f);
		if (!err && !n->e->open)
			((struct proc_file *)f->priv)->exec_id = exec_id;
		drop_ctx(&c);
		return err;
	}
	return n->e->open ? n->e->open(&(struct proc_ctx){ NULL, n, i->sb }, f) : proc_file_open(f);
}

struct pid *proc_tgid_pid(const struct file *f)
{
	const struct proc_node *n;

	if (f->ops != &proc_dir_fops)
		return NULL;
	n = proc_node(f->inode);
	return n->e == &proc_tgid_entry ? n->pid : NULL;
}

static const struct file_ops proc_file_fops = {
	.name = "proc",
	.read = proc_file_read,
	.write = proc_file_write,
	.llseek = proc_file_llseek,
	.release = proc_file_release,
};

/* Inodes. */

/* A name that is not there cannot be made either, and the answer is that it is not there. */
static int proc_create(struct inode *dir, const struct qstr *name, const struct inode_new *new, struct inode **out)
{
	return -ENOENT;
}

static const struct inode_ops dir_ops = {
	.lookup = proc_lookup,
	.create = proc_create,
	.revalidate = proc_revalidate,
	.getattr = proc_getattr,
	.setattr = proc_setattr,
	.permission = proc_permission,
	.open = proc_open,
};
/* Directories whose names never change: path walks need not ask. */
static const struct inode_ops fixed_dir_ops = {
	.lookup = proc_lookup, .create = proc_create, .setattr = proc_setattr
};
static const struct inode_ops file_ops = {
	.getattr = proc_getattr,
	.setattr = proc_setattr,
	.permission = proc_permission,
	.open = proc_open,
};
static const struct inode_ops link_ops = {
	.readlink = proc_readlink,
	.getattr = proc_getattr,
	.setattr = proc_setattr,
};
static const struct inode_ops jump_ops = {
	.get_link = proc_get_link,
	.getattr = proc_getattr,
	.setattr = proc_setattr,
};

static const struct inode_ops *ops_of(const struct proc_entry *e, const struct pid *pid)
{
	if (S_ISDIR_(e->mode))
		return pid || e->dir->lookup || e->dir->stale ? &dir_ops : &fixed_dir_ops;
	if (S_ISLNK_(e->mode))
		return e->jump ? &jump_ops : &link_ops;
	return &file_ops;
}

struct inode *proc_inode(struct super_block *sb, const struct proc_entry *e, struct pid *pid, bool thread, u32 index)
{
	struct proc_node *n = kzalloc(sizeof(*n));
	struct inode *i = n ? inode_alloc(sb, ops_of(e, pid), e->mode) : NULL;

	if (!i) {
		kfree(n);
		return NULL;
	}
	n->e = e;
	n->thread = thread;
	n->index = index;
	if (pid) {
		pid_get(pid);
		n->pid = pid;
	}
	i->priv = n;
	i->ino = proc_ino(e, pid, index);
	if (S_ISDIR_(e->mode)) {
		i->fops = &proc_dir_fops;
		i->nlink = 2;
		for (u32 k = 0; k < e->dir->count; k++)
			i->nlink += S_ISDIR_(e->dir->entries[k].mode);
	} else if (S_ISREG_(e->mode)) {
		i->fops = e->fops ? e->fops : &proc_file_fops;
		i->blksize = 1024;
	}
	if (pid)
		refresh_owner(i);
	return i;
}

void proc_evict(struct inode *i)
{
	struct proc_node *n = i->priv;

	if (!n)
		return;
	pid_put(n->pid);
	kfree(n);
	i->priv = NULL;
}

struct super_block *proc_new_sb(const struct fs_type *type, const struct super_ops *ops, const struct proc_entry *root)
{
	struct proc_sb *ps = kzalloc(sizeof(*ps));
	struct super_block *sb = ps ? sb_alloc(type, ops) : NULL;

	if (!sb) {
		kfree(ps);
		return NULL;
	}
	sb->priv = ps;
	sb->flags = SB_NOCACHE;
	sb->root = proc_inode(sb, root, NULL, false, 0);
	if (!sb->root) {
		sb_put(sb);
		return NULL;
	}
	sb->root->ino = 1;
	return sb;
}
