/*
 * Shared anonymous memory: a run of file memory behind an internal file, which the VMAs keep alive. Forked processes
 * share it because their VMAs name the same file; futexes find each other by it.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "fs/filemem.h"
#include "mm/vma.h"

struct shared_anon {
	u64 run, pages;
};

static int shared_anon_mmap(struct file *f, u64 offset, u64 len, u32 prot, u32 flags, struct map_source *out)
{
	struct shared_anon *s = f->priv;
	u64 size = s->pages << PAGE_SHIFT;

	/* Beyond the end: mremap made the mapping longer. */
	if (offset >= size) {
		*out = (struct map_source){ .host_fd = filemem_fd(), .host_offset = filemem_beyond(offset), .len = len };
		return 0;
	}
	*out = (struct map_source){
		.host_fd = filemem_fd(),
		.host_offset = s->run + offset,
		.len = min(len, size - offset),
	};
	return 0;
}

static void shared_anon_release(struct file *f)
{
	struct shared_anon *s = f->priv;

	filemem_free(s->run, s->pages);
	kfree(s);
}

static int shared_anon_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct shared_anon *s = f->priv;
	u64 end;

	/* Only MADV_REMOVE comes here: FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page aligned. */
	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (off < 0 || len <= 0 || add_overflow((u64)off, (u64)len, &end) || end > s->pages << PAGE_SHIFT)
		return -EINVAL;
	filemem_punch(s->run + off, len >> PAGE_SHIFT);
	return 0;
}

static const struct file_ops shared_anon_ops = {
	.name = "/dev/zero (deleted)",
	.mmap = shared_anon_mmap,
	.fallocate = shared_anon_fallocate,
	.release = shared_anon_release,
};

struct file *mm_shared_anon(u64 len)
{
	struct shared_anon *s = kmalloc(sizeof(*s));
	struct file *f;

	if (!s)
		return err_ptr(-ENOMEM);
	s->pages = len >> PAGE_SHIFT;
	s->run = filemem_alloc(s->pages);
	if (s->run == FILEMEM_NONE) {
		kfree(s);
		return err_ptr(-ENOMEM);
	}
	f = file_alloc_anon("/dev/zero (deleted)", &shared_anon_ops, s, O_RDWR, 0);
	if (is_err(f)) {
		filemem_free(s->run, s->pages);
		kfree(s);
		return f;
	}
	f->mode_flags |= FMODE_READ | FMODE_WRITE;
	return f;
}
