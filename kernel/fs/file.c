/*
 * Open file descriptions: making, sharing, ending them.
 *
 * A description lives while descriptors, mappings or calls in flight refer to it. The last file_put tells watchers,
 * drops flock and OFD locks, takes it out of epoll sets, runs the type's release and gives up the path.
 * Memory of descriptions never goes back to the heap, only to the free list here: see fdtable.c for why.
 */
#include "fs/file.h"

#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "proc/task.h"

#define FILE_MAX_COUNT (1024ull * 1024)

static struct mutex file_pool_lock = MUTEX_INIT(LOCK_LEAF);
static struct file *file_pool; /* under file_pool_lock, as the counts */
static u64 file_used;
static u64 file_unique; /* atomic */

void sleep_lock_init(struct sleep_lock *l)
{
	l->held = 0;
	wait_queue_init(&l->wait);
}

int sleep_lock(struct sleep_lock *l)
{
	int ret;

	if (likely(atomic_cas(&l->held, 0, 1)))
		return 0;
	ret = wait_event_full(&l->wait, atomic_cas(&l->held, 0, 1), WAIT_KILLABLE, KTIME_MAX, WAIT_EXCLUSIVE);
	if (!ret)
		return 0;
	if (wait_queue_active(&l->wait)) /* the wake-up may have been meant for another */
		wake_up(&l->wait);
	return -ERESTARTNOINTR;
}

void sleep_unlock(struct sleep_lock *l)
{
	atomic_store(&l->held, 0);
	atomic_fence();
	if (wait_queue_active(&l->wait))
		wake_up(&l->wait);
}

#ifdef LIMPET_DEBUG
static struct file *file_all; /* every description there ever was: atomic, only grows */

static void census_add(struct file *f)
{
	mutex_lock(&file_pool_lock);
	f->next_all = file_all;
	atomic_store(&file_all, f);
	mutex_unlock(&file_pool_lock);
}

struct file *file_census(struct file *after)
{
	struct file *f = after ? after->next_all : atomic_load(&file_all);

	while (f && !ref_get_unless_zero(&f->ref))
		f = f->next_all;
	return f;
}
#else
static void census_add(struct file *f __unused) {}
#endif

static struct file *file_pool_get(void)
{
	struct file *f;

	mutex_lock(&file_pool_lock);
	if (file_used >= FILE_MAX_COUNT) {
		mutex_unlock(&file_pool_lock);
		return err_ptr(-ENFILE);
	}
	file_used++;
	f = file_pool;
	if (f)
		file_pool = f->next_free;
	mutex_unlock(&file_pool_lock);
	if (f)
		return f;
	f = kzalloc(sizeof(*f));
	if (f) {
		census_add(f);
		return f;
	}
	mutex_lock(&file_pool_lock);
	file_used--;
	mutex_unlock(&file_pool_lock);
	return err_ptr(-ENOMEM);
}

static void file_pool_put(struct file *f)
{
	mutex_lock(&file_pool_lock);
	f->next_free = file_pool;
	file_pool = f;
	file_used--;
	mutex_unlock(&file_pool_lock);
}

u64 file_count(void)
{
	return atomic_load_relaxed(&file_used);
}

static u32 mode_of_flags(u32 flags)
{
	if (flags & O_PATH)
		return FMODE_PATH;
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return FMODE_READ;
	case O_WRONLY:
		return FMODE_WRITE;
	case O_RDWR:
		return FMODE_READ | FMODE_WRITE;
	}
	return 0; /* 3: ioctls only */
}

/* Sets everything but ref, which a lock-free reader may be looking at: it becomes 1 last. */
static void file_setup(struct file *f, u32 flags, const struct file_ops *ops)
{
	f->ops = ops;
	f->path.mnt = NULL;
	f->path.dentry = NULL;
	f->inode = NULL;
	f->priv = NULL;
	f->flags = flags & ~(O_CLOEXEC | O_CREAT | O_EXCL | O_NOCTTY);
	f->mode_flags = mode_of_flags(flags);
	f->pos = 0;
	sleep_lock_init(&f->pos_lock);
	f->cred = current->cred ? cred_get(current->cred) : NULL; /* service threads have none */
	f->epoll_links = NULL;
	f->owner = NULL;
	f->owner_sig = 0;
	f->owner_type = 0;
	f->owner_uid = 0;
	f->owner_euid = 0;
	f->async_fd = -1;
	f->unique = atomic_add(&file_unique, 1);
	f->next_free = NULL;
}

struct file *file_alloc(const struct path *path, u32 flags, const struct file_ops *ops)
{
	struct file *f = file_pool_get();

	if (is_err(f))
		return f;
	file_setup(f, flags, ops);
	f->path = *path;
	if (path->mnt)
		path_get(&f->path);
	else
		dentry_get(path->dentry);
	f->inode = inode_get(path->dentry->inode);
	atomic_store(&f->ref.count, 1);
	return f;
}

struct file *file_alloc_anon(const char *name, const struct file_ops *ops, void *priv, u32 flags, u32 mode)
{
	struct dentry *dentry;
	struct inode *inode;
	struct file *f;
	char text[64];

	inode = inode_alloc(anon_sb, NULL, mode ? mode : S_IRUSR | S_IWUSR);
	if (!inode)
		return err_ptr(-ENOMEM);
	inode->ino = inode_next_ino();
	if (current->cred) {
		inode->uid = current->cred->fsuid;
		inode->gid = current->cred->fsgid;
	}
	if (mode)
		ksnprintf(text, sizeof(text), "%s:[%lu]", name, inode->ino);
	else
		ksnprintf(text, sizeof(text), "anon_inode:%s", name);
	dentry = dentry_alloc_anon(inode, text); /* the inode's reference is gone in any case */
	if (!dentry)
		return err_ptr(-ENOMEM);
	f = file_pool_get();
	if (is_err(f)) {
		dentry_put(dentry);
		return f;
	}
	file_setup(f, flags, ops);
	f->path.dentry = dentry;
	f->inode = inode_get(inode);
	f->priv = priv;
	atomic_store(&f->ref.count, 1);
	return f;
}

struct file *file_open_bare(struct inode *inode, u32 flags)
{
	struct file *f = file_pool_get();
	int ret;

	if (is_err(f))
		return f;
	file_setup(f, flags, inode->fops);
	f->inode = inode_get(inode);
	atomic_store(&f->ref.count, 1);
	ret = inode->ops->open ? inode->ops->open(inode, f) : 0;
	if (!ret && !f->ops)
		ret = -ENXIO;
	if (!ret)
		return f;
	f->ops = NULL;
	file_put(f);
	return err_ptr(ret);
}

static void file_release(struct file *f)
{
	struct path path = f->path;
	struct inode *inode = f->inode;
	const struct cred *cred = f->cred;

	if (!(f->mode_flags & FMODE_PATH)) {
		if (f->ops && path.dentry)
			file_notify(f, f->mode_flags & FMODE_WRITE ? NOTIFY_CLOSE_WRITE : NOTIFY_CLOSE_NOWRITE);
		if (f->epoll_links)
			epoll_file_release(f);
		locks_release(f);
		fasync_release(f);
		if (f->ops && f->ops->release)
			f->ops->release(f);
		if (f->mode_flags & FMODE_WRITER)
			inode_write_put(inode);
	}
	f->ops = NULL;
	f->priv = NULL;
	file_pool_put(f);
	inode_put(inode);
	if (path.mnt)
		path_put(&path);
	else if (path.dentry)
		dentry_put(path.dentry);
	if (cred)
		cred_put(cred);
}

void file_put(struct file *f)
{
	if (ref_put(&f->ref))
		file_release(f);
}

ssize_t file_read_kernel(struct file *f, void *buf, size_t len, loff_t pos)
{
	struct uio u;
	size_t done = 0;

	if (!f->ops || !f->ops->read)
		return S_ISDIR_(f->inode->mode) ? -EISDIR : -EINVAL;
	while (done < len) {
		ssize_t n;

		uio_init_kernel(&u, (char *)buf + done, len - done);
		n = f->ops->read(f, &u, &pos);
		if (n < 0)
			return done ? (ssize_t)done : n;
		if (n == 0 || !file_has_pos(f))
			return (ssize_t)done + n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t file_write_kernel(struct file *f, const void *buf, size_t len, loff_t *pos)
{
	struct uio u;

	if (!f->ops || !f->ops->write)
		return -EINVAL;
	uio_init_kernel(&u, (void *)buf, len);
	return f->ops->write(f, &u, pos);
}

loff_t generic_llseek(struct file *f, loff_t off, int whence, loff_t size)
{
	loff_t pos;

	switch (whence) {
	case SEEK_SET:
		pos = off;
		break;
	case SEEK_CUR:
		if (off == 0)
			return f->pos;
		if (add_overflow(f->pos, off, &pos))
			return -EOVERFLOW;
		break;
	case SEEK_END:
		if (add_overflow(size, off, &pos))
			return -EOVERFLOW;
		break;
	case SEEK_DATA:
		if (off < 0 || off >= size)
			return -ENXIO;
		pos = off;
		break;
	case SEEK_HOLE:
		if (off < 0 || off >= size)
			return -ENXIO;
		pos = size;
		break;
	default:
		return -EINVAL;
	}
	if (pos < 0)
		return -EINVAL;
	f->pos = pos;
	return pos;
}
