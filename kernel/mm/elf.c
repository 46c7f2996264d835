/*
 * ELF files into memory: a program and its interpreter. Headers come from a file that anybody wrote: every number is
 * checked before it is used, and all mapping goes through mm_mmap(), which keeps it in the program's range.
 */
#include "abi/linux/elf.h"

#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "lib/string.h"
#include "mm/vma.h"
#include "proc/task.h"

#define PHDRS_MAX 65536u /* bytes of program headers, as Linux has it */
/* Linux's: sanitizers know where position independent programs may be */
#define DYN_BASE 0x555555554000ull

struct elf_file {
	struct file *file;
	struct elf64_ehdr h;
	struct elf64_phdr *ph;
	u64 low, high; /* of all PT_LOAD: page-aligned start, end */
	u64 align; /* largest p_align, at least a page */
	u64 bias; /* address - p_vaddr */
};

static int read_exact(struct file *f, void *buf, size_t len, u64 pos)
{
	size_t done = 0;

	if (pos > INT64_MAX - len)
		return -ENOEXEC;
	while (done < len) {
		ssize_t n = file_read_kernel(f, (char *)buf + done, len - done, pos + done);

		if (n <= 0)
			return n < 0 ? (int)n : -ENOEXEC;
		done += n;
	}
	return 0;
}

/* The extent of what is to be loaded. */
static int elf_extent(struct elf_file *e)
{
	bool any = false;

	e->low = ~0ull;
	e->high = 0;
	e->align = PAGE_SIZE;
	for (u32 i = 0; i < e->h.e_phnum; i++) {
		const struct elf64_phdr *p = &e->ph[i];
		u64 end;

		if (p->p_type != PT_LOAD)
			continue;
		if (p->p_filesz > p->p_memsz || add_overflow(p->p_vaddr, p->p_memsz, &end) || end > TASK_SIZE)
			return -ENOEXEC;
		if ((p->p_vaddr ^ p->p_offset) & ~PAGE_MASK && p->p_filesz)
			return -ENOEXEC;
		if (p->p_align > e->align && !(p->p_align & (p->p_align - 1)) && p->p_align <= 1ull << 30)
			e->align = p->p_align;
		e->low = min(e->low, PAGE_ALIGN_DOWN(p->p_vaddr));
		e->high = max(e->high, end);
		any = true;
	}
	if (!any)
		return -ENOEXEC;
	e->high = PAGE_ALIGN_UP(e->high);
	return 0;
}

static int elf_open(struct file *f, struct elf_file *e)
{
	const struct elf64_ehdr *h = &e->h;
	u32 size;
	int err;

	*e = (struct elf_file){ .file = f };
	err = read_exact(f, &e->h, sizeof(e->h), 0);
	if (err)
		return err;
	if (memcmp(h->e_ident, "\177ELF", 4) || h->e_ident[EI_CLASS] != ELFCLASS64 ||
	    h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_X86_64 ||
	    (h->e_type != ET_EXEC && h->e_type != ET_DYN) || h->e_phentsize != sizeof(struct elf64_phdr))
		return -ENOEXEC;
	size = (u32)h->e_phnum * sizeof(struct elf64_phdr);
	if (!size || size > PHDRS_MAX)
		return -ENOEXEC;
	e->ph = kmalloc(size);
	if (!e->ph)
		return -ENOMEM;
	err = read_exact(f, e->ph, size, h->e_phoff);
	if (!err)
		err = elf_extent(e);
	if (err) {
		kfree(e->ph);
		e->ph = NULL;
	}
	return err;
}

static void elf_close(struct elf_file *e) { kfree(e->ph); }

char *elf_interp_path(struct file *exe)
{
	struct elf_file e;
	char *path = NULL;
	int err = elf_open(exe, &e);

	if (err)
		return err_ptr(err);
	for (u32 i = 0; i < e.h.e_phnum; i++) {
		const struct elf64_phdr *p = &e.ph[i];

		if (p->p_type != PT_INTERP)
			continue;
		err = -ENOEXEC;
		if (p->p_filesz < 2 || p->p_filesz > PATH_MAX)
			break;
		path = kmalloc(p->p_filesz);
		err = path ? read_exact(exe, path, p->p_filesz, p->p_offset) : -ENOMEM;
		if (!err && path[p->p_filesz - 1])
			err = -ENOEXEC;
		break;
	}
	elf_close(&e);
	if (err) {
		kfree(path);
		return err_ptr(err);
	}
	return path;
}

static u32 segment_prot(const struct elf64_phdr *p)
{
	return (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
	       (p->p_flags & PF_X ? PROT_EXEC : 0);
}

static int map_fixed(u64 addr, u64 len, u32 prot, struct file *f, u64 offset)
{
	s64 ret = mm_mmap(addr, len, prot, MAP_PRIVATE | MAP_FIXED | (f ? 0 : MAP_ANONYMOUS), f, offset);

	return ret < 0 ? (int)ret : 0;
}

static int load_segment(struct elf_file *e, const struct elf64_phdr *p)
{
	u64 start = e->bias + p->p_vaddr, skew = start & ~PAGE_MASK;
	u64 file_end = start + p->p_filesz, mem_end = start + p->p_memsz, file_page_end = PAGE_ALIGN_UP(file_end);
	u32 prot = segment_prot(p);
	int err = 0;

	if (!p->p_memsz)
		return 0;
	if (p->p_filesz) {
		err = map_fixed(start - skew, file_page_end - (start - skew), prot, e->file, p->p_offset - skew);
		/* What follows the contents in their last page is zero, where the program could see a difference. */
		if (!err && mem_end > file_end && file_page_end > file_end && (prot & PROT_WRITE))
			err = clear_user(uptr(file_end), file_page_end - file_end);
	} else {
		file_page_end = start - skew;
	}
	if (!err && PAGE_ALIGN_UP(mem_end) > file_page_end)
		err = map_fixed(file_page_end, PAGE_ALIGN_UP(mem_end) - file_page_end, prot, NULL, 0);
	return err;
}

/* An address for a position independent file: at want, or wherever there is room. */
static int choose_bias(struct elf_file *e, u64 want)
{
	u64 lead = e->low & (e->align - 1); /* how far the first page is from an aligned address */
	u64 room = lead + (e->high - e->low) + e->align - PAGE_SIZE;
	s64 at = mm_mmap(want, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, NULL, 0);

	if (at < 0)
		return (int)at;
	e->bias = ALIGN_UP((u64)at, e->align) + lead - e->low;
	return mm_munmap(at, room);
}

static int load_file(struct elf_file *e, u64 want)
{
	int err = 0;

	if (e->h.e_type == ET_DYN)
		err = choose_bias(e, want);
	for (u32 i = 0; i < e->h.e_phnum && !err; i++)
		if (e->ph[i].p_type == PT_LOAD)
			err = load_segment(e, &e->ph[i]);
	return err;
}

/* Where the program headers came to lie in memory; 0 = in no segment. */
static u64 phdr_address(const struct elf_file *e)
{
	for (u32 i = 0; i < e->h.e_phnum; i++) {
		const struct elf64_phdr *p = &e->ph[i];

		if (p->p_type == PT_LOAD && p->p_offset <= e->h.e_phoff && e->h.e_phoff - p->p_offset < p->p_filesz)
			return e->bias + p->p_vaddr + (e->h.e_phoff - p->p_offset);
	}
	return 0;
}

static void set_brk(const struct elf_file *e, bool has_interp, struct elf_image *out)
{
	struct mm *mm = current->mm;
	u64 brk = e->bias + e->high;

	/* A program without interpreter that lies among the mappings would have no room to grow there. */
	if (e->h.e_type == ET_DYN && !has_interp)
		brk = DYN_BASE;
	brk = PAGE_ALIGN_UP(brk) + mm_random(13);
	mutex_lock(&mm->lock);
	mm->brk_start = mm->brk = brk;
	mutex_unlock(&mm->lock);
	out->brk = brk;
}

int elf_load(struct file *exe, struct file *interp, struct elf_image *out)
{
	struct elf_file e, ie;
	int err = elf_open(exe, &e);

	*out = (struct elf_image){ 0 };
	if (err)
		return err;
	err = load_file(&e, interp ? PAGE_ALIGN_DOWN(DYN_BASE) + mm_random(28) : 0);
	if (err)
		goto out;
	for (u32 i = 0; i < e.h.e_phnum; i++)
		if (e.ph[i].p_type == PT_GNU_STACK)
			out->exec_stack = e.ph[i].p_flags & PF_X;
	out->load_bias = e.bias;
	out->prog_entry = out->entry = e.bias + e.h.e_entry;
	out->phdr = phdr_address(&e);
	out->phnum = e.h.e_phnum;
	set_brk(&e, interp != NULL, out);
	if (interp) {
		err = elf_open(interp, &ie);
		if (err)
			goto out;
		/* An interpreter with fixed addresses stays inside the program's range by mm_mmap's checks. */
		err = load_file(&ie, 0);
		out->entry = ie.bias + ie.h.e_entry;
		out->interp_base = ie.bias;
		elf_close(&ie);
	}
	if (!err && (out->entry >= TASK_SIZE || out->prog_entry >= TASK_SIZE))
		err = -EINVAL;
out:
	elf_close(&e);
	return err;
}
