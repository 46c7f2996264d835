/* The tree of sysfs(5) as far as libraries and tools look at it: CPUs, one memory node, the interfaces. */
#include "fs/sys/sysfs.h"

#include "abi/linux/stat.h"
#include "fs/proc/proc.h"
#include "proc/sched.h"

/* devices/system/cpu */

static int show_cpus(struct seq *s, const struct proc_ctx *c)
{
	seq_cpulist(s, sched_cpus());
	seq_putc(s, '\n');
	return 0;
}

static int show_cpu_map(struct seq *s, const struct proc_ctx *c)
{
	seq_cpumask(s, sched_cpus());
	seq_putc(s, '\n');
	return 0;
}

static int show_self_map(struct seq *s, const struct proc_ctx *c)
{
	seq_cpumask(s, 1ull << (c->node->index - 1));
	seq_putc(s, '\n');
	return 0;
}

static int show_self_list(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%u\n", c->node->index - 1);
	return 0;
}

/* Every CPU is a core of one package. */
static int show_core_id(struct seq *s, const struct proc_ctx *c)
{
	u64 below = sched_cpus() & ((1ull << (c->node->index - 1)) - 1);

	seq_printf(s, "%u\n", (u32)__builtin_popcountll(below));
	return 0;
}

static const struct proc_entry topology_entries[] = {
	PFILE("core_cpus", 0444, show_self_map),
	PFILE("core_cpus_list", 0444, show_self_list),
	PFILE("core_id", 0444, show_core_id),
	PFILE("core_siblings", 0444, show_cpu_map),
	PFILE("core_siblings_list", 0444, show_cpus),
	PTEXT("die_id", "0\n"),
	PFILE("package_cpus", 0444, show_cpu_map),
	PFILE("package_cpus_list", 0444, show_cpus),
	PTEXT("physical_package_id", "0\n"),
	PFILE("thread_siblings", 0444, show_self_map),
	PFILE("thread_siblings_list", 0444, show_self_list),
};
static const struct proc_dir topology_dir = PROC_DIR(topology_entries);
static const struct proc_entry cpu_entries[] = {
	PTEXT("online", "1\n"),
	PDIR("topology", 0755, &topology_dir),
};
static const struct proc_dir cpu_dir = PROC_DIR(cpu_entries);
static const struct proc_entry cpu_entry = PDIR("", 0755, &cpu_dir);

/* index is the number + 1, so that CPU 0 has one too. */
static int cpu_lookup(struct inode *dir, const struct qstr *name, struct inode **out)
{
	struct qstr nr = { name->name + 3, name->len > 3 ? name->len - 3 : 0, 0 };
	u32 cpu;

	if (name->len < 4 || memcmp(name->name, "cpu", 3) || !proc_parse_number(&nr, 63, &cpu) ||
	    !(sched_cpus() >> cpu & 1))
		return -ENOENT;
	*out = proc_inode(dir->sb, &cpu_entry, NULL, false, cpu + 1);
	return *out ? 0 : -ENOMEM;
}

static int cpu_readdir(struct file *f, struct dir_context *ctx, loff_t base)
{
	u64 cpus = sched_cpus();
	char name[12];

	for (u32 cpu = (u32)(ctx->pos - base); cpu < 64; cpu++) {
		if ((cpus >> cpu & 1) && !ctx->emit(ctx, name, (u32)ksnprintf(name, sizeof(name), "cpu%u", cpu),
						     proc_ino(&cpu_entry, NULL, cpu + 1), S_IFDIR >> 12, base + cpu + 1))
			break;
		ctx->pos = base + cpu + 1;
	}
	return 0;
}

static const struct proc_entry smt_entries[] = {
	PTEXT("active", "0\n"),
	PTEXT("control", "notsupported\n"),
};
static const struct proc_dir smt_dir = PROC_DIR(smt_entries);
static const struct proc_entry cpus_entries[] = {
	PTEXT("isolated", "\n"),
	PTEXT("kernel_max", "63\n"),
	PTEXT("offline", "\n"),
	PFILE("online", 0444, show_cpus),
	PFILE("possible", 0444, show_cpus),
	PFILE("present", 0444, show_cpus),
	PDIR("smt", 0755, &smt_dir),
};
static const struct proc_dir cpus_dir = PROC_DIR(cpus_entries, .lookup = cpu_lookup, .readdir = cpu_readdir);

/* devices/system/node */

static int show_node_meminfo(struct seq *s, const struct proc_ctx *c)
{
	struct proc_memory m;

	proc_memory(&m);
	seq_printf(s, "Node 0 MemTotal:       %8lu kB\nNode 0 MemFree:        %8lu kB\nNode 0 MemUsed:        %8lu kB\n",
		   m.total, m.free, m.total - min(m.free, m.total));
	seq_printf(s, "Node 0 FilePages:      %8lu kB\nNode 0 Shmem:          %8lu kB\n", m.cached + m.buffers, m.shmem);
	seq_puts(s, "Node 0 HugePages_Total:     0\nNode 0 HugePages_Free:      0\nNode 0 HugePages_Surp:      0\n");
	return 0;
}

static const struct proc_dir empty_dir = { 0 };
static const struct proc_entry node0_entries[] = {
	PFILE("cpulist", 0444, show_cpus),
	PFILE("cpumap", 0444, show_cpu_map),
	PTEXT("distance", "10\n"),
	PDIR("hugepages", 0755, &empty_dir),
	PFILE("meminfo", 0444, show_node_meminfo),
	PTEXT("numastat", "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\nlocal_node 0\nother_node 0\n"),
};
static const struct proc_dir node0_dir = PROC_DIR(node0_entries);
static const struct proc_entry node_entries[] = {
	PTEXT("has_cpu", "0\n"),
	PTEXT("has_memory", "0\n"),
	PTEXT("has_normal_memory", "0\n"),
	PDIR("node0", 0755, &node0_dir),
	PTEXT("online", "0\n"),
	PTEXT("possible", "0\n"),
};
static const struct proc_dir node_dir = PROC_DIR(node_entries);

static const struct proc_entry system_entries[] = {
	PDIR("cpu", 0755, &cpus_dir),
	PDIR("node", 0755, &node_dir),
};
static const struct proc_dir system_dir = PROC_DIR(system_entries);

static const struct proc_entry virtual_entries[] = { PDIR("net", 0755, &sys_virtual_net_dir) };
static const struct proc_dir virtual_dir = PROC_DIR(virtual_entries);
static const struct proc_entry devices_entries[] = {
	PDIR("system", 0755, &system_dir),
	PDIR("virtual", 0755, &virtual_dir),
};
static const struct proc_dir devices_dir = PROC_DIR(devices_entries);

/* class, dev, fs, kernel */

static const struct proc_entry class_entries[] = {
	PDIR("block", 0755, &empty_dir),
	PDIR("mem", 0755, &empty_dir),
	PDIR("net", 0755, &sys_class_net_dir),
	PDIR("tty", 0755, &empty_dir),
};
static const struct proc_dir class_dir = PROC_DIR(class_entries);

static const struct proc_entry dev_entries[] = {
	PDIR("block", 0755, &empty_dir),
	PDIR("char", 0755, &empty_dir),
};
static const struct proc_dir dev_dir = PROC_DIR(dev_entries);

static const struct proc_entry fs_entries[] = { PDIR("cgroup", 0755, &empty_dir) };
static const struct proc_dir fs_dir = PROC_DIR(fs_entries);

static const struct proc_entry thp_entries[] = {
	PTEXT("defrag", "always defer defer+madvise madvise [never]\n"),
	PTEXT("enabled", "always madvise [never]\n"),
	PTEXT("hpage_pmd_size", "2097152\n"),
	PTEXT("shmem_enabled", "always within_size advise [never] deny force\n"),
	PTEXT("use_zero_page", "0\n"),
};
static const struct proc_dir thp_dir = PROC_DIR(thp_entries);
static const struct proc_entry mm_entries[] = {
	PDIR("hugepages", 0755, &empty_dir),
	PDIR("transparent_hugepage", 0755, &thp_dir),
};
static const struct proc_dir mm_dir = PROC_DIR(mm_entries);
static const struct proc_entry kernel_entries[] = {
	PTEXT("address_bits", "64\n"),
	PTEXT("cpu_byteorder", "little\n"),
	PDIR("mm", 0755, &mm_dir),
};
static const struct proc_dir kernel_dir = PROC_DIR(kernel_entries);

static const struct proc_entry root_entries[] = {
	PDIR("block", 0755, &empty_dir),
	PDIR("bus", 0755, &empty_dir),
	PDIR("class", 0755, &class_dir),
	PDIR("dev", 0755, &dev_dir),
	PDIR("devices", 0755, &devices_dir),
	PDIR("firmware", 0755, &empty_dir),
	PDIR("fs", 0755, &fs_dir),
	PDIR("kernel", 0755, &kernel_dir),
	PDIR("module", 0755, &empty_dir),
};
static const struct proc_dir root_dir = PROC_DIR(root_entries);
static const struct proc_entry root_entry = PDIR("", 0555, &root_dir);

static int sysfs_statfs(struct super_block *sb, struct kstatfs *st)
{
	st->type = SYSFS_MAGIC;
	st->bsize = PAGE_SIZE;
	st->namelen = NAME_MAX;
	return 0;
}

static void sysfs_put_super(struct super_block *sb) { kfree(sb->priv); }

static const struct super_ops sysfs_super_ops = {
	.evict = proc_evict,
	.put_super = sysfs_put_super,
	.statfs = sysfs_statfs,
};

static int sysfs_mount(const struct fs_type *type, const char *source, const char *options, void *data,
		       struct super_block **out)
{
	*out = proc_new_sb(type, &sysfs_super_ops, &root_entry);
	return *out ? 0 : -ENOMEM;
}

static struct fs_type sysfs_type = { .name = "sysfs", .mount = sysfs_mount, .user_mountable = true, .nodev = true };

int sys_init(void)
{
	fs_type_register(&sysfs_type);
	cgroupfs_init();
	return 0;
}
