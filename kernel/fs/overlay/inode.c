/* overlay: inodes and how they are found. See internal.h. */
#include "core/alloc.h"
#include "fs/overlay/internal.h"
#include "lib/string.h"

#define HASH_BUCKETS 4096u /* a power of two */

static struct mutex ovl_hash_lock = MUTEX_INIT(LOCK_LEAF);
static __big struct hlist_head buckets[HASH_BUCKETS]; /* of ovl_key.node; under ovl_hash_lock */

static struct hlist_head *bucket_of(const struct inode *real)
{
	return &buckets[hash_u64((u64)(uintptr_t)real >> 4) & (HASH_BUCKETS - 1)];
}

/* The live overlay inode of a layer's one, referenced. */
static struct inode *find_locked(const struct inode *real, const struct super_block *sb)
{
	struct ovl_key *k;

	hlist_for_each_entry(k, bucket_of(real), node)
		if (k->real == real && k->oi->inode->sb == sb && ref_get_unless_zero(&k->oi->inode->ref))
			return k->oi->inode;
	return NULL;
}

static void publish_locked(struct ovl_key *k, struct ovl_inode *oi, struct inode *real)
{
	k->oi = oi;
	k->real = real;
	hlist_add(&k->node, bucket_of(real));
}

void ovl_publish_upper(struct ovl_inode *oi, struct inode *upper)
{
	mutex_lock(&ovl_hash_lock);
	publish_locked(&oi->key_upper, oi, upper);
	mutex_unlock(&ovl_hash_lock);
}

void ovl_unpublish(struct ovl_key *k)
{
	mutex_lock(&ovl_hash_lock);
	hlist_del(&k->node);
	mutex_unlock(&ovl_hash_lock);
}

void ovl_set_upper(struct inode *inode, struct inode *upper)
{
	atomic_store(&ovl_of(inode)->upper, upper);
}

u64 ovl_upper_ino(const struct inode *upper)
{
	return upper->ino | OVL_UPPER_INO;
}

char *ovl_name_dup(const struct qstr *q)
{
	return kstrndup(q->name, q->len);
}

/* Of a copied-up file: the number it had before. */
static u64 number_of(struct inode *upper, struct inode *lower)
{
	u64 origin;

	if (lower)
		return lower->ino;
	if (!S_ISDIR_(upper->mode) && ovl_mark_get(upper, "origin", &origin, sizeof(origin)) == sizeof(origin))
		return origin;
	return ovl_upper_ino(upper);
}

static void copy_attributes(struct inode *inode, struct inode *real)
{
	struct kstat st;

	if (ovl_layer_getattr(real, &st))
		inode_fill_stat(real, &st);
	inode->uid = st.uid;
	inode->gid = st.gid;
	inode->nlink = st.nlink;
	inode->rdev = st.rdev;
	inode->size = st.size;
	inode->blksize = st.blksize;
	inode->atime = st.atime;
	inode->mtime = st.mtime;
	inode->ctime = st.ctime;
	inode->btime = st.btime;
}

static struct inode *ovl_new(struct super_block *sb, struct inode *upper, struct inode *lower)
{
	struct inode *real = upper ? upper : lower;
	struct ovl_inode *oi = kzalloc(sizeof(*oi));
	struct inode *inode;

	if (!oi)
		return NULL;
	inode = inode_alloc(sb, ovl_inode_ops(real->mode), real->mode);
	if (!inode) {
		kfree(oi);
		return NULL;
	}
	oi->inode = inode;
	mutex_init(&oi->lock, LOCK_INODE);
	oi->upper = upper ? inode_get(upper) : NULL;
	oi->lower = lower ? inode_get(lower) : NULL;
	oi->opaque = upper && !lower;
	inode->priv = oi;
	inode->ino = number_of(upper, lower);
	copy_attributes(inode, real);
	return inode;
}

int ovl_get(struct super_block *sb, struct inode *upper, struct inode *lower, struct inode *parent,
	    const struct qstr *q, struct inode **out)
{
	struct inode *first = upper ? upper : lower, *inode, *found;
	struct ovl_inode *oi;

	mutex_lock(&ovl_hash_lock);
	found = find_locked(first, sb);
	mutex_unlock(&ovl_hash_lock);
	if (found) {
		*out = found;
		return 0;
	}
	inode = ovl_new(sb, upper, lower);
	if (!inode)
		return -ENOMEM;
	oi = ovl_of(inode);
	if (q) {
		oi->name = ovl_name_dup(q);
		if (!oi->name) {
			inode_put(inode);
			return -ENOMEM;
		}
		oi->parent = inode_get(parent);
	}
	mutex_lock(&ovl_hash_lock);
	found = find_locked(first, sb);
	if (!found) {
		if (upper)
			publish_locked(&oi->key_upper, oi, upper);
		if (lower)
			publish_locked(&oi->key_lower, oi, lower);
	}
	mutex_unlock(&ovl_hash_lock);
	if (found) {
		inode_put(inode);
		inode = found;
	}
	*out = inode;
	return 0;
}

void ovl_evict(struct inode *inode)
{
	struct ovl_inode *oi = ovl_of(inode);

	if (!oi)
		return;
	mutex_lock(&ovl_hash_lock);
	hlist_del(&oi->key_upper.node);
	hlist_del(&oi->key_lower.node);
	mutex_unlock(&ovl_hash_lock);
	if (oi->upper)
		inode_put(oi->upper);
	if (oi->lower)
		inode_put(oi->lower);
	if (oi->parent)
		inode_put(oi->parent);
	kfree(oi->name);
	kfree(oi);
	inode->priv = NULL;
}

struct inode *ovl_set_place(struct ovl_inode *oi, struct inode *new_dir, char *name)
{
	struct inode *old = oi->parent;

	kfree(oi->name);
	oi->name = name;
	oi->parent = new_dir ? inode_get(new_dir) : NULL;
	return old;
}

bool ovl_at_place(const struct ovl_inode *oi, const struct inode *dir, const struct qstr *q)
{
	return oi->parent == dir && strlen(oi->name) == q->len && memcmp(oi->name, q->name, q->len) == 0;
}

void ovl_pin(struct ovl_inode *oi)
{
	if (oi->pinned)
		return;
	oi->pinned = true;
	(void)inode_get(oi->inode);
}

void ovl_unpin(struct ovl_inode *oi)
{
	bool was;

	mutex_lock_nested(&oi->lock);
	was = oi->pinned;
	oi->pinned = false;
	mutex_unlock(&oi->lock);
	if (was)
		inode_put(oi->inode); /* the caller of the operation has a reference too */
}

static const struct inode_ops dir_ops = {
	.lookup = ovl_lookup,
	.create = ovl_create,
	.tmpfile = ovl_tmpfile,
	.link = ovl_link,
	.unlink = ovl_unlink,
	.rmdir = ovl_rmdir,
	.rename = ovl_rename,
	.getattr = ovl_getattr,
	.setattr = ovl_setattr,
	.open = ovl_dir_open,
	.getxattr = ovl_getxattr,
	.setxattr = ovl_setxattr,
	.listxattr = ovl_listxattr,
	.removexattr = ovl_removexattr,
};
static const struct inode_ops file_ops = {
	.getattr = ovl_getattr,
	.setattr = ovl_setattr,
	.open = ovl_file_open,
	.getxattr = ovl_getxattr,
	.setxattr = ovl_setxattr,
	.listxattr = ovl_listxattr,
	.removexattr = ovl_removexattr,
};
static const struct inode_ops link_ops = {
	.getattr = ovl_getattr,
	.setattr = ovl_setattr,
	.readlink = ovl_readlink,
	.getxattr = ovl_getxattr,
	.setxattr = ovl_setxattr,
	.listxattr = ovl_listxattr,
	.removexattr = ovl_removexattr,
};
/* Devices, FIFOs, sockets: the VFS opens the guest's own by this inode. */
static const struct inode_ops special_ops = {
	.getattr = ovl_getattr,
	.setattr = ovl_setattr,
	.getxattr = ovl_getxattr,
	.setxattr = ovl_setxattr,
	.listxattr = ovl_listxattr,
	.removexattr = ovl_removexattr,
};

const struct inode_ops *ovl_inode_ops(u32 mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return &file_ops;
	case S_IFDIR:
		return &dir_ops;
	case S_IFLNK:
		return &link_ops;
	}
	return &special_ops;
}
