/* See spec.h. */
#include "runtime/sandbox/spec.h"

#include <string.h>

void spec_init(struct spec *spec)
{
	*spec = (struct spec){
		.umask = 022,
		.limits = {
			.memory = SPEC_UNSET, .memory_swap = SPEC_UNSET, .memory_low = SPEC_UNSET,
			.cpu_quota = SPEC_UNSET, .cpu_period = SPEC_UNSET, .cpu_shares = SPEC_UNSET,
			.pids = SPEC_UNSET,
		},
	};
}

void spec_free(struct spec *spec)
{
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
	};
	return m;
}

bool spec_wants_cgroup(const struct spec *spec)
{
	const struct spec_limits *l = &spec->limits;

	return l->memory != SPEC_UNSET || l->memory_swap != SPEC_UNSET || l->memory_low != SPEC_UNSET ||
	       l->cpu_quota != SPEC_UNSET || l->cpu_shares != SPEC_UNSET || l->pids != SPEC_UNSET || l->cpus || l->mems ||
	       l->unified.count;
}
