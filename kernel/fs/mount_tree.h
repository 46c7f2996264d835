/* Between mount.c, mount_ops.c, mount_show.c and boot.c. */
#ifndef LIMPET_FS_MOUNT_TREE_H
#define LIMPET_FS_MOUNT_TREE_H

#include "fs/internal.h"

/* The flags that a mount keeps; the rest of mount(2)'s are requests. */
#define MOUNT_KEPT_FLAGS                                                                                     \
	((u32)(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME |       \
	       MS_STRICTATIME | MS_NOSYMFOLLOW))

extern struct mutex mount_lock; /* outside dcache_lock */
struct mount *mount_alloc(struct super_block *sb, struct dentry *root, u32 flags);
struct mount *mount_of_sb(struct super_block *sb, u32 flags);
void mount_attach_locked(struct mount *m, struct mount *parent, struct dentry *mountpoint, struct mount_ns *ns);
bool mount_below_locked(const struct mount *m, const struct mount *top);
void mount_umount_tree(struct mount *top, struct list_head *doomed);
void mount_put_doomed(struct list_head *doomed);
void mount_ns_announce(struct mount_ns *ns);
u32 mount_new_peer_group(void);
struct mount_ns *mount_ns_alloc(void);
/* Puts a new mount (reference taken over on success) at a place in its namespace. */
int mount_graft(struct mount *m, const struct path *at);

#endif
