/*
 * libFuzzer: ELF files that a program asks to be run. An input is the executable's size in two bytes, the executable, and
 * its interpreter. Every mapping must lie in the program's part and every read in the file; nothing stays allocated.
 *
 * build: -I kernel kernel/mm/elf.c
 */
#include "kernel_host.h"

#include "fs/file.h"
#include "mm/mm.h"
#include "mm/vma.h"

struct input {
	struct file file;
	const uint8_t *data;
	size_t size;
};
static struct mm the_mm;
static u64 next_random;

ssize_t file_read_kernel(struct file *f, void *buf, size_t len, loff_t pos)
{
	const struct input *in = (const struct input *)f;

	if (pos < 0 || len > 65536)
		abort();
	if ((u64)pos >= in->size)
		return 0;
	len = min(len, in->size - (size_t)pos);
	/* Short reads too, as pipes and network file systems have them. */
	if (len > 100)
		len = 100;
	memcpy(buf, in->data + pos, len);
	return (ssize_t)len;
}

/* As mm_mmap() refuses and rounds: what it would take must be sane, the rest is an error. */
s64 mm_mmap(u64 addr, u64 len, u32 prot, u32 flags, struct file *file, u64 offset)
{
	if (!len || len > MM_TOP || PAGE_ALIGN_UP(len) > MM_TOP)
		return -ENOMEM;
	if (file && (offset & ~PAGE_MASK))
		return -EINVAL;
	if (flags & MAP_FIXED)
		return (addr & ~PAGE_MASK) || addr < USER_MIN || addr > MM_TOP - len ? -EINVAL : (s64)addr;
	return addr && !(addr & ~PAGE_MASK) && addr <= MM_TOP - len ? (s64)addr : len < MM_TOP / 2 ? 0x10000000 : -ENOMEM;
}
int mm_munmap(u64 addr, u64 len)
{
	if (addr > TASK_SIZE - len || (addr & ~PAGE_MASK) || !len)
		abort();
	return 0;
}
u64 mm_random(u32 bits) { return (next_random += 0x1357 << PAGE_SHIFT) & ((1ull << bits) - 1) << PAGE_SHIFT; }
int clear_user(struct uptr dst, size_t len)
{
	if (len >= PAGE_SIZE)
		abort(); /* only the rest of a page, ever */
	return dst.addr > TASK_SIZE - len ? -EFAULT : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input exe = { .data = data + 2 }, interp;
	struct elf_image image;
	char *path;
	int err;

	if (size < 2)
		return 0;
	exe.size = min(size - 2, (size_t)(data[0] | data[1] << 8));
	interp = (struct input){ .data = exe.data + exe.size, .size = size - 2 - exe.size };
	me.mm = &the_mm;
	path = elf_interp_path(&exe.file);
	if (!is_err(path) && path && strlen(path) >= PATH_MAX)
		abort();
	if (!is_err(path))
		kfree(path);
	err = elf_load(&exe.file, interp.size ? &interp.file : NULL, &image);
	if (!err && (image.entry >= TASK_SIZE || image.prog_entry >= TASK_SIZE))
		abort();
	if (live || the_mm.lock.state)
		abort();
	return 0;
}
