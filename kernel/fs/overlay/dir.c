/* overlay: operations on names. The VFS holds the inode locks of the overlay directories and victims. */
#include "fs/overlay/internal.h"

#include "core/alloc.h"
#include "core/log.h"

int ovl_lookup(struct inode *dir, const struct qstr *q, struct inode **out)
{
	struct inode *upper_dir = ovl_upper(dir), *lower_dir = ovl_lower_dir(dir), *u = NULL, *l = NULL;
	int ret;

	if (upper_dir) {
		ret = ovl_layer_lookup(upper_dir, q, &u);
		if (ret && ret != -ENOENT)
			return ret;
		if (u && ovl_is_whiteout(u)) {
			inode_put(u);
			return -ENOENT;
		}
	}
	if (lower_dir && (!u || (S_ISDIR_(u->mode) && !ovl_layer_opaque(u)))) {
		ret = ovl_layer_lookup(lower_dir, q, &l);
		if (ret && ret != -ENOENT) {
			if (u)
				inode_put(u);
			return ret;
		}
		/* Only directories merge; and a layer may itself have been an upper one once. */
		if (l && ((u && !S_ISDIR_(l->mode)) || ovl_is_whiteout(l))) {
			inode_put(l);
			l = NULL;
		}
	}
	ret = u || l ? ovl_get(dir->sb, u, l, dir, q, out) : -ENOENT;
	if (u)
		inode_put(u);
	if (l)
		inode_put(l);
	return ret;
}

/* In a locked upper directory: takes away the whiteout of that name. 1 = there was one. */
static int whiteout_remove(struct inode *upper_dir, const struct qstr *q)
{
	struct inode *w;
	int ret = ovl_layer_lookup_locked(upper_dir, q, &w);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ret = ovl_is_whiteout(w) ? ovl_remove_locked(upper_dir, q, w) : -EEXIST;
	inode_put(w);
	return ret ? ret : 1;
}

static void changed(struct inode *dir)
{
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
}

int ovl_create(struct inode *dir, const struct qstr *q, const struct inode_new *new, struct inode **out)
{
	struct inode *upper_dir, *u = NULL;
	bool had_whiteout;
	int ret = ovl_copy_up(dir, OVL_NO_LIMIT);

	if (ret)
		return ret;
	if (S_ISCHR_(new->mode) && !new->rdev)
		return -EPERM; /* would be a whiteout */
	upper_dir = ovl_upper(dir);
	if (!upper_dir->ops->create)
		return -EPERM;
	mutex_lock(&upper_dir->lock);
	ret = whiteout_remove(upper_dir, q);
	had_whiteout = ret > 0;
	if (ret >= 0)
		ret = upper_dir->ops->create(upper_dir, q, new, &u);
	if (!ret)
		ovl_adopt_layer(u);
	if (!ret && S_ISDIR_(new->mode) && ovl_lower_dir(dir) && had_whiteout) {
		ret = ovl_set_opaque(u);
		if (ret)
			(void)ovl_remove_locked(upper_dir, q, u);
	}
	if (ret && had_whiteout && ovl_whiteout_add(upper_dir, q))
		log_warn("overlay: a deleted name has come back: no room for its whiteout");
	mutex_unlock(&upper_dir->lock);
	if (!ret)
		ret = ovl_get(dir->sb, u, NULL, dir, q, out);
	if (u)
		inode_put(u);
	if (!ret)
		changed(dir);
	return ret;
}

int ovl_tmpfile(struct inode *dir, const struct inode_new *new, struct inode **out)
{
	struct inode *upper_dir, *u;
	int ret = ovl_copy_up(dir, OVL_NO_LIMIT);

	if (ret)
		return ret;
	upper_dir = ovl_upper(dir);
	if (!upper_dir->ops->tmpfile)
		return -EOPNOTSUPP;
	mutex_lock(&upper_dir->lock);
	ret = upper_dir->ops->tmpfile(upper_dir, new, &u);
	mutex_unlock(&upper_dir->lock);
	if (ret)
		return ret;
	ovl_adopt_layer(u);
	ret = ovl_get(dir->sb, u, NULL, NULL, NULL, out);
	inode_put(u);
	return ret;
}

int ovl_link(struct inode *dir, const struct qstr *q, struct inode *target)
{
	struct ovl_inode *oi = ovl_of(target);
	struct inode *upper_dir, *drop = NULL;
	char *name = ovl_name_dup(q);
	bool had_whiteout = false;
	int ret = name ? ovl_copy_up(dir, OVL_NO_LIMIT) : -ENOMEM;

	if (!ret)
		ret = ovl_copy_up(target, OVL_NO_LIMIT);
	if (ret)
		goto out;
	upper_dir = ovl_upper(dir);
	mutex_lock_nested(&oi->lock);
	mutex_lock(&upper_dir->lock);
	ret = whiteout_remove(upper_dir, q);
	had_whiteout = ret > 0;
	if (ret >= 0)
		ret = upper_dir->ops->link ? upper_dir->ops->link(upper_dir, q, oi->upper) : -EPERM;
	if (ret && had_whiteout)
		(void)ovl_whiteout_add(upper_dir, q);
	mutex_unlock(&upper_dir->lock);
	if (!ret && !oi->parent) {
		drop = ovl_set_place(oi, dir, name);
		name = NULL;
	}
	mutex_unlock(&oi->lock);
	if (drop)
		inode_put(drop);
	if (!ret) {
		(void)atomic_add(&target->nlink, 1);
		inode_touch(target, ATTR_CTIME);
		changed(dir);
	}
out:
	kfree(name);
	return ret;
}

/* The overlay inode has one name less. */
static void name_gone(struct inode *victim)
{
	if (S_ISDIR_(victim->mode))
		atomic_store(&victim->nlink, 0);
	else if (atomic_load(&victim->nlink))
		(void)atomic_sub(&victim->nlink, 1);
	inode_touch(victim, ATTR_CTIME);
	if (!atomic_load(&victim->nlink))
		ovl_unpin(ovl_of(victim));
}

/* unlink and rmdir: away with the upper one, a whiteout where a lower one would show. */
static int remove_name(struct inode *dir, const struct qstr *q, struct inode *victim)
{
	struct ovl_inode *oi = ovl_of(victim);
	struct inode *upper_dir, *u, *drop = NULL;
	bool below;
	int ret = ovl_copy_up(dir, OVL_NO_LIMIT);

	if (ret)
		return ret;
	upper_dir = ovl_upper(dir);
	below = ovl_lower_has(dir, q);
	mutex_lock_nested(&oi->lock); /* no copy-up of it now */
	mutex_lock(&upper_dir->lock);
	ret = ovl_layer_lookup_locked(upper_dir, q, &u);
	if (!ret) {
		if (S_ISDIR_(u->mode))
			ret = ovl_clear_whiteouts(u);
		if (!ret)
			ret = ovl_remove_locked(upper_dir, q, u);
		inode_put(u);
	} else if (ret == -ENOENT) {
		ret = below ? 0 : -ENOENT;
	}
	if (!ret && below)
		ret = ovl_whiteout_add(upper_dir, q);
	mutex_unlock(&upper_dir->lock);
	if (!ret && ovl_at_place(oi, dir, q))
		drop = ovl_set_place(oi, NULL, NULL);
	mutex_unlock(&oi->lock);
	if (drop)
		inode_put(drop);
	if (ret)
		return ret;
	name_gone(victim);
	changed(dir);
	return 0;
}

int ovl_unlink(struct inode *dir, const struct qstr *q, struct inode *victim)
{
	return remove_name(dir, q, victim);
}

int ovl_rmdir(struct inode *dir, const struct qstr *q, struct inode *victim)
{
	int ret = ovl_dir_empty(victim);

	return ret ? ret : remove_name(dir, q, victim);
}

/*
 * Makes inode ready to be moved: an upper part; for a directory also that nothing is merged into it at its new place. A
 * directory with a lower part keeps it by staying in memory, or cannot move (the caller copies it, as with overlayfs).
 */
static int prepare_move(struct inode *inode)
{
	struct ovl_inode *oi = ovl_of(inode);
	int ret;

	if (S_ISDIR_(inode->mode) && ovl_lower_dir(inode) && !ovl_sb_of(inode)->volatile_upper)
		return -EXDEV;
	ret = ovl_copy_up(inode, OVL_NO_LIMIT);
	if (ret || !S_ISDIR_(inode->mode))
		return ret;
	if (ovl_lower_dir(inode)) {
		mutex_lock_nested(&oi->lock);
		ovl_pin(oi);
		mutex_unlock(&oi->lock);
		return 0;
	}
	return ovl_set_opaque(oi->upper);
}

struct move {
	struct inode *old_dir, *new_dir; /* upper ones, locked */
	const struct qstr *old_q, *new_q;
	struct inode *upper; /* what moves */
	u32 flags;
};

/* The upper layer's part of a rename. below: a lower file shows at the old name without a whiteout. */
static int move_upper(const struct move *m, bool below)
{
	bool exchange = m->flags & RENAME_EXCHANGE;
	struct inode *from = NULL, *to = NULL;
	int ret;

	ret = ovl_layer_lookup_locked(m->new_dir, m->new_q, &to);
	if (ret && ret != -ENOENT)
		return ret;
	ret = ovl_layer_lookup_locked(m->old_dir, m->old_q, &from);
	if (ret && ret != -ENOENT)
		goto out;
	ret = exchange && (!from || !to) ? -EXDEV : 0; /* a hard link that has its upper part elsewhere */
	if (to && !exchange) {
		/* A directory cannot replace a whiteout, nor a link be made over anything. */
		if (S_ISDIR_(to->mode))
			ret = ovl_clear_whiteouts(to);
		if (!ret && (!from || S_ISDIR_(m->upper->mode) != S_ISDIR_(to->mode))) {
			ret = ovl_remove_locked(m->new_dir, m->new_q, to);
			inode_put(to);
			to = NULL;
		}
	}
	if (ret)
		goto out;
	if (from && m->old_dir->ops->rename) {
		if (to)
			mutex_lock_nested(&to->lock);
		ret = m->old_dir->ops->rename(m->old_dir, m->old_q, from, m->new_dir, m->new_q, to,
					      exchange ? RENAME_EXCHANGE : 0);
		if (to)
			mutex_unlock(&to->lock);
	} else if (!from && !exchange && m->new_dir->ops->link) {
		/* A name of a hard link that is only in the lower layer. */
		ret = m->new_dir->ops->link(m->new_dir, m->new_q, m->upper);
	} else {
		ret = -EXDEV;
	}
	if (!ret && below && !exchange)
		ret = ovl_whiteout_add(m->old_dir, m->old_q);
out:
	if (from)
		inode_put(from);
	if (to)
		inode_put(to);
	return ret;
}

/* Both places of a rename, remembered for copy-up. The ovl_inode locks are held. */
static void move_places(struct ovl_inode *oi, struct inode *old_dir, const struct qstr *old_q, struct inode *new_dir,
			char **new_name, struct inode **drop)
{
	*drop = NULL;
	if (oi->parent && !ovl_at_place(oi, old_dir, old_q))
		return; /* another link of it: the place it knows is still good */
	*drop = ovl_set_place(oi, new_dir, *new_name);
	*new_name = NULL;
}

static int rename_prepare(struct inode *old_dir, struct inode *new_dir, struct inode *inode, struct inode *replaced,
			  u32 flags)
{
	int ret;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (replaced && S_ISDIR_(replaced->mode) && !(flags & RENAME_EXCHANGE)) {
		ret = ovl_dir_empty(replaced);
		if (ret)
			return ret;
	}
	ret = ovl_copy_up(old_dir, OVL_NO_LIMIT);
	if (!ret)
		ret = ovl_copy_up(new_dir, OVL_NO_LIMIT);
	if (!ret)
		ret = prepare_move(inode);
	if (!ret && replaced && (flags & RENAME_EXCHANGE))
		ret = prepare_move(replaced);
	return ret;
}

int ovl_rename(struct inode *old_dir, const struct qstr *old_q, struct inode *inode, struct inode *new_dir,
	       const struct qstr *new_q, struct inode *replaced, u32 flags)
{
	struct ovl_inode *oi = ovl_of(inode), *other = replaced ? ovl_of(replaced) : oi;
	struct move m = { .old_q = old_q, .new_q = new_q, .flags = flags };
	char *new_name = ovl_name_dup(new_q), *old_name = ovl_name_dup(old_q);
	struct inode *drop = NULL, *drop2 = NULL;
	bool below;
	int ret = new_name && old_name ? rename_prepare(old_dir, new_dir, inode, replaced, flags) : -ENOMEM;

	if (ret)
		goto out;
	below = ovl_lower_has(old_dir, old_q);
	m.old_dir = ovl_upper(old_dir);
	m.new_dir = ovl_upper(new_dir);
	m.upper = oi->upper;
	mutex_lock_nested(oi < other ? &oi->lock : &other->lock);
	if (oi != other)
		mutex_lock_nested(oi < other ? &other->lock : &oi->lock);
	mutex_lock_two(&m.old_dir->lock, &m.new_dir->lock);
	ret = move_upper(&m, below);
	mutex_unlock_two(&m.old_dir->lock, &m.new_dir->lock);
	if (!ret) {
		if (replaced && (flags & RENAME_EXCHANGE)) {
			move_places(other, new_dir, new_q, old_dir, &old_name, &drop2);
		} else if (replaced && ovl_at_place(other, new_dir, new_q)) {
			drop2 = ovl_set_place(other, NULL, NULL);
		}
		move_places(oi, old_dir, old_q, new_dir, &new_name, &drop);
	}
	mutex_unlock(&oi->lock);
	if (oi != other)
		mutex_unlock(&other->lock);
	if (drop)
		inode_put(drop);
	if (drop2)
		inode_put(drop2);
	if (ret)
		goto out;
	if (replaced && !(flags & RENAME_EXCHANGE))
		name_gone(replaced);
	inode_touch(inode, ATTR_CTIME);
	changed(old_dir);
	changed(new_dir);
out:
	kfree(new_name);
	kfree(old_name);
	return ret;
}
