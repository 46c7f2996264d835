/*
 * Descriptor tables.
 *
 * Changes are made under files->lock. Looking a descriptor up takes no lock: the array a reader sees stays allocated as
 * long as the table (it at most doubles, so the old ones together are smaller than the newest), files are type-stable,
 * and a reference counts only if the slot still holds the same file after it was taken.
 * A table that only the current task refers to cannot change during its call, so a call of it needs no reference
 * at all (struct fdref); others that hold the table for a moment (procfs) only ever read it.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "fs/fdtable.h"
#include "lib/string.h"
#include "proc/task.h"

#define FD_MAX 1048576u /* as fs.nr_open */
#define FD_FIRST 64u

struct fd_array {
	struct fd_array *older;
	struct file *slots[];
};

static inline bool bit_test(const u64 *map, u32 n) { return map[n / 64] >> (n % 64) & 1; }
static inline void bit_set(u64 *map, u32 n) { map[n / 64] |= 1ull << (n % 64); }
static inline void bit_clear(u64 *map, u32 n) { map[n / 64] &= ~(1ull << (n % 64)); }

static u32 bit_find_zero(const u64 *map, u32 from, u32 end)
{
	u32 word = from / 64;
	u64 w;

	if (from >= end)
		return end;
	w = ~map[word] & (~0ull << (from % 64));
	while (!w) {
		if (++word * 64 >= end)
			return end;
		w = ~map[word];
	}
	return min(word * 64 + (u32)__builtin_ctzll(w), end);
}

/* Room for descriptor fd. Caller holds the lock, or nobody else knows the table. */
static int files_grow(struct files *files, u32 fd)
{
	u32 capacity = files->capacity ? files->capacity : FD_FIRST;
	struct fd_array *a;
	u64 *used, *cloexec;
	u32 old_words = files->capacity / 64;

	if (fd < files->capacity)
		return 0;
	if (fd >= FD_MAX)
		return -EMFILE;
	while (capacity <= fd)
		capacity *= 2;
	a = kzalloc(sizeof(*a) + capacity * sizeof(a->slots[0]));
	used = kcalloc(capacity / 64, sizeof(u64));
	cloexec = kcalloc(capacity / 64, sizeof(u64));
	if (!a || !used || !cloexec) {
		kfree(a);
		kfree(used);
		kfree(cloexec);
		return -ENOMEM;
	}
	if (files->capacity) {
		memcpy(a->slots, files->fd, files->capacity * sizeof(a->slots[0]));
		memcpy(used, files->used, old_words * sizeof(u64));
		memcpy(cloexec, files->cloexec, old_words * sizeof(u64));
		kfree(files->used);
		kfree(files->cloexec);
	}
	a->older = files->arrays;
	files->arrays = a;
	files->used = used;
	files->cloexec = cloexec;
	atomic_store(&files->fd, a->slots);
	atomic_store(&files->capacity, capacity);
	return 0;
}

struct files *files_alloc(void)
{
	struct files *files = kzalloc(sizeof(*files));

	if (!files)
		return NULL;
	ref_init(&files->ref);
	mutex_init(&files->lock, LOCK_FILES);
	if (files_grow(files, 0)) {
		kfree(files);
		return NULL;
	}
	return files;
}

static void files_free(struct files *files)
{
	struct fd_array *a, *older;

	for (a = files->arrays; a; a = older) {
		older = a->older;
		kfree(a);
	}
	kfree(files->used);
	kfree(files->cloexec);
	kfree(files);
}

struct files *files_copy(struct files *f)
{
	struct files *copy = files_alloc();
	u32 i;

	if (!copy)
		return NULL;
	mutex_lock(&f->lock);
	if (files_grow(copy, f->capacity - 1)) {
		mutex_unlock(&f->lock);
		files_free(copy);
		return NULL;
	}
	for (i = 0; i < f->capacity; i++) {
		if (i % 64 == 0 && !f->used[i / 64]) {
			i += 63;
			continue;
		}
		if (!f->fd[i])
			continue; /* free, or another thread's reservation */
		copy->fd[i] = file_get(f->fd[i]);
		bit_set(copy->used, i);
		if (bit_test(f->cloexec, i))
			bit_set(copy->cloexec, i);
	}
	copy->next = bit_find_zero(copy->used, 0, copy->capacity);
	mutex_unlock(&f->lock);
	return copy;
}

/* What close(2) does with the file once it is out of the table. */
static int file_close(struct file *f, struct files *files)
{
	int ret = 0;

	if (!(f->mode_flags & FMODE_PATH)) {
		if (f->ops && f->ops->flush)
			ret = f->ops->flush(f);
		locks_close(f, files);
	}
	file_put(f);
	return ret;
}

void files_put(struct files *f)
{
	u32 i;

	if (!ref_put(&f->ref))
		return;
	for (i = 0; i < f->capacity; i++) {
		if (i % 64 == 0 && !f->used[i / 64]) {
			i += 63;
			continue;
		}
		if (f->fd[i])
			(void)file_close(f->fd[i], f);
	}
	files_free(f);
}

/* Takes fd out of the table; NULL when there is no file. Caller holds the lock. */
static struct file *files_remove(struct files *files, u32 fd)
{
	struct file *f;

	if (fd >= files->capacity)
		return NULL;
	f = files->fd[fd];
	if (!f)
		return NULL;
	atomic_store(&files->fd[fd], NULL);
	bit_clear(files->used, fd);
	bit_clear(files->cloexec, fd);
	if (fd < files->next)
		files->next = fd;
	return f;
}

void files_close_on_exec(struct files *files)
{
	u32 i;

	mutex_lock(&files->lock);
	for (i = 0; i < files->capacity; i++) {
		struct file *f;

		if (i % 64 == 0 && !files->cloexec[i / 64]) {
			i += 63;
			continue;
		}
		if (!bit_test(files->cloexec, i))
			continue;
		f = files_remove(files, i);
		if (!f)
			continue;
		mutex_unlock(&files->lock);
		(void)file_close(f, files);
		mutex_lock(&files->lock);
	}
	mutex_unlock(&files->lock);
}

/* A referenced file without taking the lock. */
static struct file *files_get(struct files *files, u32 fd)
{
	for (;;) {
		u32 capacity = atomic_load(&files->capacity);
		struct file **slot;
		struct file *f;

		if (fd >= capacity)
			return NULL;
		slot = atomic_load(&files->fd) + fd;
		f = atomic_load(slot);
		if (!f)
			return NULL;
		if (!ref_get_unless_zero(&f->ref))
			continue; /* being closed: the slot changes at once */
		slot = atomic_load(&files->fd) + fd; /* the table may have grown and moved on */
		if (likely(atomic_load(slot) == f))
			return f;
		file_put(f);
	}
}

struct file *files_lookup(struct files *files, u32 fd)
{
	return files_get(files, fd);
}

struct file *fd_get_any(int fd)
{
	return files_get(current->files, (u32)fd);
}

struct file *fd_get(int fd)
{
	struct file *f = files_get(current->files, (u32)fd);

	if (f && unlikely(f->mode_flags & FMODE_PATH)) {
		file_put(f);
		return NULL;
	}
	return f;
}

struct fdref fdref_get(int fd)
{
	struct files *files = current->files;
	struct fdref r = { NULL, false };

	if (atomic_load(&files->ref.count) != 1) {
		r.f = fd_get(fd);
		r.put = r.f != NULL;
		return r;
	}
	if ((u32)fd < files->capacity)
		r.f = files->fd[(u32)fd];
	if (r.f && unlikely(r.f->mode_flags & FMODE_PATH))
		r.f = NULL;
	return r;
}

static u32 fd_limit(void)
{
	u64 limit = rlimit(RLIMIT_NOFILE);

	return limit > FD_MAX ? FD_MAX : (u32)limit;
}

static int fd_alloc_locked(struct files *files, u32 from, bool cloexec)
{
	u32 limit = fd_limit();
	u32 start = max(from, files->next);
	u32 fd;
	int ret;

	fd = bit_find_zero(files->used, start, files->capacity);
	if (fd < start) /* start lies behind the table's end */
		fd = start;
	if (fd >= limit)
		return -EMFILE;
	ret = files_grow(files, fd);
	if (ret)
		return ret;
	bit_set(files->used, fd);
	if (cloexec)
		bit_set(files->cloexec, fd);
	else
		bit_clear(files->cloexec, fd);
	if (from <= files->next)
		files->next = fd + 1;
	return (int)fd;
}

int fd_alloc(u32 from, bool cloexec)
{
	struct files *files = current->files;
	int fd;

	mutex_lock(&files->lock);
	fd = fd_alloc_locked(files, from, cloexec);
	mutex_unlock(&files->lock);
	return fd;
}

void fd_install(int fd, struct file *f)
{
	struct files *files = current->files;

	/* The lock, since growing copies the slots. */
	mutex_lock(&files->lock);
	atomic_store(&files->fd[(u32)fd], f);
	mutex_unlock(&files->lock);
}

void fd_cancel(int fd)
{
	struct files *files = current->files;
	u32 n = (u32)fd;

	mutex_lock(&files->lock);
	bit_clear(files->used, n);
	bit_clear(files->cloexec, n);
	if (n < files->next)
		files->next = n;
	mutex_unlock(&files->lock);
}

int fd_install_new(struct file *f, bool cloexec)
{
	struct files *files = current->files;
	int fd;

	if (is_err(f))
		return (int)ptr_err(f);
	mutex_lock(&files->lock);
	fd = fd_alloc_locked(files, 0, cloexec);
	if (fd >= 0)
		atomic_store(&files->fd[fd], f);
	mutex_unlock(&files->lock);
	if (fd < 0)
		file_put(f);
	return fd;
}

int fd_dup_from(struct file *f, u32 from, bool cloexec)
{
	struct files *files = current->files;
	int fd;

	if (from >= fd_limit())
		return -EINVAL;
	mutex_lock(&files->lock);
	fd = fd_alloc_locked(files, from, cloexec);
	if (fd >= 0)
		atomic_store(&files->fd[fd], file_get(f));
	mutex_unlock(&files->lock);
	return fd;
}

int fd_close(int fd)
{
	struct files *files = current->files;
	struct file *f;

	mutex_lock(&files->lock);
	f = files_remove(files, (u32)fd);
	mutex_unlock(&files->lock);
	return f ? file_close(f, files) : -EBADF;
}

/* f, whose reference is taken over, is descriptor `to` from now on; the lock is dropped. */
static int replace_locked(struct files *files, struct file *f, u32 to, bool cloexec)
{
	struct file *old;
	int ret = files_grow(files, to);

	if (!ret && !files->fd[to] && bit_test(files->used, to))
		ret = -EBUSY; /* another thread's open is about to get it */
	if (ret) {
		mutex_unlock(&files->lock);
		file_put(f);
		return ret;
	}
	old = files->fd[to];
	atomic_store(&files->fd[to], f);
	bit_set(files->used, to);
	if (cloexec)
		bit_set(files->cloexec, to);
	else
		bit_clear(files->cloexec, to);
	mutex_unlock(&files->lock);
	if (old)
		(void)file_close(old, files);
	return (int)to;
}

int fd_dup_to(int from, u32 to, bool cloexec)
{
	struct files *files = current->files;
	struct file *f;

	if (to >= fd_limit())
		return -EBADF;
	mutex_lock(&files->lock);
	f = (u32)from < files->capacity ? files->fd[(u32)from] : NULL;
	if (!f) {
		mutex_unlock(&files->lock);
		return -EBADF;
	}
	return replace_locked(files, file_get(f), to, cloexec);
}

int fd_replace(struct file *f, u32 to, bool cloexec)
{
	struct files *files = current->files;

	if (to >= fd_limit()) {
		file_put(f);
		return -EBADF;
	}
	mutex_lock(&files->lock);
	return replace_locked(files, f, to, cloexec);
}

int fd_cloexec_get(int fd)
{
	struct files *files = current->files;
	int ret = -EBADF;

	mutex_lock(&files->lock);
	if ((u32)fd < files->capacity && files->fd[(u32)fd])
		ret = bit_test(files->cloexec, (u32)fd);
	mutex_unlock(&files->lock);
	return ret;
}

int fd_cloexec_set(int fd, bool cloexec)
{
	struct files *files = current->files;
	int ret = -EBADF;

	mutex_lock(&files->lock);
	if ((u32)fd < files->capacity && files->fd[(u32)fd]) {
		if (cloexec)
			bit_set(files->cloexec, (u32)fd);
		else
			bit_clear(files->cloexec, (u32)fd);
		ret = 0;
	}
	mutex_unlock(&files->lock);
	return ret;
}

int files_unshare(void)
{
	struct files *old = current->files, *copy;

	if (atomic_load(&old->ref.count) == 1)
		return 0;
	copy = files_copy(old);
	if (!copy)
		return -ENOMEM;
	mutex_lock(&tasklist_lock);
	current->files = copy;
	mutex_unlock(&tasklist_lock);
	files_put(old);
	return 0;
}

void fd_range_cloexec(u32 first, u32 last)
{
	struct files *files = current->files;
	u32 i;

	mutex_lock(&files->lock);
	for (i = first; i <= last && i < files->capacity; i++)
		if (files->fd[i])
			bit_set(files->cloexec, i);
	mutex_unlock(&files->lock);
}

void fd_range_close(u32 first, u32 last)
{
	struct files *files = current->files;
	u32 i;

	mutex_lock(&files->lock);
	for (i = first; i <= last && i < files->capacity; i++) {
		struct file *f = files_remove(files, i);

		if (!f)
			continue;
		mutex_unlock(&files->lock);
		(void)file_close(f, files);
		mutex_lock(&files->lock);
	}
	mutex_unlock(&files->lock);
}
