/*
 * map-elf FILE|DIRECTORY...: maps every executable segment of the ELF files there as a loader does, and says how many
 * mappings were refused. For a sandbox with the scan (docs/gate.md): limpet do --defence-on scan -- map-elf DIRECTORY
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096ul

static unsigned long files, maps, refused, bytes;

static void map_segment(int fd, const Elf64_Phdr *p, const char *path)
{
	unsigned long offset = p->p_offset & -PAGE, len = p->p_offset + p->p_filesz - offset;
	void *at = mmap(NULL, len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, (off_t)offset);

	maps++;
	bytes += len;
	if (at == MAP_FAILED) {
		refused++;
		printf("%s: offset %#lx: %s\n", path, offset, strerror(errno));
	} else {
		munmap(at, len);
	}
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;
	int fd;

	if (type != FTW_F || !S_ISREG(st->st_mode) || (fd = open(path, O_RDONLY)) < 0)
		return 0;
	if (pread(fd, &e, sizeof(e), 0) == sizeof(e) && !memcmp(e.e_ident, ELFMAG, SELFMAG) &&
	    e.e_ident[EI_CLASS] == ELFCLASS64 && e.e_machine == EM_X86_64) {
		files++;
		for (int i = 0; i < e.e_phnum; i++) {
			if (pread(fd, &p, sizeof(p), (off_t)(e.e_phoff + (unsigned long)i * e.e_phentsize)) != sizeof(p))
				break;
			if (p.p_type == PT_LOAD && (p.p_flags & PF_X) && p.p_filesz)
				map_segment(fd, &p, path);
		}
	}
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		nftw(argv[i], visit, 64, FTW_PHYS);
	printf("%lu files, %lu executable mappings of %lu MB, %lu refused\n", files, maps, bytes >> 20, refused);
	return refused != 0;
}
