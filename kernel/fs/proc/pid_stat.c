/* /proc/PID/stat, statm and status, proc_pid_stat(5) and proc_pid_status(5): what ps and top live on. */
#include "abi/linux/capability.h"
#include "abi/linux/sched.h"
#include "fs/proc/proc.h"
#include "fs/tty/tty.h"
#include "proc/sched.h"
#include "sys/seccomp.h"

#define PF_EXITING 0x4u
#define PF_FORKNOEXEC 0x40u
#define PF_RANDOMIZE 0x400000u

/* One look at a task under tasklist_lock. */
struct snapshot {
	u32 pid, tgid, ppid, pgrp, session, nr_threads;
	u64 tty;
	s32 tpgid;
	enum task_state state;
	bool zombie, exiting;
	s64 utime, stime;
	struct rusage_sum children, ru;
	int exit_signal, exit_code;
	bool did_exec;
};

static void take_snapshot(const struct proc_ctx *c, struct snapshot *o)
{
	struct task *t = c->task;
	struct process *p = t->process;

	memset(o, 0, sizeof(*o));
	o->tpgid = -1;
	mutex_lock(&tasklist_lock);
	o->pid = t->pid->nr;
	o->tgid = p->pid->nr;
	o->ppid = atomic_load(&p->ppid);
	o->pgrp = p->pgrp ? p->pgrp->nr : 0;
	o->session = p->session ? p->session->nr : 0;
	o->nr_threads = p->nr_threads;
	o->state = t->state;
	o->zombie = p->zombie;
	o->exiting = t->exited;
	o->did_exec = p->did_exec;
	o->exit_code = p->zombie ? p->exit_status : 0;
	o->exit_signal = c->node->thread ? -1 : (int)p->exit_signal;
	if (p->tty) {
		o->tty = tty_dev(p->tty);
		o->tpgid = p->tty->pgrp ? (s32)p->tty->pgrp->nr : -1;
	}
	if (c->node->thread) {
		task_cputime(t, &o->utime, &o->stime);
	} else {
		o->children = p->children_ru;
		process_rusage(p, &o->ru);
		o->utime = o->ru.utime;
		o->stime = o->ru.stime;
	}
	mutex_unlock(&tasklist_lock);
}

static const char *state_text(const struct snapshot *o, char *letter)
{
	static const char *const texts[] = { "R (running)", "S (sleeping)", "D (disk sleep)", "T (stopped)",
					     "t (tracing stop)", "Z (zombie)", "X (dead)" };
	u32 state = o->zombie ? TASK_ZOMBIE : o->state;

	if (state >= ARRAY_SIZE(texts))
		state = TASK_DEAD;
	*letter = texts[state][0];
	return texts[state];
}

/* comm as it stands; in status without line ends. */
static void put_comm(struct seq *s, struct task *t, bool escape)
{
	char comm[TASK_COMM_LEN + 1];

	memcpy(comm, t->comm, TASK_COMM_LEN);
	comm[TASK_COMM_LEN] = 0;
	for (const char *p = comm; *p; p++) {
		if (escape && *p == '\n')
			seq_puts(s, "\\n");
		else if (escape && *p == '\\')
			seq_puts(s, "\\\\");
		else
			seq_putc(s, *p);
	}
}

struct signal_sets {
	u64 pending, shared, blocked, ignored, caught;
};

static void take_signals(struct task *t, struct signal_sets *o)
{
	struct sighand *sh;

	memset(o, 0, sizeof(*o));
	if (t->exited)
		return;
	sh = process_lock_sighand(t->process);
	o->pending = t->pending.set;
	o->shared = t->process->shared_pending.set;
	o->blocked = t->blocked;
	for (u32 i = 0; i < NSIG; i++) {
		if (sh->action[i].handler == (u64)SIG_IGN)
			o->ignored |= 1ull << i;
		else if (sh->action[i].handler != (u64)SIG_DFL)
			o->caught |= 1ull << i;
	}
	mutex_unlock(&sh->lock);
}

static s64 ticks(s64 ns) { return ns / (NSEC_PER_SEC / USER_HZ); }

static bool real_time(const struct task *t) { return t->sched_policy == SCHED_FIFO || t->sched_policy == SCHED_RR; }

int proc_show_stat(struct seq *s, const struct proc_ctx *c)
{
	struct task *t = c->task;
	struct process *p = t->process;
	bool may = task_may_access(t, true);
	struct proc_mm_sums m;
	struct signal_sets sig;
	struct proc_usage u;
	struct snapshot o;
	char letter;

	take_snapshot(c, &o);
	take_signals(t, &sig);
	proc_usage(t, &u);
	if (!proc_mm_sums(t, &m))
		u.rss = 0;
	state_text(&o, &letter);
	seq_printf(s, "%u (", o.pid);
	put_comm(s, t, false);
	seq_printf(s, ") %c %u %u %u %d %d %u", letter, o.ppid, o.pgrp, o.session, (int)dev_encode(o.tty), o.tpgid,
		   PF_RANDOMIZE | (o.did_exec ? 0 : PF_FORKNOEXEC) | (o.exiting ? PF_EXITING : 0));
	seq_printf(s, " %lu %lu %lu %lu", max(u.minflt, o.ru.minflt), o.children.minflt, max(u.majflt, o.ru.majflt),
		   o.children.majflt);
	seq_printf(s, " %ld %ld %ld %ld", ticks(o.utime), ticks(o.stime), ticks(o.children.utime),
		   ticks(o.children.stime));
	seq_printf(s, " %d %d %u 0 %ld", real_time(t) ? -1 - t->sched_priority : 20 + t->nice, t->nice, o.nr_threads,
		   ticks(t->start_time));
	seq_printf(s, " %lu %lu %lu", m.total * PAGE_SIZE, u.rss, atomic_load_relaxed(&p->rlim[RLIMIT_RSS].cur));
	seq_printf(s, " %lu %lu %lu 0 0", may ? m.start_code : !!m.total, may ? m.end_code : !!m.total,
		   may ? m.start_stack : 0);
	seq_printf(s, " %lu %lu %lu %lu 0 0 0 %d %u %u %u 0 0 0",
		   (sig.pending | sig.shared) & 0x7fffffff, sig.blocked & 0x7fffffff, sig.ignored & 0x7fffffff,
		   sig.caught & 0x7fffffff, o.exit_signal, u.cpu, real_time(t) ? (u32)t->sched_priority : 0,
		   (u32)t->sched_policy);
	if (!may)
		memset(&m, 0, sizeof(m));
	seq_printf(s, " %lu %lu %lu %lu %lu %lu %lu %d\n", m.start_data, m.end_data, m.start_brk, m.arg_start, m.arg_end,
		   m.env_start, m.env_end, may ? o.exit_code : 0);
	return 0;
}

int proc_show_statm(struct seq *s, const struct proc_ctx *c)
{
	struct proc_mm_sums m;
	struct proc_usage u = { 0 };

	if (proc_mm_sums(c->task, &m))
		proc_usage(c->task, &u);
	seq_printf(s, "%lu %lu %lu %lu 0 %lu 0\n", m.total, u.rss, u.shared, m.exec / PAGE_SIZE, m.data + m.stack);
	return 0;
}

static void put_ids(struct seq *s, struct task *t)
{
	const struct cred *c = task_get_cred(t);

	if (!c)
		return;
	seq_printf(s, "Uid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid);
	seq_printf(s, "Gid:\t%u\t%u\t%u\t%u\n", c->gid, c->egid, c->sgid, c->fsgid);
	cred_put(c);
}

static void put_groups(struct seq *s, struct task *t)
{
	const struct cred *c = task_get_cred(t);
	struct files *files = task_get_files(t);

	seq_printf(s, "FDSize:\t%u\nGroups:\t", files ? atomic_load(&files->capacity) : 0);
	if (files)
		files_put(files);
	for (u32 i = 0; c && i < c->ngroups; i++)
		seq_printf(s, "%s%u", i ? " " : "", c->groups[i]);
	seq_puts(s, " \n");
	if (c)
		cred_put(c);
}

static void put_caps(struct seq *s, struct task *t)
{
	const struct cred *c = task_get_cred(t);

	if (!c)
		return;
	seq_printf(s, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\n",
		   c->cap_inheritable, c->cap_permitted, c->cap_effective, c->cap_bounding, c->cap_ambient);
	cred_put(c);
}

/* The host's own figures in its status file, KiB. */
struct host_status {
	u64 hwm, anon, file, shmem, pte, swap, vol, nonvol;
};

static void take_host_status(struct task *t, struct host_status *h)
{
	char *buf = kmalloc(PAGE_SIZE);

	memset(h, 0, sizeof(*h));
	if (buf && proc_host_read(t, "status", buf, PAGE_SIZE) > 0) {
		h->hwm = proc_host_value(buf, "VmHWM");
		h->anon = proc_host_value(buf, "RssAnon");
		h->file = proc_host_value(buf, "RssFile");
		h->shmem = proc_host_value(buf, "RssShmem");
		h->pte = proc_host_value(buf, "VmPTE");
		h->swap = proc_host_value(buf, "VmSwap");
		h->vol = proc_host_value(buf, "voluntary_ctxt_switches");
		h->nonvol = proc_host_value(buf, "nonvoluntary_ctxt_switches");
	}
	kfree(buf);
}

static void put_memory(struct seq *s, const struct proc_mm_sums *m, const struct host_status *h)
{
	u64 rss = h->anon + h->file + h->shmem, kib = PAGE_SIZE / 1024;

	seq_printf(s, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8lu kB\n", m->total * kib,
		   m->total * kib, m->locked * kib, 0ul);
	seq_printf(s, "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\nRssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8lu kB\n",
		   max(h->hwm, rss), rss, h->anon, h->file, h->shmem);
	seq_printf(s, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\nVmPTE:\t%8lu kB\n",
		   m->data * kib, m->stack * kib, m->exec / 1024, m->lib / 1024, h->pte);
	seq_printf(s, "VmSwap:\t%8lu kB\nHugetlbPages:\t%8lu kB\nCoreDumping:\t0\nTHP_enabled:\t%d\n", h->swap, 0ul,
		   !m->thp_disable);
}

static u32 umask_of(struct task *t, bool *known)
{
	struct fs_context *fs = task_get_fs(t);
	u32 mask = fs ? atomic_load_relaxed(&fs->umask) : 0;

	*known = fs;
	if (fs)
		fs_context_put(fs);
	return mask;
}

int proc_show_status(struct seq *s, const struct proc_ctx *c)
{
	struct task *t = c->task;
	struct proc_mm_sums m;
	struct signal_sets sig;
	struct host_status h;
	struct snapshot o;
	char letter;
	bool known;
	u32 mask = umask_of(t, &known), filters;

	take_snapshot(c, &o);
	take_signals(t, &sig);
	take_host_status(t, &h);
	seq_puts(s, "Name:\t");
	put_comm(s, t, true);
	seq_putc(s, '\n');
	if (known)
		seq_printf(s, "Umask:\t%04o\n", mask);
	seq_printf(s, "State:\t%s\n", state_text(&o, &letter));
	seq_printf(s, "Tgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n", o.tgid, o.pid, o.ppid);
	put_ids(s, t);
	put_groups(s, t);
	seq_printf(s, "NStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\n", o.tgid, o.pid, o.pgrp, o.session);
	if (proc_mm_sums(t, &m))
		put_memory(s, &m, &h);
	seq_printf(s, "Threads:\t%u\nSigQ:\t%u/%lu\n", o.nr_threads,
		   (u32)__builtin_popcountll(sig.pending) + (u32)__builtin_popcountll(sig.shared),
		   atomic_load_relaxed(&t->process->rlim[RLIMIT_SIGPENDING].cur));
	seq_printf(s, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		   sig.pending, sig.shared, sig.blocked, sig.ignored, sig.caught);
	put_caps(s, t);
	mutex_lock(&tasklist_lock);
	filters = seccomp_count_locked(t);
	mutex_unlock(&tasklist_lock);
	seq_printf(s, "NoNewPrivs:\t%d\nSeccomp:\t%u\nSeccomp_filters:\t%u\n", t->no_new_privs, t->seccomp_mode, filters);
	seq_puts(s, "Speculation_Store_Bypass:\tunknown\nSpeculationIndirectBranch:\tunknown\nCpus_allowed:\t");
	seq_cpumask(s, t->cpus_allowed & sched_cpus());
	seq_puts(s, "\nCpus_allowed_list:\t");
	seq_cpulist(s, t->cpus_allowed & sched_cpus());
	seq_puts(s, "\nMems_allowed:\t00000000,00000001\nMems_allowed_list:\t0\n");
	seq_printf(s, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n", max(h.vol, o.ru.nvcsw),
		   max(h.nonvol, o.ru.nivcsw));
	return 0;
}
