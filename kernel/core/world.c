/* The guest's world as the boot block asks for it: mounts in order, hidden paths. */
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
	if (m->like_below)
		return fs_boot_tmpfs(source, target, m->flags, options, m->like_below == BOOT_COPY);
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
		if (err)
			fail("mounting on", boot_str(mounts[i].target), err);
	}
	for (u32 i = 0; i < boot->nnodes; i++) {
		const struct boot_node *n = (const struct boot_node *)((const u8 *)boot + boot->nodes) + i;

		err = fs_boot_node(boot_str(n->path), n->mode, n->uid, n->gid, MKDEV(n->major, n->minor));
		if (err)
			fail("making", boot_str(n->path), err);
	}
	for (u32 i = 0; i + 1 < boot->nsysctls; i += 2) {
		const char *path = boot_str(offsets(boot->sysctls)[i]);
		char value[MESSAGE_MAX];

		strlcpy(value, boot_str(offsets(boot->sysctls)[i + 1]), sizeof(value));
		err = proc_sysctl_set(path, value);
		if (err)
			fail("linux.sysctl: setting", path, err);
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
