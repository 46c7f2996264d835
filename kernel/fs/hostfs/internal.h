/*
 * Shared between hostfs's files.
 *
 * A node (inode->priv) knows where it was found (parent, name), from which its host descriptors are opened on demand:
 * path (O_PATH: directories, to resolve names in), read and write (data, by position only: one serves all open files).
 * Users pin a node's descriptors; those of unpinned nodes wait in an LRU list and are closed when hostfs holds too many.
 *
 * Locks: inode.lock of directories by the VFS; hostfs_sb.names_lock around a change of names and around changes of
 * attributes that go by name; hostfs_lock (a leaf) for the hash, names, descriptors, pins and the LRU, never over a
 * host call. Opening races with renaming: begun and ended count changes of names, and an open that met one checks
 * what it got.
 */
#ifndef LIMPET_FS_HOSTFS_INTERNAL_H
#define LIMPET_FS_HOSTFS_INTERNAL_H

#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "fs/file.h"
#include "fs/hostfs/hostfs.h"

struct hostfs_backend;

struct hostfs_sb {
	const struct hostfs_backend *be;
	bool shared, readonly; /* immutable */
	struct mutex names_lock; /* LOCK_FS_PRIVATE */
	u32 begun, ended; /* atomic: changes of names */
	struct super_block *sb; /* back pointer */
	struct list_head node; /* while others may mount it too; super.c */
};

enum hostfs_fd { HOSTFS_PATH, HOSTFS_READ, HOSTFS_WRITE, HOSTFS_FDS };

#define NODE_OWN_IDS 1u /* the host refused chown: uid and gid are the guest's view only */
#define NODE_OWN_MODE 2u
#define NODE_VOLATILE 4u /* mapped shared and writable: attributes change without us */
#define NODE_WRITE_ONLY 8u /* fd[HOSTFS_WRITE] cannot be read */

struct hostfs_node {
	struct inode *inode; /* back pointer */
	u64 host_dev, host_ino; /* immutable */
	struct timespec64 btime; /* immutable: tells a reused number */
	u32 flags; /* NODE_*, atomic */
	u32 stale; /* atomic: ask the host before the next stat */
	s64 no_caps; /* atomic: it had no file capabilities when it had this ctime, in ns; exec asks each time */
	/* under hostfs_lock */
	struct inode *parent; /* reference; NULL = the root, or no name left */
	char *name;
	int fd[HOSTFS_FDS]; /* -1 = not open; they stay open while pins > 0 */
	u32 pins;
	struct list_head lru;
	char inline_name[24];
};
static inline struct hostfs_node *node_of(const struct inode *i) { return i->priv; }
static inline struct hostfs_sb *hsb_of(const struct inode *i) { return i->sb->priv; }

/*
 * What does the file work. Names are single components; "" means the descriptor itself. 0, a descriptor, a count or
 * -errno. Descriptors that open returns are in the sandbox's shared table whoever opened the file.
 */
struct hostfs_backend {
	const char *name;
	int (*stat)(int dir, const char *name, struct statx *st);
	int (*open)(int dir, const char *name, u32 flags, u32 mode);
	/* Entries in getdents64(2)'s layout. */
	ssize_t (*readdir)(int fd, void *buf, size_t size);
	ssize_t (*readlink)(int dir, const char *name, char *buf, size_t size);
	int (*mkdir)(int dir, const char *name, u32 mode);
	int (*mknod)(int dir, const char *name, u32 mode, u64 dev);
	int (*symlink)(const char *target, int dir, const char *name);
	int (*link)(int old_dir, const char *old_name, int new_dir, const char *new_name);
	int (*unlink)(int dir, const char *name, bool directory);
	int (*rename)(int old_dir, const char *old_name, int new_dir, const char *new_name, u32 flags);
	int (*chmod)(int dir, const char *name, u32 mode);
	int (*chown)(int dir, const char *name, u32 uid, u32 gid); /* -1 = as it is */
	int (*utimens)(int dir, const char *name, const struct timespec64 ts[2]);
};
extern const struct hostfs_backend hostfs_direct;

/* node.c */
extern struct mutex hostfs_lock;
/*
 * The inode of what st describes, found at name in parent (both NULL: the root; name NULL: nameless). *out referenced.
 */
int hostfs_iget(struct super_block *sb, const struct statx *st, struct inode *parent, const char *name,
		struct inode **out);
void hostfs_fill(struct inode *inode, const struct statx *st);
void hostfs_evict(struct inode *inode);
/* A pinned descriptor of the kind, or -errno (-ESTALE: no way to it any more). */
int hostfs_fd_get(struct inode *inode, enum hostfs_fd kind) __must_check;
void hostfs_fd_put(struct inode *inode);
/* Gives a node a descriptor that was opened otherwise; closes fd when it has one already. pin: and pins it. */
void hostfs_fd_install(struct inode *inode, enum hostfs_fd kind, int fd, bool pin);
void hostfs_fd_adopt(struct inode *inode, enum hostfs_fd kind, int fd); /* the same for one not opened by us */
/* Opens with room made first; counted until hostfs_close. */
int hostfs_open_host(const struct hostfs_backend *be, int dir, const char *name, u32 flags, u32 mode);
void hostfs_close(int fd);
/* "self/fd/N" for openat and friends relative to hostfs_proc_fd(); false = there is no procfs. */
int hostfs_proc_fd(void);
void hostfs_proc_name(int fd, char buf[32]);
/* Moves a node to another place (parent NULL: nameless) if it is known at the old one. Returns an inode to put. */
struct inode *hostfs_move_name(struct inode *inode, struct inode *old_dir, const struct qstr *old_name,
			       struct inode *new_dir, char *new_name);
void hostfs_unhash(struct inode *inode); /* deleted: the host may give its number to a new file */
void hostfs_set_limit(u64 limit);

/* A way to name a node to the host: in its parent, or by a descriptor of its own (name ""). Pinned. */
struct hostfs_place {
	int dir;
	struct inode *pinned;
	char name[NAME_MAX + 1];
};
int hostfs_place_get(struct inode *inode, struct hostfs_place *p) __must_check;
void hostfs_place_put(struct hostfs_place *p);

static inline void hostfs_mark_stale(struct inode *inode)
{
	struct hostfs_node *n = node_of(inode);

	if (!atomic_load_relaxed(&n->stale))
		atomic_store(&n->stale, 1);
}

/* attr.c */
int hostfs_refresh(struct inode *inode);
int hostfs_getattr(struct inode *inode, struct kstat *st);
int hostfs_setattr(struct inode *inode, const struct iattr *attr);
/* Owner and mode of a file just made, st as the host made it. */
void hostfs_settle_new(struct inode *inode, int dir, const char *name, const struct inode_new *new);
/* xattr.c */
ssize_t hostfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int hostfs_setxattr(struct inode *inode, const char *name, const void *value, size_t size, u32 flags);
ssize_t hostfs_listxattr(struct inode *inode, char *buf, size_t size);
int hostfs_removexattr(struct inode *inode, const char *name);

/* Operations by type. dir.c, file.c, readdir.c */
const struct inode_ops *hostfs_inode_ops(u32 mode, bool shared);
int hostfs_file_open(struct inode *inode, struct file *f);
int hostfs_dir_open(struct inode *inode, struct file *f);
extern const struct file_ops hostfs_file_ops, hostfs_dir_ops;

#endif
