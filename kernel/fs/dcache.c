/*
 * The name cache. A dentry is a name in a directory, positive or negative, found by (parent, name) in one hash.
 *
 * Life: a dentry is referenced by its children, by mounts and by whoever walks; one without references stays hashed
 * on the LRU list until the cache is over its limit, its name is deleted or its file system is unmounted. Counts fall
 * to 0 and rise from 0 under dcache_lock only; above 0 they move without it.
 *
 * dcache_lock (which guards the mount tree too) is one mutex for the sandbox: a whole cached path is walked under it
 * in one go (namei.c). Nothing blocks under it; inodes of dying dentries are put after it is released.
 */
#include "fs/internal.h"

#define DHASH_SIZE 16384u
#define LRU_MAX 65536u
#define PRUNE_BATCH 64u

struct mutex dcache_lock = MUTEX_INIT(LOCK_DCACHE);
static __big struct hlist_head dhash[DHASH_SIZE]; /* under dcache_lock */
static struct list_head lru = LIST_HEAD_INIT(lru); /* under dcache_lock; may hold dentries in use again */
static u32 lru_count; /* under dcache_lock */

u32 dcache_name_hash(const char *name, u32 len)
{
	return hash_bytes(0x811c9dc5u, name, len);
}

static struct hlist_head *bucket(const struct dentry *parent, u32 hash)
{
	return &dhash[(hash ^ hash_u64((u64)parent >> 6)) & (DHASH_SIZE - 1)];
}

struct dentry *dcache_find_locked(struct dentry *parent, const struct qstr *q)
{
	struct dentry *d;

	hlist_for_each_entry(d, bucket(parent, q->hash), hash)
		if (d->name.hash == q->hash && d->parent == parent && d->name.len == q->len &&
		    memcmp(d->name.name, q->name, q->len) == 0)
			return d;
	return NULL;
}

static struct dentry *dentry_alloc(struct super_block *sb, const char *name, u32 len, u32 hash)
{
	struct dentry *d = kzalloc(sizeof(*d));
	char *text;

	if (!d)
		return NULL;
	text = d->inline_name;
	if (len >= sizeof(d->inline_name)) {
		text = kmalloc(len + 1);
		if (!text) {
			kfree(d);
			return NULL;
		}
	}
	memcpy(text, name, len);
	text[len] = 0;
	d->name.name = text;
	d->name.len = len;
	d->name.hash = hash;
	ref_init(&d->ref);
	d->parent = d;
	d->sb = sb;
	list_init(&d->children);
	list_init(&d->sibling);
	list_init(&d->lru);
	return d;
}

static void dentry_free(struct dentry *d)
{
	if (d->name.name != d->inline_name)
		kfree((void *)d->name.name);
	kfree(d);
}

struct dentry *dentry_alloc_root(struct inode *root)
{
	struct dentry *d = dentry_alloc(root->sb, "", 0, 0);

	if (d)
		d->inode = root;
	return d;
}

struct dentry *dentry_alloc_anon(struct inode *inode, const char *name)
{
	struct dentry *d = dentry_alloc(inode->sb, name, (u32)min(strlen(name), (size_t)NAME_MAX), 0);

	if (d)
		d->inode = inode;
	else
		inode_put(inode);
	return d;
}

struct dentry *dentry_alloc_tmpfile(struct dentry *dir, struct inode *inode, const char *name)
{
	struct dentry *d = dentry_alloc(inode->sb, name, (u32)strlen(name), 0);

	if (!d)
		return NULL;
	d->inode = inode;
	d->unhashed = true;
	d->parent = dentry_get(dir);
	return d;
}

static void lru_remove_locked(struct dentry *d)
{
	if (!list_empty(&d->lru)) {
		list_del(&d->lru);
		lru_count--;
	}
}

static void unhash_locked(struct dentry *d)
{
	hlist_del(&d->hash);
	list_del(&d->sibling);
}

/* d has no references any more and goes; returns the parent, whose reference the caller drops. */
static struct dentry *kill_locked(struct dentry *d, struct list_head *doomed)
{
	struct dentry *parent = d->parent != d ? d->parent : NULL;

	unhash_locked(d);
	lru_remove_locked(d);
	list_add_tail(&d->lru, doomed);
	return parent;
}

void dentry_put_locked(struct dentry *d, struct list_head *doomed)
{
	while (d && atomic_sub(&d->ref.count, 1) == 0) {
		if (!hlist_unhashed(&d->hash) && !(d->sb->flags & SB_NOCACHE)) {
			if (list_empty(&d->lru))
				lru_count++;
			else
				list_del(&d->lru);
			list_add_tail(&d->lru, &lru);
			return;
		}
		d = kill_locked(d, doomed);
	}
}

/* Takes the least recently used out while there are too many. */
static void prune_locked(struct list_head *doomed)
{
	u32 n = 0;

	while (lru_count > LRU_MAX && n++ < PRUNE_BATCH) {
		struct dentry *d = list_first_entry(&lru, struct dentry, lru);

		lru_remove_locked(d);
		if (atomic_load(&d->ref.count) == 0)
			dentry_put_locked(kill_locked(d, doomed), doomed);
	}
}

void dcache_dispose(struct list_head *doomed)
{
	struct dentry *d, *n;

	list_for_each_entry_safe(d, n, doomed, lru) {
		struct inode *inode = d->inode;

		list_del(&d->lru);
		dentry_free(d);
		if (inode)
			inode_put(inode);
	}
}

void dentry_put(struct dentry *d)
{
	struct list_head doomed;
	u32 c = atomic_load_relaxed(&d->ref.count);

	while (c > 1)
		if (__atomic_compare_exchange_n(&d->ref.count, &c, c - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return;
	list_init(&doomed);
	mutex_lock(&dcache_lock);
	dentry_put_locked(d, &doomed);
	prune_locked(&doomed);
	mutex_unlock(&dcache_lock);
	dcache_dispose(&doomed);
}

/* Unused children of a directory that is going away. */
static void prune_children_locked(struct dentry *dir, struct list_head *doomed)
{
	struct dentry *d, *n;

	list_for_each_entry_safe(d, n, &dir->children, sibling)
		if (atomic_load(&d->ref.count) == 0)
			dentry_put_locked(kill_locked(d, doomed), doomed);
}

void dcache_shrink_sb(struct super_block *sb)
{
	struct list_head doomed, mine;
	struct dentry *d, *n;

	list_init(&doomed);
	list_init(&mine);
	mutex_lock(&dcache_lock);
	/* Parents whose last child goes come to the LRU list in turn: repeat until there are none. */
	do {
		list_for_each_entry_safe(d, n, &lru, lru)
			if (d->sb == sb && atomic_load(&d->ref.count) == 0)
				list_move_tail(&d->lru, &mine);
		if (list_empty(&mine))
			break;
		while (!list_empty(&mine))
			dentry_put_locked(kill_locked(list_first_entry(&mine, struct dentry, lru), &doomed), &doomed);
	} while (true);
	mutex_unlock(&dcache_lock);
	dcache_dispose(&doomed);
}

/* parent's inode lock held: a fresh hashed dentry with one reference; inode's reference is taken over. */
static struct dentry *dentry_add(struct dentry *parent, const struct qstr *q, struct inode *inode)
{
	struct dentry *d = dentry_alloc(parent->sb, q->name, q->len, q->hash);

	if (!d)
		return NULL;
	d->inode = inode;
	mutex_lock(&dcache_lock);
	dentry_get(parent);
	d->parent = parent;
	hlist_add(&d->hash, bucket(parent, q->hash));
	list_add(&d->sibling, &parent->children);
	mutex_unlock(&dcache_lock);
	return d;
}

static struct dentry *find_get(struct dentry *parent, const struct qstr *q)
{
	struct dentry *d;

	mutex_lock(&dcache_lock);
	d = dcache_find_locked(parent, q);
	if (d)
		dentry_get(d);
	mutex_unlock(&dcache_lock);
	return d;
}

void dentry_forget(struct dentry *d)
{
	mutex_lock(&dcache_lock);
	unhash_locked(d);
	d->unhashed = true;
	mutex_unlock(&dcache_lock);
}

/* Asks the file system; old is the stale dentry of that name or NULL (consumed). */
static struct dentry *lookup_fs(struct dentry *parent, struct qstr *q, struct dentry *old)
{
	struct inode *dir = parent->inode, *inode = NULL;
	struct dentry *d;
	int err = dir->ops->lookup ? dir->ops->lookup(dir, q, &inode) : -ENOTDIR;

	if (err && err != -ENOENT) {
		if (old)
			dentry_put(old);
		return err_ptr(err);
	}
	if (old) {
		/* The same file again: keep the dentry, mounts and working directories stand on it. */
		if (old->inode == inode) {
			if (inode)
				inode_put(inode);
			return old;
		}
		dentry_forget(old);
		dentry_put(old);
	}
	d = dentry_add(parent, q, inode);
	if (!d) {
		if (inode)
			inode_put(inode);
		return err_ptr(-ENOMEM);
	}
	return d;
}

static bool still_valid(struct dentry *parent, struct qstr *q, struct dentry *d)
{
	struct inode *dir = parent->inode;

	return !dir->ops->revalidate || dir->ops->revalidate(dir, q, d->inode);
}

struct dentry *dentry_lookup_dirlocked(struct dentry *parent, struct qstr *q)
{
	struct dentry *d;

	mutex_assert_held(&parent->inode->lock);
	q->hash = dcache_name_hash(q->name, q->len);
	d = find_get(parent, q);
	if (d && still_valid(parent, q, d))
		return d;
	if (dir_is_dead(parent)) {
		if (d)
			dentry_put(d);
		return err_ptr(-ENOENT);
	}
	return lookup_fs(parent, q, d);
}

struct dentry *dentry_lookup(struct dentry *parent, struct qstr *q)
{
	struct dentry *d;

	if (!S_ISDIR_(parent->inode->mode))
		return err_ptr(-ENOTDIR);
	q->hash = dcache_name_hash(q->name, q->len);
	d = find_get(parent, q);
	if (d) {
		if (still_valid(parent, q, d))
			return d;
		dentry_put(d);
	}
	mutex_lock(&parent->inode->lock);
	d = dentry_lookup_dirlocked(parent, q);
	mutex_unlock(&parent->inode->lock);
	return d;
}

void dentry_instantiate(struct dentry *d, struct inode *inode)
{
	mutex_lock(&dcache_lock);
	atomic_store(&d->inode, inode);
	mutex_unlock(&dcache_lock);
}

struct inode *dentry_delete(struct dentry *d)
{
	struct inode *inode = NULL;
	struct list_head doomed;

	list_init(&doomed);
	mutex_lock(&dcache_lock);
	prune_children_locked(d, &doomed);
	if (atomic_load(&d->ref.count) == 1 && !(d->sb->flags & SB_NOCACHE) && list_empty(&d->children)) {
		inode = d->inode;
		atomic_store(&d->inode, NULL);
	} else {
		unhash_locked(d);
		d->unhashed = true;
	}
	mutex_unlock(&dcache_lock);
	/* Children of a directory being removed are negative: no inode is put here, under the directory's lock. */
	dcache_dispose(&doomed);
	return inode;
}

static void rehash_locked(struct dentry *d, struct dentry *parent)
{
	hlist_add(&d->hash, bucket(parent, d->name.hash));
	list_add(&d->sibling, &parent->children);
}

static void swap_names(struct dentry *a, struct dentry *b)
{
	struct qstr qa = a->name, qb = b->name;
	char tmp[sizeof(a->inline_name)];
	bool ia = qa.name == a->inline_name, ib = qb.name == b->inline_name;

	memcpy(tmp, a->inline_name, sizeof(tmp));
	memcpy(a->inline_name, b->inline_name, sizeof(tmp));
	memcpy(b->inline_name, tmp, sizeof(tmp));
	a->name = qb;
	if (ib)
		a->name.name = a->inline_name;
	b->name = qa;
	if (ia)
		b->name.name = b->inline_name;
}

/* d takes target's place (name and parent). Without exchange, target ends unhashed under d's old name. */
void dentry_move(struct dentry *d, struct dentry *target, bool exchange)
{
	struct dentry *dp, *tp;
	struct list_head doomed;

	list_init(&doomed);
	mutex_lock(&dcache_lock);
	if (!exchange)
		prune_children_locked(target, &doomed);
	dp = d->parent;
	tp = target->parent;
	unhash_locked(d);
	unhash_locked(target);
	/* Swapping the parents swaps their references as well: none is taken or dropped. */
	d->parent = tp;
	target->parent = dp;
	swap_names(d, target);
	rehash_locked(d, tp);
	if (exchange) {
		rehash_locked(target, dp);
	} else if (!target->inode && !(target->sb->flags & SB_NOCACHE)) {
		rehash_locked(target, dp); /* a negative dentry for the name that is now free */
	} else {
		target->unhashed = true;
	}
	mutex_unlock(&dcache_lock);
	dcache_dispose(&doomed); /* negative ones: a directory that is replaced was empty */
}

bool dentry_is_ancestor(struct dentry *a, struct dentry *d)
{
	bool found = false;

	mutex_lock(&dcache_lock);
	for (;; d = d->parent) {
		if (d == a)
			found = true;
		if (found || d->parent == d)
			break;
	}
	mutex_unlock(&dcache_lock);
	return found;
}

void path_get(const struct path *p)
{
	if (p->mnt)
		mount_get(p->mnt);
	dentry_get(p->dentry);
}

void path_put(struct path *p)
{
	struct mount *m = p->mnt;
	struct dentry *d = p->dentry;

	p->mnt = NULL;
	p->dentry = NULL;
	if (d)
		dentry_put(d);
	if (m)
		mount_put(m);
}

static bool prepend(char **pos, char *start, const char *text, size_t len)
{
	if ((size_t)(*pos - start) < len)
		return false;
	*pos -= len;
	memcpy(*pos, text, len);
	return true;
}

/* Writes the names from p up to root in front of *pos. *reached = root was met on the way. */
static bool prepend_path_locked(const struct path *p, const struct path *root, char **pos, char *start, bool *reached)
{
	struct mount *mnt = p->mnt;
	struct dentry *d = p->dentry;
	bool any = false;

	*reached = false;
	for (;;) {
		if (root && d == root->dentry && mnt == root->mnt) {
			*reached = true;
			break;
		}
		if (mnt && d == mnt->root) {
			if (!mnt->parent) {
				*reached = !root || !root->mnt;
				break;
			}
			d = mnt->mountpoint;
			mnt = mnt->parent;
			continue;
		}
		if (d->parent == d) {
			*reached = !root || !mnt; /* from the file system's own root */
			break;
		}
		if (!prepend(pos, start, d->name.name, d->name.len) || !prepend(pos, start, "/", 1))
			return false;
		any = true;
		d = d->parent;
	}
	return any || prepend(pos, start, "/", 1);
}

char *path_text(const struct path *p, const struct path *root, char *buf, size_t size)
{
	char *pos = buf + size;
	bool reached = true, ok;

	if (!size)
		return err_ptr(-ENAMETOOLONG);
	*--pos = 0;
	mutex_lock(&dcache_lock);
	if (!p->mnt && p->dentry->parent == p->dentry) {
		/* Nameless files carry their whole text; a memfd's says (deleted) too. */
		ok = prepend(&pos, buf, p->dentry->name.name, p->dentry->name.len);
	} else {
		ok = !p->dentry->unhashed || prepend(&pos, buf, " (deleted)", 10);
		ok = ok && prepend_path_locked(p, root, &pos, buf, &reached);
	}
	mutex_unlock(&dcache_lock);
	if (ok && !reached)
		ok = prepend(&pos, buf, "(unreachable)", 13);
	return ok ? pos : err_ptr(-ENAMETOOLONG);
}
