/*
 * A text image has its trampolines in front of the text. Somebody who maps the file where there is no room for them
 * must not take the image from those who have it mapped.
 *
 * defence: none, images make programs faster and nothing else
 */
#include "attack.h"
#include "linker.h"

#define FRONT 0x10ff0000ul /* the area's distance is more, and this much more at most */
#define STEPS 0x1100000ul
#define LOW ((char *)0x8000000)

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
