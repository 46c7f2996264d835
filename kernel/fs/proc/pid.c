/* The tables of /proc/PID and /proc/PID/task/TID, and those of their files that are a few lines each; proc_pid(5). */
#include "abi/linux/capability.h"
#include "abi/linux/sched.h"
#include "abi/linux/stat.h"
#include "core/boot.h"
#include "fs/proc/proc.h"
#include "gate/host.h"
#include "mm/mm.h"
#include "proc/rlimit.h"

#define ARGS_MAX (2ul << 20) /* of cmdline and environ */

/* Program memory [start, end) of t as it is now; -errno when it cannot be had or is another program's by now. */
static int live_text(struct seq *s, struct task *t, struct mm *mm, u64 start, u64 end)
{
	size_t len = min(end - start, ARGS_MAX), done = 0, before = s->len;
	char *buf = kmalloc(PAGE_SIZE);
	ssize_t n = 0;

	if (!buf)
		return -ENOMEM;
	while (done < len) {
		n = mm_access_remote(t, mm, start + done, buf, min(len - done, PAGE_SIZE), false);
		if (n <= 0)
			break;
		seq_write(s, buf, (size_t)n);
		done += (size_t)n;
	}
	kfree(buf);
	if (atomic_load(&t->mm) == mm && (done || !len))
		return 0;
	s->len = min(s->len, before);
	return -EIO;
}

struct arg_range {
	u64 arg_start, arg_end, env_start, env_end;
};

static struct mm *args_of(struct task *t, struct arg_range *r)
{
	struct mm *mm = task_get_mm(t);

	if (!mm)
		return NULL;
	mutex_lock(&mm->lock);
	*r = (struct arg_range){ mm->arg_start, mm->arg_end, mm->env_start, mm->env_end };
	mutex_unlock(&mm->lock);
	return mm;
}

/* The kernel's own copies, made at exec. */
static void saved_text(struct seq *s, struct mm *mm, bool environ)
{
	mutex_lock(&mm->lock);
	if (environ && mm->environ)
		seq_write(s, mm->environ, mm->environ_len);
	else if (!environ && mm->cmdline)
		seq_write(s, mm->cmdline, mm->cmdline_len);
	mutex_unlock(&mm->lock);
}

/* A program that overwrites its arguments (setproctitle) may run on into the environment, without a 0 in between. */
static int show_cmdline(struct seq *s, const struct proc_ctx *c)
{
	size_t before = s->len, len;
	struct arg_range r;
	struct mm *mm = args_of(c->task, &r);
	char *title;

	if (!mm)
		return 0;
	if (r.arg_end <= r.arg_start || live_text(s, c->task, mm, r.arg_start, r.arg_end)) {
		saved_text(s, mm, false);
	} else if (s->len - before == r.arg_end - r.arg_start && s->buf[s->len - 1] && r.env_start == r.arg_end &&
		   r.env_end > r.env_start) {
		if (!live_text(s, c->task, mm, r.env_start, r.env_end)) {
			title = s->buf + before;
			len = s->len - before;
			if (memchr(title, 0, len))
				s->len = before + strnlen(title, len) + 1;
		}
	}
	mm_put(mm);
	return 0;
}

static int show_environ(struct seq *s, const struct proc_ctx *c)
{
	struct arg_range r;
	struct mm *mm = args_of(c->task, &r);

	if (!mm)
		return 0;
	if (r.env_end <= r.env_start || live_text(s, c->task, mm, r.env_start, r.env_end))
		saved_text(s, mm, true);
	mm_put(mm);
	return 0;
}

static int show_auxv(struct seq *s, const struct proc_ctx *c)
{
	struct mm *mm = task_get_mm(c->task);

	if (!mm)
		return 0;
	mutex_lock(&mm->lock);
	seq_write(s, mm->auxv, min(mm->auxv_len, (u32)ARRAY_SIZE(mm->auxv)) * sizeof(u64));
	mutex_unlock(&mm->lock);
	mm_put(mm);
	return 0;
}

static int show_comm(struct seq *s, const struct proc_ctx *c)
{
	char comm[TASK_COMM_LEN + 1];

	memcpy(comm, c->task->comm, TASK_COMM_LEN);
	comm[TASK_COMM_LEN] = 0;
	seq_printf(s, "%s\n", comm);
	return 0;
}

static int write_comm(const struct proc_ctx *c, char *text, size_t len)
{
	if (c->task->process != current->process)
		return -EINVAL;
	task_set_comm(c->task, text);
	return 0;
}

static int show_limits(struct seq *s, const struct proc_ctx *c)
{
	static const struct {
		const char *name, *unit;
	} names[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = { "Max cpu time", "seconds" },
		[RLIMIT_FSIZE] = { "Max file size", "bytes" },
		[RLIMIT_DATA] = { "Max data size", "bytes" },
		[RLIMIT_STACK] = { "Max stack size", "bytes" },
		[RLIMIT_CORE] = { "Max core file size", "bytes" },
		[RLIMIT_RSS] = { "Max resident set", "bytes" },
		[RLIMIT_NPROC] = { "Max processes", "processes" },
		[RLIMIT_NOFILE] = { "Max open files", "files" },
		[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
		[RLIMIT_AS] = { "Max address space", "bytes" },
		[RLIMIT_LOCKS] = { "Max file locks", "locks" },
		[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
		[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
		[RLIMIT_NICE] = { "Max nice priority", "" },
		[RLIMIT_RTPRIO] = { "Max realtime priority", "" },
		[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
	};
	struct process *p = c->task->process;
	char soft[24], hard[24];
	struct rlimit r;

	seq_printf(s, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (u32 i = 0; i < RLIM_NLIMITS; i++) {
		mutex_lock(&p->rlim_lock);
		r = p->rlim[i];
		mutex_unlock(&p->rlim_lock);
		if (r.cur == RLIM_INFINITY)
			strlcpy(soft, "unlimited", sizeof(soft));
		else
			ksnprintf(soft, sizeof(soft), "%lu", r.cur);
		if (r.max == RLIM_INFINITY)
			strlcpy(hard, "unlimited", sizeof(hard));
		else
			ksnprintf(hard, sizeof(hard), "%lu", r.max);
		seq_printf(s, "%-25s %-20s %-20s ", names[i].name, soft, hard);
		if (*names[i].unit)
			seq_printf(s, "%-10s\n", names[i].unit);
		else
			seq_putc(s, '\n');
	}
	return 0;
}

/* As Linux's oom_badness, with the host's resident size. */
static int show_oom_score(struct seq *s, const struct proc_ctx *c)
{
	int adj = c->task->process->oom_score_adj;
	struct proc_memory m;
	struct proc_usage u;
	s64 pages, points;

	proc_memory(&m);
	proc_usage(c->task, &u);
	pages = max((s64)(m.total / (PAGE_SIZE / 1024)), (s64)1);
	points = (s64)u.rss + (s64)adj * pages / 1000;
	points = adj == -1000 ? 0 : (1000 + points * 1000 / pages) * 2 / 3;
	seq_printf(s, "%ld\n", max(points, (s64)0));
	return 0;
}

static int show_oom_score_adj(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%d\n", c->task->process->oom_score_adj);
	return 0;
}

static int show_oom_adj(struct seq *s, const struct proc_ctx *c)
{
	int adj = c->task->process->oom_score_adj;

	seq_printf(s, "%d\n", adj == 1000 ? 15 : adj * 17 / 1000);
	return 0;
}

/* No core is ever written, but what a program has set it finds again: core(5). */
static int show_coredump_filter(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%08x\n", atomic_load(&c->task->process->coredump_filter));
	return 0;
}

static int write_coredump_filter(const struct proc_ctx *c, char *text, size_t len)
{
	s64 bits;
	int err = proc_parse_int(text, 0, UINT32_MAX, &bits);

	if (!err)
		atomic_store(&c->task->process->coredump_filter, (u32)bits & COREDUMP_FILTER_MASK);
	return err;
}

/* The host's killer chooses among host processes: tell it, as far as it lets us. */
static void tell_host(struct task *t, int adj)
{
	int pid = mm_host_pid(t), fd, n;
	char text[48];

	if (pid < 0 || boot->host_proc_fd < 0)
		return;
	ksnprintf(text, sizeof(text), "%d/oom_score_adj", pid);
	fd = host_openat(boot->host_proc_fd, text, O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	n = ksnprintf(text, sizeof(text), "%d\n", adj);
	host_write(fd, text, (size_t)n);
	host_close(fd);
}

static int set_oom(struct task *t, s64 adj)
{
	struct process *p = t->process;
	int old = p->oom_score_adj;

	if (adj < min(old, 0) && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	atomic_store(&p->oom_score_adj, (int)adj);
	tell_host(t, (int)adj);
	return 0;
}

static int write_oom_score_adj(const struct proc_ctx *c, char *text, size_t len)
{
	s64 adj;
	int err = proc_parse_int(text, -1000, 1000, &adj);

	return err ? err : set_oom(c->task, adj);
}

static int write_oom_adj(const struct proc_ctx *c, char *text, size_t len)
{
	s64 adj;
	int err = proc_parse_int(text, -17, 15, &adj);

	return err ? err : set_oom(c->task, adj == 15 ? 1000 : adj * 1000 / 17);
}

static int show_personality(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%08x\n", c->task->personality);
	return 0;
}

static int show_schedstat(struct seq *s, const struct proc_ctx *c)
{
	char buf[96];
	s64 utime, stime;

	if (proc_host_read_thread(c->task, "schedstat", buf, sizeof(buf)) > 0) {
		seq_puts(s, buf);
		return 0;
	}
	mutex_lock(&tasklist_lock);
	task_cputime(c->task, &utime, &stime);
	mutex_unlock(&tasklist_lock);
	seq_printf(s, "%ld 0 0\n", utime + stime);
	return 0;
}

static int show_sched(struct seq *s, const struct proc_ctx *c)
{
	struct task *t = c->task;
	char comm[TASK_COMM_LEN + 1];
	s64 utime, stime;

	memcpy(comm, t->comm, TASK_COMM_LEN);
	comm[TASK_COMM_LEN] = 0;
	mutex_lock(&tasklist_lock);
	task_cputime(t, &utime, &stime);
	seq_printf(s, "%s (%u, #threads: %u)\n", comm, t->pid->nr, t->process->nr_threads);
	mutex_unlock(&tasklist_lock);
	seq_puts(s, "-------------------------------------------------------------------\n");
	seq_printf(s, "%-45s:%14ld.%06ld\n", "se.sum_exec_runtime", (utime + stime) / NSEC_PER_MSEC,
		   (utime + stime) % NSEC_PER_MSEC);
	seq_printf(s, "%-45s:%21d\n", "policy", t->sched_policy);
	seq_printf(s, "%-45s:%21d\n", "prio",
		   t->sched_policy == SCHED_FIFO || t->sched_policy == SCHED_RR ? 99 - t->sched_priority : 120 + t->nice);
	return 0;
}

static int show_timerslack(struct seq *s, const struct proc_ctx *c)
{
	if (c->task != current && !capable(CAP_SYS_NICE))
		return -EPERM;
	seq_printf(s, "%lu\n", c->task->timer_slack_ns);
	return 0;
}

static int write_timerslack(const struct proc_ctx *c, char *text, size_t len)
{
	u64 v;
	int err = kstrtou64(text, 0, &v);

	if (err)
		return err;
	if (c->task != current && !capable(CAP_SYS_NICE))
		return -EPERM;
	atomic_store(&c->task->timer_slack_ns, v ? v : 50000);
	return 0;
}

static int show_loginuid(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%u", c->task->process->loginuid);
	return 0;
}

static int show_sessionid(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%u", c->task->process->audit_session);
	return 0;
}

/* Login programs name the user once; only CAP_AUDIT_CONTROL may change it afterwards. */
static int write_loginuid(const struct proc_ctx *c, char *text, size_t len)
{
	static u32 last_session; /* atomic */
	struct process *p = c->task->process;
	s64 uid;
	int err = proc_parse_int(text, 0, UINT32_MAX, &uid);

	if (err)
		return err;
	if (p != current->process)
		return -EPERM;
	if (p->loginuid != ~0u && !capable(CAP_AUDIT_CONTROL))
		return -EPERM;
	p->audit_session = uid == UINT32_MAX ? ~0u : atomic_add(&last_session, 1);
	p->loginuid = (u32)uid;
	return 0;
}

/* Children whose POSIX parent is this thread. */
static int show_children(struct seq *s, const struct proc_ctx *c)
{
	struct process *child;

	mutex_lock(&tasklist_lock);
	list_for_each_entry(child, &c->task->process->children, sibling)
		if (child->parent_tid == c->task->pid->nr)
			seq_printf(s, "%u ", child->pid->nr);
	mutex_unlock(&tasklist_lock);
	return 0;
}

static int jump_exe(const struct proc_ctx *c, struct path *out)
{
	struct file *f;

	mutex_lock(&tasklist_lock);
	f = c->task->exited ? NULL : c->task->process->exe;
	if (f)
		file_get(f);
	mutex_unlock(&tasklist_lock);
	if (!f)
		return -ENOENT;
	*out = f->path;
	path_get(out);
	file_put(f);
	return 0;
}

static int jump_fs(const struct proc_ctx *c, struct path *out, bool root)
{
	struct fs_context *fs = task_get_fs(c->task);

	if (!fs)
		return -ENOENT;
	if (root)
		fs_get_root(fs, out);
	else
		fs_get_cwd(fs, out);
	fs_context_put(fs);
	return 0;
}

static int jump_cwd(const struct proc_ctx *c, struct path *out) { return jump_fs(c, out, false); }
static int jump_root(const struct proc_ctx *c, struct path *out) { return jump_fs(c, out, true); }

/* task/ */

static int task_lookup_name(struct inode *dir, const struct qstr *name, struct inode **out)
{
	const struct proc_node *n = proc_node(dir);
	struct pid *pid = NULL;
	struct task *t;
	u32 tid;

	if (!proc_parse_number(name, PID_MAX, &tid))
		return -ENOENT;
	mutex_lock(&tasklist_lock);
	t = task_find_in(n->pid->ns, tid);
	if (t && n->pid->task && t->process == n->pid->task->process) {
		pid = t->pid;
		pid_get(pid);
	}
	mutex_unlock(&tasklist_lock);
	if (!pid)
		return -ENOENT;
	*out = proc_inode(dir->sb, &proc_tid_entry, pid, true, 0);
	pid_put(pid);
	return *out ? 0 : -ENOMEM;
}

static int task_readdir(struct file *f, struct dir_context *ctx, loff_t base)
{
	const struct proc_node *n = proc_node(f->inode);
	char name[12];

	while (ctx->pos - base < PID_MAX) {
		struct pid fake = { 0 };
		struct task *self, *t;

		mutex_lock(&tasklist_lock);
		self = n->pid->task;
		t = self ? task_next_in(n->pid->ns, (u32)(ctx->pos - base)) : NULL;
		while (t && t->process != self->process)
			t = task_next_in(n->pid->ns, t->pid->nr + 1);
		fake.nr = t ? t->pid->nr : 0;
		mutex_unlock(&tasklist_lock);
		if (!t)
			break;
		if (!ctx->emit(ctx, name, (u32)ksnprintf(name, sizeof(name), "%u", fake.nr),
			       proc_ino(&proc_tid_entry, &fake, 0), S_IFDIR >> 12, base + fake.nr + 1))
			break;
		ctx->pos = base + fake.nr + 1;
	}
	return 0;
}

static const struct proc_dir task_dir = { .lookup = task_lookup_name, .readdir = task_readdir };

/* What a process and a thread have in common. */
static int show_ids(struct seq *s, u32 text)
{
	seq_puts(s, text ? boot_str(text) : "         0          0 4294967295\n");
	return 0;
}

static int show_uid_map(struct seq *s, const struct proc_ctx *c) { return show_ids(s, boot->uid_map); }
static int show_gid_map(struct seq *s, const struct proc_ctx *c) { return show_ids(s, boot->gid_map); }

#define COMMON_ENTRIES                                                                                       \
	PFILE("auxv", 0400, show_auxv, .flags = PROC_ACCESS),                                                \
	PTEXT("cgroup", "0::/\n"),                                                                           \
	PFILE("cmdline", 0444, show_cmdline),                                                                \
	PFILE("comm", 0644, show_comm, .write = write_comm),                                                 \
	{ .name = "cwd", .mode = S_IFLNK | 0777, .jump = jump_cwd },                                         \
	PFILE("environ", 0400, show_environ, .flags = PROC_ACCESS),                                          \
	{ .name = "exe", .mode = S_IFLNK | 0777, .jump = jump_exe },                                         \
	PDIR("fd", 0500, &proc_fd_dir),                                                                      \
	PDIR("fdinfo", 0555, &proc_fdinfo_dir),                                                              \
	PFILE("gid_map", 0444, show_gid_map),                                              \
	PFILE("limits", 0444, show_limits),                                                                  \
	PFILE("loginuid", 0644, show_loginuid, .write = write_loginuid),                                     \
	PFILE("maps", 0444, proc_show_maps, .flags = PROC_ACCESS),                                           \
	{ .name = "mem", .mode = S_IFREG | 0600, .fops = &proc_mem_fops, .open = proc_mem_open },            \
	PFILE("mountinfo", 0444, proc_show_mountinfo, .fops = &proc_mounts_fops, .open = proc_mounts_open),  \
	PFILE("mounts", 0444, proc_show_mounts, .fops = &proc_mounts_fops, .open = proc_mounts_open),        \
	PDIR("net", 0555, &proc_net_dir),                                                                    \
	PDIR("ns", 0511, &proc_ns_dir),                                                                      \
	PFILE("numa_maps", 0444, proc_show_numa_maps, .flags = PROC_ACCESS),                                 \
	PFILE("oom_adj", 0644, show_oom_adj, .write = write_oom_adj),                                        \
	PFILE("oom_score", 0444, show_oom_score),                                                            \
	PFILE("oom_score_adj", 0644, show_oom_score_adj, .write = write_oom_score_adj),                      \
	PFILE("personality", 0400, show_personality, .flags = PROC_ACCESS),                                  \
	PTEXT("projid_map", "         0          0 4294967295\n"),                                           \
	{ .name = "root", .mode = S_IFLNK | 0777, .jump = jump_root },                                       \
	PFILE("sched", 0444, show_sched),                                                                    \
	PFILE("schedstat", 0444, show_schedstat),                                                            \
	PFILE("sessionid", 0444, show_sessionid),                                                            \
	PTEXT("setgroups", "allow\n"),                                                                       \
	PFILE("smaps", 0444, proc_show_smaps, .flags = PROC_ACCESS),                                         \
	PFILE("smaps_rollup", 0444, proc_show_smaps_rollup, .flags = PROC_ACCESS),                           \
	PFILE("stat", 0444, proc_show_stat),                                                                 \
	PFILE("statm", 0444, proc_show_statm),                                                               \
	PFILE("status", 0444, proc_show_status),                                                             \
	PFILE("uid_map", 0444, show_uid_map),                                                               \
	PTEXT("wchan", "0")

static const struct proc_entry tgid_entries[] = {
	COMMON_ENTRIES,
	PFILE("coredump_filter", 0644, show_coredump_filter, .write = write_coredump_filter),
	PFILE("mountstats", 0400, proc_show_mountstats, .fops = &proc_mounts_fops, .open = proc_mounts_open),
	PDIR("task", 0555, &task_dir),
	PFILE("timerslack_ns", 0666, show_timerslack, .write = write_timerslack),
};
static const struct proc_dir tgid_dir = PROC_DIR(tgid_entries);
const struct proc_entry proc_tgid_entry = PDIR("", 0555, &tgid_dir);

static const struct proc_entry tid_entries[] = {
	COMMON_ENTRIES,
	PFILE("children", 0444, show_children),
};
static const struct proc_dir tid_dir = PROC_DIR(tid_entries);
const struct proc_entry proc_tid_entry = PDIR("", 0555, &tid_dir);
