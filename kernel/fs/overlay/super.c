/* overlay: mounting, and what concerns the whole file system. */
#include "core/alloc.h"
#include "fs/overlay/internal.h"
#include "lib/string.h"

/* A file system's root is not one any more when all its inodes are gone: the layers go with the overlay. */
static void put_super(struct super_block *sb)
{
	struct ovl_sb *os = sb->priv;

	if (!os)
		return;
	if (os->upper)
		sb_unpin(os->upper);
	if (os->lower)
		sb_unpin(os->lower);
	kfree(os);
}

static int ovl_statfs(struct super_block *sb, struct kstatfs *st)
{
	struct ovl_sb *os = sb->priv;
	struct super_block *real = os->upper ? os->upper : os->lower;
	int ret = real->ops->statfs ? real->ops->statfs(real, st) : -ENOSYS;

	if (!ret)
		st->type = OVERLAYFS_SUPER_MAGIC;
	return ret;
}

static int ovl_sync(struct super_block *sb)
{
	struct ovl_sb *os = sb->priv;

	return os->upper && os->upper->ops->sync ? os->upper->ops->sync(os->upper) : 0;
}

static const struct super_ops ovl_super_ops = {
	.evict = ovl_evict,
	.put_super = put_super,
	.statfs = ovl_statfs,
	.sync = ovl_sync,
};

static int make_upper(struct super_block **out)
{
	const struct fs_type *tmpfs = fs_type_find("tmpfs");

	return tmpfs ? tmpfs->mount(tmpfs, "", "mode=755", NULL, out) : -ENODEV;
}

/* The upper root shows the lower root's owner and mode. */
static int match_roots(struct super_block *upper, struct super_block *lower)
{
	struct iattr a = { .valid = ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME | ATTR_TIMES_EXPLICIT };
	struct kstat st;
	int ret = ovl_layer_getattr(lower->root, &st);

	if (ret)
		return ret;
	a.mode = st.mode;
	a.uid = st.uid;
	a.gid = st.gid;
	a.atime = st.atime;
	a.mtime = st.mtime;
	return ovl_layer_setattr(upper->root, &a);
}

static int make_root(struct super_block *sb)
{
	struct ovl_sb *os = sb->priv;

	if (!S_ISDIR_(os->lower->root->mode) || (os->upper && !S_ISDIR_(os->upper->root->mode)))
		return -ENOTDIR;
	ovl_adopt_layer(os->lower->root);
	if (os->upper)
		ovl_adopt_layer(os->upper->root);
	return ovl_get(sb, os->upper ? os->upper->root : NULL, os->lower->root, NULL, NULL, &sb->root);
}

/* The maker's reference becomes a pin: the layer keeps its root until put_super lets go. */
static void layer_take(struct super_block *layer)
{
	sb_pin(layer);
	sb_put(layer);
}

static int ovl_mount(const struct fs_type *type, const char *source, const char *options, void *data,
		     struct super_block **out)
{
	const struct overlay_mount_data *md = data;
	struct super_block *sb = NULL, *upper;
	struct ovl_sb *os;
	int ret = 0;

	if (!md || !md->lower)
		return -EINVAL;
	upper = md->upper;
	layer_take(md->lower);
	if (upper)
		layer_take(upper);
	os = kzalloc(sizeof(*os));
	if (os)
		sb = sb_alloc(type, &ovl_super_ops);
	if (!sb) {
		if (upper)
			sb_unpin(upper);
		sb_unpin(md->lower);
		kfree(os);
		return -ENOMEM;
	}
	sb->priv = os;
	os->lower = md->lower;
	os->upper = upper;
	if (!upper) {
		ret = make_upper(&upper);
		if (!ret) {
			layer_take(upper);
			os->upper = upper;
			ret = match_roots(upper, md->lower);
		}
	}
	if (!ret) {
		os->volatile_upper = strcmp(upper->type->name, "tmpfs") == 0;
		sb->max_file_size = upper->max_file_size;
		strlcpy(sb->source, source && *source ? source : "overlay", sizeof(sb->source));
		ret = make_root(sb);
	}
	if (ret) {
		sb_put(sb);
		return ret;
	}
	*out = sb;
	return 0;
}

static struct fs_type ovl_type = { .name = "overlay", .mount = ovl_mount, .nodev = true };

int overlay_init(void)
{
	fs_type_register(&ovl_type);
	return 0;
}
