/*
 * Unix addresses. A path is found through the VFS and inode->pipe; abstract names are in a hash table, keyed by name
 * and socket type, as a stream and a datagram socket may have the same one.
 */
#include "net/unix/unix.h"

#include "fs/fs.h"

#define NAME_BUCKETS 256u
#define AUTOBIND_NAMES (1u << 20)

static struct hlist_head names[NAME_BUCKETS]; /* abstract; under unix_table_lock */
static u32 autobind_next; /* under unix_table_lock */

int unix_addr_check(const void *addr, u32 len)
{
	const struct sockaddr_un *a = addr;

	if (len <= UNIX_PATH_OFFSET || len > sizeof(*a))
		return -EINVAL;
	return a->family == AF_UNIX ? 0 : -EINVAL;
}

static struct unix_addr *addr_alloc(const void *name, u32 len)
{
	struct unix_addr *a = kmalloc(sizeof(*a) + len);

	if (!a)
		return NULL;
	ref_init(&a->ref);
	a->len = len;
	memcpy(a->name, name, len);
	return a;
}

void unix_addr_put(struct unix_addr *a)
{
	if (ref_put(&a->ref))
		kfree(a);
}

int unix_addr_copy(struct unix_sock *u, void *name)
{
	struct unix_addr *a = atomic_load(&u->addr);

	if (!a)
		return 0;
	memcpy(name, a->name, a->len);
	return (int)a->len;
}

static struct hlist_head *bucket(const void *name, u32 len, int type)
{
	return &names[(hash_bytes(2166136261u, name, len) ^ (u32)type) % NAME_BUCKETS];
}

static struct unix_sock *find_name_locked(const void *name, u32 len, int type)
{
	struct unix_sock *u;

	hlist_for_each_entry(u, bucket(name, len, type), name_node)
		if (u->sock.type == type && u->addr->len == len && memcmp(u->addr->name, name, len) == 0)
			return u;
	return NULL;
}

/* The text of a pathname address, with a 0 behind it. */
static void path_of(const struct sockaddr_un *a, u32 len, char path[UNIX_PATH_MAX + 1])
{
	u32 n = len - UNIX_PATH_OFFSET;

	memcpy(path, a->path, n);
	path[n] = 0;
}

static struct unix_sock *find_path(const struct sockaddr_un *a, u32 len, int type)
{
	char text[UNIX_PATH_MAX + 1];
	struct unix_sock *u = NULL;
	struct inode *inode;
	struct path path;
	int ret;

	path_of(a, len, text);
	ret = path_lookup(AT_FDCWD, text, LOOKUP_FOLLOW, &path);
	if (ret)
		return err_ptr(ret);
	ret = path_permission(&path, MAY_WRITE);
	inode = path.dentry->inode;
	if (!ret && S_ISSOCK_(inode->mode)) {
		mutex_lock(&inode->lock);
		u = inode->pipe;
		if (u && !ref_get_unless_zero(&u->ref))
			u = NULL;
		mutex_unlock(&inode->lock);
	}
	if (!ret && !u)
		ret = -ECONNREFUSED;
	if (!ret && u->sock.type != type) {
		unix_put(u);
		ret = -EPROTOTYPE;
	}
	if (!ret)
		inode_touch(inode, ATTR_ATIME);
	path_put(&path);
	return ret ? err_ptr(ret) : u;
}

struct unix_sock *unix_find(const void *addr, u32 len, int type)
{
	const struct sockaddr_un *a = addr;
	struct unix_sock *u;

	if (a->path[0])
		return find_path(a, len, type);
	mutex_lock(&unix_table_lock);
	u = find_name_locked(addr, len, type);
	if (u && !ref_get_unless_zero(&u->ref))
		u = NULL;
	mutex_unlock(&unix_table_lock);
	return u ? u : err_ptr(-ECONNREFUSED);
}

/* Holder of bind_lock, u has no name yet. */
static int bind_path(struct unix_sock *u, const struct sockaddr_un *a, u32 len)
{
	struct inode_new new = { .mode = S_IFSOCK };
	struct { u16 family; char path[UNIX_PATH_MAX + 1]; } name = { .family = AF_UNIX };
	struct path dir, path;
	struct unix_addr *addr;
	char *last;
	int ret;

	path_of(a, len, name.path);
	/* The new inode's mode follows the socket's own, which fchmod may have changed. */
	new.mode |= atomic_load(&u->sock.file->inode->mode) & 0777;
	addr = addr_alloc(&name, UNIX_PATH_OFFSET + (u32)strlen(name.path) + 1);
	last = kmalloc(NAME_MAX + 1);
	if (!addr || !last) {
		kfree(addr);
		kfree(last);
		return -ENOMEM;
	}
	ret = path_lookup_parent(AT_FDCWD, name.path, &dir, last);
	if (!ret) {
		ret = vfs_create(&dir, last, &new, &path);
		path_put(&dir);
	}
	kfree(last);
	if (ret) {
		kfree(addr);
		return ret == -EEXIST ? -EADDRINUSE : ret;
	}
	u->path = path;
	atomic_store(&u->addr, addr);
	mutex_lock(&path.dentry->inode->lock);
	path.dentry->inode->pipe = u;
	mutex_unlock(&path.dentry->inode->lock);
	return 0;
}

static int bind_name(struct unix_sock *u, const void *name, u32 len)
{
	struct unix_addr *addr = addr_alloc(name, len);
	int ret = 0;

	if (!addr)
		return -ENOMEM;
	mutex_lock(&unix_table_lock);
	if (find_name_locked(name, len, u->sock.type)) {
		ret = -EADDRINUSE;
	} else {
		atomic_store(&u->addr, addr);
		hlist_add(&u->name_node, bucket(name, len, u->sock.type));
	}
	mutex_unlock(&unix_table_lock);
	if (ret)
		kfree(addr);
	return ret;
}

/* Five hexadecimal digits behind a 0, the next that is free. */
static int bind_any(struct unix_sock *u)
{
	struct { u16 family; char path[7]; } name = { .family = AF_UNIX };
	u32 tries, n;
	int ret;

	for (tries = 0; tries < AUTOBIND_NAMES; tries++) {
		n = atomic_add(&autobind_next, 1) % AUTOBIND_NAMES;
		ksnprintf(name.path + 1, sizeof(name.path) - 1, "%05x", n);
		ret = bind_name(u, &name, UNIX_PATH_OFFSET + 6);
		if (ret != -EADDRINUSE)
			return ret;
	}
	return -ENOSPC;
}

int unix_autobind(struct unix_sock *u)
{
	int ret;

	if (atomic_load(&u->addr))
		return 0;
	ret = sleep_lock(&u->bind_lock);
	if (ret)
		return ret;
	if (!u->addr)
		ret = bind_any(u);
	sleep_unlock(&u->bind_lock);
	return ret;
}

int unix_autobind_for_creds(struct unix_sock *u)
{
	if (likely(!(atomic_load_relaxed(&u->sock.flags) & (SOCK_F_PASSCRED | SOCK_F_PASSPIDFD))))
		return 0;
	return unix_autobind(u);
}

/* u has a name already: EINVAL, but as Linux looks at the path first, a file there is what it tells. */
static int bind_again(const struct sockaddr_un *a, u32 len)
{
	char text[UNIX_PATH_MAX + 1];
	struct path path;

	if (!a->path[0])
		return -EINVAL;
	path_of(a, len, text);
	if (path_lookup(AT_FDCWD, text, 0, &path))
		return -EINVAL;
	path_put(&path);
	return -EADDRINUSE;
}

int unix_bind(struct socket *s, const void *addr, u32 len)
{
	const struct sockaddr_un *a = addr;
	struct unix_sock *u = unix_of(s);
	int ret;

	if (len == UNIX_PATH_OFFSET && a->family == AF_UNIX)
		return unix_autobind(u);
	ret = unix_addr_check(addr, len);
	if (!ret)
		ret = sleep_lock(&u->bind_lock);
	if (ret)
		return ret;
	if (u->addr)
		ret = bind_again(a, len);
	else if (a->path[0])
		ret = bind_path(u, a, len);
	else
		ret = bind_name(u, addr, len);
	sleep_unlock(&u->bind_lock);
	return ret;
}

void unix_unbind(struct unix_sock *u)
{
	struct inode *inode;

	if (!hlist_unhashed(&u->name_node)) {
		mutex_lock(&unix_table_lock);
		hlist_del(&u->name_node);
		mutex_unlock(&unix_table_lock);
	}
	if (!u->path.dentry)
		return;
	inode = u->path.dentry->inode;
	mutex_lock(&inode->lock);
	if (inode->pipe == u)
		inode->pipe = NULL;
	mutex_unlock(&inode->lock);
	path_put(&u->path);
	u->path.dentry = NULL;
	u->path.mnt = NULL;
}
