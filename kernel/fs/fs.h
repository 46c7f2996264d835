/*
 * The VFS: what file systems implement and what the rest of the kernel calls.
 *
 * Objects, from names to data:
 *   super_block  one mounted file system instance
 *   inode        a file: attributes cached in it, operations of its file system
 *   dentry       a name in the cache, positive (inode) or negative (NULL); pins its parent
 *   mount        a super_block's tree (or a part of it: bind) attached to a place; belongs to a mount_ns
 *   path         (mount, dentry): a place in the tree as programs see it
 *   file         an open file description; see fs/file.h for descriptors
 *
 * File systems know inodes and names only; dentries, mounts, permissions, symlink walking, locks, notifications
 * (inotify) and the descriptor table are the VFS's. That lets overlay stand on other file systems' inodes.
 *
 * Life: an inode lives while a dentry, a file or a file system refers to it (inode_get/inode_put). The last put
 * calls super_ops.evict, which drops data if nlink is 0, and frees it. Dentries without users stay cached, the
 * least recently used go first when the cache is over its limit.
 *
 * Locks: inode.lock of a directory is held by the VFS around every operation that reads or changes its names
 * (lookup included); of the victim too for unlink, rmdir and rename's target. Order: parent before child,
 * unrelated ones by address, rename serialised by LOCK_FS_RENAME. Data operations (read, write, mmap) are called
 * with no lock held.
 */
#ifndef LIMPET_FS_FS_H
#define LIMPET_FS_FS_H

#include "abi/linux/stat.h"
#include "core/lock.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/list.h"
#include "mm/uaccess.h"
#include "proc/cred.h"

struct inode;
struct dentry;
struct mount;
struct mount_ns;
struct super_block;
struct file;
struct file_ops;
struct file_lock_ctx;
struct inotify_marks;
struct fs_context;

#define NAME_MAX 255
#define PATH_MAX 4096
#define MAX_SYMLINKS 40

struct qstr {
	const char *name; /* not 0-terminated in general */
	u32 len; /* 1..NAME_MAX */
	u32 hash; /* filled by the VFS */
};

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};

/* What stat reports, in the kernel's own form. dev is (major << 20 | minor) made by MKDEV. */
struct kstat {
	u64 ino, dev, rdev, size, blocks; /* blocks of 512 bytes */
	u32 mode, nlink, uid, gid, blksize;
	struct timespec64 atime, mtime, ctime, btime;
	u64 attributes, attributes_mask; /* statx(2) */
	u64 mnt_id;
	u32 result_mask;
};
#define MKDEV(ma, mi) (((u64)(ma) << 20) | (mi))
#define MAJOR(dev) ((u32)((dev) >> 20))
#define MINOR(dev) ((u32)((dev)&0xfffff))
u64 dev_encode(u64 dev); /* Linux's encoding of dev_t in struct stat */
u64 dev_decode(u64 dev);

#define ATTR_MODE 1u
#define ATTR_UID 2u
#define ATTR_GID 4u
#define ATTR_SIZE 8u
#define ATTR_ATIME 16u
#define ATTR_MTIME 32u
#define ATTR_CTIME 64u /* set to now by the VFS with every other change */
#define ATTR_TIMES_EXPLICIT 128u /* utimensat with given times, not "now" */
/* A checked change of attributes: permission and policy (S_ISGID clearing...) are done when an fs sees it. */
struct iattr {
	u32 valid; /* ATTR_* */
	u32 mode; /* permission bits and the type bits unchanged */
	u32 uid, gid;
	u64 size;
	struct timespec64 atime, mtime, ctime;
	struct file *file; /* for ftruncate: the file, or NULL */
};

struct inode {
	struct ref ref;
	struct mutex lock; /* LOCK_INODE; overlay's lower inodes use LOCK_INODE_LOWER, by sb->lower */
	int write_count; /* > 0: open for writing by so many; < 0: denied (running executables: ETXTBSY); atomic */
	struct super_block *sb; /* immutable */
	const struct inode_ops *ops; /* immutable */
	const struct file_ops *fops; /* what open gives the file; immutable. NULL: ops->open sets file->ops, or ENXIO */
	void *priv; /* the file system's */
	u64 ino;
	u32 mode; /* type immutable; permission bits atomic */
	u32 uid, gid; /* atomic */
	u32 nlink; /* atomic */
	u64 rdev;
	u64 size; /* atomic; for file systems that keep it here */
	u64 blocks;
	u32 blksize; /* 0 = PAGE_SIZE */
	bool lower; /* this inode is used as a layer of an overlay */
	bool mapped; /* a program has mapped its file memory once; atomic */
	bool linkable; /* made by O_TMPFILE without O_EXCL: linkat may give it its first name */
	u8 host_device; /* device node of the boot block: its number in fs/hostfile/hostdev.c; 0 = none. Immutable then */
	u64 generation;
	struct timespec64 atime, mtime, ctime, btime; /* under attr_lock */
	struct mutex attr_lock; /* LOCK_LEAF */
	struct list_head sb_node; /* the file system's own use */
	struct hlist_node hash_node; /* the file system's own use */
	struct file_lock_ctx *locks; /* fs/locks.c; NULL = none ever */
	struct inotify_marks *marks; /* fs/inotify.c; NULL = none */
	void *pipe; /* FIFO: its pipe while open, fs/pipe; unix socket: bound socket; under inode.lock */
	void *code; /* mm/code_file.c: which pages were found clean; atomic; NULL = never executed */
	void *image; /* mm/image.c: its patched text; atomic; NULL = never executed */
};
#ifndef LIMPET_DEBUG
_Static_assert(sizeof(struct inode) <= 256, "each open socket and pipe has one: the allocator's size class");
#endif

/*
 * Directory operations are called with dir->lock held (and the victim's as said above), names already checked
 * (length, no '/'), permission checked, and, but for lookup, the fresh result of a lookup. All return 0 or -errno.
 * A missing operation means: lookup ENOTDIR; changes EPERM; readlink EINVAL; xattrs EOPNOTSUPP.
 * New inodes get uid, gid and mode as given (umask applied, setgid directory handled by the caller).
 */
struct inode_new {
	u32 mode; /* with type bits */
	u32 uid, gid;
	u64 rdev; /* device nodes */
	const char *symlink; /* symlinks: the target */
};
struct inode_ops {
	/* *out gets a reference; -ENOENT when there is no such name. */
	int (*lookup)(struct inode *dir, const struct qstr *name, struct inode **out);
	/* Any type: regular, directory, symlink, device, FIFO, socket by new->mode. */
	int (*create)(struct inode *dir, const struct qstr *name, const struct inode_new *new, struct inode **out);
	int (*tmpfile)(struct inode *dir, const struct inode_new *new, struct inode **out); /* nlink 0 */
	int (*link)(struct inode *dir, const struct qstr *name, struct inode *target);
	int (*unlink)(struct inode *dir, const struct qstr *name, struct inode *victim); /* not directories */
	int (*rmdir)(struct inode *dir, const struct qstr *name, struct inode *victim); /* -ENOTEMPTY */
	/* replaced is NULL or the inode at the new name (types already checked); flags RENAME_NOREPLACE (done by the
	 * VFS), RENAME_EXCHANGE, RENAME_WHITEOUT: -EINVAL when unknown. */
	int (*rename)(struct inode *old_dir, const struct qstr *old_name, struct inode *inode, struct inode *new_dir,
		      const struct qstr *new_name, struct inode *replaced, u32 flags);
	/* Target without a 0, at most size bytes; returns its length. */
	ssize_t (*readlink)(struct inode *inode, char *buf, size_t size);
	/* Magic links (/proc/PID/fd/N, exe, cwd): the place itself, referenced. NULL = use readlink's text. */
	int (*get_link)(struct inode *inode, struct path *out);
	/* Refreshes and reports. NULL = from the inode's fields (inode_fill_stat). No lock held. */
	int (*getattr)(struct inode *inode, struct kstat *st);
	/* Called with inode->lock held. NULL = inode_setattr_simple (fields only, size refused). */
	int (*setattr)(struct inode *inode, const struct iattr *attr);
	/* NULL = inode_permission_generic. mask of MAY_*. No lock held by contract. */
	int (*permission)(struct inode *inode, u32 mask);
	/* Called after generic checks, with no lock held; may set file->ops, file->priv, file->mode_flags. O_TRUNC is done by the VFS. */
	int (*open)(struct inode *inode, struct file *file);
	ssize_t (*getxattr)(struct inode *inode, const char *name, void *buf, size_t size); /* size 0: length */
	int (*setxattr)(struct inode *inode, const char *name, const void *value, size_t size, u32 flags);
	ssize_t (*listxattr)(struct inode *inode, char *buf, size_t size);
	int (*removexattr)(struct inode *inode, const char *name);
	/* A cached dentry may be stale (procfs, shared host mounts): false = look it up again. NULL = never stale. */
	bool (*revalidate)(struct inode *dir, const struct qstr *name, struct inode *inode);
};

#define MAY_EXEC 1u
#define MAY_WRITE 2u
#define MAY_READ 4u
#define MAY_APPEND 8u

struct kstatfs {
	u64 type, bsize, blocks, bfree, bavail, files, ffree, namelen, frsize, flags, fsid;
};
struct super_ops {
	void (*evict)(struct inode *inode); /* last reference is gone: free data when nlink == 0, free priv; the VFS frees the inode */
	void (*put_super)(struct super_block *sb);
	int (*statfs)(struct super_block *sb, struct kstatfs *st);
	int (*sync)(struct super_block *sb);
	/* Remount with new options text; NULL = accepted as is when options is empty. */
	int (*remount)(struct super_block *sb, const char *options);
	/* The options column of /proc/mounts, starting with ",": returns the length. NULL = none. */
	int (*show_options)(struct super_block *sb, char *buf, size_t size);
	/* The last mount is gone and its dentries are dropped: let go of what keeps inodes alive (memory file systems:
	 * every name). sb->root is put right after. Inodes that are still open live on until put_super. NULL = nothing. */
	void (*shutdown)(struct super_block *sb);
};

#define SB_NOCACHE 1u /* never keep unused dentries (procfs) */
#define SB_RDONLY 2u /* nothing on it can change */
struct super_block {
	struct ref ref; /* mounts and inodes */
	const struct fs_type *type;
	const struct super_ops *ops;
	struct inode *root; /* reference held */
	void *priv;
	u64 dev; /* MKDEV(0, n) */
	u32 flags;
	u64 max_file_size;
	char source[64]; /* what /proc/mounts shows first */
	u32 active; /* mounts, and pins of types that hand out one instance again (sb_pin); atomic */
	struct dentry *root_dentry; /* made by the first mount; under the mount lock */
};

/* File system types are registered at boot by their init functions. */
struct fs_type {
	const char *name; /* as mount(2) takes it */
	/* Makes a super_block with a root. source and options are texts (may be empty); data is a type's own boot-time extra. */
	int (*mount)(const struct fs_type *type, const char *source, const char *options, void *data, struct super_block **out);
	bool user_mountable; /* mount(2) by a program with CAP_SYS_ADMIN */
	bool nodev; /* /proc/filesystems */
	const struct fs_type *next; /* registry */
};
void fs_type_register(struct fs_type *type);
const struct fs_type *fs_type_find(const char *name);
struct super_block *sb_alloc(const struct fs_type *type, const struct super_ops *ops); /* gets a dev number; NULL = no memory */
void sb_put(struct super_block *sb);
/* Keeps sb->root and its dentries although nothing is mounted. sb_unpin may shut it down: no locks held. */
void sb_pin(struct super_block *sb);
/* The same, unless its last mount or pin has ended; the caller sees to it that the struct is there. */
bool sb_pin_live(struct super_block *sb);
void sb_unpin(struct super_block *sb);

/* Inodes: for file systems. */
struct inode *inode_alloc(struct super_block *sb, const struct inode_ops *ops, u32 mode); /* one ref, times now, nlink 1, ino 0; NULL = no memory */
static inline struct inode *inode_get(struct inode *i)
{
	ref_get(&i->ref);
	return i;
}
void inode_put(struct inode *i); /* may evict: no lock of the file system held */
u64 inode_next_ino(void); /* sandbox-wide numbers for memory file systems */
void inode_fill_stat(struct inode *i, struct kstat *st);
int inode_setattr_simple(struct inode *i, const struct iattr *attr);
int inode_permission_generic(struct inode *i, u32 mask);
void inode_touch(struct inode *i, u32 attr_times); /* ATTR_ATIME | ATTR_MTIME | ATTR_CTIME set to now */
int inode_permission(struct inode *i, u32 mask); /* through ops */
/*
 * Writers and running executables, counted in inode.write_count. Each get pairs with its put.
 * inode_write_get: -ETXTBSY while denied. inode_write_deny: -ETXTBSY while somebody writes.
 */
int inode_write_get(struct inode *i) __must_check;
void inode_write_put(struct inode *i);
int inode_write_deny(struct inode *i) __must_check;
void inode_write_allow(struct inode *i);
/* After a write or truncation by a program without CAP_FSETID: set-id bits go. No lock held; cheap when there are none. */
void inode_drop_setid(struct inode *i);
/* RLIMIT_FSIZE and the file system's limit for growing to size: 0 or -EFBIG (SIGXFSZ sent). */
int inode_size_ok(struct inode *i, u64 size) __must_check;
/* atime after a read, by the mount's rules (noatime, relatime). mnt may be NULL. */
void inode_accessed(struct mount *mnt, struct inode *i);
/* Sends inotify events for the inode, and for its name in the parent when dentry is given. */
/* inode NULL = only the watchers of the directory. */
void fs_notify(struct inode *inode, struct dentry *dentry, u32 mask);

#define S_ISREG_(m) (((m)&S_IFMT) == S_IFREG)
#define S_ISDIR_(m) (((m)&S_IFMT) == S_IFDIR)
#define S_ISLNK_(m) (((m)&S_IFMT) == S_IFLNK)
#define S_ISCHR_(m) (((m)&S_IFMT) == S_IFCHR)
#define S_ISBLK_(m) (((m)&S_IFMT) == S_IFBLK)
#define S_ISFIFO_(m) (((m)&S_IFMT) == S_IFIFO)
#define S_ISSOCK_(m) (((m)&S_IFMT) == S_IFSOCK)

/* Dentries and paths. */
struct dentry {
	struct ref ref;
	struct dentry *parent; /* itself for a root; under the dcache lock */
	struct inode *inode; /* NULL = negative; under the dcache lock */
	struct list_head children, sibling; /* under the dcache lock */
	struct list_head lru;
	struct hlist_node hash;
	struct qstr name; /* name.name is 0-terminated here */
	u32 mounted; /* something is mounted here; atomic */
	bool unhashed; /* deleted: the name is gone */
	struct super_block *sb; /* immutable; no reference of its own, the parents' inodes hold it */
	char inline_name[40];
};
struct dentry *dentry_alloc_root(struct inode *root); /* takes over the reference; NULL = no memory (then it does not) */
struct dentry *dentry_alloc_anon(struct inode *inode, const char *name); /* pipes, sockets, memfds: "pipe:[7]"; takes over the reference, on failure too */
static inline struct dentry *dentry_get(struct dentry *d)
{
	ref_get(&d->ref);
	return d;
}
void dentry_put(struct dentry *d);
void path_get(const struct path *p);
void path_put(struct path *p);
/*
 * The path's text as seen from root (d_path): written at the end of buf; returns a pointer into it, or err_ptr(-ENAMETOOLONG).
 * Deleted names end in " (deleted)"; unreachable ones begin with "(unreachable)".
 */
char *path_text(const struct path *p, const struct path *root, char *buf, size_t size);

/* Name resolution, namei.c; path_resolution(7). All may block; no locks held. */
#define LOOKUP_FOLLOW 1u /* follow a symlink in the last component */
#define LOOKUP_DIRECTORY 2u
#define LOOKUP_EMPTY 4u /* "" names dirfd itself */
#define LOOKUP_NO_XDEV 8u /* openat2(2) RESOLVE_* */
#define LOOKUP_NO_MAGICLINKS 16u
#define LOOKUP_NO_SYMLINKS 32u
#define LOOKUP_BENEATH 64u
#define LOOKUP_IN_ROOT 128u
int path_lookup(int dirfd, const char *name, u32 flags, struct path *out) __must_check;
int path_lookup_user(int dirfd, struct uptr name, u32 flags, struct path *out) __must_check;
int user_path_copy(struct uptr name, char *buf) __must_check; /* buf of PATH_MAX; -ENOENT for "", -ENAMETOOLONG */
/* For kernel users (exec, core): opens a path with the current task's root and cwd. */
struct file *file_open_path(int dirfd, const char *name, u32 flags, u32 mode); /* err_ptr */
struct file *file_open_inode(const struct path *path, u32 flags); /* err_ptr; permission not checked */

/* The directory of the last component, and that component (bind(AF_UNIX)): -EEXIST when it is ".", ".." or "/". */
int path_lookup_parent(int dirfd, const char *name, struct path *dir, char last[NAME_MAX + 1]) __must_check;
/* For execve: MAY_EXEC, a regular file on a mount without noexec (else -EACCES); at_flags AT_EMPTY_PATH,
 * AT_SYMLINK_NOFOLLOW. The file can be read by the kernel whether or not the program may. Writers are not denied yet. */
struct file *file_open_exec(int dirfd, const char *name, int at_flags); /* err_ptr */
/* open(2) from decoded arguments: resolve is openat2's. */
struct file *do_open(int dirfd, const char *name, u32 flags, u32 mode, u32 resolve); /* err_ptr */

int vfs_getattr(const struct path *p, struct kstat *st);
int vfs_statfs(struct super_block *sb, const struct mount *mnt, struct kstatfs *st);
/* A change of attributes with all checks; the mount is checked for writing. attr->valid without ATTR_CTIME. */
int vfs_setattr(const struct path *p, struct iattr *attr);
/* The same without permission checks of size changes (ftruncate, O_TRUNC). file may be NULL. */
int vfs_truncate(const struct path *p, u64 size, struct file *file);
/* Reads a symlink's text; at most size bytes. Magic links answer with the path of their target. */
ssize_t vfs_readlink(const struct path *p, char *buf, size_t size);
/* Permission of the place: mount flags (read-only, noexec) and the inode. */
int path_permission(const struct path *p, u32 mask);
/* mkdir, mknod, bind(AF_UNIX): checks everything, applies the umask, fills in the owner. -EEXIST. out may be NULL. */
int vfs_create(const struct path *dir, const char *name, const struct inode_new *new, struct path *out);

/* Removes a name, not of a directory, that has been checked to be one. */
int vfs_unlink(const struct path *dir, const char *name);

/* Mounts, mount.c. */
struct mount {
	struct ref ref;
	struct super_block *sb;
	struct dentry *root;
	struct mount *parent; /* NULL for a namespace's root */
	struct dentry *mountpoint;
	struct list_head ns_node; /* in order of mounting */
	struct mount_ns *ns;
	struct hlist_node hash; /* by (parent, mountpoint) */
	u32 flags; /* MS_RDONLY, NOSUID, NODEV, NOEXEC, NOATIME... */
	u32 id;
	u32 propagation; /* MS_PRIVATE (default), MS_SHARED, MS_SLAVE, MS_UNBINDABLE */
	u32 peer_group;
	u32 origin; /* id of the mount it was copied from by mount_ns_copy; 0 = none */
	struct list_head doomed; /* on its way out of the tree, with the place it had */
	struct path was;
	u32 expire; /* marked by umount2(MNT_EXPIRE) */
};
struct mount_ns {
	struct ref ref;
	struct mount *root;
	struct list_head mounts;
	u32 event; /* bumped on each change: poll of /proc/mounts */
	struct wait_queue wait;
	u64 ino; /* of /proc/PID/ns/mnt */
};
struct mount_ns *mount_ns_copy(struct mount_ns *ns); /* err_ptr */
void mount_ns_put(struct mount_ns *ns);
static inline struct mount_ns *mount_ns_get(struct mount_ns *ns)
{
	ref_get(&ns->ref);
	return ns;
}
/* After CLONE_NEWNS or setns: root and cwd of fs move to ns's mounts: the copies of theirs, else ns's root. */
void fs_context_rebase(struct fs_context *fs, struct mount_ns *ns);
/*
 * The text of /proc/PID/mounts, mountinfo, mountstats as seen from root: emit is called for each line (with its
 * newline) with no lock held; it returns non-zero to stop.
 */
enum mount_show_kind { MOUNTS, MOUNTINFO, MOUNTSTATS };
int mount_show(struct mount_ns *ns, const struct path *root, enum mount_show_kind kind,
	       int (*emit)(void *arg, const char *line, size_t len), void *arg);

bool path_readonly(const struct path *p); /* the mount or its file system is read-only */

/* cwd, root, umask: shared with CLONE_FS. */
struct fs_context {
	struct ref ref;
	struct mutex lock; /* LOCK_FS_CONTEXT */
	struct path root, cwd;
	u32 umask;
};
struct fs_context *fs_context_copy(struct fs_context *fs); /* NULL = no memory */
void fs_context_put(struct fs_context *fs);
void fs_get_root(struct fs_context *fs, struct path *out); /* referenced */
void fs_get_cwd(struct fs_context *fs, struct path *out);

/* Of the registered types, for /proc/filesystems: the one after t, or the first for NULL. */
const struct fs_type *fs_type_next(const struct fs_type *t);

/* The internal file system of pipes, sockets and other nameless files: file_alloc_anon's inodes live on it. */
extern struct super_block *anon_sb;

/* memfd seals, for fcntl: -EINVAL when the file is no memfd or tmpfs file. */
int memfd_seals_get(struct file *f);
int memfd_seals_add(struct file *f, u32 seals);
/* A tmpfs file without a name, for memfd_create, SysV shm, shared anonymous memory; its file is open for reading and writing. */
struct file *memfd_file(const char *name, u64 size, u32 seals, u32 flags); /* err_ptr */

/* Boot: called once by core/boot in kserver's first thread; initialises caches, registers the built-in types. */
int fs_init(void);
/* Mounts for boot: target must exist (or is created when create is set, as dir or file by what source is). */
int fs_boot_mount(const char *type, const char *source, const char *target, u64 flags, const char *options, void *data, bool create);
/* After the boot mounts: the first process's mount namespace and root context, a reference each. */
int fs_boot_finish(struct mount_ns **ns, struct fs_context **fs);
/* An empty namespace and a context without a root, a reference each, for a task that then makes its own mounts by the above. */
int fs_boot_empty(struct mount_ns **ns, struct fs_context **fs) __must_check;
/* For boot: hides a path (masked paths: an empty read-only directory, or /dev/null over a file) or makes it read-only. */
int fs_boot_mask(const char *path);
/*
 * Before the first program: a file below /proc/sys gets a value (fs/proc/sysctl.c). -ENOENT, -EINVAL; -EPERM: it always
 * has another one.
 */
int proc_sysctl_set(const char *path, char *value) __must_check;
int fs_boot_readonly(const char *path);
int fs_boot_dir(const char *path); /* makes what is missing of it */
/* A tmpfs over a directory that may be there already: with its mode unless options name one; copy: with what is in it. */
int fs_boot_tmpfs(const char *source, const char *target, u64 flags, const char *options, bool copy);
/* For boot: a device file with missing directories above it; one that is there stays. */
int fs_boot_node(const char *path, u32 mode, u32 uid, u32 gid, u64 rdev, int host_fd, u32 access);

#endif
