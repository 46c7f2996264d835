/* Shared between the files of the VFS core, for nobody else. */
#ifndef LIMPET_FS_INTERNAL_H
#define LIMPET_FS_INTERNAL_H

#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/mount.h"
#include "core/alloc.h"
#include "core/log.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "lib/string.h"
#include "proc/task.h"

/* dcache.c. dcache_lock guards the name cache and the mount tree. */
extern struct mutex dcache_lock;
struct dentry *dcache_find_locked(struct dentry *parent, const struct qstr *q);
u32 dcache_name_hash(const char *name, u32 len);
/* Drops a reference under dcache_lock; what dies is collected in doomed for dcache_dispose after unlocking. */
void dentry_put_locked(struct dentry *d, struct list_head *doomed);
void dcache_dispose(struct list_head *doomed);
/* The child of that name, positive or negative, referenced; err_ptr. No lock held / parent's inode lock held. */
struct dentry *dentry_lookup(struct dentry *parent, struct qstr *q);
struct dentry *dentry_lookup_dirlocked(struct dentry *parent, struct qstr *q);
/* O_TMPFILE: unhashed, shown as deleted; takes over the inode reference; NULL = no memory. */
struct dentry *dentry_alloc_tmpfile(struct dentry *dir, struct inode *inode, const char *name);
void dentry_instantiate(struct dentry *d, struct inode *inode); /* takes over the inode reference */
/* The name is gone. Returns an inode reference to put once no lock is held, or NULL. */
struct inode *dentry_delete(struct dentry *d);
void dentry_forget(struct dentry *d); /* out of the cache: the next lookup asks the file system */
void dentry_move(struct dentry *d, struct dentry *target, bool exchange); /* parents' inode locks held */
void dcache_shrink_sb(struct super_block *sb);
bool dentry_is_ancestor(struct dentry *a, struct dentry *d); /* a == d counts; dcache_lock taken inside */
struct super_block *sb_new_anon(const char *name, u64 magic);

/* mount.c; all with dcache_lock held. */
struct mount *mount_find_locked(struct mount *parent, struct dentry *mountpoint);
static inline void mount_cross_locked(struct mount **mnt, struct dentry **d)
{
	while (unlikely(atomic_load_relaxed(&(*d)->mounted))) {
		struct mount *m = mount_find_locked(*mnt, *d);

		if (!m)
			return;
		*mnt = m;
		*d = m->root;
	}
}
static inline struct mount *mount_get(struct mount *m)
{
	ref_get(&m->ref);
	return m;
}
void mount_put(struct mount *m); /* no lock held */
extern struct mount_ns *boot_ns;
/* copy_tree.c: the contents of one directory into another; the first has depth 0. */
int fs_copy_tree(const struct path *from, const struct path *to, u32 depth);
/* mount_ops.c: mount(2) and its relatives, from decoded arguments; capability already checked. */
int do_mount(const char *source, const struct path *at, const char *type, u64 flags, const char *options);
int do_umount(const struct path *at, int flags);
int do_pivot_root(const struct path *new_root, const struct path *put_old);

/* The fs context of the current task; the boot one for service threads. */
void current_root(struct path *out);
void current_cwd(struct path *out);
u32 current_umask(void);

/* namei.c */
enum last_type { LAST_NORM, LAST_ROOT, LAST_DOT, LAST_DOTDOT };
struct walk_frame;
struct nameidata {
	struct path path; /* where we are */
	struct path root;

	const char *rest; /* of the text being walked */
	struct walk_frame *frames; /* symlink texts, owned */
	struct walk_frame *resume; /* outer texts to go on with */
	struct qstr last;
	enum last_type last_type;
	bool last_slash; /* a slash after the last component */
	u32 flags, links;
};
int nd_init(struct nameidata *nd, int dirfd, const char *name, u32 flags);
void nd_done(struct nameidata *nd);
int nd_parent(struct nameidata *nd); /* walks to the last component's directory */
/* Looks up nd->last in nd->path: a referenced path, possibly negative. */
int nd_lookup_last(struct nameidata *nd, struct path *out);
void nd_cross_mounts(struct path *p);
int nd_follow(struct nameidata *nd, struct path *link); /* consumes link; then nd_parent again */
int nd_dotdot(struct nameidata *nd);
int nd_check_crossing(struct nameidata *nd, const struct path *p);
int nd_walk(struct nameidata *nd, struct path *out); /* the whole way */

/* permission.c, attr.c */
bool vfs_capable(unsigned cap); /* service threads may everything */
bool vfs_in_group(u32 gid);
u32 vfs_fsuid(void);
u32 vfs_fsgid(void);
bool inode_owner_or_capable(struct inode *i);
int may_create(struct dentry *dir);
int may_delete(struct dentry *dir, struct dentry *victim, bool is_dir);
void inode_init_owner(struct inode *dir, struct inode_new *new);
/* create.c: with the directory's inode lock held and a negative dentry in hand. */
int create_locked(struct dentry *dir, struct dentry *d, const struct inode_new *tmpl);
static inline bool dir_is_dead(struct dentry *d) { return d->unhashed; }

/* Names fetched from the program: short ones stay on the stack. */
struct uname {
	char *name;
	char small[224];
};
int uname_get(struct uname *u, struct uptr p, bool empty_ok) __must_check;
static inline void uname_put(struct uname *u)
{
	if (u->name != u->small)
		kfree(u->name);
}

/* create.c, rename.c: from kernel names. */
int do_mkdirat(int dirfd, const char *name, u32 mode);
int do_mknodat(int dirfd, const char *name, u32 mode, u64 rdev);
int do_symlinkat(const char *target, int dirfd, const char *name);
int do_linkat(int olddirfd, const char *oldname, int newdirfd, const char *newname, int flags);
int do_unlinkat(int dirfd, const char *name);
int do_rmdirat(int dirfd, const char *name);
int do_renameat2(int olddirfd, const char *oldname, int newdirfd, const char *newname, u32 flags);

/* Who opens special files: fs/pipe/fifo.c, fs/dev/dev.c. As inode_ops.open. */
int fifo_open(struct inode *inode, struct file *file);
int chrdev_open(struct inode *inode, struct file *file);
int pipe_init(void) __must_check;

/* xattr.c: name checked for length; no lock held. */
ssize_t vfs_getxattr(const struct path *p, const char *name, void *buf, size_t size);
int vfs_setxattr(const struct path *p, const char *name, const void *value, size_t size, u32 flags);
ssize_t vfs_listxattr(const struct path *p, char *buf, size_t size);
int vfs_removexattr(const struct path *p, const char *name);

int sync_all(void);

/* inotify(7) bits that the VFS sends. */
#define IN_ACCESS 0x1u
#define IN_MODIFY 0x2u
#define IN_ATTRIB 0x4u
#define IN_CLOSE_WRITE 0x8u
#define IN_OPEN 0x20u
#define IN_MOVED_FROM 0x40u
#define IN_MOVED_TO 0x80u
#define IN_CREATE 0x100u
#define IN_DELETE 0x200u
#define IN_DELETE_SELF 0x400u
#define IN_MOVE_SELF 0x800u
#define IN_UNMOUNT 0x2000u
#define IN_ISDIR 0x40000000u

/* Events about a name: only watchers of its directory hear them. inode tells the kind of file. */
static inline void notify_name(struct dentry *d, struct inode *inode, u32 mask)
{
	fs_notify(inode, d, mask);
}

#endif
