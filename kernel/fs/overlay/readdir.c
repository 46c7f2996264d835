/*
 * overlay: reading directories. An open directory takes a snapshot of both layers when it is read from the start:
 * positions are indices in it, stable whatever happens meanwhile. Upper names hide lower ones.
 */
#include "core/alloc.h"
#include "fs/overlay/internal.h"
#include "lib/string.h"

#define BLOCK_BYTES 16000u
#define SEEN_BUCKETS 1024u

struct entry {
	struct entry *next; /* in order */
	struct entry *same_bucket;
	u64 ino;
	u32 type, len;
	bool hidden; /* a whiteout */
	char name[];
};

struct block {
	struct block *next;
	u32 used;
	char data[BLOCK_BYTES] __aligned(8);
};

struct snapshot {
	struct dir_context ctx; /* what a layer's readdir fills */
	struct block *blocks; /* newest first */
	struct entry *first, **last;
	struct entry **seen; /* hash of names; NULL while only one layer is read */
	bool upper; /* the layer being read */
	bool whiteouts; /* some entry may be one */
	int err;
};

struct ovl_dir {
	struct inode *inode; /* of the overlay; the file holds it */
	struct snapshot s;
	struct entry *at; /* the entry of index at_pos */
	loff_t at_pos;
	bool valid;
};

static struct entry *entry_alloc(struct snapshot *s, u32 len)
{
	u32 size = ALIGN_UP((u32)sizeof(struct entry) + len + 1, 8u);
	struct block *b = s->blocks;

	if (!b || b->used + size > BLOCK_BYTES) {
		b = kmalloc(sizeof(*b));
		if (!b)
			return NULL;
		b->next = s->blocks;
		b->used = 0;
		s->blocks = b;
	}
	b->used += size;
	return (struct entry *)(b->data + b->used - size);
}

static struct entry **seen_bucket(struct snapshot *s, const char *name, u32 len)
{
	return &s->seen[hash_bytes(0x811c9dc5u, name, len) & (SEEN_BUCKETS - 1)];
}

static struct entry *seen_find(struct snapshot *s, const char *name, u32 len)
{
	struct entry *e;

	for (e = *seen_bucket(s, name, len); e; e = e->same_bucket)
		if (e->len == len && memcmp(e->name, name, len) == 0)
			return e;
	return NULL;
}

static bool collect(struct dir_context *ctx, const char *name, u32 len, u64 ino, u32 type, loff_t next_pos)
{
	struct snapshot *s = container_of(ctx, struct snapshot, ctx);
	struct entry *e;

	ctx->pos = next_pos;
	if (!len || len > NAME_MAX || (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
		return true;
	if (s->seen && !s->upper) {
		e = seen_find(s, name, len);
		if (e) {
			e->ino = ino; /* a copy shows the number it had */
			return true;
		}
	}
	e = entry_alloc(s, len);
	if (!e) {
		s->err = -ENOMEM;
		return false;
	}
	memcpy(e->name, name, len);
	e->name[len] = 0;
	e->len = len;
	e->ino = s->upper ? ino | OVL_UPPER_INO : ino;
	e->type = type;
	e->hidden = false;
	e->next = NULL;
	e->same_bucket = NULL;
	*s->last = e;
	s->last = &e->next;
	if (s->upper && type == DT_CHR)
		s->whiteouts = true;
	if (s->seen && s->upper) {
		struct entry **b = seen_bucket(s, name, len);

		e->same_bucket = *b;
		*b = e;
	}
	return true;
}

static int read_layer(struct snapshot *s, struct inode *dir)
{
	struct file *f = file_open_bare(dir, O_RDONLY | O_DIRECTORY);
	int ret;

	if (is_err(f))
		return (int)ptr_err(f);
	s->ctx.emit = collect;
	s->ctx.pos = 0;
	ret = f->ops->readdir ? f->ops->readdir(f, &s->ctx) : -ENOTDIR;
	file_put(f);
	return ret ? ret : s->err;
}

/* Devices of the upper layer may be whiteouts. locked: its lock is held by the caller. */
static void find_whiteouts(struct snapshot *s, struct inode *upper, bool locked)
{
	struct entry *e;

	for (e = s->whiteouts ? s->first : NULL; e; e = e->next) {
		struct qstr q = { .name = e->name, .len = e->len };
		struct inode *i;

		if (e->type != DT_CHR)
			continue;
		if (locked ? ovl_layer_lookup_locked(upper, &q, &i) : ovl_layer_lookup(upper, &q, &i))
			continue;
		e->hidden = ovl_is_whiteout(i);
		inode_put(i);
	}
}

static void snapshot_init(struct snapshot *s)
{
	memset(s, 0, sizeof(*s));
	s->last = &s->first;
}

static void snapshot_drop(struct snapshot *s)
{
	struct block *b, *next;

	for (b = s->blocks; b; b = next) {
		next = b->next;
		kfree(b);
	}
	kfree(s->seen);
	snapshot_init(s);
}

static int snapshot_take(struct snapshot *s, struct inode *dir)
{
	struct inode *upper = ovl_upper(dir), *lower = ovl_lower_dir(dir);
	int ret = 0;

	snapshot_drop(s);
	if (upper && lower) {
		s->seen = kcalloc(SEEN_BUCKETS, sizeof(s->seen[0]));
		if (!s->seen)
			return -ENOMEM;
	}
	if (upper) {
		s->upper = true;
		ret = read_layer(s, upper);
		if (!ret)
			find_whiteouts(s, upper, false);
	}
	s->upper = false;
	if (!ret && lower)
		ret = read_layer(s, lower);
	kfree(s->seen);
	s->seen = NULL;
	if (ret)
		snapshot_drop(s);
	return ret;
}

int ovl_dir_empty(struct inode *dir)
{
	struct snapshot s;
	struct entry *e;
	int ret;

	snapshot_init(&s);
	ret = snapshot_take(&s, dir);
	for (e = s.first; !ret && e; e = e->next)
		if (!e->hidden)
			ret = -ENOTEMPTY;
	snapshot_drop(&s);
	return ret;
}

int ovl_clear_whiteouts(struct inode *upper_dir)
{
	struct snapshot s;
	struct entry *e;
	int ret;

	snapshot_init(&s);
	s.upper = true;
	ret = read_layer(&s, upper_dir);
	mutex_lock_nested(&upper_dir->lock);
	if (!ret)
		find_whiteouts(&s, upper_dir, true);
	for (e = s.first; !ret && e; e = e->next) {
		struct qstr q = { .name = e->name, .len = e->len };
		struct inode *i;

		if (!e->hidden) {
			ret = -ENOTEMPTY;
			break;
		}
		if (ovl_layer_lookup_locked(upper_dir, &q, &i))
			continue;
		ret = ovl_remove_locked(upper_dir, &q, i);
		inode_put(i);
	}
	mutex_unlock(&upper_dir->lock);
	snapshot_drop(&s);
	return ret;
}

int ovl_dir_open(struct inode *inode, struct file *f)
{
	struct ovl_dir *d = kzalloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->inode = inode;
	snapshot_init(&d->s);
	f->priv = d;
	f->ops = &ovl_dir_ops;
	return 0;
}

static void dir_release(struct file *f)
{
	struct ovl_dir *d = f->priv;

	if (!d)
		return;
	snapshot_drop(&d->s);
	kfree(d);
}

static u64 parent_number(struct inode *inode)
{
	struct ovl_inode *oi = ovl_of(inode);
	u64 ino;

	mutex_lock_nested(&oi->lock);
	ino = oi->parent ? oi->parent->ino : inode->ino;
	mutex_unlock(&oi->lock);
	return ino;
}

/* Position 0 is ".", 1 is "..", n + 2 the snapshot's n-th entry. */
static int ovl_readdir(struct file *f, struct dir_context *ctx)
{
	struct ovl_dir *d = f->priv;
	struct inode *inode = d->inode;
	int ret;

	if (!d->valid || ctx->pos == 0) {
		ret = snapshot_take(&d->s, inode);
		d->valid = !ret;
		if (ret)
			return ret;
		d->at = d->s.first;
		d->at_pos = 2;
	}
	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, inode->ino, DT_DIR, 1))
			return 0;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!ctx->emit(ctx, "..", 2, parent_number(inode), DT_DIR, 2))
			return 0;
		ctx->pos = 2;
	}
	if (ctx->pos < d->at_pos) {
		d->at = d->s.first;
		d->at_pos = 2;
	}
	while (d->at && d->at_pos < ctx->pos) {
		d->at = d->at->next;
		d->at_pos++;
	}
	for (; d->at; d->at = d->at->next, d->at_pos++) {
		struct entry *e = d->at;

		if (!e->hidden && !ctx->emit(ctx, e->name, e->len, e->ino, e->type, d->at_pos + 1))
			return 0;
		ctx->pos = d->at_pos + 1;
	}
	return 0;
}

static loff_t dir_llseek(struct file *f, loff_t off, int whence)
{
	if (whence == SEEK_CUR) {
		if (add_overflow(off, f->pos, &off))
			return -EOVERFLOW;
	} else if (whence != SEEK_SET) {
		return -EINVAL;
	}
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

static int dir_fsync(struct file *f, bool data_only)
{
	struct ovl_dir *d = f->priv;
	struct inode *upper = ovl_upper(d->inode);
	struct file *real;
	int ret;

	if (!upper)
		return 0;
	real = file_open_bare(upper, O_RDONLY | O_DIRECTORY);
	if (is_err(real))
		return (int)ptr_err(real);
	ret = real->ops->fsync ? real->ops->fsync(real, data_only) : 0;
	file_put(real);
	return ret;
}

const struct file_ops ovl_dir_ops = {
	.name = "overlay directory",
	.llseek = dir_llseek,
	.readdir = ovl_readdir,
	.fsync = dir_fsync,
	.release = dir_release,
};
