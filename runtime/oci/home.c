/* See home.h. */
#include "runtime/oci/home.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PASSWD_MAX (1 << 20)

/* Whatever the image made of /etc/passwd: only a regular file inside the rootfs is read, and not much of it. */
static char *read_passwd(const char *rootfs)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	cleanup_close int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = root < 0 ? -1 : (int)syscall(SYS_openat2, root, "/etc/passwd", &how, sizeof(how));
	struct stat st;
	char *text;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > PASSWD_MAX)
		return NULL;
	text = calloc(1, (size_t)st.st_size + 1);
	n = text ? read(fd, text, (size_t)st.st_size) : -1;
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

void home_default(struct spec *spec, const char *rootfs)
{
	cleanup_free char *text = NULL;
	char *save = NULL;

	for (size_t i = 0; i < spec->env.count; i++)
		if (!strncmp(spec->env.items[i], "HOME=", 5))
			return;
	text = read_passwd(rootfs);
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		char *fields[7] = {line};
		uint64_t uid;
		int n = 1;

		for (char *p = line; *p && n < 7; p++)
			if (*p == ':') {
				*p = '\0';
				fields[n++] = p + 1;
			}
		if (n < 6 || !parse_u64(fields[2], UINT32_MAX, &uid) || uid != spec->uid || *fields[5] != '/')
			continue;
		strings_add(&spec->arena, &spec->env, arena_printf(&spec->arena, "HOME=%s", fields[5]));
		return;
	}
	strings_add(&spec->arena, &spec->env, "HOME=/");
}
