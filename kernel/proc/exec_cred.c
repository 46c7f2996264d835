/* Credentials of the new program: set-user-ID and file capabilities; capabilities(7), execve(2). */
#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "abi/linux/mount.h"
#include "abi/linux/xattr.h"
#include "fs/file.h"
#include "lib/string.h"
#include "proc/exec.h"

#define CAP_ALL ((1ull << CAP_COUNT) - 1)

struct file_caps {
	bool present, effective;
	u64 permitted, inheritable;
};

/* struct vfs_cap_data and vfs_ns_cap_data, little endian. */
struct cap_xattr {
	u32 magic_flags;
	struct {
		u32 permitted, inheritable;
	} data[2];
	u32 rootid;
};

static int read_file_caps(struct inode *inode, struct file_caps *out)
{
	struct cap_xattr x = { 0 };
	ssize_t n;
	u32 rev;

	*out = (struct file_caps){ 0 };
	if (!inode->ops || !inode->ops->getxattr)
		return 0;
	n = inode->ops->getxattr(inode, XATTR_NAME_CAPS, &x, sizeof(x));
	if (n == -ENODATA || n == -EOPNOTSUPP || n == -ERANGE)
		return n == -ERANGE ? -EINVAL : 0;
	if (n < 0)
		return (int)n;
	rev = x.magic_flags & VFS_CAP_REVISION_MASK;
	if (rev == VFS_CAP_REVISION_3) {
		if (n != sizeof(x))
			return -EINVAL;
		if (x.rootid) /* meant for another user namespace */
			return 0;
	} else if (rev == VFS_CAP_REVISION_2) {
		if (n != sizeof(x) - 4)
			return -EINVAL;
	} else if (rev == VFS_CAP_REVISION_1) {
		if (n != 12)
			return -EINVAL;
		x.data[1].permitted = x.data[1].inheritable = 0;
	} else {
		return -EINVAL;
	}
	out->present = true;
	out->effective = x.magic_flags & VFS_CAP_FLAGS_EFFECTIVE;
	out->permitted = (x.data[0].permitted | (u64)x.data[1].permitted << 32) & CAP_ALL;
	out->inheritable = (x.data[0].inheritable | (u64)x.data[1].inheritable << 32) & CAP_ALL;
	return 0;
}

static void apply_ids(struct cred *c, const struct inode *inode)
{
	u32 mode = atomic_load(&inode->mode);

	if (mode & S_ISUID)
		c->euid = atomic_load(&inode->uid);
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->egid = atomic_load(&inode->gid);
}

/* P'(permitted) before ambient; *effective = the file's or root's effective bit. */
static int compute_permitted(struct cred *c, const struct cred *old, const struct file_caps *f, bool *effective)
{
	bool noroot = c->securebits & SECBIT_NOROOT;

	c->cap_permitted = 0;
	*effective = false;
	if (f->present) {
		c->cap_permitted = (old->cap_bounding & f->permitted) | (old->cap_inheritable & f->inheritable);
		*effective = f->effective;
		/* A program that does not know of capabilities would not notice that some are missing. */
		if (f->effective && (f->permitted & ~c->cap_permitted))
			return -EPERM;
	}
	if (noroot)
		return 0;
	/* Set-user-ID root with file capabilities gets only these. */
	if (f->present && c->uid && !c->euid)
		return 0;
	if (!c->uid || !c->euid)
		c->cap_permitted = old->cap_bounding | old->cap_inheritable;
	if (!c->euid)
		*effective = true;
	return 0;
}

/* Are cwd and root shared with another process (CLONE_FS)? */
static bool fs_shared(void)
{
	struct fs_context *fs = current->fs;
	u32 own = 0;
	struct task *t;

	mutex_lock(&tasklist_lock);
	for_each_thread(current->process, t)
		own += t->fs == fs;
	mutex_unlock(&tasklist_lock);
	return atomic_load(&fs->ref.count) > own;
}

static int compute(struct exec_args *a, struct cred *c, const struct cred *old, bool grant)
{
	struct inode *inode = a->exe->inode;
	struct file_caps f = { 0 };
	bool effective, setid;
	u64 before;
	int err;

	if (grant) {
		apply_ids(c, inode);
		err = read_file_caps(inode, &f);
		if (err)
			return err;
	}
	err = compute_permitted(c, old, &f, &effective);
	if (err)
		return err;
	setid = c->euid != old->uid || c->egid != old->gid;
	/* Nothing may be gained, not even by a user ID of 0. */
	if (current->no_new_privs) {
		c->cap_permitted &= old->cap_permitted;
	} else if ((setid || (c->cap_permitted & ~old->cap_permitted)) && fs_shared() && !capable(CAP_SETUID)) {
		/* Another process could move the root under the privileged program. */
		c->euid = c->uid;
		c->egid = c->gid;
		c->cap_permitted &= old->cap_permitted;
	}
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	if (f.present || setid)
		c->cap_ambient = 0;
	c->cap_permitted |= c->cap_ambient;
	c->cap_effective = effective ? c->cap_permitted : c->cap_ambient;
	c->securebits &= ~SECBIT_KEEP_CAPS;
	before = c->cap_ambient;
	a->secure = setid || (c->uid && (effective || (c->cap_permitted & ~before)));
	return 0;
}

int exec_compute_cred(struct exec_args *a)
{
	const struct cred *old = current->cred;
	const struct mount *mnt = a->exe->path.mnt;
	bool grant = !current->no_new_privs && mnt && !(mnt->flags & MS_NOSUID);
	struct cred *c = cred_copy(old);
	int err;

	if (!c)
		return -ENOMEM;
	err = compute(a, c, old, grant);
	if (err) {
		cred_put(c);
		return err;
	}
	a->cred = c;
	a->ids_changed = c->euid != old->uid || c->egid != old->gid;
	a->readable = !inode_permission(a->exe->inode, MAY_READ);
	return 0;
}
