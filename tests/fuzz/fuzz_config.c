/*
 * libFuzzer: config.json of a bundle. An input that is refused has a sentence that says why; one that is taken has sane
 * fields.
 *
 * build: runtime/oci/config.c runtime/oci/json.c runtime/oci/mounts.c runtime/oci/resources.c runtime/oci/seccomp.c
 * build: runtime/oci/task.c runtime/sandbox/setting.c
 * build: runtime/sandbox/spec.c runtime/lib/error.c runtime/lib/util.c -ljansson -lcap -lseccomp
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/oci/config.h"

static char dir[] = "/tmp/limpet-fuzz.XXXXXX";
static int fd = -1;

static void leave(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/config.json", dir);
	unlink(path);
	rmdir(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = {0};
	struct spec spec;

	if (fd < 0) {
		char path[64];

		if (!mkdtemp(dir))
			abort();
		snprintf(path, sizeof(path), "%s/config.json", dir);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		atexit(leave);
	}
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	spec_init(&spec);
	if (config_load(&spec, dir, &err)) {
		if (!err.text[0])
			abort();
	} else {
		if (!spec.argv.count || !spec.argv.items[0] || !spec.rootfs || !spec.cwd || *spec.cwd != '/')
			abort();
		for (size_t i = 0; i < spec.nmounts; i++)
			if (spec.mounts[i].target[0] != '/' || strstr(spec.mounts[i].target, "/../"))
				abort();
	}
	spec_free(&spec);
	return 0;
}
