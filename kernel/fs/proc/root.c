/* Instances of procfs, their options, and /proc itself: files of the system and a directory per process, proc(5). */
#include "abi/linux/stat.h"
#include "core/boot.h"
#include "fs/dev/dev.h"
#include "fs/fs.h"
#include "fs/proc/proc.h"
#include "proc/uts.h"

/* Who may not see t at this level of hidepid. */
bool proc_pid_hidden(struct super_block *sb, struct task *t, u32 level)
{
	struct proc_sb *ps = proc_sb(sb);
	u32 hidepid = atomic_load_relaxed(&ps->hidepid), gid = atomic_load_relaxed(&ps->gid);

	if (hidepid < level)
		return false;
	if (hidepid == 4 || !(current->cred && cred_in_group(current->cred, gid)))
		return !task_may_access(t, true);
	return false;
}

/* /proc/PID; a thread's number works too, though it is not listed. */
static int root_lookup(struct inode *dir, const struct qstr *name, struct inode **out)
{
	struct task *t;
	int err = 0;
	u32 nr;

	if (!proc_parse_number(name, PID_MAX, &nr))
		return -ENOENT;
	mutex_lock(&tasklist_lock);
	t = task_find_in(proc_sb(dir->sb)->pid_ns, nr);
	if (t)
		task_get(t);
	mutex_unlock(&tasklist_lock);
	if (!t)
		return -ENOENT;
	if (proc_pid_hidden(dir->sb, t, 2)) {
		err = -ENOENT;
	} else {
		struct pid *pid;

		/* exec may be giving the number to another thread. */
		mutex_lock(&tasklist_lock);
		pid = pid_find_in(proc_sb(dir->sb)->pid_ns, nr);
		if (pid)
			pid_get(pid);
		mutex_unlock(&tasklist_lock);
		*out = pid ? proc_inode(dir->sb, &proc_tgid_entry, pid, false, 0) : NULL;
		if (!*out)
			err = pid ? -ENOMEM : -ENOENT;
		pid_put(pid);
	}
	task_put(t);
	return err;
}

/* The first process with a number >= from, referenced by its leader. */
static struct task *next_process(const struct pid_ns *ns, u32 from, u32 *nr)
{
	struct task *t;

	mutex_lock(&tasklist_lock);
	while ((t = task_next_in(ns, from)) && t->process->pid != t->pid)
		from = t->pid->nr + 1;
	if (t) {
		*nr = t->pid->nr;
		task_get(t);
	}
	mutex_unlock(&tasklist_lock);
	return t;
}

static int root_readdir(struct file *f, struct dir_context *ctx, loff_t base)
{
	struct super_block *sb = f->inode->sb;
	struct task *t;
	char name[12];
	bool hidden;
	u32 nr;

	while (ctx->pos - base < PID_MAX && (t = next_process(proc_sb(sb)->pid_ns, (u32)(ctx->pos - base), &nr))) {
		struct pid fake = { .nr = nr };
		int n = ksnprintf(name, sizeof(name), "%u", nr);

		hidden = proc_pid_hidden(sb, t, 2);
		task_put(t);
		if (!hidden && !ctx->emit(ctx, name, (u32)n, proc_ino(&proc_tgid_entry, &fake, 0), S_IFDIR >> 12,
					  base + nr + 1))
			return 0;
		ctx->pos = base + nr + 1;
	}
	return 0;
}

static ssize_t link_self(const struct proc_ctx *c, char *buf, size_t size)
{
	char text[16];
	int n;

	if (!current->process || current_pid_ns() != proc_sb(c->sb)->pid_ns)
		return -ENOENT;
	n = ksnprintf(text, sizeof(text), "%u", current->process->pid->nr);
	n = (int)min((size_t)n, size);
	memcpy(buf, text, (size_t)n);
	return n;
}

static ssize_t link_thread_self(const struct proc_ctx *c, char *buf, size_t size)
{
	char text[32];
	int n;

	if (!current->process || current_pid_ns() != proc_sb(c->sb)->pid_ns)
		return -ENOENT;
	n = ksnprintf(text, sizeof(text), "%u/task/%u", current->process->pid->nr, current->pid->nr);
	n = (int)min((size_t)n, size);
	memcpy(buf, text, (size_t)n);
	return n;
}

static int show_filesystems(struct seq *s, const struct proc_ctx *c)
{
	const struct fs_type *t = NULL;

	while ((t = fs_type_next(t)))
		seq_printf(s, "%s\t%s\n", t->nodev ? "nodev" : "", t->name);
	return 0;
}

static int show_devices(struct seq *s, const struct proc_ctx *c)
{
	const struct chrdev *d;

	seq_puts(s, "Character devices:\n");
	for (u32 i = 0; (d = chrdev_at(i)); i++)
		if (d->major != 1 && d->name)
			seq_printf(s, "%3u /dev/%s\n", d->major, d->name);
	seq_puts(s, "  1 mem\n128 ptm\n136 pts\n\nBlock devices:\n");
	return 0;
}

static int show_version(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%s version %s (limpet@limpet) (gcc) %s\n", LIMPET_UTS_SYSNAME, LIMPET_UTS_RELEASE,
		   LIMPET_UTS_VERSION);
	return 0;
}

static int show_locks(struct seq *s, const struct proc_ctx *c)
{
	char *buf = kmalloc(PAGE_SIZE);
	u64 n = 0;
	size_t len;

	if (!buf)
		return -ENOMEM;
	while ((len = locks_show(buf, PAGE_SIZE, &n)))
		seq_write(s, buf, len);
	kfree(buf);
	return 0;
}

int proc_show_system_stat(struct seq *s, const struct proc_ctx *c);
int proc_show_uptime(struct seq *s, const struct proc_ctx *c);
int proc_show_loadavg(struct seq *s, const struct proc_ctx *c);
int proc_show_interrupts(struct seq *s, const struct proc_ctx *c);

static const struct proc_entry root_entries[] = {
	PTEXT("cmdline", "\n"),
	PTEXT("consoles", ""),
	PFILE("cpuinfo", 0444, proc_show_cpuinfo),
	PFILE("devices", 0444, show_devices),
	PTEXT("diskstats", ""),
	PFILE("filesystems", 0444, show_filesystems),
	PFILE("interrupts", 0444, proc_show_interrupts),
	PFILE("loadavg", 0444, proc_show_loadavg),
	PFILE("locks", 0444, show_locks),
	PFILE("meminfo", 0444, proc_show_meminfo),
	PTEXT("misc", ""),
	PTEXT("modules", ""),
	PLINK("mounts", "self/mounts"),
	PLINK("net", "self/net"),
	PTEXT("partitions", ""),
	{ .name = "self", .mode = S_IFLNK | 0777, .flags = PROC_KEEP, .link = link_self },
	PFILE("stat", 0444, proc_show_system_stat),
	PTEXT("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
	PDIR("sys", 0555, &proc_sys_dir),
	{ .name = "thread-self", .mode = S_IFLNK | 0777, .flags = PROC_KEEP, .link = link_thread_self },
	PFILE("uptime", 0444, proc_show_uptime),
	PFILE("version", 0444, show_version),
	PFILE("vmstat", 0444, proc_show_vmstat),
};
const struct proc_dir proc_root_dir = PROC_DIR(root_entries, .lookup = root_lookup, .readdir = root_readdir);
static const struct proc_entry root_entry = PDIR("", 0555, &proc_root_dir);

/* Options. */

static int parse_one(struct proc_sb *o, const char *key, const char *value)
{
	static const char *const hide_names[] = { "off", "noaccess", "invisible", NULL, "ptraceable" };
	u64 v;

	if (!*key)
		return 0;
	if (!value)
		return -EINVAL;
	if (!strcmp(key, "hidepid")) {
		for (u32 i = 0; i < ARRAY_SIZE(hide_names); i++)
			if (hide_names[i] && !strcmp(value, hide_names[i])) {
				o->hidepid = i;
				return 0;
			}
		if (kstrtou64(value, 10, &v) || v > 4 || v == 3)
			return -EINVAL;
		o->hidepid = (u32)v;
	} else if (!strcmp(key, "gid")) {
		if (kstrtou64(value, 10, &v) || v >= 0xffffffffu)
			return -EINVAL;
		o->gid = (u32)v;
	} else if (!strcmp(key, "subset")) {
		if (strcmp(value, "pid"))
			return -EINVAL;
		o->subset_pid = true;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int parse_options(struct proc_sb *o, const char *text)
{
	char *copy = kstrdup(text ? text : ""), *p, *next, *value;
	int err = copy ? 0 : -ENOMEM;

	for (p = copy; p && !err; p = next) {
		next = strchr(p, ',');
		if (next)
			*next++ = 0;
		value = strchr(p, '=');
		if (value)
			*value++ = 0;
		err = parse_one(o, p, value);
	}
	kfree(copy);
	return err;
}

static int proc_remount(struct super_block *sb, const char *options)
{
	struct proc_sb o = *proc_sb(sb);
	int err = parse_options(&o, options);

	if (err)
		return err;
	atomic_store(&proc_sb(sb)->hidepid, o.hidepid);
	atomic_store(&proc_sb(sb)->gid, o.gid);
	proc_sb(sb)->subset_pid |= o.subset_pid;
	return 0;
}

static int proc_show_options(struct super_block *sb, char *buf, size_t size)
{
	static const char *const names[] = { "off", "noaccess", "invisible", "", "ptraceable" };
	struct proc_sb *ps = proc_sb(sb);
	char gid[24] = "", hide[24] = "";

	if (ps->gid)
		ksnprintf(gid, sizeof(gid), ",gid=%u", ps->gid);
	if (ps->hidepid)
		ksnprintf(hide, sizeof(hide), ",hidepid=%s", names[ps->hidepid]);
	return ksnprintf(buf, size, "%s%s%s", gid, hide, ps->subset_pid ? ",subset=pid" : "");
}

static int proc_statfs(struct super_block *sb, struct kstatfs *st)
{
	st->type = PROC_SUPER_MAGIC;
	st->bsize = PAGE_SIZE;
	st->namelen = NAME_MAX;
	return 0;
}

static void proc_put_super(struct super_block *sb)
{
	if (proc_sb(sb)->pid_ns)
		pid_ns_put(proc_sb(sb)->pid_ns);
	kfree(sb->priv);
}

static const struct super_ops proc_super_ops = {
	.evict = proc_evict,
	.put_super = proc_put_super,
	.statfs = proc_statfs,
	.remount = proc_remount,
	.show_options = proc_show_options,
};

static int proc_mount(const struct fs_type *type, const char *source, const char *options, void *data,
		      struct super_block **out)
{
	struct proc_sb o = { 0 };
	struct super_block *sb;
	int err = parse_options(&o, options);

	if (err)
		return err;
	sb = proc_new_sb(type, &proc_super_ops, &root_entry);
	if (!sb)
		return -ENOMEM;
	o.pid_ns = current_pid_ns();
	ref_get(&o.pid_ns->ref);
	*proc_sb(sb) = o;
	*out = sb;
	return 0;
}

static struct fs_type proc_type = { .name = "proc", .mount = proc_mount, .user_mountable = true, .nodev = true };

int proc_init(void)
{
	proc_cpuinfo_init();
	fs_type_register(&proc_type);
	return proc_ns_init();
}
