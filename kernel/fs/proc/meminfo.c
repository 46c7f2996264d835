/*
 * /proc/meminfo and vmstat. The machine's memory is the sandbox's limit when it has one, else the host's. The host's
 * own meminfo is asked where its procfs can be reached, sysinfo(2) otherwise.
 */
#include "abi/linux/sysinfo.h"
#include "core/boot.h"
#include "fs/filemem.h"
#include "fs/proc/proc.h"
#include "proc/container.h"
#include "gate/host.h"

static void from_sysinfo(struct proc_memory *m)
{
	struct sysinfo si = { 0 };
	u64 unit;

	if (host_sysinfo(&si))
		return;
	unit = si.mem_unit ? si.mem_unit : 1;
	m->total = si.totalram * unit / 1024;
	m->free = si.freeram * unit / 1024;
	m->buffers = si.bufferram * unit / 1024;
	m->available = m->free + m->buffers;
}

static bool from_host(struct proc_memory *m)
{
	char *buf = kmalloc(PAGE_SIZE);
	bool ok = buf && proc_host_read_system("meminfo", buf, PAGE_SIZE) > 0;

	if (ok) {
		m->total = proc_host_value(buf, "MemTotal");
		m->free = proc_host_value(buf, "MemFree");
		m->available = proc_host_value(buf, "MemAvailable");
		m->buffers = proc_host_value(buf, "Buffers");
		m->cached = proc_host_value(buf, "Cached");
	}
	kfree(buf);
	return ok && m->total;
}

/* Resident memory of the container's processes beyond what they share with the kernel and files, KiB. */
static u64 processes_rss(void)
{
	const struct container *c = current_container();
	u64 sum = 0, from = 0;

	if (boot->host_proc_fd < 0)
		return 0;
	for (;;) {
		struct proc_usage u;
		struct task *t;

		mutex_lock(&tasklist_lock);
		while ((t = task_next_any(from)) && (t->process->pid != t->pid || t->process->container != c))
			from = task_place(t) + 1;
		if (t) {
			from = task_place(t) + 1;
			task_get(t);
		}
		mutex_unlock(&tasklist_lock);
		if (!t)
			return sum;
		proc_usage(t, &u);
		sum += (u.rss - u.shared) * (PAGE_SIZE / 1024);
		task_put(t);
	}
}

u64 proc_memory_used(void)
{
	struct kmem_stats ks;

	kmem_stats(&ks);
	return processes_rss() * 1024 + filemem_resident() + ks.bytes_heap;
}

void proc_memory(struct proc_memory *m)
{
	u64 limit = current_container()->memory_limit / 1024, used;
	struct kmem_stats ks;

	memset(m, 0, sizeof(*m));
	if (!from_host(m))
		from_sysinfo(m);
	m->shmem = min(filemem_resident() / 1024, m->total);
	if (!limit || limit >= m->total)
		return;
	kmem_stats(&ks);
	used = processes_rss() + m->shmem + ks.bytes_heap / 1024;
	m->total = limit;
	m->shmem = min(m->shmem, limit);
	m->free = min(m->free, limit > used ? limit - used : 0);
	m->buffers = 0;
	/* The page cache is the host's; files in memory are all that counts as cached here. */
	m->cached = m->shmem;
	m->available = min(m->available, m->free);
}

int proc_show_meminfo(struct seq *s, const struct proc_ctx *c)
{
	struct kmem_stats ks;
	struct proc_memory m;
	u64 used, anon, slab;

	proc_memory(&m);
	kmem_stats(&ks);
	slab = ks.bytes_heap / 1024;
	used = m.total - min(m.total, m.free + m.buffers + m.cached);
	anon = used - min(used, slab);
	struct {
		const char *name;
		u64 kib;
	} lines[] = {
		{ "MemTotal:", m.total },
		{ "MemFree:", m.free },
		{ "MemAvailable:", m.available },
		{ "Buffers:", m.buffers },
		{ "Cached:", m.cached },
		{ "SwapCached:", 0 },
		{ "Active:", anon + (m.cached - min(m.cached, m.shmem)) },
		{ "Inactive:", m.shmem },
		{ "Active(anon):", anon },
		{ "Inactive(anon):", m.shmem },
		{ "Active(file):", m.cached - min(m.cached, m.shmem) },
		{ "Inactive(file):", 0 },
		{ "Unevictable:", 0 },
		{ "Mlocked:", 0 },
		{ "SwapTotal:", m.swap_total },
		{ "SwapFree:", m.swap_free },
		{ "Dirty:", 0 },
		{ "Writeback:", 0 },
		{ "AnonPages:", anon },
		{ "Mapped:", 0 },
		{ "Shmem:", m.shmem },
		{ "KReclaimable:", 0 },
		{ "Slab:", slab },
		{ "SReclaimable:", slab - min(slab, ks.bytes_used / 1024) },
		{ "SUnreclaim:", min(slab, ks.bytes_used / 1024) },
		{ "KernelStack:", 0 },
		{ "PageTables:", 0 },
		{ "NFS_Unstable:", 0 },
		{ "Bounce:", 0 },
		{ "WritebackTmp:", 0 },
		{ "CommitLimit:", m.total / 2 },
		{ "Committed_AS:", anon + m.shmem },
		{ "VmallocTotal:", 34359738367ull },
		{ "VmallocUsed:", 0 },
		{ "VmallocChunk:", 0 },
		{ "Percpu:", 0 },
		{ "AnonHugePages:", 0 },
		{ "ShmemHugePages:", 0 },
		{ "ShmemPmdMapped:", 0 },
		{ "FileHugePages:", 0 },
		{ "FilePmdMapped:", 0 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		seq_printf(s, "%-15s %8lu kB\n", lines[i].name, lines[i].kib);
	seq_puts(s, "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\n"
		    "HugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\n");
	return 0;
}

int proc_show_vmstat(struct seq *s, const struct proc_ctx *c)
{
	struct rusage_sum ru, sum = { 0 };
	struct proc_memory m;
	u32 from = 1;
	u64 kib = PAGE_SIZE / 1024, used;
	struct task *t;

	proc_memory(&m);
	used = m.total - min(m.total, m.free + m.buffers + m.cached);
	mutex_lock(&tasklist_lock);
	for (; (t = task_next(from)); from = t->pid->nr + 1) {
		if (t->process->pid != t->pid)
			continue;
		process_rusage(t->process, &ru);
		rusage_add(&sum, &ru);
		rusage_add(&sum, &t->process->children_ru);
	}
	mutex_unlock(&tasklist_lock);
	seq_printf(s, "nr_free_pages %lu\nnr_inactive_anon 0\nnr_active_anon %lu\nnr_inactive_file 0\n"
		      "nr_active_file %lu\nnr_unevictable 0\nnr_mlock 0\nnr_anon_pages %lu\nnr_mapped 0\n"
		      "nr_file_pages %lu\nnr_dirty 0\nnr_writeback 0\nnr_shmem %lu\n",
		   m.free / kib, used / kib, (m.cached - min(m.cached, m.shmem)) / kib, used / kib,
		   (m.cached + m.buffers) / kib, m.shmem / kib);
	seq_printf(s, "pgpgin %lu\npgpgout %lu\npswpin 0\npswpout 0\npgfault %lu\npgmajfault %lu\noom_kill 0\n",
		   sum.inblock / 2, sum.oublock / 2, sum.minflt + sum.majflt, sum.majflt);
	return 0;
}
