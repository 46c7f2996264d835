/*
 * /proc/PID/ns, namespaces(7). The links lead to files of a nameless file system, whose device and inode number say
 * whether two namespaces are the same; opening one gives a handle for setns(2).
 */
#include "abi/linux/stat.h"
#include "fs/proc/proc.h"
#include "proc/ns.h"

/* inode->priv of such a file. */
struct ns_node {
	struct pid *pid; /* whose namespace; reference */
	const char *kind;
};

static struct super_block *ns_sb;

static int ns_open(struct inode *i, struct file *f)
{
	const struct ns_node *n = i->priv;
	struct proc_node who = { .pid = n->pid };
	struct task *t = proc_task(&who);
	int err = t ? ns_file_open(f, t, n->kind) : -ENOENT;

	if (t)
		task_put(t);
	return err;
}

static const struct inode_ops ns_inode_ops = { .open = ns_open };

static void ns_evict(struct inode *i)
{
	struct ns_node *n = i->priv;

	if (!n)
		return;
	pid_put(n->pid);
	kfree(n);
}

static int ns_statfs(struct super_block *sb, struct kstatfs *st)
{
	st->type = NSFS_MAGIC;
	st->bsize = PAGE_SIZE;
	st->namelen = NAME_MAX;
	return 0;
}

static const struct super_ops ns_super_ops = { .evict = ns_evict, .statfs = ns_statfs };
static const struct fs_type ns_type = { .name = "nsfs", .nodev = true };

int proc_ns_init(void)
{
	ns_sb = sb_alloc(&ns_type, &ns_super_ops);
	if (!ns_sb)
		return -ENOMEM;
	ns_sb->flags = SB_NOCACHE;
	strlcpy(ns_sb->source, "nsfs", sizeof(ns_sb->source));
	return 0;
}

/* pid_for_children leads to what "pid" names. */
static const char *short_kind(const char *kind)
{
	if (!strcmp(kind, "pid_for_children"))
		return "pid";
	return strcmp(kind, "time_for_children") ? kind : "time";
}

static int ns_jump(const struct proc_ctx *c, struct path *out)
{
	const char *kind = c->node->e->name;
	u64 ino = ns_ino_of(c->task, kind);
	struct ns_node *n;
	struct inode *i;
	char text[48];

	if (!ino)
		return -ENOENT;
	n = kzalloc(sizeof(*n));
	if (!n)
		return -ENOMEM;
	i = inode_alloc(ns_sb, &ns_inode_ops, S_IFREG | 0444);
	if (!i) {
		kfree(n);
		return -ENOMEM;
	}
	pid_get(c->node->pid);
	n->pid = c->node->pid;
	n->kind = kind;
	i->priv = n;
	i->ino = ino;
	ksnprintf(text, sizeof(text), "%s:[%lu]", short_kind(kind), ino);
	out->mnt = NULL;
	out->dentry = dentry_alloc_anon(i, text);
	return out->dentry ? 0 : -ENOMEM;
}

#define NS(kind) { .name = (kind), .mode = S_IFLNK | 0777, .jump = ns_jump }
static const struct proc_entry ns_entries[] = {
	NS("cgroup"), NS("ipc"),  NS("mnt"),		     NS("net"),  NS("pid"), NS("pid_for_children"),
	NS("time"),   NS("time_for_children"), NS("user"), NS("uts"),
};
const struct proc_dir proc_ns_dir = PROC_DIR(ns_entries);
