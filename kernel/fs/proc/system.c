/* /proc/stat, uptime, loadavg, interrupts: what the sandbox as a whole has used, as far as its processes account for it. */
#include "abi/linux/sysinfo.h"
#include "core/boot.h"
#include "fs/proc/proc.h"
#include "gate/host.h"
#include "proc/sched.h"

int proc_show_system_stat(struct seq *s, const struct proc_ctx *c);
int proc_show_uptime(struct seq *s, const struct proc_ctx *c);
int proc_show_loadavg(struct seq *s, const struct proc_ctx *c);
int proc_show_interrupts(struct seq *s, const struct proc_ctx *c);

struct totals {
	s64 utime, stime; /* of all processes there are, and all that were waited for */
	u64 switches;
	u32 tasks, running;
};

static void take_totals(struct totals *o)
{
	struct rusage_sum ru;
	struct task *t;

	memset(o, 0, sizeof(*o));
	mutex_lock(&tasklist_lock);
	for (u32 from = 1; (t = task_next(from)); from = t->pid->nr + 1) {
		o->tasks++;
		o->running += t->state == TASK_RUNNING && !t->exited;
		if (t->process->pid != t->pid)
			continue;
		process_rusage(t->process, &ru);
		o->utime += ru.utime + t->process->children_ru.utime;
		o->stime += ru.stime + t->process->children_ru.stime;
		o->switches += ru.nvcsw + ru.nivcsw + t->process->children_ru.nvcsw + t->process->children_ru.nivcsw;
	}
	mutex_unlock(&tasklist_lock);
}

/* ns of all CPUs since boot that no process used. */
static s64 idle_time(const struct totals *o, s64 uptime)
{
	return max(uptime * sched_cpu_count() - o->utime - o->stime, (s64)0);
}

static u64 ticks(s64 ns) { return (u64)ns / (NSEC_PER_SEC / USER_HZ); }

static void put_cpu(struct seq *s, const char *name, const struct totals *o, s64 idle, u32 share)
{
	seq_printf(s, "%s %lu 0 %lu %lu 0 0 0 0 0 0\n", name, ticks(o->utime / share), ticks(o->stime / share),
		   ticks(idle / share));
}

int proc_show_system_stat(struct seq *s, const struct proc_ctx *c)
{
	s64 uptime = ktime_get_boottime(), idle;
	u64 cpus = sched_cpus();
	u32 count = sched_cpu_count();
	struct totals o;
	char name[16];

	take_totals(&o);
	idle = idle_time(&o, uptime);
	put_cpu(s, "cpu ", &o, idle, 1);
	for (u32 i = 0; i < 64; i++) {
		if (!(cpus >> i & 1))
			continue;
		ksnprintf(name, sizeof(name), "cpu%u", i);
		put_cpu(s, name, &o, idle, count);
	}
	seq_printf(s, "intr 0\nctxt %lu\nbtime %ld\nprocesses %u\nprocs_running %u\nprocs_blocked 0\n", o.switches,
		   (ktime_get_real() - uptime) / NSEC_PER_SEC, pid_last_used(), max(o.running, 1u));
	seq_puts(s, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
	return 0;
}

int proc_show_uptime(struct seq *s, const struct proc_ctx *c)
{
	s64 up = ktime_get_boottime(), idle;
	struct totals o;

	take_totals(&o);
	idle = idle_time(&o, up);
	seq_printf(s, "%ld.%02ld %ld.%02ld\n", up / NSEC_PER_SEC, up % NSEC_PER_SEC / (NSEC_PER_SEC / 100),
		   idle / NSEC_PER_SEC, idle % NSEC_PER_SEC / (NSEC_PER_SEC / 100));
	return 0;
}

/* The averages are the machine's, as in sysinfo(2). */
int proc_show_loadavg(struct seq *s, const struct proc_ctx *c)
{
	struct sysinfo si = { 0 };
	struct totals o;

	if (host_sysinfo(&si))
		memset(&si, 0, sizeof(si));
	take_totals(&o);
	for (u32 i = 0; i < 3; i++)
		seq_printf(s, "%lu.%02lu ", (u64)si.loads[i] >> 16, (((u64)si.loads[i] & 0xffff) * 100) >> 16);
	seq_printf(s, "%u/%u %u\n", max(o.running, 1u), o.tasks, max(pid_last_used(), 1u));
	return 0;
}

int proc_show_interrupts(struct seq *s, const struct proc_ctx *c)
{
	u64 cpus = sched_cpus();

	seq_puts(s, "    ");
	for (u32 i = 0; i < 64; i++)
		if (cpus >> i & 1)
			seq_printf(s, "       CPU%-3u", i);
	seq_putc(s, '\n');
	return 0;
}
