/*
 * The file system's start: fs_init, the mounts of the boot block, and the context (root, cwd, umask) of tasks.
 *
 * Boot mounts happen on a service thread that has no fs context: boot_ns and boot_fs stand in for it, here and in
 * name resolution, and become the first program's at fs_boot_finish. A container that joins later begins with an empty
 * namespace and context (fs_boot_empty), into which its first process mounts in the same way.
 */
#include "fs/filemem.h"
#include "fs/mount_tree.h"
#include "fs/tmpfs/tmpfs.h"
#include "fs/dev/dev.h"
#include "fs/hostfile/hostfile.h"
#include "fs/hostfs/hostfs.h"
#include "fs/overlay/overlay.h"
#include "fs/pipe/pipe.h"
#include "fs/proc/proc.h"
#include "fs/sys/sysfs.h"
#include "fs/tty/tty.h"
#include "ipc/mqueue.h"

static struct fs_context *boot_fs;

static struct fs_context *context_alloc(void)
{
	struct fs_context *fs = kzalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	ref_init(&fs->ref);
	mutex_init(&fs->lock, LOCK_FS_CONTEXT);
	fs->umask = 022;
	return fs;
}

struct fs_context *fs_context_copy(struct fs_context *old)
{
	struct fs_context *fs = context_alloc();

	if (!fs)
		return NULL;
	mutex_lock(&old->lock);
	fs->root = old->root;
	fs->cwd = old->cwd;
	fs->umask = old->umask;
	path_get(&fs->root);
	path_get(&fs->cwd);
	mutex_unlock(&old->lock);
	return fs;
}

void fs_context_put(struct fs_context *fs)
{
	if (!ref_put(&fs->ref))
		return;
	path_put(&fs->root);
	path_put(&fs->cwd);
	kfree(fs);
}

void fs_get_root(struct fs_context *fs, struct path *out)
{
	mutex_lock(&fs->lock);
	*out = fs->root;
	path_get(out);
	mutex_unlock(&fs->lock);
}

void fs_get_cwd(struct fs_context *fs, struct path *out)
{
	mutex_lock(&fs->lock);
	*out = fs->cwd;
	path_get(out);
	mutex_unlock(&fs->lock);
}

void current_root(struct path *out)
{
	fs_get_root(current->fs ? current->fs : boot_fs, out);
}

void current_cwd(struct path *out)
{
	fs_get_cwd(current->fs ? current->fs : boot_fs, out);
}

u32 current_umask(void)
{
	return current->fs ? atomic_load_relaxed(&current->fs->umask) : 0;
}

int fs_init(void)
{
	int err;

	anon_sb = sb_new_anon("anon_inodefs", ANON_INODE_FS_MAGIC);
	boot_ns = mount_ns_alloc();
	boot_fs = context_alloc();
	if (!anon_sb || !boot_ns || !boot_fs)
		return -ENOMEM;
	/* In the order of their needs: tmpfs lends its inodes to others, devices go before the file systems that show them. */
	static int (*const inits[])(void) = { tmpfs_init, hostfs_init, overlay_init, pipe_init, tty_init, hostfile_init,
					     dev_init, proc_init, sys_init, mqueue_init };

	for (u32 i = 0; i < ARRAY_SIZE(inits); i++) {
		err = inits[i]();
		if (err)
			return err;
	}
	return 0;
}

static int boot_root(struct mount_ns *ns, struct mount *m)
{
	struct fs_context *fs = current->fs ? current->fs : boot_fs;

	mutex_lock(&mount_lock);
	mutex_lock(&dcache_lock);
	mount_attach_locked(m, NULL, NULL, ns);
	ns->root = m;
	mutex_unlock(&dcache_lock);
	mutex_unlock(&mount_lock);
	mutex_lock(&fs->lock);
	fs->root = (struct path){ mount_get(m), dentry_get(m->root) };
	fs->cwd = (struct path){ mount_get(m), dentry_get(m->root) };
	mutex_unlock(&fs->lock);
	return 0;
}

/* What stands at name, in dir by its last component; made when it is missing. Takes dir over. */
static int boot_step(const char *name, const char *last, u32 kind, struct path dir, struct path *out)
{
	struct inode_new new = { .mode = kind | (kind == S_IFDIR ? 0755 : 0644) };
	int err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, out);

	if (err == -ENOENT)
		err = vfs_create(&dir, last, &new, out);
	path_put(&dir);
	return err;
}

/* Finds the target; with kind (S_IFDIR or S_IFREG) makes what is missing on the way. */
static int boot_target(const char *target, u32 kind, struct path *out)
{
	int err = path_lookup(AT_FDCWD, target, LOOKUP_FOLLOW, out);
	char *name, *at, *end;
	struct path dir;

	if (err != -ENOENT || !kind)
		return err;
	if (target[0] != '/')
		return -EINVAL;
	name = kstrdup(target);
	if (!name)
		return -ENOMEM;
	for (end = name + strlen(name); end[-1] == '/' && end - 1 != name; end--)
		end[-1] = 0;
	err = path_lookup(AT_FDCWD, "/", LOOKUP_FOLLOW, &dir);
	for (at = name + 1; !err; at = end + 1) {
		while (*at == '/')
			at++;
		for (end = at; *end && *end != '/'; end++)
			;
		if (!*end) {
			err = boot_step(name, at, kind, dir, out);
			break;
		}
		*end = 0;
		err = boot_step(name, at, S_IFDIR, dir, &dir);
		*end = '/';
	}
	kfree(name);
	return err;
}

int fs_boot_mount(const char *name, const char *source, const char *target, u64 flags, const char *options, void *data,
		  bool create)
{
	const struct fs_type *type = fs_type_find(name);
	struct super_block *sb = NULL;
	struct mount *m;
	struct path at;
	struct mount_ns *ns = current->mnt_ns ? current->mnt_ns : boot_ns;
	u32 kept = (u32)flags & MOUNT_KEPT_FLAGS;
	int err;

	if (!type || !type->mount)
		return -ENODEV;
	source = source ? source : "";
	options = options ? options : "";
	err = type->mount(type, source, options, data, &sb);
	if (err)
		return err;
	if (!sb->source[0])
		strlcpy(sb->source, *source ? source : name, sizeof(sb->source));
	if (!(kept & (MS_NOATIME | MS_STRICTATIME)))
		kept |= (u32)MS_RELATIME;
	m = mount_of_sb(sb, kept);
	if (is_err(m))
		return (int)ptr_err(m);
	if (!ns->root)
		return strcmp(target, "/") == 0 ? boot_root(ns, m) : -EINVAL;
	err = boot_target(target, create ? m->root->inode->mode & S_IFMT : 0, &at);
	if (!err) {
		err = mount_graft(m, &at);
		path_put(&at);
	}
	if (err)
		mount_put(m);
	return err;
}

static bool names_mode(const char *options)
{
	while (options && strncmp(options, "mode=", 5) != 0) {
		options = strchr(options, ',');
		if (options)
			options++;
	}
	return options != NULL;
}

int fs_boot_tmpfs(const char *source, const char *target, u64 flags, const char *options, bool copy)
{
	struct path below, made;
	char *all = NULL;
	int err = path_lookup(AT_FDCWD, target, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &below);

	options = options ? options : "";
	if (err == -ENOENT)
		return fs_boot_mount("tmpfs", source, target, flags, options, NULL, true);
	if (err)
		return err;
	if (!names_mode(options)) {
		size_t size = strlen(options) + 16;

		all = kmalloc(size);
		if (all)
			ksnprintf(all, size, "mode=%o%s%s", below.dentry->inode->mode & S_IALLUGO, *options ? "," : "", options);
	}
	/* Read-only it becomes when it is full. */
	err = fs_boot_mount("tmpfs", source, target, copy ? flags & ~(u64)MS_RDONLY : flags, all ? all : options, NULL, false);
	kfree(all);
	if (!err && copy) {
		err = path_lookup(AT_FDCWD, target, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &made);
		if (!err) {
			err = fs_copy_tree(&below, &made, 0);
			made.mnt->flags |= (u32)flags & MS_RDONLY;
			path_put(&made);
		}
	}
	path_put(&below);
	return err;
}

int fs_boot_finish(struct mount_ns **ns, struct fs_context **fs)
{
	if (!boot_ns->root)
		return -ENOENT;
	*fs = fs_context_copy(boot_fs);
	if (!*fs)
		return -ENOMEM;
	*ns = mount_ns_get(boot_ns);
	return 0;
}

int fs_boot_empty(struct mount_ns **ns, struct fs_context **fs)
{
	*ns = mount_ns_alloc();
	*fs = context_alloc();
	if (*ns && *fs)
		return 0;
	if (*ns)
		mount_ns_put(*ns);
	if (*fs)
		fs_context_put(*fs);
	*ns = NULL;
	*fs = NULL;
	return -ENOMEM;
}

int fs_boot_node(const char *path, u32 mode, u32 uid, u32 gid, u64 rdev, int host_fd, u32 access)
{
	struct inode_new new = { .mode = mode, .rdev = rdev };
	struct iattr attr = { .valid = ATTR_MODE | ATTR_UID | ATTR_GID, .mode = mode & S_IALLUGO, .uid = uid, .gid = gid };
	char *dir = kstrdup(path), *slash = dir ? strrchr(dir, '/') : NULL;
	struct path at, made;
	int err;

	if (!dir)
		return -ENOMEM;
	if (!slash || !slash[1]) {
		kfree(dir);
		return -EINVAL;
	}
	*slash = 0;
	err = boot_target(slash == dir ? "/" : dir, S_IFDIR, &at);
	if (!err) {
		err = vfs_create(&at, slash + 1, &new, &made);
		path_put(&at);
	}
	kfree(dir);
	if (err)
		return err == -EEXIST && host_fd < 0 ? 0 : err;
	err = vfs_setattr(&made, &attr);
	if (!err && host_fd >= 0)
		err = hostdev_attach(made.dentry->inode, host_fd, access);
	path_put(&made);
	return err;
}

int fs_boot_dir(const char *path)
{
	struct path p;
	int err = boot_target(path, S_IFDIR, &p);

	if (!err)
		path_put(&p);
	return err;
}

/* A path that is missing needs no hiding. */
int fs_boot_mask(const char *path)
{
	struct path at, null;
	struct mount *m;
	int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &at);

	if (err)
		return err == -ENOENT || err == -ENOTDIR ? 0 : err;
	if (S_ISDIR_(at.dentry->inode->mode)) {
		path_put(&at);
		return fs_boot_mount("tmpfs", "tmpfs", path, MS_RDONLY, "size=0k", NULL, false);
	}
	err = path_lookup(AT_FDCWD, "/dev/null", LOOKUP_FOLLOW, &null);
	if (!err) {
		m = mount_alloc(null.mnt->sb, null.dentry, null.mnt->flags);
		err = m ? mount_graft(m, &at) : -ENOMEM;
		if (err && m)
			mount_put(m);
		path_put(&null);
	}
	path_put(&at);
	return err;
}

int fs_boot_readonly(const char *path)
{
	struct path at;
	struct mount *m;
	int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &at);

	if (err)
		return err == -ENOENT || err == -ENOTDIR ? 0 : err;
	m = mount_alloc(at.mnt->sb, at.dentry, at.mnt->flags | (u32)MS_RDONLY);
	err = m ? mount_graft(m, &at) : -ENOMEM;
	if (err && m)
		mount_put(m);
	path_put(&at);
	return err;
}
