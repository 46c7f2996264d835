/* mount(2), umount2(2), pivot_root(2) beneath the system calls: new mounts, binds, moves, remounts, types. */
#include "fs/mount_tree.h"

static struct mount_ns *my_ns(void)
{
	return current->mnt_ns ? current->mnt_ns : boot_ns;
}

/* mount_lock held: at is attached in the caller's namespace and still there. */
static int check_place(const struct path *at)
{
	if (!at->mnt || at->mnt->ns != my_ns())
		return -EINVAL;
	return at->dentry->unhashed ? -ENOENT : 0;
}

static bool same_kind(struct dentry *a, struct dentry *b)
{
	return S_ISDIR_(a->inode->mode) == S_ISDIR_(b->inode->mode);
}

int mount_graft(struct mount *m, const struct path *at)
{
	int err;

	mutex_lock(&mount_lock);
	err = check_place(at);
	if (!err && !same_kind(m->root, at->dentry))
		err = -ENOTDIR;
	if (!err) {
		mutex_lock(&dcache_lock);
		/* Somebody mounted here since the walk: on top of that. */
		struct path top = *at;

		mount_cross_locked(&top.mnt, &top.dentry);
		mount_attach_locked(m, top.mnt, top.dentry, my_ns());
		mutex_unlock(&dcache_lock);
	}
	mutex_unlock(&mount_lock);
	if (!err)
		mount_ns_announce(my_ns());
	return err;
}

static u32 kept_flags(u64 flags)
{
	u32 f = (u32)flags & MOUNT_KEPT_FLAGS;

	if (!(f & (MS_NOATIME | MS_STRICTATIME)))
		f |= (u32)MS_RELATIME;
	if (f & MS_STRICTATIME)
		f &= ~(u32)(MS_RELATIME | MS_NOATIME);
	return f;
}

static int new_mount(const char *source, const struct path *at, const char *name, u64 flags, const char *options)
{
	const struct fs_type *type = fs_type_find(name);
	struct super_block *sb = NULL;
	struct mount *m;
	int err;

	if (!type)
		return -ENODEV;
	if (!type->user_mountable || !type->mount)
		return current->process ? -EPERM : -ENODEV;
	err = type->mount(type, source, options, NULL, &sb);
	if (err)
		return err;
	if (!sb->source[0])
		strlcpy(sb->source, *source ? source : "none", sizeof(sb->source));
	m = mount_of_sb(sb, kept_flags(flags));
	if (is_err(m))
		return (int)ptr_err(m);
	/* The same file system twice on one place is a mistake. */
	err = at->mnt && at->mnt->sb == sb && at->dentry == m->root ? -EBUSY : mount_graft(m, at);
	if (err)
		mount_put(m);
	return err;
}

static struct mount *clone_mount(struct mount *old, struct dentry *root)
{
	struct mount *m = mount_alloc(old->sb, root, old->flags);

	if (!m)
		return NULL;
	m->propagation = old->propagation & (u32)MS_UNBINDABLE ? (u32)MS_PRIVATE : old->propagation;
	m->peer_group = old->peer_group;
	m->origin = 0;
	return m;
}

/* One of the mounts under a recursive bind's source, with where it hangs in the copy. */
struct bind_item {
	struct mount *from, *to;
	struct list_head node;
};

static struct mount *bind_find(struct list_head *items, struct mount *from)
{
	struct bind_item *it;

	list_for_each_entry(it, items, node)
		if (it->from == from)
			return it->to;
	return NULL;
}

static int bind_add(struct list_head *items, struct mount *from, struct dentry *root)
{
	struct bind_item *it = kmalloc(sizeof(*it));

	if (!it)
		return -ENOMEM;
	it->from = from;
	it->to = clone_mount(from, root);
	if (!it->to) {
		kfree(it);
		return -ENOMEM;
	}
	list_add_tail(&it->node, items);
	return 0;
}

/* mount_lock held: copies of every bindable mount below src, parents before children. */
static int bind_collect(struct list_head *items, const struct path *src)
{
	struct mount_ns *ns = src->mnt->ns;
	struct mount *m;
	bool again = true;
	int err;

	while (again) {
		again = false;
		list_for_each_entry(m, &ns->mounts, ns_node) {
			if (!m->parent || bind_find(items, m) || !bind_find(items, m->parent) ||
			    (m->propagation & (u32)MS_UNBINDABLE))
				continue;
			if (m->parent == src->mnt && !dentry_is_ancestor(src->dentry, m->mountpoint))
				continue;
			err = bind_add(items, m, m->root);
			if (err)
				return err;
			again = true;
		}
	}
	return 0;
}

static void bind_attach(struct list_head *items, const struct path *at)
{
	struct bind_item *it;
	struct path top = *at;

	mutex_lock(&dcache_lock);
	mount_cross_locked(&top.mnt, &top.dentry);
	list_for_each_entry(it, items, node) {
		if (it == list_first_entry(items, struct bind_item, node))
			mount_attach_locked(it->to, top.mnt, top.dentry, my_ns());
		else
			mount_attach_locked(it->to, bind_find(items, it->from->parent), it->from->mountpoint, my_ns());
	}
	mutex_unlock(&dcache_lock);
}

static int bind_mount(const char *source, const struct path *at, bool rec)
{
	struct list_head items;
	struct path src;
	int err = *source ? path_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &src) : -EINVAL;

	if (err)
		return err;
	list_init(&items);
	mutex_lock(&mount_lock);
	err = check_place(at);
	if (!err && (!src.mnt || src.mnt->ns != my_ns() || (src.mnt->propagation & (u32)MS_UNBINDABLE)))
		err = -EINVAL;
	if (!err && !same_kind(src.dentry, at->dentry))
		err = -ENOTDIR;
	if (!err)
		err = bind_add(&items, src.mnt, src.dentry);
	if (!err && rec)
		err = bind_collect(&items, &src);
	if (!err)
		bind_attach(&items, at);
	mutex_unlock(&mount_lock);
	while (!list_empty(&items)) {
		struct bind_item *it = list_first_entry(&items, struct bind_item, node);

		list_del(&it->node);
		if (err)
			mount_put(it->to);
		kfree(it);
	}
	if (!err)
		mount_ns_announce(my_ns());
	path_put(&src);
	return err;
}

static int move_locked(const struct path *src, const struct path *at, struct path *was)
{
	struct mount *m = src->mnt;
	struct path top = *at;
	int err = check_place(at);

	if (err)
		return err;
	if (!m || m->ns != my_ns() || src->dentry != m->root || !m->parent)
		return -EINVAL;
	if (m->parent->propagation & (u32)MS_SHARED)
		return -EINVAL;
	if (!same_kind(m->root, at->dentry))
		return -ENOTDIR;
	mutex_lock(&dcache_lock);
	if (mount_below_locked(top.mnt, m)) {
		err = -ELOOP;
	} else {
		mount_cross_locked(&top.mnt, &top.dentry);
		if (mount_below_locked(top.mnt, m)) {
			err = -ELOOP;
		} else {
			*was = (struct path){ m->parent, m->mountpoint };
			hlist_del(&m->hash);
			atomic_sub(&m->mountpoint->mounted, 1);
			list_del(&m->ns_node);
			mount_attach_locked(m, top.mnt, top.dentry, my_ns());
		}
	}
	mutex_unlock(&dcache_lock);
	return err;
}

static int move_mount(const char *source, const struct path *at)
{
	struct path src, was = { NULL, NULL };
	int err = *source ? path_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &src) : -EINVAL;

	if (err)
		return err;
	mutex_lock(&mount_lock);
	err = move_locked(&src, at, &was);
	mutex_unlock(&mount_lock);
	if (!err) {
		path_put(&was);
		mount_ns_announce(my_ns());
	}
	path_put(&src);
	return err;
}

static int remount(const struct path *at, u64 flags, const char *options)
{
	struct mount *m = at->mnt;
	struct super_block *sb;
	u32 kept = kept_flags(flags);
	int err = 0;

	if (!m || at->dentry != m->root)
		return -EINVAL;
	sb = m->sb;
	/* Without any atime flag, remount leaves atime alone. */
	if (!(flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)))
		kept = (kept & ~(u32)(MS_RELATIME)) |
		       (m->flags & (u32)(MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME));
	if (!(flags & MS_BIND)) {
		if (sb->ops && sb->ops->remount)
			err = sb->ops->remount(sb, options);
		else if (*options)
			err = -EINVAL;
	}
	if (err)
		return err;
	mutex_lock(&mount_lock);
	if (m->ns != my_ns()) {
		err = -EINVAL;
	} else {
		atomic_store(&m->flags, kept);
		mutex_lock(&dcache_lock);
		m->ns->event++;
		mutex_unlock(&dcache_lock);
	}
	mutex_unlock(&mount_lock);
	if (!err)
		mount_ns_announce(my_ns());
	return err;
}

static void set_type(struct mount *m, u32 type)
{
	if (type & (u32)MS_SHARED) {
		if (!m->peer_group)
			m->peer_group = mount_new_peer_group();
	} else if (!(type & (u32)MS_SLAVE)) {
		m->peer_group = 0;
	}
	m->propagation = type;
}

static int change_type(const struct path *at, u64 flags)
{
	u32 type = (u32)(flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE));
	struct mount *m, *top = at->mnt;
	int err = 0;

	if (flags & ~(MS_REC | MS_SILENT | type) || (type & (type - 1)))
		return -EINVAL;
	if (!top || at->dentry != top->root)
		return -EINVAL;
	mutex_lock(&mount_lock);
	if (top->ns != my_ns()) {
		err = -EINVAL;
	} else {
		mutex_lock(&dcache_lock);
		list_for_each_entry(m, &top->ns->mounts, ns_node)
			if (m == top || ((flags & MS_REC) && mount_below_locked(m, top)))
				set_type(m, type);
		mutex_unlock(&dcache_lock);
	}
	mutex_unlock(&mount_lock);
	return err;
}

int do_mount(const char *source, const struct path *at, const char *type, u64 flags, const char *options)
{
	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~MS_MGC_MSK;
	if (flags & MS_REMOUNT)
		return remount(at, flags, options);
	if (flags & MS_BIND)
		return bind_mount(source, at, flags & MS_REC);
	if (flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
		return change_type(at, flags);
	if (flags & MS_MOVE)
		return move_mount(source, at);
	return new_mount(source, at, type, flags, options);
}

/* Users of a mount beyond the tree's own reference and the caller's: paths and children. */
static bool mount_busy(struct mount *m)
{
	struct mount *c;

	list_for_each_entry(c, &m->ns->mounts, ns_node)
		if (c->parent == m)
			return true;
	return atomic_load(&m->ref.count) > 2;
}

int do_umount(const struct path *at, int flags)
{
	struct mount *m = at->mnt;
	struct list_head doomed;
	struct path root;
	int err = 0;

	if (!m || at->dentry != m->root)
		return -EINVAL;
	list_init(&doomed);
	current_root(&root);
	mutex_lock(&mount_lock);
	if (m->ns != my_ns())
		err = -EINVAL;
	else if (!m->parent)
		err = -EINVAL;
	else if (root.mnt == m && !(flags & MNT_DETACH))
		err = -EBUSY;
	else if (!(flags & MNT_DETACH) && mount_busy(m))
		err = -EBUSY;
	else if ((flags & MNT_EXPIRE) && !atomic_xchg(&m->expire, 1))
		err = -EAGAIN;
	if (!err)
		mount_umount_tree(m, &doomed);
	mutex_unlock(&mount_lock);
	path_put(&root);
	if (!err) {
		mount_put_doomed(&doomed);
		mount_ns_announce(my_ns());
	}
	return err;
}

/* mount_lock held. new_root's mount becomes the namespace's root; the old root goes to put_old. */
static int pivot_locked(const struct path *new, const struct path *old, const struct path *root, struct path was[2])
{
	struct mount *nm = new->mnt, *rm = root->mnt;
	struct mount_ns *ns = my_ns();
	struct path top = *old;

	if (!nm || !rm || nm->ns != ns || rm->ns != ns || !old->mnt || old->mnt->ns != ns)
		return -EINVAL;
	if (new->dentry->unhashed)
		return -ENOENT;
	if (nm == rm || old->mnt == rm)
		return -EBUSY;
	/* Only a mount's root can change places, and the current root must be one that hangs somewhere or is ns's. */
	if (new->dentry != nm->root || root->dentry != rm->root || !nm->parent)
		return -EINVAL;
	if ((rm->propagation | nm->parent->propagation) & (u32)MS_SHARED)
		return -EINVAL;
	/* A new root from outside the current one (by an open descriptor) would hang the tree below itself. */
	if (!mount_below_locked(nm, rm))
		return -EINVAL;
	if (!mount_below_locked(old->mnt, nm) || (old->mnt == nm && !dentry_is_ancestor(new->dentry, old->dentry)))
		return -EINVAL;
	mutex_lock(&dcache_lock);
	was[0] = (struct path){ nm->parent, nm->mountpoint };
	was[1] = (struct path){ rm->parent, rm->mountpoint };
	hlist_del(&nm->hash);
	atomic_sub(&nm->mountpoint->mounted, 1);
	list_del(&nm->ns_node);
	if (rm->parent) {
		hlist_del(&rm->hash);
		atomic_sub(&rm->mountpoint->mounted, 1);
	}
	list_del(&rm->ns_node);
	/* The new root takes the old one's place, the old one goes below it. */
	mount_attach_locked(nm, was[1].mnt, was[1].dentry, ns);
	if (ns->root == rm)
		ns->root = nm;
	mount_cross_locked(&top.mnt, &top.dentry);
	mount_attach_locked(rm, top.mnt, top.dentry, ns);
	mutex_unlock(&dcache_lock);
	return 0;
}

/* Everybody whose root or cwd is the old root moves along, as Linux does it. */
static void switch_roots(const struct path *old, const struct path *new)
{
	u64 tid = 0;

	for (;;) {
		struct fs_context *fs = NULL;
		struct task *t;
		struct path drop[2] = { { NULL, NULL }, { NULL, NULL } };

		mutex_lock(&tasklist_lock);
		t = task_next_any(tid);
		if (t) {
			tid = task_place(t) + 1;
			task_get(t);
		}
		mutex_unlock(&tasklist_lock);
		if (!t)
			return;
		fs = task_get_fs(t);
		task_put(t);
		if (!fs)
			continue;
		mutex_lock(&fs->lock);
		if (fs->root.mnt == old->mnt && fs->root.dentry == old->dentry) {
			drop[0] = fs->root;
			fs->root = *new;
			path_get(new);
		}
		if (fs->cwd.mnt == old->mnt && fs->cwd.dentry == old->dentry) {
			drop[1] = fs->cwd;
			fs->cwd = *new;
			path_get(new);
		}
		mutex_unlock(&fs->lock);
		path_put(&drop[0]);
		path_put(&drop[1]);
		fs_context_put(fs);
	}
}

int do_pivot_root(const struct path *new, const struct path *old)
{
	struct path root, was[2] = { { NULL, NULL }, { NULL, NULL } };
	int err;

	current_root(&root);
	mutex_lock(&mount_lock);
	err = pivot_locked(new, old, &root, was);
	mutex_unlock(&mount_lock);
	if (!err) {
		switch_roots(&root, new);
		path_put(&was[0]);
		path_put(&was[1]);
		mount_ns_announce(my_ns());
	}
	path_put(&root);
	return err;
}
