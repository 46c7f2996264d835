/* Namespaces, namespaces(7): see ns.h. PID namespaces are made for containers only (proc/container.h). */
#include "proc/ns.h"

#include "abi/linux/capability.h"
#include "abi/linux/sched.h"
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "lib/string.h"
#include "proc/container.h"
#include "proc/task.h"
#include "proc/uts.h"

#define NS_INO_FIRST 0xf0000000ull /* those that are made at run time count on from here, as on Linux */

#define CLONE_NEW_ALL                                                                                        \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |           \
	 CLONE_NEWCGROUP | CLONE_NEWTIME)
#define CLONE_NEW_HERE (CLONE_NEWNS | CLONE_NEWUTS)

static u64 last_ino = NS_INO_FIRST;

u64 ns_next_ino(void) { return atomic_add(&last_ino, 1); }

struct ns_kind {
	const char *name;
	u64 flag;
	u64 ino; /* of the only one; 0 = there can be several */
};
static const struct ns_kind ns_kinds[] = {
	{ "mnt", CLONE_NEWNS, 0 },
	{ "uts", CLONE_NEWUTS, 0 },
	/* Linux's numbers for the first of each kind. */
	{ "cgroup", CLONE_NEWCGROUP, 0xeffffffbull },
	{ "ipc", CLONE_NEWIPC, 0xefffffffull },
	{ "net", CLONE_NEWNET, 0xeffffff9ull },
	{ "pid", CLONE_NEWPID, 0 },
	{ "pid_for_children", CLONE_NEWPID, 0 },
	{ "time", CLONE_NEWTIME, 0xeffffffaull },
	{ "time_for_children", CLONE_NEWTIME, 0xeffffffaull },
	{ "user", CLONE_NEWUSER, 0xeffffffdull },
};

/* An open namespace: file.priv. */
struct ns_handle {
	u64 flag;
	u64 ino;
	struct mount_ns *mnt; /* reference held, or NULL */
	struct uts_ns *uts;
};

static void ns_file_release(struct file *f)
{
	struct ns_handle *h = f->priv;

	if (!h)
		return;
	if (h->mnt)
		mount_ns_put(h->mnt);
	uts_ns_put(h->uts);
	kfree(h);
}

#define NS_GET_USERNS 0xb701u
#define NS_GET_PARENT 0xb702u
#define NS_GET_NSTYPE 0xb703u
#define NS_GET_OWNER_UID 0xb704u

static long ns_file_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct ns_handle *h = f->priv;

	switch (cmd) {
	case NS_GET_NSTYPE:
		return (long)h->flag;
	case NS_GET_USERNS:
		return -EPERM; /* as for any owner outside the caller's own scope */
	case NS_GET_PARENT:
		return h->flag == CLONE_NEWUSER || h->flag == CLONE_NEWPID ? -EPERM : -EINVAL;
	case NS_GET_OWNER_UID:
		return h->flag == CLONE_NEWUSER ? put_user_u32(uptr(arg), 0) : -EINVAL;
	}
	return -ENOTTY;
}

static const struct file_ops ns_file_ops = {
	.name = "nsfs",
	.ioctl = ns_file_ioctl,
	.release = ns_file_release,
};

static const struct ns_kind *kind_find(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(ns_kinds); i++) {
		if (!strcmp(ns_kinds[i].name, name))
			return &ns_kinds[i];
	}
	return NULL;
}

/* A handle on t's namespace, referenced parts and all; NULL when t is exiting or memory is short. */
static struct ns_handle *handle_make(struct task *t, const struct ns_kind *kind)
{
	struct ns_handle *h = kzalloc(sizeof(*h));

	if (!h)
		return NULL;
	h->flag = kind->flag;
	h->ino = kind->ino;
	if (kind->ino)
		return h;
	if (kind->flag == CLONE_NEWPID) {
		h->ino = t->pid->ns->ino;
		return h;
	}
	mutex_lock(&tasklist_lock);
	if (kind->flag == CLONE_NEWNS && t->mnt_ns) {
		h->mnt = mount_ns_get(t->mnt_ns);
		h->ino = h->mnt->ino;
	} else if (kind->flag == CLONE_NEWUTS && t->uts_ns) {
		h->uts = uts_ns_get(t->uts_ns);
		h->ino = h->uts->ino;
	}
	mutex_unlock(&tasklist_lock);
	if (!h->ino) {
		kfree(h);
		return NULL;
	}
	return h;
}

u64 ns_ino_of(struct task *t, const char *name)
{
	const struct ns_kind *kind = kind_find(name);
	u64 ino;

	if (!kind)
		return 0;
	if (kind->ino)
		return kind->ino;
	if (kind->flag == CLONE_NEWPID)
		return t->pid->ns->ino;
	mutex_lock(&tasklist_lock);
	if (kind->flag == CLONE_NEWNS)
		ino = t->mnt_ns ? t->mnt_ns->ino : 0;
	else
		ino = t->uts_ns ? t->uts_ns->ino : 0;
	mutex_unlock(&tasklist_lock);
	return ino;
}

int ns_file_open(struct file *f, struct task *t, const char *name)
{
	const struct ns_kind *kind = kind_find(name);
	struct ns_handle *h;

	if (!kind)
		return -ENOENT;
	h = handle_make(t, kind);
	if (!h)
		return -ENOMEM;
	f->priv = h;
	f->ops = &ns_file_ops;
	return 0;
}

/* CLONE_NEW* that unshare can serve: 0, -EPERM, or -EINVAL for what there is not. */
static int ns_check_flags(u64 flags)
{
	flags &= CLONE_NEW_ALL;
	/* A user namespace comes first: it is what would give an unprivileged caller the right to the others. */
	if (flags & CLONE_NEWUSER)
		return -EINVAL;
	if (flags && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return flags & ~CLONE_NEW_HERE ? -EINVAL : 0;
}

/* What unshare has made but not yet installed. */
struct unshared {
	struct fs_context *fs;
	struct files *files;
	struct mount_ns *mnt;
	struct uts_ns *uts;
};

static int unshare_make(u64 flags, struct unshared *u)
{
	struct task *t = current;

	if ((flags & CLONE_FS) && atomic_load(&t->fs->ref.count) > 1) {
		u->fs = fs_context_copy(t->fs);
		if (!u->fs)
			return -ENOMEM;
	}
	if ((flags & CLONE_FILES) && atomic_load(&t->files->ref.count) > 1) {
		u->files = files_copy(t->files);
		if (!u->files)
			return -ENOMEM;
	}
	if (flags & CLONE_NEWUTS) {
		u->uts = uts_ns_copy(t->uts_ns);
		if (!u->uts)
			return -ENOMEM;
	}
	if (flags & CLONE_NEWNS) {
		struct mount_ns *mnt = mount_ns_copy(t->mnt_ns);

		if (is_err(mnt))
			return (int)ptr_err(mnt);
		u->mnt = mnt;
	}
	return 0;
}

static void unshare_drop(struct unshared *u)
{
	if (u->fs)
		fs_context_put(u->fs);
	if (u->files)
		files_put(u->files);
	if (u->mnt)
		mount_ns_put(u->mnt);
	uts_ns_put(u->uts);
}

/* Others look at these pointers under tasklist_lock. */
static struct mount_ns *swap_mnt_ns(struct mount_ns *ns)
{
	struct mount_ns *old;

	mutex_lock(&tasklist_lock);
	old = current->mnt_ns;
	current->mnt_ns = ns;
	mutex_unlock(&tasklist_lock);
	return old;
}

static struct uts_ns *swap_uts_ns(struct uts_ns *ns)
{
	struct uts_ns *old;

	mutex_lock(&tasklist_lock);
	old = current->uts_ns;
	current->uts_ns = ns;
	mutex_unlock(&tasklist_lock);
	return old;
}

#define UNSHARE_FLAGS                                                                                        \
	(CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_SYSVSEM | CLONE_NEW_ALL)

int ns_unshare(u64 flags)
{
	struct unshared u = { 0 };
	struct task *t = current;
	int err;

	if (flags & CLONE_NEWNS)
		flags |= CLONE_FS;
	if (flags & CLONE_VM)
		flags |= CLONE_SIGHAND;
	if (flags & CLONE_SIGHAND)
		flags |= CLONE_THREAD;
	if (flags & ~UNSHARE_FLAGS)
		return -EINVAL;
	/* Threads cannot leave their process; alone, there is nothing to leave. */
	if ((flags & CLONE_THREAD) && !process_single_threaded(t->process))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && atomic_load(&t->sighand->processes) > 1)
		return -EINVAL;
	err = ns_check_flags(flags);
	if (err)
		return err;
	err = unshare_make(flags, &u);
	if (err) {
		unshare_drop(&u);
		return err;
	}
	if (u.fs)
		u.fs = task_swap_fs(u.fs);
	if (u.files)
		u.files = task_swap_files(u.files);
	if (u.uts)
		u.uts = swap_uts_ns(u.uts);
	if (u.mnt) {
		fs_context_rebase(t->fs, u.mnt);
		u.mnt = swap_mnt_ns(u.mnt);
	}
	unshare_drop(&u);
	return 0;
}

int ns_enter(struct file *f, u32 type)
{
	struct ns_handle *h = f->ops == &ns_file_ops ? f->priv : NULL;

	if (!h || (type && type != h->flag) || h->flag == CLONE_NEWUSER) /* already in the only one */
		return -EINVAL;
	if (h->flag == CLONE_NEWPID && h->ino != current->pid->ns->ino)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN) || (h->mnt && !capable(CAP_SYS_CHROOT)))
		return -EPERM;
	if (h->mnt && atomic_load(&current->fs->ref.count) > 1)
		return -EINVAL; /* others share the root and cwd that would have to move */
	if (h->uts)
		uts_ns_put(swap_uts_ns(uts_ns_get(h->uts)));
	if (h->mnt) {
		fs_context_rebase(current->fs, h->mnt);
		mount_ns_put(swap_mnt_ns(mount_ns_get(h->mnt)));
	}
	return 0;
}
