/*
 * libFuzzer: what the runtime reads of the host's /proc: mountinfo and cgroup, which name paths that others chose. An input
 * is both texts with a 0 between.
 *
 * build: runtime/sandbox/spec.c runtime/lib/error.c -lm
 */
#define read_file real_read_file
#include "runtime/lib/util.c"
#undef read_file

static const char *mountinfo, *cgroup;
char *read_file(int dirfd, const char *path);
char *read_file(int dirfd, const char *path)
{
	return strdup(strstr(path, "mountinfo") ? mountinfo : cgroup);
}

#include "runtime/sandbox/cgroup.c"
#define cleanup_dir_ unused
#include "runtime/sandbox/mounts.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 2);
	struct arena arena = {0};
	struct strings found = {0};
	struct error err = {0};

	memcpy(text, data, size);
	text[size] = text[size + 1] = '\0';
	mountinfo = text;
	cgroup = text + strlen(text) + 1;
	cgroup_layout();
	find_pseudo("/root", &arena, &found, &err);
	/* They are going to be unmounted or covered: nothing beside the tree, nothing twice. */
	for (size_t i = 0; i < found.count; i++)
		if (strncmp(found.items[i], "/root/", 6))
			abort();
	arena_free(&arena);
	free(text);
	return 0;
}
