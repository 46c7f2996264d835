/* /proc/PID/mounts, mountinfo and mountstats: texts of fs/mount_show.c, with poll(2) telling of changes. */
#include "fs/proc/proc.h"

static struct mount_ns *ns_of(struct task *t)
{
	struct mount_ns *ns;

	mutex_lock(&tasklist_lock);
	ns = t->mnt_ns ? mount_ns_get(t->mnt_ns) : NULL;
	mutex_unlock(&tasklist_lock);
	return ns;
}

int proc_mounts_open(const struct proc_ctx *c, struct file *f)
{
	struct mount_ns *ns = ns_of(c->task);
	struct proc_file *pf;
	int err;

	if (!ns)
		return -EINVAL;
	err = proc_file_open(f);
	if (err) {
		mount_ns_put(ns);
		return err;
	}
	pf = f->priv;
	pf->priv = ns;
	pf->seen = atomic_load(&ns->event);
	return 0;
}

static void mounts_release(struct file *f)
{
	struct proc_file *pf = f->priv;

	if (pf && pf->priv)
		mount_ns_put(pf->priv);
	proc_file_release(f);
}

static u32 mounts_poll(struct file *f, struct poll_table *pt)
{
	struct proc_file *pf = f->priv;
	struct mount_ns *ns = pf->priv;
	u32 now, ready = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

	poll_wait(pt, &ns->wait);
	now = atomic_load(&ns->event);
	if (atomic_xchg(&pf->seen, now) != now)
		ready |= POLLERR | POLLPRI;
	return ready;
}

const struct file_ops proc_mounts_fops = {
	.name = "mounts",
	.read = proc_file_read,
	.llseek = proc_file_llseek,
	.poll = mounts_poll,
	.release = mounts_release,
};

static int emit(void *arg, const char *line, size_t len)
{
	struct seq *s = arg;

	seq_write(s, line, len);
	return s->err;
}

static int show(struct seq *s, struct task *t, enum mount_show_kind kind)
{
	struct mount_ns *ns = ns_of(t);
	struct fs_context *fs = task_get_fs(t);
	struct path root;
	int err = -EINVAL;

	if (ns && fs) {
		fs_get_root(fs, &root);
		err = mount_show(ns, &root, kind, emit, s);
		path_put(&root);
	}
	if (fs)
		fs_context_put(fs);
	if (ns)
		mount_ns_put(ns);
	return err;
}

int proc_show_mounts(struct seq *s, const struct proc_ctx *c) { return show(s, c->task, MOUNTS); }
int proc_show_mountinfo(struct seq *s, const struct proc_ctx *c) { return show(s, c->task, MOUNTINFO); }
int proc_show_mountstats(struct seq *s, const struct proc_ctx *c) { return show(s, c->task, MOUNTSTATS); }
