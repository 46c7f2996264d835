/* hostfs: mounting, and what concerns the whole file system. */
#include "abi/linux/resource.h"
#include "core/alloc.h"
#include "core/log.h"
#include "fs/hostfs/internal.h"
#include "gate/host.h"
#include "lib/string.h"

#define FD_LIMIT_MIN 64u
#define FD_LIMIT_MAX 65536u

/*
 * Instances that another container may mount as well, so that sockets, FIFOs and locks in a volume are those of all of
 * them. Under shared_lock, until their last mount ends.
 */
static struct mutex shared_lock = MUTEX_INIT(LOCK_LEAF);
static struct list_head shared_sbs = LIST_HEAD_INIT(shared_sbs);

static struct super_block *find_shared(const struct hostfs_mount_data *md, const struct statx *st)
{
	struct super_block *found = NULL;
	struct hostfs_sb *hs;

	mutex_lock(&shared_lock);
	list_for_each_entry(hs, &shared_sbs, node) {
		const struct hostfs_node *n = node_of(hs->sb->root);

		if (n->host_ino != st->stx_ino || n->host_dev != MKDEV(st->stx_dev_major, st->stx_dev_minor) ||
		    hs->readonly != md->readonly || !sb_pin_live(hs->sb))
			continue;
		found = hs->sb;
		ref_get(&found->ref);
		break;
	}
	mutex_unlock(&shared_lock);
	return found;
}

static void hostfs_shutdown(struct super_block *sb)
{
	struct hostfs_sb *hs = sb->priv;

	mutex_lock(&shared_lock);
	list_del(&hs->node);
	mutex_unlock(&shared_lock);
}

static void put_super(struct super_block *sb)
{
	kfree(sb->priv);
}

static int hostfs_statfs(struct super_block *sb, struct kstatfs *st)
{
	struct statfs h;
	int fd = hostfs_fd_get(sb->root, HOSTFS_PATH), ret;

	if (fd < 0)
		return fd;
	ret = (int)host_fstatfs(fd, &h);
	hostfs_fd_put(sb->root);
	if (ret)
		return ret;
	memset(st, 0, sizeof(*st));
	st->type = (u64)h.f_type;
	st->bsize = (u64)h.f_bsize;
	st->blocks = h.f_blocks;
	st->bfree = h.f_bfree;
	st->bavail = h.f_bavail;
	st->files = h.f_files;
	st->ffree = h.f_ffree;
	st->namelen = (u64)h.f_namelen;
	st->frsize = (u64)h.f_frsize;
	return 0;
}

static const struct super_ops hostfs_super_ops = {
	.evict = hostfs_evict,
	.put_super = put_super,
	.statfs = hostfs_statfs,
	.shutdown = hostfs_shutdown,
};

/* The kind of use that the given descriptor allows. */
static int root_fd_kind(int fd, enum hostfs_fd *kind, u32 *flags)
{
	long fl = host_fcntl(fd, F_GETFL, 0);

	if (fl < 0)
		return (int)fl;
	*flags = 0;
	if (fl & O_PATH) {
		*kind = HOSTFS_PATH;
	} else if ((fl & O_ACCMODE) == O_RDONLY) {
		*kind = HOSTFS_READ;
	} else {
		*kind = HOSTFS_WRITE;
		*flags = (fl & O_ACCMODE) == O_WRONLY ? NODE_WRITE_ONLY : 0;
	}
	return 0;
}

static int hostfs_mount(const struct fs_type *type, const char *source, const char *options, void *data,
			struct super_block **out)
{
	struct hostfs_mount_data *md = data;
	enum hostfs_fd kind = HOSTFS_PATH;
	struct super_block *sb;
	struct hostfs_sb *hs;
	struct statx st;
	u32 flags = 0;
	int ret;

	if (!md || md->fd < 0)
		return -EINVAL;
	ret = hostfs_direct.stat(md->fd, "", &st);
	if (!ret)
		ret = root_fd_kind(md->fd, &kind, &flags);
	if (ret)
		return ret;
	if (md->alone && md->shared && kind == HOSTFS_PATH) {
		*out = md->pinned = find_shared(md, &st);
		if (*out)
			return 0;
	}
	if (S_ISDIR_(st.stx_mode))
		kind = HOSTFS_PATH; /* an open directory resolves names just as well */
	sb = sb_alloc(type, &hostfs_super_ops);
	if (!sb)
		return -ENOMEM;
	hs = kzalloc(sizeof(*hs));
	if (!hs) {
		sb_put(sb);
		return -ENOMEM;
	}
	hs->be = &hostfs_direct;
	hs->shared = md->shared;
	hs->readonly = md->readonly;
	mutex_init(&hs->names_lock, LOCK_FS_PRIVATE);
	hs->sb = sb;
	list_init(&hs->node);
	sb->priv = hs;
	if (md->readonly)
		sb->flags |= SB_RDONLY;
	strlcpy(sb->source, source && *source ? source : "none", sizeof(sb->source));
	ret = hostfs_iget(sb, &st, NULL, NULL, &sb->root);
	if (ret) {
		sb_put(sb);
		return ret;
	}
	(void)atomic_or(&node_of(sb->root)->flags, flags);
	hostfs_fd_adopt(sb->root, kind, md->fd);
	md->taken = true;
	if (md->alone && md->shared && kind == HOSTFS_PATH) {
		mutex_lock(&shared_lock);
		sb_pin(sb);
		md->pinned = sb;
		list_add_tail(&hs->node, &shared_sbs);
		mutex_unlock(&shared_lock);
	}
	*out = sb;
	return 0;
}

static struct fs_type hostfs_type = { .name = "hostfs", .mount = hostfs_mount, .nodev = true };

int hostfs_init(void)
{
	struct rlimit rl;
	int ret = (int)host_prlimit64(0, RLIMIT_NOFILE, NULL, &rl);
	u64 limit;

	if (ret)
		return ret;
	/* Less than half: the rest of the kernel and its pipes to the world need some too. */
	limit = max(rl.cur / 2, (u64)FD_LIMIT_MIN) - FD_LIMIT_MIN / 2;
	hostfs_set_limit(min(limit, (u64)FD_LIMIT_MAX));
	fs_type_register(&hostfs_type);
	return 0;
}
