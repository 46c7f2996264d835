/* See spec.h. */
#include "runtime/sandbox/spec.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void spec_init(struct spec *spec)
{
	*spec = (struct spec){
		.umask = 022,
		.seccomp_fd = -1,
		.limits = {
			.memory = SPEC_UNSET, .memory_swap = SPEC_UNSET, .memory_low = SPEC_UNSET,
			.cpu_quota = SPEC_UNSET, .cpu_period = SPEC_UNSET, .cpu_shares = SPEC_UNSET,
			.pids = SPEC_UNSET,
		},
	};
}

void spec_free(struct spec *spec)
{
	if (spec->seccomp_fd >= 0)
		close(spec->seccomp_fd);
	for (size_t i = 0; i < spec->nmounts; i++)
		if (spec->mounts[i].mapped_fd >= 0)
			close(spec->mounts[i].mapped_fd);
	arena_free(&spec->arena);
}

struct spec_mount *spec_add_mount(struct spec *spec, const char *type, const char *target, const char *source,
				  const char *options, uint64_t flags)
{
	struct spec_mount *m;

	spec->mounts = array_add(&spec->arena, spec->mounts, &spec->nmounts, sizeof(*m));
	m = &spec->mounts[spec->nmounts - 1];
	*m = (struct spec_mount){
		.type = arena_strdup(&spec->arena, type),
		.target = path_clean(&spec->arena, target),
		.source = arena_strdup(&spec->arena, source),
		.options = arena_strdup(&spec->arena, options),
		.flags = flags,
		.mapped_fd = -1,
	};
	return m;
}

bool spec_wants_cgroup(const struct spec *spec)
{
	const struct spec_limits *l = &spec->limits;

	return l->memory != SPEC_UNSET || l->memory_swap != SPEC_UNSET || l->memory_low != SPEC_UNSET ||
	       l->cpu_quota != SPEC_UNSET || l->cpu_shares != SPEC_UNSET || l->pids != SPEC_UNSET || l->cpus || l->mems ||
	       l->unified.count || l->nsettings;
}

int spec_preserve_fds(struct spec *spec, unsigned count, struct error *err)
{
	if (count > SPEC_PRESERVE_MAX)
		return error_set(err, "--preserve-fds %u: at most %d can be passed on", count, SPEC_PRESERVE_MAX);
	for (int fd = 3; fd < (int)count + 3; fd++) {
		int flags = fcntl(fd, F_GETFD);
		struct stat s;

		/* What we have opened ourselves is close-on-exec. */
		if (flags < 0 || flags & FD_CLOEXEC)
			return error_set(err, "--preserve-fds %u: descriptor %d is not open", count, fd);
		if (fstat(fd, &s))
			return error_errno(err, "--preserve-fds %u: descriptor %d", count, fd);
		/* A directory would be a way around the sandbox's own tree. */
		if (S_ISDIR(s.st_mode) || S_ISLNK(s.st_mode) || S_ISBLK(s.st_mode) || fcntl(fd, F_GETFL) & O_PATH)
			return error_set(err, "--preserve-fds %u: descriptor %d is not a file, pipe, socket or terminal", count, fd);
	}
	spec->preserve_fds = count;
	return 0;
}

void spec_close_preserved(const struct spec *spec)
{
	for (int fd = 3; fd < (int)spec->preserve_fds + 3; fd++)
		close(fd);
}
