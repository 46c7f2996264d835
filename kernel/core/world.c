/* The guest's world as the boot block asks for it: mounts in order, hidden paths, then the first process. */
#include "core/world.h"

#include "abi/control.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "core/kserver.h"
#include "core/log.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "fs/hostfile/hostfile.h"
#include "fs/hostfs/hostfs.h"
#include "fs/internal.h"
#include "fs/overlay/overlay.h"
#include "fs/tty/tty.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "proc/exec.h"
#include "proc/task.h"
#include "proc/uts.h"

#define MESSAGE_MAX 256

static __noreturn void fail(const char *what, const char *name, int err)
{
	char text[MESSAGE_MAX];

	ksnprintf(text, sizeof(text), "%s%s%s: error %d", what, name ? " " : "", name ? name : "", -err);
	control_send(CONTROL_BOOT_ERROR, -err, text);
	for (;;)
		host_syscall(NR_exit_group, 125, 0, 0, 0, 0, 0);
}

static struct super_block *hostfs_super(const struct boot_mount *m, int fd, bool readonly, int *err)
{
	const struct fs_type *type = fs_type_find("hostfs");
	struct hostfs_mount_data data = { .fd = fd, .shared = m->shared, .readonly = readonly };
	struct super_block *sb = NULL;

	*err = type ? type->mount(type, "hostfs", "", &data, &sb) : -ENODEV;
	return sb;
}

static int mount_one(const struct boot_mount *m)
{
	const char *type = boot_str(m->type), *target = boot_str(m->target), *options = boot_str(m->options);
	const char *source = boot_str(m->source);
	bool readonly = m->flags & 1; /* MS_RDONLY */
	int err;

	if (strcmp(type, "hostfs") == 0) {
		struct hostfs_mount_data data = { .fd = m->host_fd, .shared = m->shared, .readonly = readonly };

		return fs_boot_mount(type, source, target, m->flags, options, &data, m->create);
	}
	if (strcmp(type, "overlay") == 0) {
		struct overlay_mount_data data = { NULL, NULL };

		data.lower = hostfs_super(m, m->host_fd, true, &err);
		if (!err && m->host_upper_fd >= 0)
			data.upper = hostfs_super(m, m->host_upper_fd, false, &err);
		return err ? err : fs_boot_mount(type, source, target, m->flags, options, &data, m->create);
	}
	return fs_boot_mount(type, source, target, m->flags, options, NULL, m->create);
}

static const u32 *offsets(u32 at) { return (const u32 *)((const u8 *)boot + at); }

void world_mount(void)
{
	const struct boot_mount *mounts = (const struct boot_mount *)((const u8 *)boot + boot->mounts);
	int err;

	hostfs_set_proc(boot->host_proc_fd);
	for (u32 i = 0; i < boot->nmounts; i++) {
		err = mount_one(&mounts[i]);
		if (err == -ENODEV && strcmp(boot_str(mounts[i].type), "mqueue") == 0) {
			/* OCI's default bundle asks for it; few programs do. */
			log_warn("no mqueue file system yet: nothing mounted on %s", boot_str(mounts[i].target));
			continue;
		}
		if (err)
			fail("mounting on", boot_str(mounts[i].target), err);
	}
	for (u32 i = 0; i < boot->nmasked; i++) {
		err = fs_boot_mask(boot_str(offsets(boot->masked)[i]));
		if (err)
			fail("hiding", boot_str(offsets(boot->masked)[i]), err);
	}
	for (u32 i = 0; i < boot->nreadonly; i++) {
		err = fs_boot_readonly(boot_str(offsets(boot->readonly)[i]));
		if (err)
			fail("making read-only", boot_str(offsets(boot->readonly)[i]), err);
	}
}

static struct cred *first_cred(void)
{
	struct cred *c = cred_alloc();

	if (!c)
		return NULL;
	c->uid = c->euid = c->suid = c->fsuid = boot->uid;
	c->gid = c->egid = c->sgid = c->fsgid = boot->gid;
	c->cap_permitted = boot->cap_permitted;
	c->cap_effective = boot->cap_effective;
	c->cap_inheritable = boot->cap_inheritable;
	c->cap_ambient = boot->cap_ambient;
	c->cap_bounding = boot->cap_bounding;
	if (boot->ngroups) {
		c->groups = kcalloc(boot->ngroups, sizeof(u32));
		if (!c->groups) {
			cred_put(c);
			return NULL;
		}
		c->ngroups = boot->ngroups;
		memcpy(c->groups, offsets(boot->groups), boot->ngroups * sizeof(u32));
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

static void first_limits(struct process *p)
{
	const struct boot_rlimit *r = (const struct boot_rlimit *)((const u8 *)boot + boot->rlimits);

	for (u32 i = 0; i < boot->nrlimits; i++)
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

/* 0, 1, 2 of the first program. The terminal serves every one of them that is the same terminal on the host. */
static void first_stdio(struct task *t)
{
	struct file *term = NULL;
	int err;

	if (boot->terminal) {
		err = hosttty_create(boot->stdio_fd[0], boot->stdio_fd[0], (u16)boot->rows, (u16)boot->cols, &term);
		if (err)
			fail("the terminal", NULL, err);
		err = tty_make_controlling(term, t->process);
		if (err)
			fail("the controlling terminal", NULL, err);
	}
	for (int i = 0; i < 3; i++) {
		struct file *f;

		if (boot->stdio_fd[i] < 0)
			continue;
		if (term && same_device(boot->stdio_fd[0], boot->stdio_fd[i])) {
			f = file_get(term);
		} else {
			f = hostfile_create(boot->stdio_fd[i], i == 0 ? O_RDONLY : O_WRONLY);
			if (is_err(f) && i > 0)
				f = hostfile_create(boot->stdio_fd[i], O_RDWR);
		}
		if (is_err(f))
			fail("standard stream", i == 0 ? "stdin" : i == 1 ? "stdout" : "stderr", (int)ptr_err(f));
		int fd = fd_alloc((u32)i, false);

		if (fd != i)
			fail("descriptor table", NULL, fd < 0 ? fd : -EBUSY);
		fd_install(fd, f);
	}
	if (term)
		file_put(term);
}

static char **strings(u32 count, u32 at)
{
	char **v = kcalloc(count + 1, sizeof(char *));

	if (v)
		for (u32 i = 0; i < count; i++)
			v[i] = (char *)boot_str(offsets(at)[i]);
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

/* execvp(3)'s search: the first directory in PATH that has it; EACCES is remembered. */
static int search_path(const char *name, char *const *env, char *buf)
{
	const char *dir = env_value(env, "PATH");
	int found = -ENOENT;

	if (!dir)
		dir = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (dir) {
		const char *end = strchr(dir, ':');
		int len = (int)(end ? (size_t)(end - dir) : strlen(dir));
		struct path p;

		if (ksnprintf(buf, PATH_MAX, "%.*s/%s", len ? len : 1, len ? dir : ".", name) < (int)PATH_MAX &&
		    path_lookup(AT_FDCWD, buf, LOOKUP_FOLLOW, &p) == 0) {
			bool runs = S_ISREG_(p.dentry->inode->mode) && inode_permission(p.dentry->inode, MAY_EXEC) == 0;

			path_put(&p);
			if (runs)
				return 0;
			found = -EACCES;
		}
		dir = end ? end + 1 : NULL;
	}
	return found;
}

static __noreturn void cannot_run(const char *name, long err)
{
	control_send(CONTROL_EXEC_ERROR, -err, name);
	sandbox_exit((err == -ENOENT ? 127 : 126) << 8);
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

/* The first code of the first process, on a host process of its own. */
static void first_program(void *arg __unused)
{
	char **argv = strings(boot->argc, boot->argv), **envp = strings(boot->envc, boot->envp);
	char *path = kmalloc(PATH_MAX);
	const char *cwd = boot_str(boot->cwd);
	long err = 0;

	if (!argv || !envp || !path)
		fail("the first program", NULL, -ENOMEM);
	if (cwd && (err = enter_cwd(cwd)))
		fail("the working directory", cwd, (int)err);
	if (boot->exec_path)
		strlcpy(path, boot_str(boot->exec_path), PATH_MAX);
	else if (strchr(argv[0], '/'))
		strlcpy(path, argv[0], PATH_MAX);
	else
		err = argv[0][0] ? search_path(argv[0], envp, path) : -ENOENT;
	if (!err)
		err = exec_boot(path, argv, boot->argc, envp, boot->envc);
	cannot_run(argv[0], err);
}

void world_start_init(void)
{
	struct process *p = process_alloc();
	struct task *t = p ? task_alloc(p) : NULL;
	struct cred *cred = first_cred();
	int err;

	if (!t || !cred)
		fail("the first process", NULL, -ENOMEM);
	process_put(p);
	t->cred = cred;
	t->no_new_privs = boot->no_new_privs;
	first_limits(p);
	p->oom_score_adj = boot->oom_score_adj;
	t->cpus_allowed = boot->cpus ? boot->cpus >= 64 ? ~0ull : (1ull << boot->cpus) - 1 : ~0ull;
	t->timer_slack_ns = 50000;
	t->files = files_alloc();
	t->sighand = sighand_alloc();
	t->mm = mm_alloc();
	t->uts_ns = uts_ns_boot(boot_str(boot->hostname), boot_str(boot->domainname));
	if (!t->files || !t->sighand || !t->mm || !t->uts_ns)
		fail("the first process", NULL, -ENOMEM);
	t->mm->users = 1;
	err = fs_boot_finish(&t->mnt_ns, &t->fs);
	if (!err)
		err = task_alloc_pid(t, 1);
	if (err)
		fail("the first process", NULL, err);
	t->fs->umask = boot->umask;
	task_publish(t, NULL);

	/* Descriptors are installed into the table of whoever runs: lend it for the moment. */
	current->files = t->files;
	current->process = p;
	first_stdio(t);
	current->files = NULL;
	current->process = NULL;
	err = hproc_spawn(t, first_program, NULL);
	if (err)
		fail("the first host process", NULL, err);
}
