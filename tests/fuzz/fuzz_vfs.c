/*
 * libFuzzer: name resolution, and what changes names, on a fresh tmpfs. An input is a row of operations: a byte that says
 * which, a byte of flags, one or two names that end in 0. Whatever they do, walks end, never leave the tree, and after
 * the last reference is gone no inode, dentry or text is left allocated.
 *
 * build: -I kernel kernel/fs/namei.c kernel/fs/dcache.c kernel/fs/inode.c kernel/fs/mount.c kernel/fs/mount_ops.c
 * build: kernel/fs/permission.c kernel/fs/create.c kernel/fs/rename.c kernel/fs/attr.c kernel/fs/xattr.c kernel/fs/open.c
 * build: kernel/fs/mount_show.c kernel/fs/file.c kernel/fs/tmpfs/data.c kernel/fs/tmpfs/dir.c kernel/fs/tmpfs/file.c
 * build: kernel/fs/tmpfs/memfd.c kernel/fs/tmpfs/super.c kernel/fs/tmpfs/xattr.c kernel/lib/printf.c -fno-builtin
 */
#include "kernel_host.h"

#include "core/boot.h"
#include "fs/file.h"
#include "fs/filemem.h"
#include "fs/mount_tree.h"
#include "fs/tmpfs/tmpfs.h"

/* Stubs for what tmpfs and the VFS reach on their edges. */
const struct boot_block *boot;
struct mutex tasklist_lock;
static u8 pages[256 * PAGE_SIZE];
static u64 next_page, next_ino = 100;
static struct path root, cwd;

long kserver_call(long nr, long a, long b, long c, long d, long e, long f) { return -ENOSYS; }

u64 filemem_alloc(u64 n)
{
	if (next_page + n > 256)
		return FILEMEM_NONE;
	next_page += n;
	return (next_page - n) * PAGE_SIZE;
}
void filemem_free(u64 offset, u64 n) {}
void filemem_punch(u64 offset, u64 n) { memset(pages + offset, 0, n * PAGE_SIZE); }
void *filemem_ptr(u64 offset) { return pages + offset; }
int filemem_fd(void) { return -1; }
u64 ns_next_ino(void) { return next_ino++; }
u32 hash_bytes(u32 h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = h * 31 + ((const u8 *)p)[i];
	return h;
}
int kstrtou64(const char *s, unsigned base, u64 *out)
{
	char *end;

	*out = strtoull(s, &end, (int)base);
	return *end || end == s ? -EINVAL : 0;
}
void current_root(struct path *out)
{
	*out = root;
	path_get(out);
}
void current_cwd(struct path *out)
{
	*out = cwd;
	path_get(out);
}
u32 current_umask(void) { return 022; }
struct file *fd_get_any(int fd) { return NULL; }
bool cred_has_cap(const struct cred *c, unsigned cap) { return true; }
bool cred_in_group(const struct cred *c, u32 gid) { return true; }
void cred_put(const struct cred *c) {}
u64 rlimit(unsigned which) { return ~0ull; }
s64 ktime_get_real(void) { return 1000000001; }
void fs_notify(struct inode *inode, struct dentry *dentry, u32 mask) {}
void fs_context_put(struct fs_context *fs) {}
struct fs_context *task_get_fs(struct task *t) { return NULL; }
struct mm *task_get_mm(struct task *t) { return NULL; }
struct task *task_next(u32 from) { return NULL; }
void task_put(struct task *t) {}
void mm_put(struct mm *mm) {}
void mm_file_truncated(struct inode *inode) {}
struct vma *vma_first(struct mm *mm) { return NULL; }
struct vma *vma_next(struct vma *v) { return NULL; }
void locks_release(struct file *f) {}
void epoll_file_release(struct file *f) {}
void fasync_release(struct file *f) {}
int chrdev_open(struct inode *inode, struct file *file) { return -ENXIO; }
int fifo_open(struct inode *inode, struct file *file) { return -ENXIO; }
int signal_send_task(struct task *t, int sig, const struct siginfo *info) { return 0; }
ssize_t copy_in_str(char *dst, struct uptr src, size_t size) { return -EFAULT; }
size_t uio_copy_to(struct uio *u, const void *src, size_t len) { return 0; }
size_t uio_copy_from(struct uio *u, void *dst, size_t len) { return 0; }
size_t uio_zero(struct uio *u, size_t len) { return 0; }
void uio_init_kernel(struct uio *u, void *buf, size_t len) {}
bool fatal_pending_current(void) { return false; }
int wait_block(enum wait_mode mode, s64 deadline) { abort(); }
void wait_prepare(struct wait_queue *wq, struct waiter *w) {}
bool wait_queue_active(struct wait_queue *wq) { return false; }
void wait_queue_init(struct wait_queue *wq) {}
void wait_remove(struct waiter *w) {}
void waiter_init(struct waiter *w) {}
void wake_up(struct wait_queue *wq) {}
void wake_up_all(struct wait_queue *wq) {}
size_t strlcpy(char *dst, const char *src, size_t size)
{
	size_t n = strlen(src);

	if (size) {
		memcpy(dst, src, n < size ? n : size - 1);
		dst[n < size ? n : size - 1] = 0;
	}
	return n;
}

static const char *next_name(const uint8_t **data, size_t *size)
{
	static char names[4][600];
	static unsigned turn;
	char *name = names[turn++ % 4];
	size_t n = 0;

	while (*size && **data && n < 599) {
		name[n++] = (char)*(*data)++;
		(*size)--;
	}
	if (*size) {
		(*data)++;
		(*size)--;
	}
	name[n] = 0;
	return name;
}

/* A walk must stay in the mount that it began in, at or below the root. */
static void look_up(const char *name, u32 flags)
{
	struct path p;
	struct dentry *d;
	int steps = 0;

	if (path_lookup(AT_FDCWD, name, flags & 0x37, &p))
		return;
	if (!p.dentry->inode)
		abort();
	for (d = p.dentry; d != p.mnt->root; d = d->parent)
		if (!d->parent || d->parent == d || ++steps > 10000)
			abort();
	if ((flags & LOOKUP_DIRECTORY) && !S_ISDIR_(p.dentry->inode->mode))
		abort();
	if (p.mnt != root.mnt)
		abort();
	path_put(&p);
}

static void change_dir(const char *name)
{
	struct path p;

	if (path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p))
		return;
	path_put(&cwd);
	cwd = p;
}

static void run(const uint8_t *data, size_t size)
{
	while (size > 2) {
		u8 op = data[0], flags = data[1];

		data += 2;
		size -= 2;
		const char *a = next_name(&data, &size);

		switch (op % 12) {
		case 0: do_mkdirat(AT_FDCWD, a, 0755); break;
		case 1: do_symlinkat(next_name(&data, &size), AT_FDCWD, a); break;
		case 2: do_linkat(AT_FDCWD, a, AT_FDCWD, next_name(&data, &size), flags & 1 ? 0x400 : 0); break;
		case 3: do_unlinkat(AT_FDCWD, a); break;
		case 4: do_rmdirat(AT_FDCWD, a); break;
		case 5:
		case 6: do_renameat2(AT_FDCWD, a, AT_FDCWD, next_name(&data, &size), flags & 3); break;
		case 7: do_mknodat(AT_FDCWD, a, S_IFREG | 0644, 0); break;
		case 8: do_mknodat(AT_FDCWD, a, (flags & 1 ? S_IFIFO : S_IFSOCK) | 0600, 0); break;
		case 9: change_dir(a); break;
		default: look_up(a, flags); break;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct super_block *sb;
	struct mount *m;
	char options[64];
	size_t n = 0;

	if (!ready) {
		static struct boot_block block = { .memory_limit = 64 << 20 };

		boot = &block;
		if (tmpfs_init())
			abort();
		ready = true;
	}
	/* The first word: the file system's options. */
	while (size && *data && n < 63) {
		options[n++] = (char)*data++;
		size--;
	}
	options[n] = 0;
	if (size) {
		data++;
		size--;
	}
	long before = live;

	next_page = 0;
	sb = tmpfs_new_sb(options);
	if (is_err(sb)) {
		if (live != before)
			abort();
		return 0;
	}
	m = mount_of_sb(sb, 0);
	if (is_err(m))
		abort();
	root = cwd = (struct path){ m, m->root };
	path_get(&root);
	path_get(&cwd);
	run(data, size);
	path_put(&cwd);
	path_put(&root);
	mount_put(m);
	if (live != before) {
		fprintf(stderr, "%ld allocations are left\n", live - before);
		abort();
	}
	return 0;
}
