/* Open file descriptions and descriptor tables, open(2), fcntl(2). */
#ifndef LIMPET_FS_FILE_H
#define LIMPET_FS_FILE_H

#include "abi/linux/fcntl.h"
#include "fs/fs.h"
#include "fs/poll.h"

struct vma;
struct mm;

/* What a file can do; file.mode_flags. */
#define FMODE_READ 1u
#define FMODE_WRITE 2u
#define FMODE_LSEEK 4u
#define FMODE_PREAD 8u
#define FMODE_PWRITE 16u
#define FMODE_EXEC 32u
#define FMODE_PATH 64u /* O_PATH */
#define FMODE_WRITER 128u /* counted in inode.write_count */

/*
 * A lock that may be held over user copies and blocking calls: its sleepers can be killed. Not a mutex: it ranks
 * outside the lock order, and only one is held at a time.
 */
struct sleep_lock {
	u32 held; /* atomic */
	struct wait_queue wait;
};
void sleep_lock_init(struct sleep_lock *l);
int sleep_lock(struct sleep_lock *l) __must_check; /* 0, or -ERESTARTNOINTR when the task must die */
void sleep_unlock(struct sleep_lock *l);

/*
 * Files are type-stable: their memory is only ever reused for other files, so that fd_get can try for a reference
 * without the table's lock.
 */
struct file {
	struct ref ref;
	const struct file_ops *ops;
	struct path path; /* reference held; anonymous files have a dentry of their own and mnt NULL */
	struct inode *inode; /* path.dentry's inode, reference held */
	void *priv; /* of the file type */
	u32 flags; /* O_*; status flags may change under F_SETFL, atomic */
	u32 mode_flags; /* FMODE_* */
	loff_t pos; /* under pos_lock */
	struct sleep_lock pos_lock;
	const struct cred *cred; /* of the opener */
	struct epoll_link *epoll_links; /* fs/epoll.c: epoll items watching this file; NULL = none. Removed on last close */
	struct pid *owner; /* F_SETOWN, reference held; under fs/fasync.c's lock, as the next three */
	int owner_sig, owner_type;
	u32 owner_uid, owner_euid;
	struct fasync_watch *async_watch; /* fs/fasync_watch.c; atomic; NULL = none. Removed on last close */
	int async_fd; /* the number O_ASYNC was set through: si_fd; atomic */
	u64 unique; /* sandbox-wide number */
	struct file *next_free; /* file.c */
#ifdef LIMPET_DEBUG
	struct file *next_all; /* file.c; immutable */
#endif
};

/* Directory reading: emit returns false when the caller's buffer is full; stop then and leave *pos at that entry. */
struct dir_context {
	bool (*emit)(struct dir_context *ctx, const char *name, u32 len, u64 ino, u32 d_type, loff_t next_pos);
	loff_t pos;
};

/* Where mmap gets pages: a host descriptor and offset, valid for len bytes from the offset asked for (0 < len, whole pages). */
struct map_source {
	int host_fd; /* -1 = anonymous zeroed memory (/dev/zero) */
	u64 host_offset;
	u64 len;
	/*
	 * Executable pages need no copy. exclusive: contents change only by those who have the inode open for writing
	 * (inode_write_deny), or not even by them: fixed.
	 */
	bool exclusive, fixed;
};

/*
 * Operations of a file type. A missing one means: read, write EINVAL; llseek ESPIPE; readdir ENOTDIR; poll always
 * ready (POLLIN|POLLOUT); ioctl ENOTTY; mmap ENODEV; fsync EINVAL; fallocate EOPNOTSUPP.
 * Called with no lock held but pos_lock where pos is the file's own. They may block unless file->flags has
 * O_NONBLOCK (then -EAGAIN), and return -ERESTARTSYS when a signal comes first.
 * read and write advance *pos by what they return; pos is NULL-safe only for stream types, which ignore it.
 */
struct file_ops {
	const char *name; /* for the log and anonymous inodes: "pipe", "eventfd" */
	ssize_t (*read)(struct file *f, struct uio *to, loff_t *pos);
	ssize_t (*write)(struct file *f, struct uio *from, loff_t *pos); /* O_APPEND: the type uses its end, under its own lock */
	loff_t (*llseek)(struct file *f, loff_t off, int whence); /* called with pos_lock; generic_llseek for the usual */
	int (*readdir)(struct file *f, struct dir_context *ctx);
	u32 (*poll)(struct file *f, struct poll_table *pt);
	long (*ioctl)(struct file *f, u32 cmd, u64 arg);
	/* Checks (permissions of the description are checked already) and names the source. prot, flags as mmap(2). */
	int (*mmap)(struct file *f, u64 offset, u64 len, u32 prot, u32 flags, struct map_source *out);
	int (*fsync)(struct file *f, bool data_only);
	int (*fallocate)(struct file *f, int mode, loff_t off, loff_t len);
	int (*flush)(struct file *f); /* every close(2) */
	void (*release)(struct file *f); /* the last reference is gone */
	int (*show_fdinfo)(struct file *f, char *buf, size_t size); /* more lines of /proc/PID/fdinfo/N; returns the length */
	/* Setting of status flags by fcntl(F_SETFL) beyond the generic; NULL = fine. */
	int (*check_flags)(struct file *f, u32 flags);
	bool async_by_poll; /* O_ASYNC: what the queues of poll announce becomes SIGIO */
};

/* A new description with one reference; path is referenced by the call; err_ptr(-ENFILE, -ENOMEM). */
struct file *file_alloc(const struct path *path, u32 flags, const struct file_ops *ops);
/*
 * An anonymous file (pipe, socket, eventfd...): its own inode of the given mode bits on an internal file system,
 * shown as name:[ino] (or "anon_inode:name" when mode is 0) by readlink of /proc/PID/fd/N.
 */
struct file *file_alloc_anon(const char *name, const struct file_ops *ops, void *priv, u32 flags, u32 mode);
/*
 * A description for the kernel's own use of an inode beneath another file system (overlay): no path, no descriptor; the
 * inode's open is called. err_ptr.
 */
struct file *file_open_bare(struct inode *inode, u32 flags);
static inline struct file *file_get(struct file *f)
{
	ref_get(&f->ref);
	return f;
}
void file_put(struct file *f); /* the last one releases: hold no lock */

u64 file_count(void); /* descriptions in use */
#ifdef LIMPET_DEBUG
struct file *file_census(struct file *after); /* each that is in use, newest memory first; referenced; NULL = no more */
#endif

/* inotify(7)'s IN_* of what descriptors do. */
#define NOTIFY_ACCESS 0x1u
#define NOTIFY_MODIFY 0x2u
#define NOTIFY_CLOSE_WRITE 0x8u
#define NOTIFY_CLOSE_NOWRITE 0x10u

/* Tells watchers of the file and of its directory; cheap when there are none. */
static inline void file_notify(struct file *f, u32 mask)
{
	fs_notify(f->inode, f->path.dentry, mask);
}

/* Read and write from inside the kernel (exec, sendfile), pos explicit. */
ssize_t file_read_kernel(struct file *f, void *buf, size_t len, loff_t pos);
ssize_t file_write_kernel(struct file *f, const void *buf, size_t len, loff_t *pos);
loff_t generic_llseek(struct file *f, loff_t off, int whence, loff_t size); /* SEEK_SET, CUR, END, DATA, HOLE against size */

/* Descriptor tables: shared with CLONE_FILES. */
struct files {
	struct ref ref;
	struct mutex lock; /* LOCK_FILES; guards all below */
	struct file **fd; /* capacity entries, NULL = free */
	u64 *cloexec; /* bitmap */
	u64 *used; /* bitmap; set and fd NULL = reserved by fd_alloc */
	u32 capacity; /* a reader without the lock loads it before fd */
	u32 next; /* lowest possibly free */
	struct fd_array *arrays; /* newest first; old ones stay for readers without the lock */
};
struct files *files_alloc(void); /* NULL = no memory */
struct files *files_copy(struct files *f); /* NULL = no memory */
void files_put(struct files *f); /* last: closes everything; no lock held */
void files_close_on_exec(struct files *f);

/* Of the current task. fd_get: -EBADF as NULL; O_PATH descriptors only by fd_get_path_ok. */
struct file *fd_get(int fd); /* referenced; NULL when bad or O_PATH */
struct file *fd_get_any(int fd); /* O_PATH too */
/* Reserves the lowest free number >= from: number, -EMFILE, -ENOMEM. Then fd_install or fd_cancel. */
int fd_alloc(u32 from, bool cloexec) __must_check;
void fd_install(int fd, struct file *f); /* takes over the reference */
void fd_cancel(int fd);
/* fd_alloc + fd_install; on failure the reference is dropped and -errno returned. f may be err_ptr: passed on. */
int fd_install_new(struct file *f, bool cloexec) __must_check;
int fd_close(int fd) __must_check; /* with flush, POSIX locks dropped */
struct file *files_lookup(struct files *files, u32 fd); /* of any table: for /proc; referenced or NULL */

/*
 * A descriptor for the length of one system call: no reference is taken when the table is the current task's alone.
 * put, then, says whether there is one to drop. O_PATH descriptors give NULL.
 */
struct fdref {
	struct file *f;
	bool put;
};
struct fdref fdref_get(int fd);
static inline void fdref_put(struct fdref r)
{
	if (r.put)
		file_put(r.f);
}
/* The file's position belongs to it alone: streams have none. */
static inline bool file_has_pos(const struct file *f)
{
	return f->ops && f->ops->llseek;
}

/* fs/locks.c: what close and exit drop. */
void locks_close(struct file *f, struct files *owner); /* POSIX locks of the process on the file's inode */
void locks_release(struct file *f); /* flock and OFD locks of the description */
/* Lines of /proc/locks from the n-th lock on, as many as fit: returns the bytes, moves *n. */
size_t locks_show(char *buf, size_t size, u64 *n);

/* fs/event/epoll.c: takes a file whose last reference went out of every epoll set. */
void epoll_file_release(struct file *f);

/* fs/fasync.c: SIGIO for O_ASYNC files; band of POLL*. Cheap without O_ASYNC. No lock of LOCK_TASKLIST or higher held. */
void file_send_sigio(struct file *f, int band);
void file_send_sigurg(struct file *f); /* urgent data: whether or not O_ASYNC is set */
void fasync_release(struct file *f); /* forgets the owner */

#endif
