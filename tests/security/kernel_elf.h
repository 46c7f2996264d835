/*
 * The guest kernel's ELF file with its symbols, as the build left it beside the limpet binary that $LIMPET names: what an
 * attacker knows who has the source. kernel_elf() maps it or ends the program as skipped.
 */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include "attack.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

static const uint8_t *kernel_file;
static size_t kernel_file_size;
static const void *kernel_mapping;
static size_t kernel_mapping_size;

static bool kernel_elf_at(const uint8_t *p, size_t room)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)p;

	return room > sizeof(*h) && !memcmp(p, ELFMAG, SELFMAG) && h->e_entry >= KERNEL_BASE &&
	       h->e_entry < KERNEL_BASE + KERNEL_IMAGE_MAX && h->e_shoff < room;
}

__attribute__((unused)) static void kernel_elf(void)
{
	const char *limpet = getenv("LIMPET"), *slash = limpet ? strrchr(limpet, '/') : NULL;
	char path[4096] = "";
	struct stat st;
	void *p;
	int fd;

	if (slash)
		snprintf(path, sizeof(path), "%.*s/kernel/limpet-kernel.elf", (int)(slash - limpet), limpet);
	fd = open(path, O_RDONLY);
	if (fd >= 0 && !fstat(fd, &st)) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		close(fd);
		if (p != MAP_FAILED && kernel_elf_at(p, (size_t)st.st_size)) {
			kernel_file = kernel_mapping = p;
			kernel_file_size = kernel_mapping_size = (size_t)st.st_size;
			return;
		}
	}
	printf("SKIP no kernel with symbols at %s\n", path);
	exit(77);
}

/* For attacks that look for it where it should not be. */
__attribute__((unused)) static void kernel_elf_forget(void) { munmap((void *)kernel_mapping, kernel_mapping_size); }

/* Its executable segment. */
__attribute__((unused)) static const uint8_t *kernel_text(uint64_t *addr, size_t *size)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)kernel_file;
	const Elf64_Phdr *p = (const Elf64_Phdr *)(kernel_file + h->e_phoff);

	for (int i = 0; i < h->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && p[i].p_flags & PF_X) {
			*addr = p[i].p_vaddr;
			*size = p[i].p_filesz;
			return kernel_file + p[i].p_offset;
		}
	printf("HARM: no text in the kernel's file\n");
	exit(2);
}

/* 0 = there is none of that name. */
__attribute__((unused)) static uint64_t kernel_symbol(const char *name)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)kernel_file;
	const Elf64_Shdr *s = (const Elf64_Shdr *)(kernel_file + h->e_shoff);

	for (int i = 0; i < h->e_shnum; i++) {
		if (s[i].sh_type != SHT_SYMTAB)
			continue;
		const Elf64_Sym *sym = (const Elf64_Sym *)(kernel_file + s[i].sh_offset);
		const char *names = (const char *)kernel_file + s[s[i].sh_link].sh_offset;

		for (size_t n = s[i].sh_size / sizeof(*sym), k = 0; k < n; k++)
			if (!strcmp(names + sym[k].st_name, name))
				return sym[k].st_value;
	}
	return 0;
}

/* The next place at or after from where these bytes stand in the text; 0 = none. */
__attribute__((unused)) static uint64_t kernel_bytes(uint64_t from, const void *bytes, size_t n)
{
	uint64_t addr;
	size_t size;
	const uint8_t *text = kernel_text(&addr, &size);

	for (size_t i = from > addr ? from - addr : 0; i + n <= size; i++)
		if (!memcmp(text + i, bytes, n))
			return addr + i;
	return 0;
}

/* The gate's name as symbols begin with: this machine's sandbox has keys or not. */
__attribute__((unused)) static bool have_keys(void)
{
	return attempt(read_pkru, &pkru) == 0 && pkru != 0x55555554 && pkru != 0;
}

#endif
