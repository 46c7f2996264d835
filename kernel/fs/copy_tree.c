/* What an image has in a directory, copied into the tmpfs that is mounted over it at boot ("tmpcopyup"). */
#include "core/alloc.h"
#include "fs/internal.h"
#include "lib/string.h"

#define CHUNK (64 * 1024ul)
#define DEPTH_MAX 20u

/* One name a call: what is made while a directory is read must not disturb it. */
struct next_name {
	struct dir_context ctx;
	char name[NAME_MAX + 1];
};

static bool take_name(struct dir_context *ctx, const char *name, u32 len, u64 ino __unused, u32 type __unused, loff_t next)
{
	struct next_name *n = container_of(ctx, struct next_name, ctx);

	if (n->name[0])
		return false;
	ctx->pos = next;
	if (!len || len > NAME_MAX || (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
		return true;
	memcpy(n->name, name, len);
	n->name[len] = 0;
	return true;
}

static int copy_data(const struct path *from, const struct path *to)
{
	struct file *in = file_open_inode(from, O_RDONLY), *out;
	char *buf = kpages_alloc(CHUNK / PAGE_SIZE);
	loff_t pos = 0;
	ssize_t n;
	int err = 0;

	out = is_err(in) ? in : file_open_inode(to, O_WRONLY);
	if (is_err(out) || !buf)
		err = is_err(out) ? (int)ptr_err(out) : -ENOMEM;
	while (!err && (n = file_read_kernel(in, buf, CHUNK, pos))) {
		for (ssize_t done = 0; !err && done < n;) {
			ssize_t k = file_write_kernel(out, buf + done, (size_t)(n - done), &pos);

			if (k <= 0)
				err = k ? (int)k : -EIO;
			done += k;
		}
		if (n < 0)
			err = (int)n;
	}
	if (!is_err(out))
		file_put(out);
	if (!is_err(in))
		file_put(in);
	if (buf)
		kpages_free(buf, CHUNK / PAGE_SIZE);
	return err;
}

static int copy_attr(const struct path *from, const struct path *to)
{
	struct kstat st;
	int err = vfs_getattr(from, &st);
	struct iattr a = {
		.valid = ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME | ATTR_TIMES_EXPLICIT |
			 (S_ISLNK_(st.mode) ? 0 : ATTR_MODE),
		.mode = st.mode & S_IALLUGO, .uid = st.uid, .gid = st.gid, .atime = st.atime, .mtime = st.mtime,
	};

	return err ? err : vfs_setattr(to, &a);
}

/* Sockets are left behind: nobody listens. */
static int copy_one(const struct path *from, const struct path *dir, const char *name, u32 depth)
{
	const struct inode *inode = from->dentry->inode;
	struct inode_new new = { .mode = inode->mode, .rdev = inode->rdev };
	char *text = NULL;
	struct path made;
	int err = 0;

	if (S_ISSOCK_(inode->mode))
		return 0;
	if (S_ISLNK_(inode->mode)) {
		ssize_t n;

		text = kmalloc(PATH_MAX);
		n = text ? vfs_readlink(from, text, PATH_MAX - 1) : -ENOMEM;
		if (n >= 0)
			text[n] = 0;
		else
			err = (int)n;
		new.symlink = text;
	}
	if (!err)
		err = vfs_create(dir, name, &new, &made);
	kfree(text);
	if (err)
		return err;
	if (S_ISDIR_(inode->mode))
		err = fs_copy_tree(from, &made, depth + 1);
	else if (S_ISREG_(inode->mode))
		err = copy_data(from, &made);
	if (!err)
		err = copy_attr(from, &made);
	path_put(&made);
	return err;
}

int fs_copy_tree(const struct path *from, const struct path *to, u32 depth)
{
	struct file *f = depth < DEPTH_MAX ? file_open_inode(from, O_RDONLY | O_DIRECTORY) : err_ptr(-ELOOP);
	struct next_name n = { .ctx.emit = take_name };
	int err;

	if (is_err(f))
		return (int)ptr_err(f);
	for (;;) {
		struct qstr q;
		struct path child;

		n.name[0] = 0;
		err = f->ops->readdir ? f->ops->readdir(f, &n.ctx) : -ENOTDIR;
		if (err || !n.name[0])
			break;
		q = (struct qstr){ .name = n.name, .len = (u32)strlen(n.name) };
		child = (struct path){ from->mnt, dentry_lookup(from->dentry, &q) };
		if (is_err(child.dentry)) {
			err = (int)ptr_err(child.dentry);
			break;
		}
		if (child.dentry->inode)
			err = copy_one(&child, to, n.name, depth);
		dentry_put(child.dentry);
		if (err)
			break;
	}
	file_put(f);
	return err;
}
