/*
 * procfs, and the frame that sysfs stands on too: files whose contents are made when somebody reads them.
 *
 *   seq.c      a text that grows           node.c     inodes, directories and files made from tables
 *   root.c     instances, /proc itself     host.c     what the host knows about a process
 *   pid.c      tables of /proc/PID         pid_*.c    its files by subject
 *   system.c, cpuinfo.c, meminfo.c, sysctl.c, net.c   the files of no process
 *
 * A tree is described by tables: proc_entry is a name, proc_dir the names of one directory, with hooks for those that
 * come and go. An inode points to its entry and, below /proc/PID, holds the struct pid: the task is looked up at each
 * use, so nothing here keeps a task alive, and what is asked of a dead one answers ESRCH.
 *
 * A file's text is made by show() at the first read and whenever position 0 is read; the open file keeps it.
 *
 * Locks: directories' inode locks are held around lookups (the VFS); tasklist_lock, mm.lock and files.lock are taken
 * inside one at a time. Texts grow under them, but are copied to programs under none.
 */
#ifndef LIMPET_FS_PROC_PROC_H
#define LIMPET_FS_PROC_PROC_H

#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "lib/string.h"
#include "proc/container.h"
#include "proc/task.h"

/* A text that grows; what does not fit in memory is remembered in err. */
struct seq {
	char *buf;
	size_t len, size;
	int err; /* 0 or -ENOMEM */
};
void seq_printf(struct seq *s, const char *fmt, ...) __printf(2, 3);
void seq_puts(struct seq *s, const char *text);
void seq_putc(struct seq *s, char c);
void seq_write(struct seq *s, const void *data, size_t len);
/* CPU sets (or anything of up to 64 bits) as "ff" and as "0-3,7"; no newline. */
void seq_cpumask(struct seq *s, u64 mask);
void seq_cpulist(struct seq *s, u64 mask);
/* The path as the caller sees it, newlines as \012. */
void seq_path(struct seq *s, const struct path *p);

struct proc_entry;
struct proc_dir;

/* inode->priv. */
struct proc_node {
	const struct proc_entry *e;
	struct pid *pid; /* reference; NULL = of no task */
	bool thread; /* below task/TID: the thread alone, not its process */
	u32 index; /* descriptor number, CPU number */
};
static inline const struct proc_node *proc_node(const struct inode *i) { return i->priv; }

/* What a file is made for; task is referenced for the call, NULL for files of no task. */
struct proc_ctx {
	struct task *task;
	const struct proc_node *node;
	const struct super_block *sb;
};

#define PROC_ACCESS 1u /* opening needs task_may_access */
#define PROC_KEEP 2u /* stays with subset=pid */
#define PROC_SYSCTL 4u /* without a write bit nobody may open it for writing */

struct proc_entry {
	const char *name;
	u32 mode; /* with the type */
	u32 flags; /* PROC_* */
	const struct proc_dir *dir; /* directories */
	/* Files: 0 or -errno. NULL: text. */
	int (*show)(struct seq *s, const struct proc_ctx *c);
	/* text ends with a 0; newlines at its end are cut off. 0 or -errno. NULL: EINVAL. */
	int (*write)(const struct proc_ctx *c, char *text, size_t len);
	const char *text; /* contents of a file that never changes; of a symlink */
	ssize_t (*link)(const struct proc_ctx *c, char *buf, size_t size); /* symlinks whose text depends on the caller */
	int (*jump)(const struct proc_ctx *c, struct path *out); /* magic links */
	const struct file_ops *fops; /* files of a type of their own */
	int (*open)(const struct proc_ctx *c, struct file *f); /* with fops: file->priv is free to use */
};

struct proc_dir {
	const struct proc_entry *entries;
	u32 count;
	bool stale; /* every lookup asks again */
	/* Names beyond the table: -ENOENT. */
	int (*lookup)(struct inode *dir, const struct qstr *name, struct inode **out);
	/* Emits them; positions from base on are its own. */
	int (*readdir)(struct file *f, struct dir_context *ctx, loff_t base);
};
#define PROC_DIR(table, ...)                                                                                 \
	{                                                                                                    \
		.entries = (table), .count = ARRAY_SIZE(table), __VA_ARGS__                                  \
	}

/* Rows of tables. */
#define PDIR(name_, mode_, dir_, ...) { .name = (name_), .mode = S_IFDIR | (mode_), .dir = (dir_), __VA_ARGS__ }
#define PFILE(name_, mode_, show_, ...) { .name = (name_), .mode = S_IFREG | (mode_), .show = (show_), __VA_ARGS__ }
#define PTEXT(name_, text_) { .name = (name_), .mode = S_IFREG | 0444, .text = (text_) }
#define PLINK(name_, text_) { .name = (name_), .mode = S_IFLNK | 0777, .text = (text_) }

/* super_block.priv of both file systems. */
struct proc_sb {
	u32 hidepid; /* proc(5): 0, 1, 2, 4 */
	u32 gid; /* who is exempt */
	bool subset_pid;
	struct pid_ns *pid_ns; /* procfs: whose processes; reference held, or NULL */
};
static inline struct proc_sb *proc_sb(const struct super_block *sb) { return sb->priv; }

/* node.c */
struct inode *proc_inode(struct super_block *sb, const struct proc_entry *e, struct pid *pid, bool thread, u32 index);
u64 proc_ino(const struct proc_entry *e, const struct pid *pid, u32 index); /* the number it will have */
void proc_evict(struct inode *inode); /* super_ops.evict */
struct task *proc_task(const struct proc_node *n); /* referenced, NULL = gone */
/* A decimal number without sign and leading zeros, at most max. */
bool proc_parse_number(const struct qstr *name, u32 max, u32 *out);
/* The process that inode's pid names is this task's own, or it may look into it. */
bool proc_may_look(const struct proc_node *n);
/* A new super_block with a root of this directory. */
struct super_block *proc_new_sb(const struct fs_type *type, const struct super_ops *ops, const struct proc_entry *root);

/* Reading and writing of generated files, for types that add something. */
struct proc_text {
	struct ref ref;
	size_t len;
	char data[];
};
struct proc_file {
	struct mutex lock; /* LOCK_LEAF */
	struct proc_text *text; /* under lock; NULL = not made yet */
	void *priv; /* the type's own */
	u32 seen;
	u32 exec_id; /* of the process when it was opened; immutable */
};
int proc_file_open(struct file *f);
ssize_t proc_file_read(struct file *f, struct uio *to, loff_t *pos);
ssize_t proc_file_write(struct file *f, struct uio *from, loff_t *pos);
loff_t proc_file_llseek(struct file *f, loff_t off, int whence);
void proc_file_release(struct file *f);

/* A signed number from the text a program wrote. */
int proc_parse_int(const char *text, s64 low, s64 high, s64 *out) __must_check;

/* root.c */
extern const struct proc_dir proc_root_dir;
bool proc_pid_hidden(struct super_block *sb, struct task *t, u32 level); /* by hidepid */

/* pid.c */
extern const struct proc_entry proc_tgid_entry, proc_tid_entry;
/* Whose directory /proc/PID an open directory is, valid as long as the file; NULL when it is another file. */
struct pid *proc_tgid_pid(const struct file *f);

/* pid_*.c */
int proc_show_stat(struct seq *s, const struct proc_ctx *c);
int proc_show_statm(struct seq *s, const struct proc_ctx *c);
int proc_show_status(struct seq *s, const struct proc_ctx *c);
int proc_show_maps(struct seq *s, const struct proc_ctx *c);
int proc_show_smaps(struct seq *s, const struct proc_ctx *c);
int proc_show_smaps_rollup(struct seq *s, const struct proc_ctx *c);
int proc_show_numa_maps(struct seq *s, const struct proc_ctx *c);
extern const struct file_ops proc_mem_fops;
int proc_mem_open(const struct proc_ctx *c, struct file *f);
extern const struct proc_dir proc_fd_dir, proc_fdinfo_dir, proc_ns_dir;
extern const struct file_ops proc_mounts_fops;
int proc_mounts_open(const struct proc_ctx *c, struct file *f);
int proc_show_mounts(struct seq *s, const struct proc_ctx *c);
int proc_show_mountinfo(struct seq *s, const struct proc_ctx *c);
int proc_show_mountstats(struct seq *s, const struct proc_ctx *c);
int proc_ns_init(void) __must_check;

/* Sums over a task's VMAs; zero when it has no memory. */
struct proc_mm_sums {
	u64 total, data, stack, locked; /* pages */
	u64 exec, lib; /* bytes of executable mappings: of the program, of others */
	u64 start_code, end_code, start_data, end_data, start_brk, start_stack;
	u64 arg_start, arg_end, env_start, env_end;
	bool thp_disable;
};
bool proc_mm_sums(struct task *t, struct proc_mm_sums *out);

/* host.c: figures that only the host has; zeros when it cannot be asked. */
struct proc_usage {
	u64 rss, shared; /* pages; of these, of files and shared memory */
	u64 minflt, majflt;
	u32 cpu;
};
void proc_usage(struct task *t, struct proc_usage *out);
/* A small file of the host's /proc for t's host process: bytes read (0-terminated) or -errno. */
ssize_t proc_host_read(struct task *t, const char *name, char *buf, size_t size);
/* The same of the host thread: name below task/TID. */
ssize_t proc_host_read_thread(struct task *t, const char *name, char *buf, size_t size);
ssize_t proc_host_read_system(const char *name, char *buf, size_t size); /* /proc/name */
/* The number behind "Key:" in such a text; 0 = no such line. */
u64 proc_host_value(const char *text, const char *key);

/* meminfo.c */
struct proc_memory {
	u64 total, free, available, buffers, cached, shmem, swap_total, swap_free; /* KiB */
};
void proc_memory(struct proc_memory *m);
int proc_show_meminfo(struct seq *s, const struct proc_ctx *c);
int proc_show_vmstat(struct seq *s, const struct proc_ctx *c);
int proc_show_cpuinfo(struct seq *s, const struct proc_ctx *c);
void proc_cpuinfo_init(void);

extern const struct proc_dir proc_sys_dir, proc_net_dir;

/* Boot: registers "proc". From fs_init, behind tmpfs. */
int proc_init(void) __must_check;

/*
 * Files of /proc/net: a network family that keeps tables shows them here, in place of the empty ones. Only at boot;
 * show runs with no lock held. -ENOENT: no such name in net.c's table; -EEXIST, -ENOSPC.
 */
int proc_net_register(const char *name, int (*show)(struct seq *s)) __must_check;

/* meminfo.c: what the sandbox's processes, files in memory and kernel take, bytes. */
u64 proc_memory_used(void);

#endif
