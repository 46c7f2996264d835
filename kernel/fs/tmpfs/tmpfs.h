/*
 * tmpfs: files in the sandbox's file memory.
 *
 * super.c  instances, options, inodes' life    dir.c   names: a hash per directory, slots in order for readdir
 * data.c   pages of a file                     file.c  read, write, seek, mmap, fallocate, seals
 * xattr.c  extended attributes                 memfd.c memfd_create and other nameless files
 *
 * A file's pages lie in runs: consecutive file pages in consecutive file memory, sorted by page, taken ahead of need.
 * A bit per page says which hold data; the others are holes although they have a place. A run that a program has
 * mapped keeps its place as long as an open description that mapped it lives (the mapping holds that description), so
 * no program ever sees memory that has gone to another file: truncation then only clears.
 *
 * ti->lock guards a file's runs or a directory's names. User copies happen without it: the copier pins the runs
 * (ti->pins), and runs given up meanwhile wait in ti->dead. Writers of one file take turns (ti->writing).
 * Names hold a reference to their inode; a mounted instance keeps its root. shutdown cuts the tree down.
 */
#ifndef LIMPET_FS_TMPFS_H
#define LIMPET_FS_TMPFS_H

#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/mount.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "fs/filemem.h"
#include "fs/fs.h"
#include "lib/string.h"
#include "proc/task.h"

struct tmpfs_run {
	u64 page; /* first file page */
	u64 pages;
	u64 offset; /* in file memory, bytes */
	u64 *present; /* bit per page: holds data */
	bool mapped; /* programs may have written where no bit is set */
};

struct tmpfs_dead {
	struct tmpfs_dead *next;
	u64 offset, pages;
};

struct tmpfs_dirent {
	struct hlist_node hash;
	struct inode *inode; /* reference held */
	u64 slot; /* index in slots */
	u32 name_hash, len;
	char name[];
};

struct tmpfs_slot {
	u64 cookie; /* readdir position: rises */
	struct tmpfs_dirent *e; /* NULL = removed */
};

struct tmpfs_xattr {
	struct tmpfs_xattr *next;
	char *name;
	void *value;
	size_t size;
};

struct tmpfs_inode {
	struct mutex lock; /* LOCK_FS_PRIVATE; guards all below */
	/* regular files */
	struct tmpfs_run *runs; /* sorted by page */
	u32 nruns, runs_cap;
	u64 present_pages; /* counted in the instance's limit */
	u32 pins;
	u32 map_users; /* open descriptions that mapped it */
	bool has_mapped; /* some run is mapped */
	bool writing;
	u32 truncations; /* changes when the size shrinks */
	u32 seals;
	bool sealable;
	struct tmpfs_dead *dead;
	struct wait_queue wq; /* for writing */
	/* directories */
	struct hlist_head *names;
	u32 names_size, names_used; /* buckets (power of two), entries */
	struct tmpfs_slot *slots;
	u64 nslots, slots_cap, next_cookie;
	u64 parent_ino;
	/* symlinks */
	char *target;
	struct tmpfs_xattr *xattrs;
	bool counted; /* in the instance's inode limit */
};

struct tmpfs_sb {
	u64 max_blocks; /* pages; 0 = no limit */
	u64 used_blocks; /* atomic */
	u64 max_inodes; /* 0 = no limit */
	u64 used_inodes; /* atomic */
	u32 mode, uid, gid;
	bool nr_given;
};

static inline struct tmpfs_inode *tmpfs_i(struct inode *i)
{
	return i->priv;
}
static inline struct tmpfs_sb *tmpfs_s(struct super_block *sb)
{
	return sb->priv;
}

static inline u64 umin(u64 a, u64 b)
{
	return a < b ? a : b;
}
static inline u64 umax(u64 a, u64 b)
{
	return a > b ? a : b;
}

int tmpfs_init(void);
u64 tmpfs_total_memory(void); /* bytes that percentages and defaults are of */
extern struct super_block *tmpfs_internal_sb; /* memfds, shared memory: no limits */
extern const struct inode_ops tmpfs_inode_ops, tmpfs_dir_ops, tmpfs_link_ops;
extern const struct file_ops tmpfs_file_ops, tmpfs_dir_file_ops;
struct inode *tmpfs_new_inode(struct super_block *sb, const struct inode_new *new); /* err_ptr; nlink 1 (2 for directories) */
struct super_block *tmpfs_new_sb(const char *options); /* err_ptr */

/* data.c; ti->lock held unless said. */
#define TMPFS_MAX_SIZE (1ull << 50)
struct tmpfs_run *tmpfs_find_run(struct tmpfs_inode *ti, u64 page); /* the run with page, or the first behind it, or NULL */
/* The file page's memory, counted as data; *pages (in: wanted) = how many follow in one piece, all made present.
 * offset or FILEMEM_NONE with *err. */
u64 tmpfs_make_present(struct inode *i, u64 page, u64 *pages, int *err);
/* A run for page without marking data; *pages as above. */
u64 tmpfs_reserve(struct inode *i, u64 page, u64 *pages, int *err);
void tmpfs_drop_pages(struct inode *i, u64 page, u64 end); /* [page, end) become holes */
void tmpfs_zero_part(struct inode *i, u64 from, u64 to); /* bytes within one page that holds data */
void tmpfs_sync_mapped(struct inode *i); /* present bits of mapped runs from what the host holds */
bool tmpfs_page_has_data(const struct tmpfs_run *r, u64 page);
u64 tmpfs_next_data(struct tmpfs_inode *ti, u64 page, u64 end); /* first page >= page with data, or end */
u64 tmpfs_next_hole(struct tmpfs_inode *ti, u64 page, u64 end);
void tmpfs_unpin(struct inode *i); /* takes the lock itself */
/* Takes what may be freed now; tmpfs_free_dead it without the lock. */
struct tmpfs_dead *tmpfs_take_dead(struct tmpfs_inode *ti);
void tmpfs_free_dead(struct tmpfs_dead *d);
int tmpfs_set_size(struct inode *i, u64 size); /* takes the lock itself */
void tmpfs_free_data(struct inode *i);

void tmpfs_dir_free(struct inode *dir);
void tmpfs_xattrs_free(struct tmpfs_inode *ti);
ssize_t tmpfs_getxattr(struct inode *i, const char *name, void *buf, size_t size);
int tmpfs_setxattr(struct inode *i, const char *name, const void *value, size_t size, u32 flags);
ssize_t tmpfs_listxattr(struct inode *i, char *buf, size_t size);
int tmpfs_removexattr(struct inode *i, const char *name);
int tmpfs_setattr(struct inode *i, const struct iattr *a);
int tmpfs_getattr(struct inode *i, struct kstat *st);

#endif
