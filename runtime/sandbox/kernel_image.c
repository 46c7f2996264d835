/* See kernel_image.h. */
#include "runtime/sandbox/kernel_image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/layout.h"
#include "runtime/lib/util.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif

int kernel_image_text_size(uint64_t *size, struct error *err)
{
	size_t len = (size_t)(kernel_image_end - kernel_image_start);
	Elf64_Ehdr eh;

	if (len < sizeof(eh))
		return error_set(err, "the embedded guest kernel is empty");
	memcpy(&eh, kernel_image_start, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_machine != EM_X86_64 || eh.e_type != ET_EXEC ||
	    eh.e_phentsize != sizeof(Elf64_Phdr) || eh.e_phoff > len ||
	    (len - eh.e_phoff) / sizeof(Elf64_Phdr) < eh.e_phnum)
		return error_set(err, "the embedded guest kernel is not a static x86-64 ELF file");
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, kernel_image_start + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_LOAD)
			continue;
		if (ph.p_vaddr != KERNEL_BASE || ph.p_flags != (PF_R | PF_X) || ph.p_memsz >= KERNEL_IMAGE_MAX)
			break;
		*size = ph.p_memsz;
		return 0;
	}
	return error_set(err, "the embedded guest kernel does not begin with its text at %#llx", KERNEL_BASE);
}

int kernel_image_memfd(struct error *err)
{
	cleanup_close int fd = memfd_create("limpet-kernel", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("limpet-kernel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return error_errno(err, "memfd_create for the guest kernel");
	if (write_all(fd, kernel_image_start, (size_t)(kernel_image_end - kernel_image_start)))
		return error_errno(err, "writing the guest kernel to a memfd");
	/* The supervisor stays for long and has read it for the only time. */
	madvise((void *)(uintptr_t)kernel_image_start, (size_t)(kernel_image_end - kernel_image_start) & ~(size_t)0xfff,
		MADV_DONTNEED);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK))
		return error_errno(err, "sealing the guest kernel");
	return steal_fd(&fd);
}
