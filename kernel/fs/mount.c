/*
 * Mounts and mount namespaces: the tree of trees.
 *
 * A mount is referenced by its namespace's list while attached, by its children, and by every path that stands in
 * it. Taken out of the tree (umount) it loses its parent and lives on for those paths; the last mount_put lets go of
 * the dentry tree, and the last mount of a super_block shuts that down.
 *
 * mount_lock (outer) serialises changes of the tree; the links themselves (parent, mountpoint, hash, ns list) change
 * under dcache_lock too, since path walks read them under that.
 *
 * Propagation types are stored and shown; events are not propagated between peers.
 */
#include "fs/mount_tree.h"
#include "proc/ns.h"

#define MHASH_SIZE 1024u

struct mutex mount_lock = MUTEX_INIT(LOCK_FS_RENAME);
struct mount_ns *boot_ns;
static __big struct hlist_head mhash[MHASH_SIZE]; /* under dcache_lock */
static u32 next_mount_id = 20; /* atomic */
static u32 next_peer_group; /* atomic */

static struct hlist_head *mbucket(const struct mount *parent, const struct dentry *d)
{
	return &mhash[hash_u64((u64)parent / 16 + (u64)d) & (MHASH_SIZE - 1)];
}

struct mount *mount_find_locked(struct mount *parent, struct dentry *mountpoint)
{
	struct mount *m;

	hlist_for_each_entry(m, mbucket(parent, mountpoint), hash)
		if (m->parent == parent && m->mountpoint == mountpoint)
			return m;
	return NULL;
}

struct mount *mount_alloc(struct super_block *sb, struct dentry *root, u32 flags)
{
	struct mount *m = kzalloc(sizeof(*m));

	if (!m)
		return NULL;
	ref_init(&m->ref);
	sb_pin(sb);
	m->sb = sb;
	m->root = dentry_get(root);
	m->flags = flags;
	m->id = atomic_add(&next_mount_id, 1);
	m->propagation = (u32)MS_PRIVATE;
	list_init(&m->ns_node);
	list_init(&m->doomed);
	return m;
}

void mount_put(struct mount *m)
{
	struct super_block *sb;

	if (!ref_put(&m->ref))
		return;
	ASSERT(hlist_unhashed(&m->hash) && list_empty(&m->ns_node) && list_empty(&m->doomed));
	sb = m->sb;
	dentry_put(m->root);
	sb_unpin(sb);
	kfree(m);
}

/* A mount of a file system instance whose reference is taken over (also on failure). */
struct mount *mount_of_sb(struct super_block *sb, u32 flags)
{
	struct mount *m;

	mutex_lock(&mount_lock);
	if (!sb->root_dentry && sb->root) {
		sb->root_dentry = dentry_alloc_root(sb->root);
		if (sb->root_dentry)
			inode_get(sb->root);
	}
	m = sb->root_dentry ? mount_alloc(sb, sb->root_dentry, flags) : NULL;
	mutex_unlock(&mount_lock);
	if (!m) {
		/* Never mounted: shut down what its mount operation made. */
		sb_pin(sb);
		sb_unpin(sb);
		sb_put(sb);
		return err_ptr(-ENOMEM);
	}
	sb_put(sb);
	return m;
}

static void ns_changed_locked(struct mount_ns *ns)
{
	ns->event++;
}

void mount_ns_announce(struct mount_ns *ns)
{
	wake_up_all(&ns->wait);
}

/* Takes over m's reference as the tree's; parent and mountpoint get references. mount_lock and dcache_lock held. */
void mount_attach_locked(struct mount *m, struct mount *parent, struct dentry *mountpoint, struct mount_ns *ns)
{
	m->parent = parent;
	m->mountpoint = mountpoint;
	if (parent) {
		mount_get(parent);
		dentry_get(mountpoint);
		atomic_add(&mountpoint->mounted, 1);
		hlist_add(&m->hash, mbucket(parent, mountpoint));
	}
	m->ns = ns;
	if (ns) {
		list_add_tail(&m->ns_node, &ns->mounts);
		ns_changed_locked(ns);
	}
}

/* Out of the tree; the tree's reference and those in m->was remain for mount_put_doomed. */
static void mount_detach_locked(struct mount *m)
{
	m->was = (struct path){ m->parent, m->mountpoint };
	if (m->parent) {
		hlist_del(&m->hash);
		atomic_sub(&m->mountpoint->mounted, 1);
	}
	m->parent = NULL;
	m->mountpoint = NULL;
	list_del(&m->ns_node);
	if (m->ns)
		ns_changed_locked(m->ns);
	m->ns = NULL;
}

/* True when m lies in the tree whose top is top. */
bool mount_below_locked(const struct mount *m, const struct mount *top)
{
	for (; m; m = m->parent)
		if (m == top)
			return true;
	return false;
}

/* Detaches the whole tree of top. mount_lock held; then mount_put_doomed without it. */
void mount_umount_tree(struct mount *top, struct list_head *doomed)
{
	struct mount_ns *ns = top->ns;
	struct mount *m, *n;

	mutex_lock(&dcache_lock);
	if (ns) {
		list_for_each_entry_safe(m, n, &ns->mounts, ns_node)
			if (mount_below_locked(m, top))
				list_add(&m->doomed, doomed);
		list_for_each_entry(m, doomed, doomed)
			mount_detach_locked(m);
	}
	mutex_unlock(&dcache_lock);
}

void mount_put_doomed(struct list_head *doomed)
{
	while (!list_empty(doomed)) {
		struct mount *m = list_first_entry(doomed, struct mount, doomed);

		list_del(&m->doomed);
		if (m->was.mnt)
			path_put(&m->was);
		mount_put(m);
	}
}

u32 mount_new_peer_group(void)
{
	return atomic_add(&next_peer_group, 1);
}

struct mount_ns *mount_ns_alloc(void)
{
	struct mount_ns *ns = kzalloc(sizeof(*ns));

	if (!ns)
		return NULL;
	ref_init(&ns->ref);
	list_init(&ns->mounts);
	wait_queue_init(&ns->wait);
	ns->ino = ns_next_ino();
	return ns;
}

void mount_ns_put(struct mount_ns *ns)
{
	struct list_head doomed;

	if (!ref_put(&ns->ref))
		return;
	list_init(&doomed);
	if (ns->root) {
		mutex_lock(&mount_lock);
		mount_umount_tree(ns->root, &doomed);
		mutex_unlock(&mount_lock);
		mount_put_doomed(&doomed);
	}
	kfree(ns);
}

static struct mount *find_copy_locked(struct mount_ns *ns, u32 origin)
{
	struct mount *m;

	list_for_each_entry(m, &ns->mounts, ns_node)
		if (m->origin == origin)
			return m;
	return NULL;
}

/* mount_lock held. One mount's copy into ns; its parent has been copied before. */
static int copy_one(struct mount_ns *ns, struct mount *old)
{
	struct mount *m = mount_alloc(old->sb, old->root, old->flags), *parent = NULL;

	if (!m)
		return -ENOMEM;
	m->propagation = old->propagation;
	m->peer_group = old->peer_group;
	m->origin = old->id;
	mutex_lock(&dcache_lock);
	if (old->parent)
		parent = find_copy_locked(ns, old->parent->id);
	mount_attach_locked(m, parent, parent ? old->mountpoint : NULL, ns);
	if (!old->parent)
		ns->root = m;
	mutex_unlock(&dcache_lock);
	return 0;
}

/* A moved mount may stand in the list before its parent: rounds until every one has its copy. */
struct mount_ns *mount_ns_copy(struct mount_ns *old)
{
	struct mount_ns *ns = mount_ns_alloc();
	struct mount *m;
	bool again = true;
	int err = 0;

	if (!ns)
		return err_ptr(-ENOMEM);
	mutex_lock(&mount_lock);
	while (again && !err) {
		again = false;
		list_for_each_entry(m, &old->mounts, ns_node) {
			bool ready;

			mutex_lock(&dcache_lock);
			ready = !find_copy_locked(ns, m->id) &&
				(!m->parent || find_copy_locked(ns, m->parent->id));
			mutex_unlock(&dcache_lock);
			if (!ready)
				continue;
			err = copy_one(ns, m);
			if (err)
				break;
			again = true;
		}
	}
	mutex_unlock(&mount_lock);
	if (err) {
		mount_ns_put(ns);
		return err_ptr(err);
	}
	return ns;
}

static void rebase(struct path *p, struct mount_ns *ns)
{
	struct mount *m = NULL;

	if (p->mnt)
		m = find_copy_locked(ns, p->mnt->id);
	if (m) {
		p->mnt = mount_get(m);
	} else {
		p->mnt = ns->root;
		p->dentry = ns->root->root;
		mount_cross_locked(&p->mnt, &p->dentry);
		mount_get(p->mnt);
	}
	dentry_get(p->dentry);
}

void fs_context_rebase(struct fs_context *fs, struct mount_ns *ns)
{
	struct path root, cwd;

	mutex_lock(&mount_lock);
	mutex_lock(&fs->lock);
	root = fs->root;
	cwd = fs->cwd;
	mutex_lock(&dcache_lock);
	rebase(&fs->root, ns);
	rebase(&fs->cwd, ns);
	mutex_unlock(&dcache_lock);
	mutex_unlock(&fs->lock);
	mutex_unlock(&mount_lock);
	path_put(&root);
	path_put(&cwd);
}
