/* See world.h: mounts in order, devices, hidden paths. */
#include "core/world.h"

#include "abi/control.h"
#include "abi/linux/errno.h"
#include "core/boot.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "fs/hostfs/hostfs.h"
#include "fs/overlay/overlay.h"
#include "gate/host.h"
#include "lib/string.h"

#define VALUE_MAX 256

static const char *str(const struct boot_block *b, u32 offset) { return offset ? (const char *)b + offset : NULL; }
static const u32 *offsets(const struct boot_block *b, u32 at) { return (const u32 *)((const u8 *)b + at); }

static int fail(char *text, size_t size, const char *what, const char *name, int err)
{
	ksnprintf(text, size, "%s %s: error %d", what, name, -err);
	return err;
}

static struct super_block *hostfs_super(const struct boot_mount *m, int fd, bool readonly, int *err)
{
	const struct fs_type *type = fs_type_find("hostfs");
	struct hostfs_mount_data data = { .fd = fd, .shared = m->shared & BOOT_TREE_SHARED, .readonly = readonly };
	struct super_block *sb = NULL;

	*err = type ? type->mount(type, "hostfs", "", &data, &sb) : -ENODEV;
	return sb;
}

static int mount_one(const struct boot_block *b, const struct boot_mount *m)
{
	const char *type = str(b, m->type), *target = str(b, m->target), *options = str(b, m->options);
	const char *source = str(b, m->source);
	bool readonly = m->flags & 1; /* MS_RDONLY */
	int err;

	if (strcmp(type, "hostfs") == 0) {
		struct hostfs_mount_data data = {
			.fd = m->host_fd, .shared = m->shared & BOOT_TREE_SHARED, .readonly = readonly,
			.alone = m->shared & BOOT_TREE_ALONE,
		};

		err = fs_boot_mount(type, source, target, m->flags, options, &data, m->create);
		if (data.pinned)
			sb_unpin(data.pinned);
		if (!data.taken && m->host_fd >= 0)
			host_close(m->host_fd);
		return err;
	}
	if (strcmp(type, "overlay") == 0) {
		struct overlay_mount_data data = { NULL, NULL };

		data.lower = hostfs_super(m, m->host_fd, true, &err);
		if (!err && m->host_upper_fd >= 0)
			data.upper = hostfs_super(m, m->host_upper_fd, false, &err);
		return err ? err : fs_boot_mount(type, source, target, m->flags, options, &data, m->create);
	}
	if (m->like_below)
		return fs_boot_tmpfs(source, target, m->flags, options, m->like_below == BOOT_COPY);
	return fs_boot_mount(type, source, target, m->flags, options, NULL, m->create);
}

int world_mount(const struct boot_block *b, u32 *trees, char *text, size_t size)
{
	const struct boot_mount *mounts = (const struct boot_mount *)((const u8 *)b + b->mounts);
	const struct boot_node *nodes = (const struct boot_node *)((const u8 *)b + b->nodes);
	int err;

	for (u32 i = 0; i < b->nmounts; i++) {
		*trees = i + 1;
		err = mount_one(b, &mounts[i]);
		if (err)
			return fail(text, size, "mounting on", str(b, mounts[i].target), err);
	}
	for (u32 i = 0; i < b->nnodes; i++) {
		const struct boot_node *n = &nodes[i];

		err = fs_boot_node(str(b, n->path), n->mode, n->uid, n->gid, MKDEV(n->major, n->minor));
		if (err)
			return fail(text, size, "making", str(b, n->path), err);
	}
	for (u32 i = 0; i + 1 < b->nsysctls; i += 2) {
		const char *path = str(b, offsets(b, b->sysctls)[i]);
		char value[VALUE_MAX];

		strlcpy(value, str(b, offsets(b, b->sysctls)[i + 1]), sizeof(value));
		err = proc_sysctl_set(path, value);
		if (err)
			return fail(text, size, "linux.sysctl: setting", path, err);
	}
	for (u32 i = 0; i < b->nmasked; i++) {
		err = fs_boot_mask(str(b, offsets(b, b->masked)[i]));
		if (err)
			return fail(text, size, "hiding", str(b, offsets(b, b->masked)[i]), err);
	}
	for (u32 i = 0; i < b->nreadonly; i++) {
		err = fs_boot_readonly(str(b, offsets(b, b->readonly)[i]));
		if (err)
			return fail(text, size, "making read-only", str(b, offsets(b, b->readonly)[i]), err);
	}
	return 0;
}

void world_boot(void)
{
	char text[VALUE_MAX];
	u32 trees;
	int err;

	hostfs_set_proc(boot->host_proc_fd);
	err = world_mount(boot, &trees, text, sizeof(text));
	if (!err)
		return;
	control_send(CONTROL_BOOT_ERROR, -err, text);
	for (;;)
		host_syscall(NR_exit_group, 125, 0, 0, 0, 0, 0);
}
