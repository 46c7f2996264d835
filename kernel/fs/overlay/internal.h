/*
 * Shared between overlay's files.
 *
 * An overlay inode stands for an upper inode, a lower one, or a directory merged of both. Until something changes it
 * a file is only in the lower layer; copy-up (copyup.c) then makes its upper inode, directories above it first. The
 * upper inode, once there, stays. What is deleted in the lower layer is hidden by a whiteout, a character device 0:0
 * of that name in the upper directory; an upper directory that must not be merged with a lower one is opaque.
 *
 * Inodes are found by those of the layers in a hash, so that hard links of either layer share one. Three cases are kept
 * in memory for as long as the file system, since names alone would not lead back to the same inode: copied-up hard
 * links, and merged directories that were renamed (only with an upper layer that is in memory too).
 *
 * Numbers: what comes from the lower layer shows the lower inode's number for good (kept in an xattr of its copy);
 * files born above get the upper number with a high bit.
 *
 * Locks, outermost first: inode.lock of overlay inodes by the VFS; ovl_inode.lock (copy-up and place; ranked with
 * LOCK_INODE, only ever one, or two by address in rename); inode.lock of layer inodes (LOCK_INODE_LOWER); ovl_hash_lock.
 */
#ifndef LIMPET_FS_OVERLAY_INTERNAL_H
#define LIMPET_FS_OVERLAY_INTERNAL_H

#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "fs/file.h"
#include "fs/overlay/overlay.h"

#define OVL_UPPER_INO (1ull << 48)
#define OVL_XATTR "trusted.overlay."
#define OVL_XATTR_USER "user.overlay."
#define OVL_NO_LIMIT (~0ull)

struct ovl_sb {
	struct super_block *lower, *upper;
	bool volatile_upper; /* in memory: lives no longer than this file system's inodes */
};

struct ovl_inode;
struct ovl_key {
	struct hlist_node node;
	struct inode *real;
	struct ovl_inode *oi;
};

struct ovl_inode {
	struct inode *inode; /* back pointer */
	struct inode *upper; /* NULL, then set once; atomic; reference held */
	struct inode *lower; /* immutable; reference held */
	struct ovl_key key_upper, key_lower; /* under ovl_hash_lock */
	bool opaque; /* immutable: a directory without a lower part although there is one of its name */
	bool pinned; /* holds a reference to itself; under lock */
	struct mutex lock; /* guards the two below and the making of upper */
	struct inode *parent; /* overlay inode, reference held; NULL = root or nameless */
	char *name;
};
static inline struct ovl_inode *ovl_of(const struct inode *i) { return i->priv; }
static inline struct ovl_sb *ovl_sb_of(const struct inode *i) { return i->sb->priv; }
static inline struct inode *ovl_upper(const struct inode *i) { return atomic_load(&ovl_of(i)->upper); }
static inline struct inode *ovl_real(const struct inode *i)
{
	struct inode *u = ovl_upper(i);

	return u ? u : ovl_of(i)->lower;
}
static inline bool ovl_is_whiteout(const struct inode *i) { return S_ISCHR_(i->mode) && !i->rdev; }

/* inode.c */
int ovl_get(struct super_block *sb, struct inode *upper, struct inode *lower, struct inode *parent,
	    const struct qstr *q, struct inode **out); /* takes references of its own */
void ovl_evict(struct inode *inode);
void ovl_set_upper(struct inode *inode, struct inode *upper); /* takes over the reference; oi->lock held */
void ovl_unpublish(struct ovl_key *k);
void ovl_publish_upper(struct ovl_inode *oi, struct inode *upper); /* lookups of upper find oi from now on */
/* The place by which copy-up goes. new_dir NULL: nameless. oi->lock held; returns an inode to put. */
struct inode *ovl_set_place(struct ovl_inode *oi, struct inode *new_dir, char *name);
bool ovl_at_place(const struct ovl_inode *oi, const struct inode *dir, const struct qstr *q);
void ovl_pin(struct ovl_inode *oi);
void ovl_unpin(struct ovl_inode *oi); /* may evict: no lock of it held */
u64 ovl_upper_ino(const struct inode *upper);
char *ovl_name_dup(const struct qstr *q);
extern const struct file_ops ovl_file_ops, ovl_dir_ops;
const struct inode_ops *ovl_inode_ops(u32 mode);

/* layer.c: operations on the layers' inodes */
void ovl_adopt_layer(struct inode *real); /* ranks its lock below overlay's */
int ovl_layer_lookup(struct inode *dir, const struct qstr *q, struct inode **out); /* takes dir's lock */
int ovl_layer_lookup_locked(struct inode *dir, const struct qstr *q, struct inode **out);
int ovl_layer_setattr(struct inode *real, const struct iattr *attr); /* takes real's lock */
int ovl_layer_getattr(struct inode *real, struct kstat *st);
ssize_t ovl_layer_getxattr(struct inode *real, const char *name, void *buf, size_t size);
int ovl_layer_setxattr(struct inode *real, const char *name, const void *value, size_t size);
/* Marks that overlay keeps for itself: trusted., or user. where the layer refuses those. */
int ovl_mark_set(struct inode *real, const char *what, const void *value, size_t size);
ssize_t ovl_mark_get(struct inode *real, const char *what, void *buf, size_t size);
bool ovl_mark_is(const char *xattr); /* the name is one of ours */
bool ovl_layer_opaque(struct inode *upper_dir);
int ovl_set_opaque(struct inode *upper_dir);
/* In an upper directory whose lock is held. */
int ovl_whiteout_add(struct inode *upper_dir, const struct qstr *q);
int ovl_remove_locked(struct inode *upper_dir, const struct qstr *q, struct inode *victim);
/* The lower part of a directory that shows through, or NULL. */
struct inode *ovl_lower_dir(const struct inode *dir);
bool ovl_lower_has(struct inode *dir, const struct qstr *q);

/* copyup.c: makes sure that inode has an upper one; limit: only so many bytes of data are needed. No ovl_inode.lock held. */
int ovl_copy_up(struct inode *inode, u64 limit) __must_check;

/* readdir.c: 0 = empty, -ENOTEMPTY. */
int ovl_dir_empty(struct inode *dir);
/* Removes the whiteouts in an upper directory that shows nothing. */
int ovl_clear_whiteouts(struct inode *upper_dir);

/* dir.c, attr.c, file.c */
int ovl_lookup(struct inode *dir, const struct qstr *q, struct inode **out);
int ovl_create(struct inode *dir, const struct qstr *q, const struct inode_new *new, struct inode **out);
int ovl_tmpfile(struct inode *dir, const struct inode_new *new, struct inode **out);
int ovl_link(struct inode *dir, const struct qstr *q, struct inode *target);
int ovl_unlink(struct inode *dir, const struct qstr *q, struct inode *victim);
int ovl_rmdir(struct inode *dir, const struct qstr *q, struct inode *victim);
int ovl_rename(struct inode *old_dir, const struct qstr *old_q, struct inode *inode, struct inode *new_dir,
	       const struct qstr *new_q, struct inode *replaced, u32 flags);
int ovl_getattr(struct inode *inode, struct kstat *st);
int ovl_setattr(struct inode *inode, const struct iattr *attr);
ssize_t ovl_readlink(struct inode *inode, char *buf, size_t size);
ssize_t ovl_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int ovl_setxattr(struct inode *inode, const char *name, const void *value, size_t size, u32 flags);
ssize_t ovl_listxattr(struct inode *inode, char *buf, size_t size);
int ovl_removexattr(struct inode *inode, const char *name);
int ovl_file_open(struct inode *inode, struct file *f);
int ovl_dir_open(struct inode *inode, struct file *f);

#endif
