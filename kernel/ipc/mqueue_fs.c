/*
 * The file system of POSIX message queues: one flat directory, on /dev/mqueue by custom, whose names mq_open(2) uses
 * whether it is mounted or not. Queues stay until they are unlinked and closed.
 */
#include "abi/linux/capability.h"
#include "fs/internal.h"
#include "ipc/ipc_sysctl.h"
#include "ipc/mqueue.h"

#define COOKIE_FIRST 2u
#define DT_DIR_ 4u
#define DT_REG_ 8u

static struct super_block *mq_sb; /* immutable after mqueue_init */
static struct list_head names = LIST_HEAD_INIT(names); /* mqueue.node in order of making; under mq_lock */
static u32 name_count; /* under mq_lock */
static u64 next_cookie = COOKIE_FIRST; /* under mq_lock */

static const struct inode_ops queue_inode_ops; /* nothing of its own */

/* Of a queue that is made without attributes: never above the maxima. */
static struct mq_attr default_attr(void)
{
	return (struct mq_attr){
		.maxmsg = min(atomic_load_relaxed(&ipc_sysctl.mq_msg_default), atomic_load_relaxed(&ipc_sysctl.mq_msg_max)),
		.msgsize = min(atomic_load_relaxed(&ipc_sysctl.mq_msgsize_default),
			       atomic_load_relaxed(&ipc_sysctl.mq_msgsize_max)),
	};
}

static int check_attr(const struct mq_attr *a)
{
	bool may = capable(CAP_SYS_RESOURCE);

	if (a->maxmsg <= 0 || a->msgsize <= 0)
		return -EINVAL;
	if (a->maxmsg > (may ? MQ_HARD_MSG_MAX : atomic_load_relaxed(&ipc_sysctl.mq_msg_max)))
		return -EINVAL;
	return a->msgsize > (may ? MQ_HARD_MSGSIZE_MAX : atomic_load_relaxed(&ipc_sysctl.mq_msgsize_max)) ? -EINVAL : 0;
}

static struct mqueue *find_locked(const struct qstr *name)
{
	struct mqueue *q;

	list_for_each_entry(q, &names, node)
		if (strlen(q->name) == name->len && memcmp(q->name, name->name, name->len) == 0)
			return q;
	return NULL;
}

static int mq_lookup(struct inode *dir, const struct qstr *name, struct inode **out)
{
	struct mqueue *q;

	mutex_lock(&mq_lock);
	q = find_locked(name);
	if (q)
		*out = inode_get(q->inode);
	mutex_unlock(&mq_lock);
	return q ? 0 : -ENOENT;
}

/* The queue and its inode, with the name's reference and one for the caller. The directory's lock is held. */
static int make_queue(const struct qstr *name, const struct inode_new *new, const struct mq_attr *attr, struct inode **out)
{
	struct inode *inode;
	struct mqueue *q = mqueue_alloc(name->name, name->len, attr, new->uid);

	if (is_err(q))
		return (int)ptr_err(q);
	inode = inode_alloc(mq_sb, &queue_inode_ops, new->mode);
	if (!inode) {
		mqueue_free(q);
		return -ENOMEM;
	}
	inode->priv = q;
	inode->fops = &mqueue_file_ops;
	inode->ino = inode_next_ino();
	inode->size = MQ_FILE_SIZE;
	inode->uid = new->uid;
	inode->gid = new->gid;
	mutex_lock(&mq_lock);
	if (name_count >= atomic_load_relaxed(&ipc_sysctl.mq_queues) && !capable(CAP_SYS_RESOURCE)) {
		mutex_unlock(&mq_lock);
		inode_put(inode);
		return -ENOSPC;
	}
	name_count++;
	q->inode = inode_get(inode);
	q->cookie = next_cookie++;
	list_add_tail(&q->node, &names);
	mutex_unlock(&mq_lock);
	*out = inode;
	return 0;
}

static int mq_create(struct inode *dir, const struct qstr *name, const struct inode_new *new, struct inode **out)
{
	struct mq_attr attr = default_attr();
	int err = S_ISREG_(new->mode) ? make_queue(name, new, &attr, out) : -EPERM;

	if (!err)
		inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	return err;
}

static int mq_unlink_name(struct inode *dir, const struct qstr *name, struct inode *victim)
{
	struct mqueue *q = victim->priv;

	mutex_lock(&mq_lock);
	list_del(&q->node);
	q->inode = NULL;
	name_count--;
	mutex_unlock(&mq_lock);
	atomic_store(&victim->nlink, 0);
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	inode_put(victim); /* not the last: the caller looks at it */
	return 0;
}

/* The next queue with a cookie of at least *pos: its name, referenced by a copy. */
static bool next_name(u64 *pos, char name[NAME_MAX + 1], u64 *ino)
{
	struct mqueue *q;
	bool found = false;

	mutex_lock(&mq_lock);
	list_for_each_entry(q, &names, node) {
		if (q->cookie < *pos)
			continue;
		strlcpy(name, q->name, NAME_MAX + 1);
		*ino = q->inode->ino;
		*pos = q->cookie;
		found = true;
		break;
	}
	mutex_unlock(&mq_lock);
	return found;
}

static int mq_readdir(struct file *f, struct dir_context *ctx)
{
	char name[NAME_MAX + 1];
	u64 pos, ino;

	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, f->inode->ino, DT_DIR_, 1))
			return 0;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!ctx->emit(ctx, "..", 2, f->inode->ino, DT_DIR_, COOKIE_FIRST))
			return 0;
		ctx->pos = COOKIE_FIRST;
	}
	for (pos = (u64)ctx->pos; next_name(&pos, name, &ino); pos++) {
		if (!ctx->emit(ctx, name, (u32)strlen(name), ino, DT_REG_, (loff_t)pos + 1))
			return 0;
		ctx->pos = (loff_t)pos + 1;
	}
	return 0;
}

static loff_t mq_dir_llseek(struct file *f, loff_t off, int whence)
{
	return whence == SEEK_END ? -EINVAL : generic_llseek(f, off, whence, INT64_MAX);
}

static void mq_evict(struct inode *inode)
{
	if (inode->priv)
		mqueue_free(inode->priv);
}

static int mq_statfs(struct super_block *sb __unused, struct kstatfs *st)
{
	st->type = MQUEUE_MAGIC;
	return 0;
}

static const struct inode_ops dir_inode_ops = { .lookup = mq_lookup, .create = mq_create, .unlink = mq_unlink_name };
static const struct file_ops dir_file_ops = { .name = "mqueue", .readdir = mq_readdir, .llseek = mq_dir_llseek };
static const struct super_ops mq_super_ops = { .evict = mq_evict, .statfs = mq_statfs };

static int mq_mount(const struct fs_type *type __unused, const char *source, const char *options __unused,
		    void *data __unused, struct super_block **out)
{
	strlcpy(mq_sb->source, source && *source ? source : "mqueue", sizeof(mq_sb->source));
	ref_get(&mq_sb->ref);
	*out = mq_sb;
	return 0;
}

static struct fs_type mqueue_type = { .name = "mqueue", .mount = mq_mount, .user_mountable = true, .nodev = true };

int mqueue_init(void)
{
	struct inode *root;

	mq_sb = sb_alloc(&mqueue_type, &mq_super_ops);
	root = mq_sb ? inode_alloc(mq_sb, &dir_inode_ops, S_IFDIR | S_ISVTX | S_IRWXUGO) : NULL;
	if (!root)
		return -ENOMEM;
	root->fops = &dir_file_ops;
	root->nlink = 2;
	root->ino = inode_next_ino();
	mq_sb->root = root;
	/* Names are used without a mount, too. */
	mq_sb->root_dentry = dentry_alloc_root(inode_get(root));
	if (!mq_sb->root_dentry)
		return -ENOMEM;
	sb_pin(mq_sb);
	fs_type_register(&mqueue_type);
	return 0;
}

static int check_name(const char *name)
{
	if (!*name)
		return -ENOENT;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	return strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? -EACCES : 0;
}

/* Makes the queue for d, a negative name; the directory's lock is held. */
static int create_queue(struct dentry *d, u32 mode, const struct mq_attr *attr)
{
	struct inode_new new = { .mode = S_IFREG | (mode & S_IALLUGO & ~current_umask()) };
	struct dentry *dir = mq_sb->root_dentry;
	struct inode *inode;
	int err = attr ? check_attr(attr) : 0;

	if (!err)
		err = may_create(dir);
	if (err)
		return err;
	inode_init_owner(dir->inode, &new);
	struct mq_attr usual = default_attr();

	err = make_queue(&d->name, &new, attr ? attr : &usual, &inode);
	if (err)
		return err;
	inode_touch(dir->inode, ATTR_MTIME | ATTR_CTIME);
	dentry_instantiate(d, inode);
	return 0;
}

static int may_open(struct inode *i, u32 flags)
{
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return inode_permission(i, MAY_READ);
	case O_WRONLY:
		return inode_permission(i, MAY_WRITE);
	case O_RDWR:
		return inode_permission(i, MAY_READ | MAY_WRITE);
	default:
		return -EINVAL;
	}
}

struct file *mqueue_open(const char *name, u32 flags, u32 mode, const struct mq_attr *attr)
{
	struct qstr q = { .name = name, .len = (u32)strlen(name) };
	struct inode *dir = mq_sb->root;
	struct path path = { NULL, NULL };
	struct file *f;
	bool made = false;
	int err = check_name(name);

	if (err)
		return err_ptr(err);
	mutex_lock(&dir->lock);
	path.dentry = dentry_lookup_dirlocked(mq_sb->root_dentry, &q);
	if (is_err(path.dentry)) {
		mutex_unlock(&dir->lock);
		return err_ptr(ptr_err(path.dentry));
	}
	if (!path.dentry->inode) {
		err = flags & O_CREAT ? create_queue(path.dentry, mode, attr) : -ENOENT;
		made = !err;
	} else if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) {
		err = -EEXIST;
	}
	mutex_unlock(&dir->lock);
	if (!err && !made)
		err = may_open(path.dentry->inode, flags);
	if (made)
		fs_notify(path.dentry->inode, path.dentry, IN_CREATE);
	f = err ? err_ptr(err) : file_open_inode(&path, (flags & (O_ACCMODE | O_NONBLOCK)) | O_LARGEFILE);
	path_put(&path);
	return f;
}

int mqueue_unlink(const char *name)
{
	struct path dir = { NULL, mq_sb->root_dentry };
	int err = check_name(name);

	return err ? err : vfs_unlink(&dir, name);
}
