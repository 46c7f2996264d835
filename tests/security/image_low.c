/*
 * A text image has its trampolines in front of the text. Somebody who maps the file where there is no room for them
 * must not take the image from those who have it mapped.
 *
 * defence: none, images make programs faster and nothing else
 */
#include "attack.h"

#include <elf.h>
#include <fcntl.h>

#define PAGE 4096ul
#define FRONT 0x10ff0000ul /* the area's distance is more, and this much more at most */
#define STEPS 0x1100000ul
#define LOW ((char *)0x8000000)

static int interp;
static Elf64_Phdr text;

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

/* Are there trampolines in front of the text at base? */
static bool has_area(char *base)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long at;
	char line[512];
	bool has = false;

	while (f && fgets(line, sizeof(line), f))
		has |= strstr(line, "[limpet]") && sscanf(line, "%lx", &at) == 1 && at < (unsigned long)base - FRONT &&
		       at >= (unsigned long)base - FRONT - STEPS;
	fclose(f);
	return has;
}

int main(void)
{
	char *base = NULL;
	pid_t pid;

	attack_init();
	if (!find_text()) {
		printf("SKIP no dynamic linker\n");
		return 77;
	}
	for (int i = 0; i < 20 && !(base && has_area(base)); i++) {
		base = map_text(NULL);
		usleep(100000);
	}
	if (!has_area(base)) {
		printf("SKIP the dynamic linker's text has no image\n");
		return 77;
	}
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 8; i++)
			if (map_text(LOW) != LOW)
				_exit(1);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	if (map_text(base - (4l << 30)) == MAP_FAILED || !has_area(base - (4l << 30)))
		broken("the image is gone");
	return attack_result("an image that is mapped elsewhere");
}
