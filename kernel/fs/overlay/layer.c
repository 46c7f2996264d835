/* overlay: what it asks of the layers' inodes, with their locks, defaults and overlay's private marks. */
#include "core/alloc.h"
#include "fs/overlay/internal.h"
#include "lib/string.h"

void ovl_adopt_layer(struct inode *real)
{
	if (real->lower)
		return;
	/* Nobody else uses a layer's inodes, so nobody holds this lock while it changes rank. */
	real->lock.class = LOCK_INODE_LOWER;
	real->lower = true;
}

int ovl_layer_lookup_locked(struct inode *dir, const struct qstr *q, struct inode **out)
{
	int ret;

	if (!dir->ops->lookup)
		return -ENOTDIR;
	ret = dir->ops->lookup(dir, q, out);
	if (!ret)
		ovl_adopt_layer(*out);
	return ret;
}

int ovl_layer_lookup(struct inode *dir, const struct qstr *q, struct inode **out)
{
	int ret;

	mutex_lock(&dir->lock);
	ret = ovl_layer_lookup_locked(dir, q, out);
	mutex_unlock(&dir->lock);
	return ret;
}

int ovl_layer_setattr(struct inode *real, const struct iattr *attr)
{
	int ret;

	mutex_lock(&real->lock);
	ret = real->ops->setattr ? real->ops->setattr(real, attr) : inode_setattr_simple(real, attr);
	mutex_unlock(&real->lock);
	return ret;
}

int ovl_layer_getattr(struct inode *real, struct kstat *st)
{
	if (real->ops->getattr)
		return real->ops->getattr(real, st);
	inode_fill_stat(real, st);
	return 0;
}

ssize_t ovl_layer_getxattr(struct inode *real, const char *name, void *buf, size_t size)
{
	return real->ops->getxattr ? real->ops->getxattr(real, name, buf, size) : -EOPNOTSUPP;
}

int ovl_layer_setxattr(struct inode *real, const char *name, const void *value, size_t size)
{
	return real->ops->setxattr ? real->ops->setxattr(real, name, value, size, 0) : -EOPNOTSUPP;
}

bool ovl_mark_is(const char *xattr)
{
	return strncmp(xattr, OVL_XATTR, sizeof(OVL_XATTR) - 1) == 0 ||
	       strncmp(xattr, OVL_XATTR_USER, sizeof(OVL_XATTR_USER) - 1) == 0;
}

int ovl_mark_set(struct inode *real, const char *what, const void *value, size_t size)
{
	char name[48];
	int ret;

	ksnprintf(name, sizeof(name), OVL_XATTR "%s", what);
	ret = ovl_layer_setxattr(real, name, value, size);
	if (ret != -EPERM && ret != -EOPNOTSUPP)
		return ret;
	ksnprintf(name, sizeof(name), OVL_XATTR_USER "%s", what);
	return ovl_layer_setxattr(real, name, value, size);
}

ssize_t ovl_mark_get(struct inode *real, const char *what, void *buf, size_t size)
{
	char name[48];
	ssize_t ret;

	ksnprintf(name, sizeof(name), OVL_XATTR "%s", what);
	ret = ovl_layer_getxattr(real, name, buf, size);
	if (ret >= 0 || strcmp(real->sb->type->name, "tmpfs") == 0)
		return ret;
	ksnprintf(name, sizeof(name), OVL_XATTR_USER "%s", what);
	return ovl_layer_getxattr(real, name, buf, size);
}

bool ovl_layer_opaque(struct inode *upper_dir)
{
	char v[4];

	return ovl_mark_get(upper_dir, "opaque", v, sizeof(v)) >= 1 && v[0] == 'y';
}

int ovl_set_opaque(struct inode *upper_dir)
{
	return ovl_mark_set(upper_dir, "opaque", "y", 1);
}

int ovl_whiteout_add(struct inode *upper_dir, const struct qstr *q)
{
	struct inode_new new = { .mode = S_IFCHR };
	struct inode *w;
	int ret;

	if (!upper_dir->ops->create)
		return -EPERM;
	ret = upper_dir->ops->create(upper_dir, q, &new, &w);
	if (!ret)
		inode_put(w);
	return ret;
}

int ovl_remove_locked(struct inode *upper_dir, const struct qstr *q, struct inode *victim)
{
	bool dir = S_ISDIR_(victim->mode);
	int ret = -EPERM;

	mutex_lock_nested(&victim->lock);
	if (dir && upper_dir->ops->rmdir)
		ret = upper_dir->ops->rmdir(upper_dir, q, victim);
	else if (!dir && upper_dir->ops->unlink)
		ret = upper_dir->ops->unlink(upper_dir, q, victim);
	mutex_unlock(&victim->lock);
	return ret;
}

struct inode *ovl_lower_dir(const struct inode *dir)
{
	struct ovl_inode *oi = ovl_of(dir);

	return oi->opaque ? NULL : oi->lower;
}

bool ovl_lower_has(struct inode *dir, const struct qstr *q)
{
	struct inode *lower = ovl_lower_dir(dir), *found;
	bool has;

	if (!lower || ovl_layer_lookup(lower, q, &found))
		return false;
	has = !ovl_is_whiteout(found);
	inode_put(found);
	return has;
}
