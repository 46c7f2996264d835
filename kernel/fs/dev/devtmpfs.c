/* devtmpfs: a tmpfs that begins with the nodes, links and directories a container finds under /dev. */
#include "abi/linux/errno.h"
#include "core/boot.h"
#include "fs/dev/dev.h"
#include "fs/tmpfs/tmpfs.h"
#include "lib/string.h"
#include "proc/container.h"

static int make(struct inode *dir, const char *name, u32 mode, u64 rdev, const char *target)
{
	const struct inode_new new = { .mode = mode, .rdev = rdev, .symlink = target };
	struct qstr q = { name, (u32)strlen(name), 0 };
	struct inode *inode;
	int err;

	mutex_lock(&dir->lock);
	err = dir->ops->create(dir, &q, &new, &inode);
	mutex_unlock(&dir->lock);
	if (!err)
		inode_put(inode);
	return err;
}

static int populate(struct inode *root)
{
	static const char *const dirs[] = { "pts", "shm", "mqueue" };
	static const struct {
		const char *name, *target;
	} links[] = {
		{ "fd", "/proc/self/fd" },	  { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
		{ "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" },
	};
	const struct chrdev *dev;
	int err = 0;

	for (u32 i = 0; !err && (dev = chrdev_at(i)); i++) {
		/* ptmx is the instance's own; a console is there when somebody sits at it. */
		if (!dev->name || strcmp(dev->name, "ptmx") == 0 ||
		    (strcmp(dev->name, "console") == 0 && !current_container()->terminal))
			continue;
		err = make(root, dev->name, S_IFCHR | dev->mode, MKDEV(dev->major, dev->minor), NULL);
	}
	for (u32 i = 0; !err && i < ARRAY_SIZE(dirs); i++)
		err = make(root, dirs[i], S_IFDIR | 0755, 0, NULL);
	for (u32 i = 0; !err && i < ARRAY_SIZE(links); i++)
		err = make(root, links[i].name, S_IFLNK | 0777, 0, links[i].target);
	return err;
}

static int devtmpfs_mount(const struct fs_type *type, const char *source, const char *options, void *data __unused,
			  struct super_block **out)
{
	const struct fs_type *tmpfs = fs_type_find("tmpfs");
	struct super_block *sb;
	int err = tmpfs->mount(tmpfs, source, *options ? options : "size=64m,mode=755", NULL, &sb);

	if (err)
		return err;
	sb->type = type;
	err = populate(sb->root);
	if (err) {
		sb_put(sb);
		return err;
	}
	*out = sb;
	return 0;
}

static struct fs_type devtmpfs_type = { .name = "devtmpfs", .mount = devtmpfs_mount, .nodev = true };

int dev_init(void)
{
	int err = mem_devices_init();

	fs_type_register(&devtmpfs_type);
	return err;
}
