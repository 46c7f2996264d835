/*
 * /proc/sys, proc_sys(5). Most of it says how limpet is: those files cannot be written, by root neither, since nothing
 * would follow from it. What can be written has its effect.
 */
#include "abi/layout.h"
#include "fs/pipe/pipe.h"
#include "fs/proc/proc.h"
#include "gate/host.h"
#include "ipc/ipc_sysctl.h"
#include "net/inet/inet.h"
#include "proc/uts.h"

#define SYSCTL(name_, text_) { .name = (name_), .mode = S_IFREG | 0444, .flags = PROC_SYSCTL, .text = (text_) }
#define SHOWN(name_, show_) { .name = (name_), .mode = S_IFREG | 0444, .flags = PROC_SYSCTL, .show = (show_) }

/* Sixteen random bytes as a version 4 UUID. */
static void put_uuid(struct seq *s, const u8 *b)
{
	for (u32 i = 0; i < 16; i++)
		seq_printf(s, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
	seq_putc(s, '\n');
}

static int make_uuid(u8 *b)
{
	long n;

	do
		n = host_getrandom(b, 16, 0);
	while (n == -EINTR);
	if (n != 16)
		return -EIO;
	b[6] = (b[6] & 15) | 64;
	b[8] = (b[8] & 63) | 128;
	return 0;
}

static int show_uuid(struct seq *s, const struct proc_ctx *c)
{
	u8 b[16];
	int err = make_uuid(b);

	if (!err)
		put_uuid(s, b);
	return err;
}

static int show_boot_id(struct seq *s, const struct proc_ctx *c)
{
	static struct mutex lock = MUTEX_INIT(LOCK_LEAF);
	static u8 id[16]; /* under lock */
	static bool made;
	u8 b[16];
	int err = make_uuid(b);

	if (err)
		return err;
	mutex_lock(&lock);
	if (!made)
		memcpy(id, b, sizeof(id));
	made = true;
	memcpy(b, id, sizeof(b));
	mutex_unlock(&lock);
	put_uuid(s, b);
	return 0;
}

static int show_hostname(struct seq *s, const struct proc_ctx *c)
{
	char name[UTS_LEN + 1];

	uts_hostname(name);
	seq_printf(s, "%s\n", name);
	return 0;
}

static int show_domainname(struct seq *s, const struct proc_ctx *c)
{
	char name[UTS_LEN + 1];

	uts_domainname(name);
	seq_printf(s, "%s\n", name);
	return 0;
}

static int write_hostname(const struct proc_ctx *c, char *text, size_t len)
{
	return uts_set_hostname(text, (u32)min(strnlen(text, len), (size_t)UTS_LEN));
}

static int write_domainname(const struct proc_ctx *c, char *text, size_t len)
{
	return uts_set_domainname(text, (u32)min(strnlen(text, len), (size_t)UTS_LEN));
}

static int show_threads_max(struct seq *s, const struct proc_ctx *c)
{
	/* A host thread slot each. */
	seq_printf(s, "%llu\n", THREAD_SLOTS);
	return 0;
}

static int show_file_nr(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%lu\t0\t1048576\n", file_count());
	return 0;
}

#ifdef LIMPET_DEBUG
/* What file-nr counts, a line each: what is still open when nobody has a descriptor of it is a leak or a cache. */
static int show_file_census(struct seq *s, const struct proc_ctx *c)
{
	struct file *f = NULL, *next;

	while ((next = file_census(f))) {
		const struct dentry *d = next->path.dentry;

		if (f)
			file_put(f);
		f = next;
		/* A name that has a mount may be changed meanwhile. */
		seq_printf(s, "%lu refs %u flags 0%o inode %lu %s %s\n", f->unique, (u32)atomic_load(&f->ref.count) - 1,
			   f->flags, f->inode->ino, f->ops && f->ops->name ? f->ops->name : "-",
			   d && !f->path.mnt ? d->name.name : "-");
	}
	if (f)
		file_put(f);
	return 0;
}
#endif

static int show_inode_nr(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%lu\t0\n", file_count());
	return 0;
}

static int show_pipe_max(struct seq *s, const struct proc_ctx *c)
{
	seq_printf(s, "%u\n", PIPE_MAX_SIZE);
	return 0;
}

static int show_inet(struct seq *s, const struct proc_ctx *c)
{
	char text[64];
	int n = inet_sysctl_show(c->node->e->name, text, sizeof(text));

	if (n < 0)
		return n;
	seq_puts(s, text);
	return 0;
}

static int write_inet(const struct proc_ctx *c, char *text, size_t len)
{
	return inet_sysctl_write(c->node->e->name, text);
}

#define INET_SYSCTL(name_)                                                                                   \
	{ .name = (name_), .mode = S_IFREG | 0644, .flags = PROC_SYSCTL, .show = show_inet, .write = write_inet }

static int show_ipc(struct seq *s, const struct proc_ctx *c)
{
	u32 value;
	int err = ipc_sysctl_show(c->node->e->name, &value);

	if (!err)
		seq_printf(s, "%u\n", value);
	return err;
}

static int write_ipc(const struct proc_ctx *c, char *text, size_t len)
{
	return ipc_sysctl_write(c->node->e->name, text);
}

#define IPC_SYSCTL(name_)                                                                                    \
	{ .name = (name_), .mode = S_IFREG | 0644, .flags = PROC_SYSCTL, .show = show_ipc, .write = write_ipc }

static const struct proc_entry random_entries[] = {
	SHOWN("boot_id", show_boot_id),
	SYSCTL("entropy_avail", "256\n"),
	SYSCTL("poolsize", "256\n"),
	SYSCTL("urandom_min_reseed_secs", "60\n"),
	SHOWN("uuid", show_uuid),
	SYSCTL("write_wakeup_threshold", "256\n"),
};
static const struct proc_dir random_dir = PROC_DIR(random_entries);

static const struct proc_entry pty_entries[] = {
	SYSCTL("max", "4096\n"),
	SYSCTL("reserve", "0\n"),
};
static const struct proc_dir pty_dir = PROC_DIR(pty_entries);

static const struct proc_entry kernel_entries[] = {
	SYSCTL("cap_last_cap", "40\n"),
	SYSCTL("core_pattern", "core\n"),
	SYSCTL("core_pipe_limit", "0\n"),
	SYSCTL("core_uses_pid", "0\n"),
	SYSCTL("dmesg_restrict", "1\n"),
	{ .name = "domainname", .mode = S_IFREG | 0644, .flags = PROC_SYSCTL, .show = show_domainname,
	  .write = write_domainname },
	{ .name = "hostname", .mode = S_IFREG | 0644, .flags = PROC_SYSCTL, .show = show_hostname,
	  .write = write_hostname },
	SYSCTL("kptr_restrict", "2\n"),
	IPC_SYSCTL("msgmax"),
	IPC_SYSCTL("msgmnb"),
	SYSCTL("msgmni", "32000\n"),
	SYSCTL("ngroups_max", "65536\n"),
	SYSCTL("osrelease", LIMPET_UTS_RELEASE "\n"),
	SYSCTL("ostype", LIMPET_UTS_SYSNAME "\n"),
	SYSCTL("overflowgid", "65534\n"),
	SYSCTL("overflowuid", "65534\n"),
	SYSCTL("panic", "0\n"),
	SYSCTL("panic_on_oops", "1\n"),
	SYSCTL("perf_event_paranoid", "4\n"),
	SYSCTL("pid_max", "4194304\n"),
	SYSCTL("printk", "4\t4\t1\t7\n"),
	PDIR("pty", 0555, &pty_dir),
	PDIR("random", 0555, &random_dir),
	SYSCTL("randomize_va_space", "2\n"),
	SYSCTL("sem", "32000\t1024000000\t500\t32000\n"),
	SYSCTL("shmall", "18446744073692774399\n"),
	SYSCTL("shmmax", "18446744073692774399\n"),
	SYSCTL("shmmni", "4096\n"),
	SYSCTL("tainted", "0\n"),
	SHOWN("threads-max", show_threads_max),
	SYSCTL("version", LIMPET_UTS_VERSION "\n"),
};
static const struct proc_dir kernel_dir = PROC_DIR(kernel_entries);

static const struct proc_entry vm_entries[] = {
	SYSCTL("dirty_background_bytes", "0\n"),
	SYSCTL("dirty_background_ratio", "10\n"),
	SYSCTL("dirty_bytes", "0\n"),
	SYSCTL("dirty_expire_centisecs", "3000\n"),
	SYSCTL("dirty_ratio", "20\n"),
	SYSCTL("dirty_writeback_centisecs", "500\n"),
	SYSCTL("legacy_va_layout", "0\n"),
	SYSCTL("max_map_count", "65530\n"),
	SYSCTL("min_free_kbytes", "67584\n"),
	SYSCTL("mmap_min_addr", "65536\n"),
	SYSCTL("nr_hugepages", "0\n"),
	SYSCTL("nr_overcommit_hugepages", "0\n"),
	SYSCTL("oom_kill_allocating_task", "0\n"),
	SYSCTL("overcommit_kbytes", "0\n"),
	SYSCTL("overcommit_memory", "0\n"),
	SYSCTL("overcommit_ratio", "50\n"),
	SYSCTL("page-cluster", "3\n"),
	SYSCTL("panic_on_oom", "0\n"),
	SYSCTL("swappiness", "60\n"),
	SYSCTL("unprivileged_userfaultfd", "0\n"),
	SYSCTL("vfs_cache_pressure", "100\n"),
	SYSCTL("zone_reclaim_mode", "0\n"),
};
static const struct proc_dir vm_dir = PROC_DIR(vm_entries);

static const struct proc_entry inotify_entries[] = {
	SYSCTL("max_queued_events", "16384\n"),
	SYSCTL("max_user_instances", "128\n"),
	SYSCTL("max_user_watches", "65536\n"),
};
static const struct proc_dir inotify_dir = PROC_DIR(inotify_entries);

static const struct proc_entry epoll_entries[] = { SYSCTL("max_user_watches", "1048576\n") };
static const struct proc_dir epoll_dir = PROC_DIR(epoll_entries);

static const struct proc_entry mqueue_entries[] = {
	IPC_SYSCTL("msg_default"), IPC_SYSCTL("msg_max"), IPC_SYSCTL("msgsize_default"), IPC_SYSCTL("msgsize_max"),
	IPC_SYSCTL("queues_max"),
};
static const struct proc_dir mqueue_dir = PROC_DIR(mqueue_entries);

static const struct proc_entry fs_entries[] = {
	SYSCTL("aio-max-nr", "65536\n"),
	SYSCTL("aio-nr", "0\n"),
	SYSCTL("dentry-state", "0\t0\t45\t0\t0\t0\n"),
	PDIR("epoll", 0555, &epoll_dir),
#ifdef LIMPET_DEBUG
	SHOWN("file-census", show_file_census),
#endif
	SYSCTL("file-max", "1048576\n"),
	SHOWN("file-nr", show_file_nr),
	SHOWN("inode-nr", show_inode_nr),
	PDIR("inotify", 0555, &inotify_dir),
	SYSCTL("lease-break-time", "45\n"),
	SYSCTL("leases-enable", "1\n"),
	SYSCTL("mount-max", "100000\n"),
	PDIR("mqueue", 0555, &mqueue_dir),
	SYSCTL("nr_open", "1048576\n"),
	SYSCTL("overflowgid", "65534\n"),
	SYSCTL("overflowuid", "65534\n"),
	SHOWN("pipe-max-size", show_pipe_max),
	SYSCTL("pipe-user-pages-hard", "0\n"),
	SYSCTL("pipe-user-pages-soft", "16384\n"),
	SYSCTL("protected_fifos", "0\n"),
	SYSCTL("protected_hardlinks", "0\n"),
	SYSCTL("protected_regular", "0\n"),
	SYSCTL("protected_symlinks", "0\n"),
	SYSCTL("suid_dumpable", "0\n"),
};
static const struct proc_dir fs_dir = PROC_DIR(fs_entries);

static const struct proc_entry core_entries[] = {
	SYSCTL("default_qdisc", "pfifo_fast\n"),
	SYSCTL("netdev_max_backlog", "1000\n"),
	SYSCTL("optmem_max", "20480\n"),
	SYSCTL("rmem_default", "212992\n"),
	SYSCTL("rmem_max", "212992\n"),
	INET_SYSCTL("somaxconn"),
	SYSCTL("wmem_default", "212992\n"),
	SYSCTL("wmem_max", "212992\n"),
};
static const struct proc_dir core_dir = PROC_DIR(core_entries);

static const struct proc_entry ipv4_entries[] = {
	SYSCTL("icmp_echo_ignore_all", "0\n"),
	SYSCTL("ip_default_ttl", "64\n"),
	SYSCTL("ip_forward", "0\n"),
	INET_SYSCTL("ip_local_port_range"),
	SYSCTL("ip_local_reserved_ports", "\n"),
	SYSCTL("ip_nonlocal_bind", "0\n"),
	INET_SYSCTL("ip_unprivileged_port_start"),
	INET_SYSCTL("ping_group_range"),
	SYSCTL("tcp_allowed_congestion_control", "reno cubic\n"),
	SYSCTL("tcp_available_congestion_control", "reno cubic\n"),
	SYSCTL("tcp_congestion_control", "cubic\n"),
	SYSCTL("tcp_fastopen", "0\n"),
	SYSCTL("tcp_fin_timeout", "60\n"),
	SYSCTL("tcp_keepalive_intvl", "75\n"),
	SYSCTL("tcp_keepalive_probes", "9\n"),
	SYSCTL("tcp_keepalive_time", "7200\n"),
	SYSCTL("tcp_max_syn_backlog", "2048\n"),
	SYSCTL("tcp_mem", "188000\t250667\t376000\n"),
	SYSCTL("tcp_no_metrics_save", "0\n"),
	SYSCTL("tcp_retries1", "3\n"),
	SYSCTL("tcp_retries2", "15\n"),
	SYSCTL("tcp_rmem", "4096\t131072\t6291456\n"),
	SYSCTL("tcp_sack", "1\n"),
	SYSCTL("tcp_slow_start_after_idle", "1\n"),
	SYSCTL("tcp_syn_retries", "6\n"),
	SYSCTL("tcp_syncookies", "1\n"),
	SYSCTL("tcp_timestamps", "1\n"),
	SYSCTL("tcp_tw_reuse", "2\n"),
	SYSCTL("tcp_window_scaling", "1\n"),
	SYSCTL("tcp_wmem", "4096\t16384\t4194304\n"),
};
static const struct proc_dir ipv4_dir = PROC_DIR(ipv4_entries);

static const struct proc_entry ipv6_lo_entries[] = {
	SYSCTL("accept_ra", "0\n"),
	SYSCTL("disable_ipv6", "0\n"),
	SYSCTL("forwarding", "0\n"),
};
static const struct proc_dir ipv6_lo_dir = PROC_DIR(ipv6_lo_entries);
static const struct proc_entry ipv6_conf_entries[] = {
	PDIR("all", 0555, &ipv6_lo_dir),
	PDIR("default", 0555, &ipv6_lo_dir),
	PDIR("lo", 0555, &ipv6_lo_dir),
};
static const struct proc_dir ipv6_conf_dir = PROC_DIR(ipv6_conf_entries);
static const struct proc_entry ipv6_entries[] = {
	INET_SYSCTL("bindv6only"),
	PDIR("conf", 0555, &ipv6_conf_dir),
};
static const struct proc_dir ipv6_dir = PROC_DIR(ipv6_entries);

static const struct proc_entry unix_entries[] = { SYSCTL("max_dgram_qlen", "512\n") };
static const struct proc_dir unix_dir = PROC_DIR(unix_entries);

static const struct proc_entry net_entries[] = {
	PDIR("core", 0555, &core_dir),
	PDIR("ipv4", 0555, &ipv4_dir),
	PDIR("ipv6", 0555, &ipv6_dir),
	PDIR("unix", 0555, &unix_dir),
};
static const struct proc_dir net_dir = PROC_DIR(net_entries);

static const struct proc_entry sys_entries[] = {
	PDIR("fs", 0555, &fs_dir),
	PDIR("kernel", 0555, &kernel_dir),
	PDIR("net", 0555, &net_dir),
	PDIR("vm", 0555, &vm_dir),
};
const struct proc_dir proc_sys_dir = PROC_DIR(sys_entries);

/* The same setting, whatever blanks are between its numbers. */
static bool same_text(const char *a, const char *b)
{
	for (;;) {
		while (*a == ' ' || *a == '\t' || *a == '\n')
			a++;
		while (*b == ' ' || *b == '\t' || *b == '\n')
			b++;
		while (*a && *a == *b && *a != ' ' && *a != '\t' && *a != '\n')
			a++, b++;
		if (!*a && !*b)
			return true;
		if ((*a && *a != ' ' && *a != '\t' && *a != '\n') || (*b && *b != ' ' && *b != '\t' && *b != '\n'))
			return false;
	}
}

int proc_sysctl_set(const char *path, char *value)
{
	const struct proc_dir *dir = &proc_sys_dir;
	const struct proc_entry *e = NULL;

	for (;;) {
		const char *slash = strchr(path, '/');
		size_t len = slash ? (size_t)(slash - path) : strlen(path);

		e = NULL;
		for (u32 i = 0; i < dir->count && !e; i++)
			if (!strncmp(dir->entries[i].name, path, len) && !dir->entries[i].name[len])
				e = &dir->entries[i];
		if (!e)
			return -ENOENT;
		path += len;
		if (!*path)
			break;
		path++;
		dir = e->dir;
		if (!dir)
			return -ENOENT;
	}
	if (e->write) {
		struct proc_node node = { .e = e };
		struct proc_ctx c = { .node = &node };

		return e->write(&c, value, strlen(value));
	}
	if (e->text)
		return same_text(e->text, value) ? 0 : -EPERM;
	return e->dir ? -EISDIR : -EPERM;
}
