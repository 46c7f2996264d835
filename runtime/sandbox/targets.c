/* See targets.h. */
#include "runtime/sandbox/targets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int open_below(int root, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* Below another mount of the list the target belongs to that one. */
static bool is_covered(const struct spec *spec, size_t index)
{
	const char *target = spec->mounts[index].target;

	for (size_t i = 0; i < index; i++) {
		size_t len = strlen(spec->mounts[i].target);

		if (!strncmp(spec->mounts[i].target, target, len) && target[len] == '/')
			return true;
	}
	return false;
}

static void make_one(int root, char *path, bool directory)
{
	/* Each parent is looked up afresh inside the rootfs, then one name is made in it without following it. */
	for (char *p = path + 1;; p++) {
		cleanup_close int parent = -1;
		char saved = *p, *slash;

		if (saved && saved != '/')
			continue;
		*p = '\0';
		slash = strrchr(path, '/');
		*slash = '\0';
		parent = open_below(root, *path ? path : "/", O_PATH | O_DIRECTORY);
		*slash = '/';
		if (parent < 0)
			return;
		if (saved || directory) {
			if (mkdirat(parent, slash + 1, 0755) && errno != EEXIST)
				return;
		} else {
			int fd = openat(parent, slash + 1, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

			cleanup_close_fn(&fd);
		}
		*p = saved;
		if (!saved)
			return;
	}
}

void targets_make(const struct spec *spec)
{
	cleanup_close int root = open(spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return;
	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct spec_mount *m = &spec->mounts[i];
		cleanup_free char *path = strdup(m->target);
		cleanup_close int have = open_below(root, m->target, O_PATH);
		struct stat st;
		bool directory = strcmp(m->type, "hostfs") || m->overlay || stat(m->source, &st) || S_ISDIR(st.st_mode);

		if (have < 0 && path && path[1] && !is_covered(spec, i))
			make_one(root, path, directory);
	}
}
