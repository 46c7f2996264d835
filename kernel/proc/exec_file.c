/* What execve(2) is to run: the file, through scripts to a program, and that program's interpreter. */
#include "abi/linux/errno.h"
#include "abi/linux/mount.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "lib/string.h"
#include "proc/exec.h"

#define HEAD_SIZE 256u /* what is looked at of a script's first line, as Linux */

void exec_file_put(struct file *f)
{
	if (!f)
		return;
	exe_allow_write(f);
	file_put(f);
}

static struct file *open_checked(const struct path *path)
{
	struct inode *inode = path->dentry->inode;
	struct file *f;
	int err;

	if (!inode)
		return err_ptr(-ENOENT);
	if (S_ISLNK_(inode->mode))
		return err_ptr(-ELOOP);
	if (!S_ISREG_(inode->mode) || (path->mnt && (path->mnt->flags & MS_NOEXEC)))
		return err_ptr(-EACCES);
	err = inode_permission(inode, MAY_EXEC);
	if (err)
		return err_ptr(err);
	f = file_open_inode(path, O_RDONLY);
	if (is_err(f))
		return f;
	err = exe_deny_write(f);
	if (err) {
		file_put(f);
		return err_ptr(err);
	}
	return f;
}

static struct file *open_exec(int dirfd, const char *name, int flags)
{
	u32 lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path path;
	struct file *f;
	int err;

	err = path_lookup(dirfd, name, lookup, &path);
	if (err)
		return err_ptr(err);
	f = open_checked(&path);
	path_put(&path);
	return f;
}

static bool blank(char c) { return c == ' ' || c == '\t'; }

/* First character of [p, end) that is not blank; NULL = none. */
static char *skip_blank(char *p, char *end)
{
	while (p < end && blank(*p))
		p++;
	return p < end ? p : NULL;
}

/* First blank or 0 in [p, end); NULL = none. */
static char *find_end(char *p, char *end)
{
	while (p < end && *p && !blank(*p))
		p++;
	return p < end ? p : NULL;
}

/* "#! name arg": cuts both out of the zero-padded head. arg may come out NULL. The whole rest of the line is one argument. */
static int parse_script(char *head, char **name, char **arg)
{
	char *limit = head + HEAD_SIZE, *start = head + 2, *end, *sep;

	end = memchr(start, '\n', limit - start);
	if (!end) {
		end = skip_blank(start, limit);
		/* A name that is cut off by the limit would be another name. */
		if (!end || !find_end(end, limit))
			return -ENOEXEC;
		end = limit;
	}
	while (end > start && blank(end[-1]))
		end--;
	*end = 0; /* head has a byte more than its limit */
	*name = skip_blank(start, end);
	if (!*name || !**name)
		return -ENOEXEC;
	*arg = NULL;
	sep = find_end(*name, end);
	if (sep && *sep) {
		*arg = skip_blank(sep, end);
		*sep = 0;
		if (*arg && !**arg)
			*arg = NULL;
	}
	return 0;
}

/* The arguments so far become: interpreter, arg, script, all but the first of before. */
static int push_lead(struct exec_args *a, const char *interp, const char *arg, const char *script)
{
	char *new[3] = { NULL };
	u32 n = 0, old = a->nlead ? a->nlead - 1 : 0;

	new[n++] = kstrdup(interp);
	if (arg)
		new[n++] = kstrdup(arg);
	new[n++] = kstrdup(script);
	for (u32 i = 0; i < n; i++) {
		if (new[i] && n + old <= EXEC_LEAD_MAX)
			continue;
		for (u32 k = 0; k < n; k++)
			kfree(new[k]);
		return -ENOMEM;
	}
	if (a->nlead) {
		kfree(a->lead[0]);
		memmove(a->lead + n, a->lead + 1, old * sizeof(a->lead[0]));
	}
	memcpy(a->lead, new, n * sizeof(new[0]));
	a->nlead = n + old;
	return 0;
}

/* From a->exe, through scripts, to a file that is none. */
static int follow_scripts(struct exec_args *a)
{
	char head[HEAD_SIZE + 1], *name, *arg;
	char *script = kstrdup(a->filename);
	int err = script ? 0 : -ENOMEM;

	for (u32 depth = 0; !err; depth++) {
		struct file *f;
		ssize_t n;

		memset(head, 0, sizeof(head));
		n = file_read_kernel(a->exe, head, HEAD_SIZE, 0);
		if (n < 0) {
			err = (int)n;
			break;
		}
		if (head[0] != '#' || head[1] != '!')
			break;
		if (depth == EXEC_SCRIPT_DEPTH) {
			err = -ELOOP;
			break;
		}
		err = parse_script(head, &name, &arg);
		if (!err)
			err = push_lead(a, name, arg, script);
		if (err)
			break;
		f = open_exec(AT_FDCWD, name, 0);
		if (is_err(f)) {
			err = ptr_err(f);
			break;
		}
		exec_file_put(a->exe);
		a->exe = f;
		kfree(script);
		script = kstrdup(name);
		if (!script)
			err = -ENOMEM;
	}
	kfree(script);
	return err;
}

/* What the program is told it was called as: by descriptor, that is a path through /dev/fd. */
static int name_it(struct exec_args *a, int dirfd, const char *path, int flags)
{
	size_t size = strlen(path) + 32;
	const char *base;

	if (dirfd == AT_FDCWD || path[0] == '/') {
		a->filename = kstrdup(path);
	} else {
		a->filename = kmalloc(size);
		if (a->filename)
			ksnprintf(a->filename, size, path[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d", dirfd, path);
	}
	if (!a->filename)
		return -ENOMEM;
	base = path[0] ? path : a->exe->path.dentry->name.name;
	if (strrchr(base, '/'))
		base = strrchr(base, '/') + 1;
	strlcpy(a->comm, base, sizeof(a->comm));
	return 0;
}

/* A script named by a descriptor that exec closes could not be opened by its interpreter. */
static int check_script_fd(const struct exec_args *a, int dirfd, const char *path)
{
	struct files *files = current->files;
	bool closes = false;

	if (!a->nlead || dirfd == AT_FDCWD || path[0] == '/')
		return 0;
	mutex_lock(&files->lock);
	if ((u32)dirfd < files->capacity)
		closes = files->cloexec[dirfd / 64] >> (dirfd % 64) & 1;
	mutex_unlock(&files->lock);
	return closes ? -ENOENT : 0;
}

int exec_find(struct exec_args *a, int dirfd, const char *path, int flags)
{
	char *interp;
	int err;

	a->exe = open_exec(dirfd, path, flags);
	if (is_err(a->exe)) {
		err = ptr_err(a->exe);
		a->exe = NULL;
		return err;
	}
	err = name_it(a, dirfd, path, flags);
	if (!err)
		err = follow_scripts(a);
	if (!err)
		err = check_script_fd(a, dirfd, path);
	if (err)
		return err;
	interp = elf_interp_path(a->exe);
	if (is_err(interp))
		return ptr_err(interp);
	if (!interp)
		return 0;
	a->interp = open_exec(AT_FDCWD, interp, 0);
	kfree(interp);
	if (is_err(a->interp)) {
		err = ptr_err(a->interp);
		a->interp = NULL;
		return err;
	}
	/* It must be a program file itself; whether it names a further interpreter does not matter. */
	interp = elf_interp_path(a->interp);
	if (is_err(interp))
		return ptr_err(interp) == -ENOEXEC ? -ELIBBAD : ptr_err(interp);
	kfree(interp);
	return 0;
}
