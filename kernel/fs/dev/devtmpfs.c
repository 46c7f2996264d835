/*
 * devtmpfs: a tmpfs that comes with what programs expect below /dev: a node for each registered device, the standard
 * links, and the places where devpts, shared memory and message queues are mounted. Each mount is an instance of its own.
 */
#include "fs/dev/devtmpfs.h"

#include "core/boot.h"
#include "fs/dev/dev.h"
#include "fs/internal.h"
#include "fs/tmpfs/tmpfs.h"

static int add(struct inode *dir, const char *name, const struct inode_new *new)
{
	struct qstr q = { name, (u32)strlen(name), dcache_name_hash(name, (u32)strlen(name)) };
	struct inode *made = NULL;
	int err;

	mutex_lock(&dir->lock);
	err = dir->ops->create(dir, &q, new, &made);
	mutex_unlock(&dir->lock);
	if (!err && made)
		inode_put(made);
	return err;
}

static int add_dir(struct inode *dir, const char *name, u32 mode)
{
	return add(dir, name, &(struct inode_new){ .mode = S_IFDIR | mode });
}

static int add_link(struct inode *dir, const char *name, const char *target)
{
	return add(dir, name, &(struct inode_new){ .mode = S_IFLNK | 0777, .symlink = target });
}

static int add_nodes(struct inode *dir)
{
	const struct chrdev *d;
	int err = 0;

	for (u32 i = 0; !err && (d = chrdev_at(i)); i++) {
		struct inode_new new = { .mode = S_IFCHR | d->mode, .rdev = MKDEV(d->major, d->minor) };

		/* The multiplexer is that of the devpts below; a console is there when the sandbox has a terminal. */
		if (!d->name || !strcmp(d->name, "ptmx") || (!strcmp(d->name, "console") && !boot->terminal))
			continue;
		err = add(dir, d->name, &new);
	}
	return err;
}

static int populate(struct inode *dir)
{
	static const struct {
		const char *name, *target;
	} links[] = {
		{ "fd", "/proc/self/fd" },	   { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
		{ "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" },
	};
	int err = add_nodes(dir);

	for (u32 i = 0; !err && i < ARRAY_SIZE(links); i++)
		err = add_link(dir, links[i].name, links[i].target);
	if (!err)
		err = add_dir(dir, "pts", 0755);
	if (!err)
		err = add_dir(dir, "shm", 01777);
	return err ? err : add_dir(dir, "mqueue", 01777);
}

static int devtmpfs_mount(const struct fs_type *type, const char *source, const char *options, void *data,
			  struct super_block **out)
{
	/* tmpfs's own default would let everybody make names here. */
	size_t len = strlen(options) + 16;
	char *text = kmalloc(len);
	struct super_block *sb;
	int err;

	if (!text)
		return -ENOMEM;
	ksnprintf(text, len, "mode=755%s%s", *options ? "," : "", options);
	sb = tmpfs_new_sb(text);
	kfree(text);
	if (is_err(sb))
		return (int)ptr_err(sb);
	sb->type = type;
	err = populate(sb->root);
	if (err) {
		/* As the last unmount would: names go, then the root, then the instance. */
		sb_pin(sb);
		sb_unpin(sb);
		sb_put(sb);
		return err;
	}
	*out = sb;
	return 0;
}

static struct fs_type devtmpfs_type = {
	.name = "devtmpfs",
	.mount = devtmpfs_mount,
	.user_mountable = true,
	.nodev = true,
};

void devtmpfs_register(void) { fs_type_register(&devtmpfs_type); }
