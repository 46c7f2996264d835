/*
 * The container's own control group, as cgroups(7) v2 shows one: its limits, which the runtime tells, and what it
 * uses, as far as the kernel knows. Nothing can be written. Where the host's controllers are v1's, images that look
 * for those find the files they ask for most in directories beside.
 */
#include "abi/linux/stat.h"
#include "core/atomic.h"
#include "core/boot.h"
#include "fs/proc/proc.h"
#include "fs/sys/sysfs.h"
#include "proc/container.h"
#include "proc/sched.h"

#define CGROUP2_MAGIC 0x63677270u
#define V1_NO_LIMIT 0x7ffffffffffff000ull

/* The reader's container's. */
static const struct container_limits *limits(void) { return &current_container()->limits; }

void cgroupfs_limits(struct container_limits *l, const s64 limits[4])
{
	s64 *const where[] = { &l->memory, &l->quota, &l->period, &l->pids };

	for (u32 i = 0; i < ARRAY_SIZE(where); i++)
		if (limits[i] != INT64_MIN)
			atomic_store(where[i], limits[i]);
}

static int show_limit(struct seq *s, s64 value)
{
	if (value < 0)
		seq_puts(s, "max\n");
	else
		seq_printf(s, "%ld\n", value);
	return 0;
}

static int show_memory_max(struct seq *s, const struct proc_ctx *c) { return show_limit(s, atomic_load(&limits()->memory)); }
static int show_pids_max(struct seq *s, const struct proc_ctx *c) { return show_limit(s, atomic_load(&limits()->pids)); }

static int show_swap_max(struct seq *s, const struct proc_ctx *c)
{
	s64 both = atomic_load(&limits()->swap), alone = atomic_load(&limits()->memory);

	return show_limit(s, both < 0 || alone < 0 ? -1 : both > alone ? both - alone : 0);
}

static int show_memory_v1(struct seq *s, const struct proc_ctx *c)
{
	s64 value = atomic_load(&limits()->memory);

	seq_printf(s, "%llu\n", value < 0 ? V1_NO_LIMIT : (u64)value);
	return 0;
}

static int show_memory_used(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%lu\n", proc_memory_used());
	return 0;
}

static int show_cpu_max(struct seq *s, const struct proc_ctx *c)
{
	s64 value = atomic_load(&limits()->quota);

	if (value < 0)
		seq_printf(s, "max %ld\n", atomic_load(&limits()->period));
	else
		seq_printf(s, "%ld %ld\n", value, atomic_load(&limits()->period));
	return 0;
}

static int show_quota(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%ld\n", atomic_load(&limits()->quota) < 0 ? -1 : atomic_load(&limits()->quota));
	return 0;
}

static int show_period(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%ld\n", atomic_load(&limits()->period));
	return 0;
}

static int show_shares(struct seq *s, const struct proc_ctx *c)
{
	s64 value = atomic_load(&limits()->shares);

	seq_printf(s, "%ld\n", value < 0 ? 1024 : value);
	return 0;
}

static int show_weight(struct seq *s, const struct proc_ctx *c)
{
	s64 value = atomic_load(&limits()->shares);

	seq_printf(s, "%ld\n", value < 2 ? 100 : 1 + (value - 2) * 9999 / 262142);
	return 0;
}

static int show_cpus(struct seq *s, const struct proc_ctx *c)
{
	seq_cpulist(s, sched_cpus());
	seq_putc(s, '\n');
	return 0;
}

static u32 next_task(u32 from, u32 *tgid)
{
	struct task *t;
	u32 nr = 0;

	mutex_lock(&tasklist_lock);
	while ((t = task_next(from)) && t->process->container != current_container())
		from = t->pid->nr + 1;
	if (t) {
		nr = t->pid->nr;
		*tgid = t->process->pid->nr;
	}
	mutex_unlock(&tasklist_lock);
	return nr;
}

static int show_pids_current(struct seq *s, const struct proc_ctx *c)
{
	u32 count = 0, nr = 0, tgid;

	while ((nr = next_task(nr + 1, &tgid)))
		count++;
	seq_printf(s, "%u\n", count);
	return 0;
}

static int show_procs(struct seq *s, const struct proc_ctx *c)
{
	u32 nr = 0, tgid;

	while ((nr = next_task(nr + 1, &tgid)))
		if (nr == tgid)
			seq_printf(s, "%u\n", nr);
	return 0;
}

static int show_threads(struct seq *s, const struct proc_ctx *c)
{
	u32 nr = 0, tgid;

	while ((nr = next_task(nr + 1, &tgid)))
		seq_printf(s, "%u\n", nr);
	return 0;
}

#define V2_FILES                                                                                             \
	PTEXT("cgroup.controllers", "cpuset cpu memory pids\n"), PFILE("cgroup.procs", 0444, show_procs),    \
		PTEXT("cgroup.subtree_control", "\n"), PFILE("cgroup.threads", 0444, show_threads),          \
		PTEXT("cgroup.type", "domain\n"), PFILE("cpu.max", 0444, show_cpu_max),                      \
		PFILE("cpu.weight", 0444, show_weight), PFILE("cpuset.cpus", 0444, show_cpus),               \
		PFILE("cpuset.cpus.effective", 0444, show_cpus), PTEXT("cpuset.mems.effective", "0\n"),      \
		PFILE("memory.current", 0444, show_memory_used), PTEXT("memory.high", "max\n"),              \
		PTEXT("memory.low", "0\n"), PFILE("memory.max", 0444, show_memory_max),                      \
		PTEXT("memory.min", "0\n"), PTEXT("memory.swap.current", "0\n"),                             \
		PFILE("memory.swap.max", 0444, show_swap_max), PFILE("pids.current", 0444, show_pids_current), \
		PFILE("pids.max", 0444, show_pids_max)

static const struct proc_entry cpu_entries[] = {
	PFILE("cgroup.procs", 0444, show_procs), PFILE("cpu.cfs_period_us", 0444, show_period),
	PFILE("cpu.cfs_quota_us", 0444, show_quota), PFILE("cpu.shares", 0444, show_shares),
};
static const struct proc_dir cpu_dir = PROC_DIR(cpu_entries);
static const struct proc_entry memory_entries[] = {
	PFILE("cgroup.procs", 0444, show_procs), PFILE("memory.limit_in_bytes", 0444, show_memory_v1),
	PFILE("memory.usage_in_bytes", 0444, show_memory_used),
};
static const struct proc_dir memory_dir = PROC_DIR(memory_entries);
static const struct proc_entry pids_entries[] = {
	PFILE("cgroup.procs", 0444, show_procs), PFILE("pids.current", 0444, show_pids_current),
	PFILE("pids.max", 0444, show_pids_max),
};
static const struct proc_dir pids_dir = PROC_DIR(pids_entries);

/* Names in order. */
static const struct proc_entry v2_entries[] = { V2_FILES };
static const struct proc_dir v2_dir = PROC_DIR(v2_entries);
static const struct proc_entry v2_root = PDIR("", 0555, &v2_dir);
static const struct proc_entry v1_entries[] = {
	V2_FILES, PDIR("cpu", 0555, &cpu_dir), PDIR("memory", 0555, &memory_dir), PDIR("pids", 0555, &pids_dir),
};
static const struct proc_dir v1_dir = PROC_DIR(v1_entries);
static const struct proc_entry v1_root = PDIR("", 0555, &v1_dir);

static int cgroupfs_statfs(struct super_block *sb, struct kstatfs *st)
{
	st->type = CGROUP2_MAGIC;
	st->bsize = PAGE_SIZE;
	st->namelen = NAME_MAX;
	return 0;
}

static void cgroupfs_put_super(struct super_block *sb) { kfree(sb->priv); }

static const struct super_ops cgroupfs_super_ops = {
	.evict = proc_evict,
	.put_super = cgroupfs_put_super,
	.statfs = cgroupfs_statfs,
};

static int cgroupfs_mount(const struct fs_type *type, const char *source, const char *options, void *data,
			  struct super_block **out)
{
	*out = proc_new_sb(type, &cgroupfs_super_ops, boot->group_v1 ? &v1_root : &v2_root);
	return *out ? 0 : -ENOMEM;
}

static struct fs_type cgroup2_type = { .name = "cgroup2", .mount = cgroupfs_mount, .user_mountable = true, .nodev = true };

void cgroupfs_init(void)
{
	fs_type_register(&cgroup2_type);
}
