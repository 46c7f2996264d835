/*
 * tmpfs directories. Names are found in a hash that grows with the directory; readdir goes through slots, which are
 * sorted by a cookie that every new name gets: positions stay good whatever is added or removed meanwhile. Removed
 * names leave an empty slot until there are as many of them as names.
 *
 * The VFS (or overlay) holds dir->lock around changes; ti->lock is for readdir, which comes without it.
 */
#include "fs/tmpfs/tmpfs.h"

#define BATCH_BYTES 4000u

static u32 name_hash(const struct qstr *q)
{
	return hash_bytes(0x811c9dc5u, q->name, q->len);
}

static struct tmpfs_dirent *dir_find(struct tmpfs_inode *ti, const struct qstr *q)
{
	u32 h = name_hash(q);
	struct tmpfs_dirent *e;

	if (!ti->names_size)
		return NULL;
	hlist_for_each_entry(e, &ti->names[h & (ti->names_size - 1)], hash)
		if (e->name_hash == h && e->len == q->len && memcmp(e->name, q->name, q->len) == 0)
			return e;
	return NULL;
}

/* More buckets when there are more names than that; going without is only slower. */
static int grow_hash(struct tmpfs_inode *ti)
{
	u32 size = ti->names_size ? ti->names_size * 4 : 8;
	struct hlist_head *n;

	if (ti->names_used < ti->names_size)
		return 0;
	n = kcalloc(size, sizeof(*n));
	if (!n)
		return ti->names_size ? 0 : -ENOMEM;
	for (u32 i = 0; i < ti->names_size; i++) {
		while (ti->names[i].first) {
			struct tmpfs_dirent *e = container_of(ti->names[i].first, struct tmpfs_dirent, hash);

			hlist_del(&e->hash);
			hlist_add(&e->hash, &n[e->name_hash & (size - 1)]);
		}
	}
	kfree(ti->names);
	ti->names = n;
	ti->names_size = size;
	return 0;
}

static void compact_slots(struct tmpfs_inode *ti)
{
	u64 to = 0;

	for (u64 i = 0; i < ti->nslots; i++) {
		if (!ti->slots[i].e)
			continue;
		ti->slots[to] = ti->slots[i];
		ti->slots[to].e->slot = to;
		to++;
	}
	ti->nslots = to;
}

static int grow_slots(struct tmpfs_inode *ti)
{
	u64 cap;
	struct tmpfs_slot *n;

	if (ti->nslots < ti->slots_cap)
		return 0;
	if (ti->nslots && ti->names_used <= ti->nslots / 2) {
		compact_slots(ti);
		return 0;
	}
	cap = ti->slots_cap ? ti->slots_cap * 2 : 8;
	n = krealloc(ti->slots, cap * sizeof(*n));
	if (!n)
		return -ENOMEM;
	ti->slots = n;
	ti->slots_cap = cap;
	return 0;
}

/* Takes over a reference to inode. */
static int dir_add(struct inode *dir, const struct qstr *q, struct inode *inode)
{
	struct tmpfs_inode *ti = tmpfs_i(dir);
	struct tmpfs_dirent *e = kzalloc(sizeof(*e) + q->len + 1);
	int err = -ENOMEM;

	if (!e)
		return err;
	memcpy(e->name, q->name, q->len);
	e->len = q->len;
	e->name_hash = name_hash(q);
	e->inode = inode;
	mutex_lock(&ti->lock);
	err = grow_hash(ti);
	if (!err)
		err = grow_slots(ti);
	if (!err) {
		hlist_add(&e->hash, &ti->names[e->name_hash & (ti->names_size - 1)]);
		e->slot = ti->nslots;
		ti->slots[ti->nslots++] = (struct tmpfs_slot){ ti->next_cookie++, e };
		ti->names_used++;
	}
	mutex_unlock(&ti->lock);
	if (err)
		kfree(e);
	return err;
}

/* The entry, out of the directory: its inode reference is the caller's. Lock held. */
static void dir_remove_locked(struct tmpfs_inode *ti, struct tmpfs_dirent *e)
{
	hlist_del(&e->hash);
	ti->slots[e->slot].e = NULL;
	ti->names_used--;
	while (ti->nslots && !ti->slots[ti->nslots - 1].e)
		ti->nslots--;
}

static struct inode *dir_remove(struct inode *dir, const struct qstr *q)
{
	struct tmpfs_inode *ti = tmpfs_i(dir);
	struct tmpfs_dirent *e;
	struct inode *inode = NULL;

	mutex_lock(&ti->lock);
	e = dir_find(ti, q);
	if (e) {
		dir_remove_locked(ti, e);
		inode = e->inode;
	}
	mutex_unlock(&ti->lock);
	kfree(e);
	return inode;
}

static int tmpfs_lookup(struct inode *dir, const struct qstr *q, struct inode **out)
{
	struct tmpfs_inode *ti = tmpfs_i(dir);
	struct tmpfs_dirent *e;

	mutex_lock(&ti->lock);
	e = dir_find(ti, q);
	if (e)
		*out = inode_get(e->inode);
	mutex_unlock(&ti->lock);
	return e ? 0 : -ENOENT;
}

static int tmpfs_create(struct inode *dir, const struct qstr *q, const struct inode_new *new, struct inode **out)
{
	struct inode *i = tmpfs_new_inode(dir->sb, new);
	int err;

	if (is_err(i))
		return (int)ptr_err(i);
	tmpfs_i(i)->parent_ino = dir->ino;
	err = dir_add(dir, q, i);
	if (err) {
		inode_put(i);
		return err;
	}
	if (S_ISDIR_(i->mode))
		atomic_add(&dir->nlink, 1);
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	*out = inode_get(i);
	return 0;
}

static int tmpfs_tmpfile(struct inode *dir, const struct inode_new *new, struct inode **out)
{
	struct inode *i = tmpfs_new_inode(dir->sb, new);

	if (is_err(i))
		return (int)ptr_err(i);
	i->nlink = 0;
	*out = i;
	return 0;
}

static int tmpfs_link(struct inode *dir, const struct qstr *q, struct inode *target)
{
	int err = dir_add(dir, q, inode_get(target));

	if (err) {
		inode_put(target);
		return err;
	}
	atomic_add(&target->nlink, 1);
	inode_touch(target, ATTR_CTIME);
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	return 0;
}

/* The reference the name held is not the last: the caller of the operation has one. */
static int tmpfs_unlink(struct inode *dir, const struct qstr *q, struct inode *victim)
{
	struct inode *i = dir_remove(dir, q);

	if (!i)
		return -ENOENT;
	atomic_sub(&i->nlink, 1);
	inode_touch(i, ATTR_CTIME);
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	inode_put(i);
	return 0;
}

static int tmpfs_rmdir(struct inode *dir, const struct qstr *q, struct inode *victim)
{
	struct inode *i;

	if (atomic_load(&tmpfs_i(victim)->names_used))
		return -ENOTEMPTY;
	i = dir_remove(dir, q);
	if (!i)
		return -ENOENT;
	atomic_store(&i->nlink, 0);
	atomic_sub(&dir->nlink, 1);
	inode_touch(i, ATTR_CTIME);
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	inode_put(i);
	return 0;
}

/* The inode under a name becomes another; no memory is needed. Both directories' dir->lock are held. */
static void dir_set(struct inode *dir, const struct qstr *q, struct inode *inode)
{
	struct tmpfs_inode *ti = tmpfs_i(dir);
	struct tmpfs_dirent *e;

	mutex_lock(&ti->lock);
	e = dir_find(ti, q);
	if (e)
		e->inode = inode;
	mutex_unlock(&ti->lock);
}

static void moved_between(struct inode *i, struct inode *from, struct inode *to)
{
	if (!S_ISDIR_(i->mode) || from == to)
		return;
	atomic_sub(&from->nlink, 1);
	atomic_add(&to->nlink, 1);
	tmpfs_i(i)->parent_ino = to->ino;
}

static void rename_exchange(struct inode *odir, const struct qstr *oq, struct inode *i, struct inode *ndir,
			    const struct qstr *nq, struct inode *other)
{
	dir_set(odir, oq, other);
	dir_set(ndir, nq, i);
	moved_between(i, odir, ndir);
	moved_between(other, ndir, odir);
	inode_touch(other, ATTR_CTIME);
}

static int tmpfs_rename(struct inode *odir, const struct qstr *oq, struct inode *i, struct inode *ndir,
			const struct qstr *nq, struct inode *replaced, u32 flags)
{
	struct inode_new white = { .mode = S_IFCHR, .uid = 0, .gid = 0, .rdev = 0 };
	struct inode *whiteout = NULL;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE) {
		rename_exchange(odir, oq, i, ndir, nq, replaced);
		goto done;
	}
	if (replaced && S_ISDIR_(replaced->mode) && atomic_load(&tmpfs_i(replaced)->names_used))
		return -ENOTEMPTY;
	if (flags & RENAME_WHITEOUT) {
		whiteout = tmpfs_new_inode(odir->sb, &white);
		if (is_err(whiteout))
			return (int)ptr_err(whiteout);
	}
	if (replaced) {
		dir_set(ndir, nq, inode_get(i));
		atomic_sub(&replaced->nlink, S_ISDIR_(replaced->mode) ? 2 : 1);
		if (S_ISDIR_(replaced->mode))
			atomic_sub(&ndir->nlink, 1);
		inode_touch(replaced, ATTR_CTIME);
		inode_put(replaced); /* the name's; the caller has its own */
	} else {
		err = dir_add(ndir, nq, inode_get(i));
		if (err) {
			inode_put(i);
			if (whiteout)
				inode_put(whiteout);
			return err;
		}
	}
	if (whiteout)
		dir_set(odir, oq, whiteout);
	else
		(void)!dir_remove(odir, oq);
	moved_between(i, odir, ndir);
	inode_put(i); /* the old name's */
done:
	inode_touch(i, ATTR_CTIME);
	inode_touch(odir, ATTR_MTIME | ATTR_CTIME);
	if (ndir != odir)
		inode_touch(ndir, ATTR_MTIME | ATTR_CTIME);
	return 0;
}

const struct inode_ops tmpfs_dir_ops = {
	.lookup = tmpfs_lookup,
	.create = tmpfs_create,
	.tmpfile = tmpfs_tmpfile,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rmdir = tmpfs_rmdir,
	.rename = tmpfs_rename,
	.getattr = tmpfs_getattr,
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
};

/* Entries copied out of the directory, so that emit runs without the lock. */
struct batch_entry {
	u64 cookie, ino;
	u32 type, len;
	char name[];
};

/* Fills buf with entries from cookie on; returns the bytes used. */
static u32 fill_batch(struct tmpfs_inode *ti, u64 cookie, char *buf)
{
	u64 lo = 0, hi;
	u32 used = 0;

	mutex_lock(&ti->lock);
	hi = ti->nslots;
	while (lo < hi) {
		u64 mid = (lo + hi) / 2;

		if (ti->slots[mid].cookie < cookie)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < ti->nslots; lo++) {
		struct tmpfs_dirent *e = ti->slots[lo].e;
		struct batch_entry *b = (struct batch_entry *)(buf + used);
		u32 size;

		if (!e)
			continue;
		size = ALIGN_UP((u32)sizeof(*b) + e->len, 8u);
		if (used + size > BATCH_BYTES)
			break;
		b->cookie = ti->slots[lo].cookie;
		b->ino = e->inode->ino;
		b->type = DT_FROM_MODE(e->inode->mode);
		b->len = e->len;
		memcpy(b->name, e->name, e->len);
		used += size;
	}
	mutex_unlock(&ti->lock);
	return used;
}

static int tmpfs_readdir(struct file *f, struct dir_context *ctx)
{
	struct inode *dir = f->inode;
	struct tmpfs_inode *ti = tmpfs_i(dir);
	char *buf;
	bool go = true;

	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, dir->ino, DT_DIR, 1))
			return 0;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!ctx->emit(ctx, "..", 2, ti->parent_ino, DT_DIR, 2))
			return 0;
		ctx->pos = 2;
	}
	buf = kmalloc(BATCH_BYTES);
	if (!buf)
		return -ENOMEM;
	while (go) {
		u32 used = fill_batch(ti, (u64)ctx->pos, buf), at = 0;

		if (!used)
			break;
		while (at < used) {
			struct batch_entry *b = (struct batch_entry *)(buf + at);

			go = ctx->emit(ctx, b->name, b->len, b->ino, b->type, (loff_t)b->cookie + 1);
			if (!go)
				break;
			ctx->pos = (loff_t)b->cookie + 1;
			at += ALIGN_UP((u32)sizeof(*b) + b->len, 8u);
		}
	}
	kfree(buf);
	inode_accessed(f->path.mnt, dir);
	return 0;
}

static loff_t tmpfs_dir_llseek(struct file *f, loff_t off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

static int tmpfs_dir_fsync(struct file *f, bool data_only)
{
	return 0;
}

const struct file_ops tmpfs_dir_file_ops = {
	.name = "tmpfs directory",
	.llseek = tmpfs_dir_llseek,
	.readdir = tmpfs_readdir,
	.fsync = tmpfs_dir_fsync,
};

/* One directory's names go; inodes whose last reference that was are handed to the caller's list. */
static void drop_names(struct inode *dir, struct inode ***stack, u64 *used, u64 *cap)
{
	struct tmpfs_inode *ti = tmpfs_i(dir);

	for (;;) {
		struct tmpfs_dirent *e = NULL;
		struct inode *i;

		mutex_lock(&ti->lock);
		while (ti->nslots && !e) {
			e = ti->slots[ti->nslots - 1].e;
			if (!e)
				ti->nslots--;
		}
		if (e)
			dir_remove_locked(ti, e);
		mutex_unlock(&ti->lock);
		if (!e)
			return;
		i = e->inode;
		kfree(e);
		if (S_ISDIR_(i->mode)) {
			if (*used == *cap) {
				u64 n = *cap ? *cap * 2 : 16;
				struct inode **s = krealloc(*stack, n * sizeof(*s));

				/* Without memory the subtree is emptied by its own eviction, recursively. */
				if (!s) {
					inode_put(i);
					continue;
				}
				*stack = s;
				*cap = n;
			}
			(*stack)[(*used)++] = i;
			continue;
		}
		atomic_sub(&i->nlink, 1);
		inode_put(i);
	}
}

/* The whole tree below, without recursion: it may be deep. */
void tmpfs_dir_free(struct inode *dir)
{
	struct inode **stack = NULL;
	u64 used = 0, cap = 0;

	if (!S_ISDIR_(dir->mode))
		return;
	drop_names(dir, &stack, &used, &cap);
	while (used) {
		struct inode *i = stack[--used];

		drop_names(i, &stack, &used, &cap);
		atomic_store(&i->nlink, 0);
		inode_put(i);
	}
	kfree(stack);
	kfree(tmpfs_i(dir)->names);
	kfree(tmpfs_i(dir)->slots);
	tmpfs_i(dir)->names = NULL;
	tmpfs_i(dir)->names_size = 0;
	tmpfs_i(dir)->slots = NULL;
	tmpfs_i(dir)->slots_cap = tmpfs_i(dir)->nslots = 0;
}
