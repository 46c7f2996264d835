/* See kernel_image.h. */
#include "runtime/sandbox/kernel_image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/layout.h"
#include "runtime/lib/util.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif

#define HUGE_PAGE ((size_t)2 << 20)
#define HEAD_MAX 0x1000 /* bytes that the ELF header and the program headers have for themselves */

/* The program header of the text. */
static int find_text(Elf64_Ehdr *eh, Elf64_Phdr *text, size_t *at, struct error *err)
{
	size_t len = (size_t)(kernel_image_end - kernel_image_start);

	if (len < sizeof(*eh))
		return error_set(err, "the embedded guest kernel is empty");
	memcpy(eh, kernel_image_start, sizeof(*eh));
	if (memcmp(eh->e_ident, ELFMAG, SELFMAG) || eh->e_machine != EM_X86_64 || eh->e_type != ET_EXEC ||
	    eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phoff > HEAD_MAX ||
	    (HEAD_MAX - eh->e_phoff) / sizeof(Elf64_Phdr) < eh->e_phnum)
		return error_set(err, "the embedded guest kernel is not a static x86-64 ELF file");
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		*at = eh->e_phoff + i * sizeof(*text);
		memcpy(text, kernel_image_start + *at, sizeof(*text));
		if (text->p_type != PT_LOAD)
			continue;
		if (text->p_vaddr != KERNEL_BASE || text->p_flags != (PF_R | PF_X) || text->p_memsz >= KERNEL_IMAGE_MAX ||
		    text->p_filesz != text->p_memsz || text->p_offset < HEAD_MAX || text->p_offset > len ||
		    text->p_filesz > len - text->p_offset)
			break;
		return 0;
	}
	return error_set(err, "the embedded guest kernel does not begin with its text at %#llx", KERNEL_BASE);
}

int kernel_image_text_size(uint64_t *size, struct error *err)
{
	Elf64_Ehdr eh;
	Elf64_Phdr text;
	size_t at;

	if (find_text(&eh, &text, &at, err))
		return -1;
	*size = text.p_memsz;
	return 0;
}

static int write_at(int fd, size_t at, const void *from, size_t n)
{
	return lseek(fd, (off_t)at, SEEK_SET) < 0 || write_all(fd, from, n) ? -1 : 0;
}

/*
 * The embedded file with its text moved to a 2 MiB range of its own, which has nothing but zeroes behind it: then offset and
 * address of the text go together, and the guest kernel can have it mapped by a huge page.
 */
static int write_image(int fd, struct error *err)
{
	size_t len = (size_t)(kernel_image_end - kernel_image_start), at, old, size;
	Elf64_Ehdr eh;
	Elf64_Phdr text;

	if (find_text(&eh, &text, &at, err))
		return -1;
	old = text.p_offset;
	size = text.p_filesz;
	text.p_offset = (len + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	if (ftruncate(fd, (off_t)(text.p_offset + ((size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1)))) ||
	    write_at(fd, 0, kernel_image_start, old) || write_at(fd, at, &text, sizeof(text)) ||
	    write_at(fd, old + size, kernel_image_start + old + size, len - old - size) ||
	    write_at(fd, text.p_offset, kernel_image_start + old, size))
		return error_errno(err, "writing the guest kernel to a memfd");
	return 0;
}

int kernel_image_memfd(struct error *err)
{
	cleanup_close int fd = memfd_create("limpet-kernel", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("limpet-kernel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return error_errno(err, "memfd_create for the guest kernel");
	if (write_image(fd, err))
		return -1;
	/* The supervisor stays for long and has read it for the only time. */
	madvise((void *)(uintptr_t)kernel_image_start, (size_t)(kernel_image_end - kernel_image_start) & ~(size_t)0xfff,
		MADV_DONTNEED);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK))
		return error_errno(err, "sealing the guest kernel");
	return steal_fd(&fd);
}
