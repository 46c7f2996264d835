/* The executable segment of a file that every program has a text image of: the dynamic linker's. */
#ifndef LINKER_H
#define LINKER_H

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef PAGE
#define PAGE 4096ul
#endif

static int interp;
static Elf64_Phdr text;

/* As it is mapped by execve. */
static bool find_text(void)
{
	Elf64_Ehdr eh;

	interp = open("/lib64/ld-linux-x86-64.so.2", O_RDONLY);
	if (interp < 0 || pread(interp, &eh, sizeof(eh), 0) != sizeof(eh))
		return false;
	for (int i = 0; i < eh.e_phnum; i++)
		if (pread(interp, &text, sizeof(text), (off_t)(eh.e_phoff + i * sizeof(text))) == sizeof(text) &&
		    text.p_type == PT_LOAD && (text.p_flags & PF_X))
			return true;
	return false;
}

static char *map_text(char *at)
{
	size_t skip = text.p_offset % PAGE, len = (text.p_filesz + skip + PAGE - 1) & ~(PAGE - 1);

	return mmap(at, len, PROT_READ | PROT_EXEC, MAP_PRIVATE | (at ? MAP_FIXED : 0), interp,
		    (off_t)(text.p_offset - skip));
}

#endif
