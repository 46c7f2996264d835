/* See program.h. */
#include "core/program.h"

#include "abi/control.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "core/kserver.h"
#include "core/kserver_main.h"
#include "core/log.h"
#include "core/poller.h"
#include "core/world.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "fs/hostfile/hostfile.h"
#include "fs/internal.h"
#include "fs/sys/sysfs.h"
#include "fs/tty/tty.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "proc/container.h"
#include "proc/exec.h"
#include "proc/sched.h"
#include "proc/signal.h"
#include "proc/task.h"
#include "proc/uts.h"
#include "sys/seccomp.h"

struct program {
	struct list_head node; /* under programs_lock */
	u32 id; /* immutable */
	struct container *container; /* reference held; immutable */
	bool leads; /* its container's first; immutable */
	int stdio[3]; /* until it is launched */
	u32 trees; /* the trees of the block's mounts before this one have been taken over */
	const struct boot_block *block; /* the first one's is the boot block; gone once the program runs */
	size_t size; /* of block; 0 = not ours to free */
	char **argv, **envp, *path; /* until it runs */
	struct process *process; /* reference held */
	struct tty *tty; /* its terminal on the host, or NULL; reference held */
};

static struct mutex programs_lock = MUTEX_INIT(LOCK_LEAF);
static struct list_head programs = LIST_HEAD_INIT(programs); /* under programs_lock */

static struct uts_ns *uts; /* the first container's, and that of all that join; set at boot */

static const char *str(const struct boot_block *b, u32 offset) { return offset ? (const char *)b + offset : NULL; }
static const u32 *offsets(const struct boot_block *b, u32 at) { return (const u32 *)((const u8 *)b + at); }

/* What the program needs to start, and no longer. */
static void release_block(struct program *g)
{
	if (g->size)
		kpages_free((void *)g->block, (g->size + PAGE_SIZE - 1) / PAGE_SIZE);
	kfree(g->argv);
	kfree(g->envp);
	kfree(g->path);
	g->size = 0;
	g->block = NULL;
	g->argv = g->envp = NULL;
	g->path = NULL;
}

static void program_free(struct program *g)
{
	release_block(g);
	if (g->tty)
		tty_put(g->tty);
	if (g->process)
		process_put(g->process);
	if (g->container)
		container_put(g->container);
	kfree(g);
}

static struct cred *make_cred(const struct boot_block *b)
{
	struct cred *c = cred_alloc();

	if (!c)
		return NULL;
	c->uid = c->euid = c->suid = c->fsuid = b->uid;
	c->gid = c->egid = c->sgid = c->fsgid = b->gid;
	c->cap_permitted = b->cap_permitted;
	c->cap_effective = b->cap_effective;
	c->cap_inheritable = b->cap_inheritable;
	c->cap_ambient = b->cap_ambient;
	c->cap_bounding = b->cap_bounding;
	if (b->ngroups) {
		c->groups = kcalloc(b->ngroups, sizeof(u32));
		if (!c->groups) {
			cred_put(c);
			return NULL;
		}
		c->ngroups = b->ngroups;
		memcpy(c->groups, offsets(b, b->groups), b->ngroups * sizeof(u32));
		/* cred_in_group searches: keep them sorted. */
		for (u32 i = 1; i < c->ngroups; i++)
			for (u32 j = i; j && c->groups[j - 1] > c->groups[j]; j--) {
				u32 g = c->groups[j];

				c->groups[j] = c->groups[j - 1];
				c->groups[j - 1] = g;
			}
	}
	return c;
}

static void set_limits(struct process *p, const struct boot_block *b)
{
	const struct boot_rlimit *r = (const struct boot_rlimit *)((const u8 *)b + b->rlimits);

	for (u32 i = 0; i < b->nrlimits; i++)
		if (r[i].resource < RLIM_NLIMITS)
			p->rlim[r[i].resource] = (struct rlimit){ r[i].cur, r[i].max };
}

static bool same_device(int a, int b)
{
	struct statx sa, sb;

	if (a == b)
		return true;
	if (host_statx(a, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &sa) ||
	    host_statx(b, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &sb))
		return false;
	return S_ISCHR_(sa.stx_mode) && S_ISCHR_(sb.stx_mode) && sa.stx_rdev_major == sb.stx_rdev_major &&
	       sa.stx_rdev_minor == sb.stx_rdev_minor;
}

/* How the user's terminal was set before it became raw. Speeds mean nothing to ours: it keeps its own. */
static struct termios2 terminal_settings(const struct boot_termios *b)
{
	struct termios2 t = {
		.c_iflag = b->iflag,
		.c_oflag = b->oflag,
		.c_cflag = (b->cflag & ~(CBAUD | CIBAUD)) | B38400,
		.c_lflag = b->lflag,
		.c_ispeed = 38400,
		.c_ospeed = 38400,
	};

	memcpy(t.c_cc, b->cc, sizeof(t.c_cc));
	return t;
}

/* The terminal serves every stream that is the same terminal on the host. *term = its file, or NULL. */
static int make_terminal(struct program *g, const int stdio[3], struct file **term)
{
	const struct boot_block *b = g->block;
	struct winsize size = { .ws_row = (u16)b->rows, .ws_col = (u16)b->cols };
	struct termios2 settings = terminal_settings(&b->termios);
	int err;

	*term = NULL;
	if (!b->terminal)
		return 0;
	err = hosttty_create(stdio[0], stdio[0], &size, b->termios.known ? &settings : NULL, term);
	if (err)
		return err;
	g->tty = tty_of_file(*term);
	tty_get(g->tty);
	if (g->leads)
		container_set_console(g->container, g->tty);
	return tty_make_controlling(*term, g->process);
}

static void close_from(const int *fds, u32 from, u32 count)
{
	for (u32 i = from; i < count; i++)
		if (fds[i] >= 0)
			host_close(fds[i]);
}

static const s32 *preserved(const struct boot_block *b) { return (const s32 *)((const u8 *)b + b->preserved); }

/* 0, 1, 2 of a program, into current->files. What was not taken over is closed unless it is the first's. */
static int make_stdio(struct program *g, const int stdio[3])
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	struct file *term, *f;
	int err = make_terminal(g, stdio, &term);
	u32 taken = term ? 1 : 0;

	for (int i = 0; i < 3 && !err; i++) {
		if (stdio[i] < 0)
			continue;
		if (term && same_device(stdio[0], stdio[i])) {
			f = file_get(term);
			if (i && g->id)
				host_close(stdio[i]);
		} else {
			f = hostfile_create(stdio[i], i == 0 ? O_RDONLY : O_WRONLY);
			if (is_err(f) && i > 0)
				f = hostfile_create(stdio[i], O_RDWR);
		}
		if (is_err(f)) {
			err = (int)ptr_err(f);
			log_warn("%s cannot be used: error %d", names[i], -err);
			break;
		}
		taken = (u32)i + 1;
		int fd = fd_alloc((u32)i, false);

		if (fd != i) {
			file_put(f);
			err = fd < 0 ? fd : -EBUSY;
			break;
		}
		fd_install(fd, f);
	}
	if (term)
		file_put(term);
	if (err && g->id)
		close_from(stdio, taken, 3);
	return err;
}

/* What the caller of limpet handed on besides, from 3 on. */
static int make_preserved(const struct program *g)
{
	const struct boot_block *b = g->block;
	const s32 *fds = preserved(b);
	static const u32 modes[] = { O_RDWR, O_RDONLY, O_WRONLY };

	for (u32 i = 0; i < b->npreserved; i++) {
		struct file *f = err_ptr(-EBADF);
		int fd;

		if (fds[i] < 0)
			continue;
		for (u32 k = 0; k < ARRAY_SIZE(modes) && is_err(f); k++)
			f = hostfile_create(fds[i], modes[k]);
		if (is_err(f)) {
			log_warn("descriptor %u cannot be used: error %d", i + 3, (int)-ptr_err(f));
			if (g->id)
				close_from(fds, i, b->npreserved);
			return (int)ptr_err(f);
		}
		fd = fd_alloc(i + 3, false);
		if (fd != (int)i + 3) {
			file_put(f);
			if (fd >= 0)
				fd_cancel(fd);
			if (g->id)
				close_from(fds, i + 1, b->npreserved);
			return fd < 0 ? fd : -EBUSY;
		}
		fd_install(fd, f);
	}
	return 0;
}

static char **strings(const struct boot_block *b, u32 count, u32 at)
{
	char **v = kcalloc(count + 1, sizeof(char *));

	if (v)
		for (u32 i = 0; i < count; i++)
			v[i] = (char *)str(b, offsets(b, at)[i]);
	return v;
}

static const char *env_value(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static int may_run(const char *path)
{
	struct path p;
	int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	if (!S_ISREG_(p.dentry->inode->mode) || inode_permission(p.dentry->inode, MAY_EXEC))
		err = -EACCES;
	path_put(&p);
	return err;
}

/* execvp(3)'s search: the first directory in PATH that has it; EACCES is remembered. */
static int search_path(const char *name, char *const *env, char *buf)
{
	const char *dir = env_value(env, "PATH");
	int found = -ENOENT, err;

	if (!dir)
		dir = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (dir) {
		const char *end = strchr(dir, ':');
		int len = (int)(end ? (size_t)(end - dir) : strlen(dir));

		if (ksnprintf(buf, PATH_MAX, "%.*s/%s", len ? len : 1, len ? dir : ".", name) < (int)PATH_MAX) {
			err = may_run(buf);
			if (!err)
				return 0;
			if (err == -EACCES)
				found = err;
		}
		dir = end ? end + 1 : NULL;
	}
	return found;
}

static void failed(u32 id, int err)
{
	const s64 args[4] = { -err, id, CONTROL_STAGE_START };

	control_send_args(CONTROL_EXEC_ERROR, args, "the program");
}

static void unlink_program(struct program *g)
{
	mutex_lock(&programs_lock);
	list_del(&g->node);
	mutex_unlock(&programs_lock);
}

/* Of a container that has joined, what no mount has taken. */
static void close_trees(struct program *g)
{
	const struct boot_mount *m = (const struct boot_mount *)((const u8 *)g->block + g->block->mounts);

	for (; g->leads && g->id && g->trees < g->block->nmounts; g->trees++)
		if (m[g->trees].host_fd >= 0)
			host_close(m[g->trees].host_fd);
}

static __noreturn void cannot_run(struct program *g, enum control_stage stage, const char *name, long err)
{
	s64 args[4] = { -err, g->id, stage };

	close_trees(g);
	control_send_args(CONTROL_EXEC_ERROR, args, name);
	if (!g->id)
		sandbox_exit((err == -ENOENT ? 127 : 126) << 8);
	do_group_exit((err == -ENOENT ? 127 : 126) << 8);
}

static int enter_cwd(const char *cwd)
{
	struct path p;
	int err = path_lookup(AT_FDCWD, cwd, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	struct path old = current->fs->cwd;

	current->fs->cwd = p;
	path_put(&old);
	return 0;
}

/* The program was loaded: what was needed for that goes. */
static void loaded(void *arg)
{
	struct program *g = arg;
	s64 args[4] = { current->pid->nr, g->id };

	release_block(g);
	if (g->id)
		control_send_args(CONTROL_EXEC_STARTED, args, NULL);
}

/* What this task acts by from now on; returns what it did before. */
static const struct cred *borrow_cred(const struct cred *cred)
{
	const struct cred *old = current->cred;

	mutex_lock(&tasklist_lock);
	current->cred = cred;
	mutex_unlock(&tasklist_lock);
	return old;
}

/* A container's directory is made when it is missing, as other runtimes do. */
static int make_cwd(const char *cwd)
{
	const struct cred *own = borrow_cred(service_credentials());
	int err = fs_boot_dir(cwd);

	borrow_cred(own);
	return err ? err : enter_cwd(cwd);
}

/* The mounts of a container that has joined, in its first process's namespace and in the name of the kernel, as at boot. */
static int make_world(struct program *g, char *text, size_t size)
{
	const struct cred *own = borrow_cred(service_credentials());
	int err = world_mount(g->block, &g->trees, text, size);

	borrow_cred(own);
	if (!err) {
		current->fs->umask = g->block->umask;
		err = container_set_world(g->container);
	}
	return err;
}

/* The first code of the process, on a host process of its own. */
static void program_main(void *arg)
{
	struct program *g = arg;
	const struct boot_block *b = g->block;
	char **argv = g->argv = strings(b, b->argc, b->argv), **envp = g->envp = strings(b, b->envc, b->envp);
	char *path = g->path = kmalloc(PATH_MAX);
	const char *cwd = str(b, b->cwd);
	u32 argc = b->argc, envc = b->envc;
	long err = 0;

	if (!argv || !envp || !path)
		cannot_run(g, CONTROL_STAGE_START, "the program", -ENOMEM);
	if (b->affinity && !(b->affinity & current->cpus_allowed & sched_cpus()))
		cannot_run(g, CONTROL_STAGE_CPUS, "the program's CPUs", -EINVAL);
	if (g->leads && g->id && (err = make_world(g, path, PATH_MAX)))
		cannot_run(g, CONTROL_STAGE_WORLD, path, err);
	if (cwd)
		err = enter_cwd(cwd);
	if (err == -ENOENT && g->leads && b->wait_go)
		err = make_cwd(cwd);
	if (err)
		cannot_run(g, CONTROL_STAGE_CWD, cwd, err);
	if (b->exec_path)
		strlcpy(path, str(b, b->exec_path), PATH_MAX);
	else if (strchr(argv[0], '/'))
		strlcpy(path, argv[0], PATH_MAX);
	else
		err = argv[0][0] ? search_path(argv[0], envp, path) : -ENOENT;
	if (!err)
		err = may_run(path);
	if (!err && g->leads) {
		const s64 args[4] = { 0, g->id };
		struct container *c = g->container;

		control_send_args(CONTROL_READY, args, NULL);
		if (b->wait_go && wait_event_full(&c->go_wait, atomic_load(&c->go), WAIT_KILLABLE, KTIME_MAX, 0))
			do_group_exit(SIGKILL);
	}
	if (!err)
		err = exec_boot(path, argv, argc, envp, envc, loaded, g);
	cannot_run(g, CONTROL_STAGE_PROGRAM, argv[0], err);
}

static void lead_session(struct process *p)
{
	struct tty *tty;

	mutex_lock(&tasklist_lock);
	process_set_session(p, p->pid);
	process_set_pgrp(p, p->pid);
	tty = p->tty;
	p->tty = NULL;
	atomic_store(&p->ppid, 0);
	mutex_unlock(&tasklist_lock);
	if (tty)
		tty_put(tty);
}

/* A task with everything but a number. */
static struct task *make_task(struct program *g, int *err)
{
	const struct boot_block *b = g->block;
	struct process *p = process_alloc();
	struct task *t = p ? task_alloc(p) : NULL;
	struct cred *cred = make_cred(b);

	*err = -ENOMEM;
	if (p) {
		g->process = p; /* ours */
		p->container = g->container;
		container_get(p->container);
	}
	if (!t || !cred) {
		if (cred)
			cred_put(cred);
		if (t)
			task_put(t);
		return NULL;
	}
	t->cred = cred;
	t->no_new_privs = b->no_new_privs;
	set_limits(p, b);
	p->oom_score_adj = b->oom_score_adj;
	t->nice = clamp_nice(b->nice);
	t->sched_policy = (int)b->sched_policy;
	t->sched_priority = (int)b->sched_priority;
	t->sched_reset_on_fork = b->sched_reset_on_fork;
	t->ioprio = (u16)b->ioprio;
	t->personality = b->personality;
	p->program_id = g->id;
	t->cpus_allowed = boot->cpus ? boot->cpus >= 64 ? ~0ull : (1ull << boot->cpus) - 1 : ~0ull;
	if (b->affinity & t->cpus_allowed & sched_cpus())
		t->cpus_allowed &= b->affinity;
	t->timer_slack_ns = 50000;
	t->files = files_alloc();
	t->sighand = sighand_alloc();
	t->mm = mm_alloc();
	for (int sig = 1; t->sighand && sig < 64; sig++)
		if (b->ignored_signals >> sig & 1)
			t->sighand->action[sig - 1].handler = SIG_IGN;
	if (t->mm)
		t->mm->users = 1;
	t->uts_ns = uts ? uts_ns_get(uts) : NULL;
	if (t->files && t->sighand && t->mm && t->uts_ns)
		*err = g->leads && g->id ? fs_boot_empty(&t->mnt_ns, &t->fs) :
					   container_world(g->container, &t->mnt_ns, &t->fs);
	if (!*err && b->seccomp_len)
		*err = seccomp_boot(t, (const void *)((const u8 *)b + b->seccomp), b->seccomp_len, b->seccomp_flags,
				    b->seccomp_fd);
	else if (b->seccomp_fd >= 0)
		host_close(b->seccomp_fd);
	if (!*err)
		*err = task_alloc_pid(t, g->leads && g->container->own_pids ? 1 : 0);
	if (*err) {
		task_put(t);
		return NULL;
	}
	if (!g->leads || !g->id)
		t->fs->umask = b->umask;
	return t;
}

/* Makes it the child, on paper, of the PID 1 that it sees, unless it is to be that itself. -ESRCH: that is gone by now. */
static int publish(struct program *g, struct task *t)
{
	struct container *c = g->container;
	struct process *parent = NULL;
	bool gone = false;

	mutex_lock(&tasklist_lock);
	if (!g->leads || !c->own_pids) {
		parent = c->pid_ns->init;
		gone = !parent || c->finished;
	}
	if (!gone) {
		container_hold_locked(c, 1);
		if (parent)
			process_get(parent);
	}
	mutex_unlock(&tasklist_lock);
	if (gone)
		return -ESRCH;
	task_publish(t, parent, current);
	if (parent)
		process_put(parent);
	mutex_lock(&tasklist_lock);
	container_hold_locked(c, -1);
	mutex_unlock(&tasklist_lock);
	return 0;
}

/* Published already: it goes the way of one whose host process was killed. */
static void no_host_process(void *arg, int err)
{
	struct program *g = arg;

	failed(g->id, err);
	close_trees(g);
	task_died_outside(g->process->leader, SIGKILL);
}

static int launch(struct program *g, const int stdio[3])
{
	int err;
	struct task *t = make_task(g, &err);

	if (!t)
		return err;
	mutex_lock(&programs_lock);
	list_add_tail(&g->node, &programs);
	mutex_unlock(&programs_lock);
	err = publish(g, t);
	if (err) {
		unlink_program(g);
		task_put(t);
		return err;
	}
	if (g->id)
		lead_session(g->process);

	/* Descriptors are installed into the table of whoever runs: lend it for the moment. */
	current->files = t->files;
	current->process = g->process;
	err = make_stdio(g, stdio);
	if (!err)
		err = make_preserved(g);
	else if (g->id)
		close_from(preserved(g->block), 0, g->block->npreserved);
	current->files = NULL;
	current->process = NULL;
	if (!err)
		err = g->id ? kserver_spawn_later(t, program_main, g, no_host_process) : hproc_spawn(t, program_main, g);
	if (err && g->id) {
		no_host_process(g, err);
		return 0;
	}
	return err;
}

void program_start_first(void)
{
	struct program *g = kzalloc(sizeof(*g));
	int err = -ENOMEM;

	uts = uts_ns_boot(boot_str(boot->hostname), boot_str(boot->domainname));
	if (g && uts) {
		g->container = &first_container;
		container_get(g->container);
		g->leads = true;
		g->block = boot;
		err = launch(g, boot->stdio_fd);
	}
	if (err) {
		control_send(CONTROL_BOOT_ERROR, -err, "the first process");
		for (;;)
			host_syscall(NR_exit_group, 125, 0, 0, 0, 0, 0);
	}
}

void program_go(u32 container)
{
	struct container *c = container_lookup(container);

	if (!c)
		return;
	atomic_store(&c->go, 1);
	wake_up_all(&c->go_wait);
	container_put(c);
}

void program_freeze(u32 container, bool on)
{
	struct container *c = container_lookup(container);

	if (!c)
		return;
	container_freeze(c, on);
	container_put(c);
}

void program_limits(u32 container, const s64 limits[4])
{
	struct container *c = container_lookup(container);

	if (!c)
		return;
	cgroupfs_limits(&c->limits, limits);
	poller_limits_changed();
	container_put(c);
}

/* NULL: the supervisor was told. The container's reference is taken over. */
static struct program *program_alloc(const struct program_start *start, struct container *c)
{
	struct program *g = c ? kzalloc(sizeof(*g)) : NULL;

	if (!g) {
		close_from(start->stdio, 0, 3);
		close_from(preserved(start->block), 0, start->block->npreserved);
		kpages_free(start->block, (start->size + PAGE_SIZE - 1) / PAGE_SIZE);
		failed(start->id, c ? -ENOMEM : -ESRCH);
		if (c)
			container_put(c);
		return NULL;
	}
	list_init(&g->node);
	g->id = start->id;
	g->container = c;
	g->leads = start->id == c->nr;
	g->block = start->block;
	g->size = start->size;
	memcpy(g->stdio, start->stdio, sizeof(g->stdio));
	return g;
}

/* Of a program that has not been published. */
static void close_descriptors(const struct program *g)
{
	close_from(g->stdio, 0, 3);
	close_from(preserved(g->block), 0, g->block->npreserved);
}

void program_exec(const struct program_start *start)
{
	struct program *g = program_alloc(start, container_lookup(start->container));
	int err;

	if (!g)
		return;
	err = launch(g, g->stdio);
	if (!err)
		return;
	failed(g->id, err);
	close_descriptors(g);
	program_free(g);
}

/* Containers that have joined and are not populated: their programs. Control thread only. */
static struct list_head joined = LIST_HEAD_INIT(joined);

/* Gives up a container without a process. */
static void abandon(struct program *g)
{
	struct container *c = g->container;

	list_del(&g->node);
	close_descriptors(g);
	close_trees(g);
	container_get(c);
	program_free(g);
	container_finish(c);
	container_put(c);
}

/* Trees are numbered in the block; what is wrong there has no descriptor, and its mount fails. */
static void number_trees(struct boot_block *b, const int *trees, u32 ntrees)
{
	struct boot_mount *m = (struct boot_mount *)((u8 *)b + b->mounts);

	for (u32 i = 0; i < b->nmounts; i++)
		m[i].host_fd = m[i].host_fd >= 0 && (u32)m[i].host_fd < ntrees ? trees[m[i].host_fd] : -1;
}

void program_join(const struct program_start *start, s64 share, const int *trees, u32 ntrees)
{
	struct container *sharer = share < 0 ? NULL : container_lookup((u32)share);
	struct container *c = share < 0 || sharer ? container_alloc(start->id, start->block, sharer) : NULL;
	s64 args[4] = { 0, start->id };
	struct program *g;

	if (sharer)
		container_put(sharer);
	if (c)
		container_get(c);
	g = program_alloc(start, c);
	if (!g) {
		for (u32 i = 0; i < ntrees; i++)
			host_close(trees[i]);
		if (c)
			container_finish(c);
		return;
	}
	number_trees(start->block, trees, ntrees);
	list_add_tail(&g->node, &joined);
	args[0] = spawner_start(c->spawner);
	if (args[0] > 0) {
		control_send_args(CONTROL_JOINED, args, NULL);
		return;
	}
	failed(start->id, (int)args[0]);
	abandon(g);
}

static struct program *find_joined(u32 id)
{
	struct program *g;

	list_for_each_entry(g, &joined, node)
		if (g->id == id)
			return g;
	return NULL;
}

void program_populate(u32 container)
{
	struct program *g = find_joined(container);
	int err;

	if (!g)
		return;
	list_del(&g->node);
	err = launch(g, g->stdio);
	if (!err)
		return;
	failed(g->id, err);
	abandon(g);
}

/* A reference to the process of program id, or NULL. tty, when asked for, likewise. */
static struct process *find(u32 id, struct tty **tty)
{
	struct process *p = NULL;
	struct program *g;

	mutex_lock(&programs_lock);
	list_for_each_entry(g, &programs, node) {
		if (g->id != id)
			continue;
		p = g->process;
		process_get(p);
		if (tty && g->tty) {
			tty_get(g->tty);
			*tty = g->tty;
		}
		break;
	}
	mutex_unlock(&programs_lock);
	return p;
}

void program_signal(u32 id, int sig)
{
	struct process *p = find(id, NULL);
	struct program *g = p || sig != SIGKILL ? NULL : find_joined(id);

	if (g)
		abandon(g);
	if (!p)
		return;
	signal_send_process(p, sig, NULL);
	process_put(p);
}

void program_signal_all(u32 container, int sig)
{
	struct container *c = container_lookup(container);

	if (!c)
		return;
	container_signal_all(c, sig);
	container_put(c);
}

void program_winsize(u32 id, u16 rows, u16 cols)
{
	struct tty *tty = NULL;
	struct process *p = find(id, &tty);

	if (tty) {
		hosttty_set_winsize(tty, rows, cols);
		tty_put(tty);
	}
	if (p)
		process_put(p);
}

void program_terminal(bool ours, bool go_on)
{
	struct tty *tty = NULL;
	struct process *p = find(0, &tty);

	if (tty) {
		hosttty_pause(tty, !ours);
		tty_put(tty);
	}
	if (p && go_on) {
		mutex_lock(&tasklist_lock);
		if (p->pgrp)
			(void)signal_send_pgrp(p->pgrp, SIGCONT, NULL);
		mutex_unlock(&tasklist_lock);
	}
	if (p)
		process_put(p);
}

void program_drain(u32 id)
{
	struct tty *tty = NULL;
	struct process *p = find(id, &tty);

	if (tty) {
		hosttty_drain(tty);
		tty_put(tty);
	}
	if (p)
		process_put(p);
}

bool program_is_job(const struct process *p)
{
	return p && p == init_process && boot->terminal && boot->init_mortal;
}

void program_stopped(void)
{
	struct tty *tty = NULL;
	struct process *p = find(0, &tty);

	if (tty) {
		hosttty_pause(tty, true);
		hosttty_drain(tty);
		tty_put(tty);
		control_send(CONTROL_STOPPED, 0, NULL);
	}
	if (p)
		process_put(p);
}

void program_exited(u32 id, int status)
{
	s64 args[4] = { status, id };
	struct program *g, *found = NULL;

	mutex_lock(&programs_lock);
	list_for_each_entry(g, &programs, node)
		if (g->id == id)
			found = g;
	mutex_unlock(&programs_lock);
	if (!found)
		return;
	if (found->tty)
		hosttty_drain(found->tty);
	unlink_program(found);
	if (found->tty)
		hosttty_release(found->tty);
	control_send_args(CONTROL_EXEC_EXIT, args, NULL);
	program_free(found);
}

void program_container_empty(struct container *c)
{
	program_exited(c->nr, c->exit_status);
	container_finish(c);
}
