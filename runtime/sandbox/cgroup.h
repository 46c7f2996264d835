/*
 * The sandbox's control group, made only when a limit is asked for: in cgroup v2, v1, or hybrid layouts. kserver is put
 * in before it starts, so that limits hold for everything in the sandbox.
 */
#ifndef LIMPET_RUNTIME_CGROUP_H
#define LIMPET_RUNTIME_CGROUP_H

#include <sys/types.h>

#include "runtime/sandbox/spec.h"

struct cgroup {
	struct arena arena;
	struct strings dirs; /* made by us, in order of making */
	struct strings members; /* where kserver's pid goes */
	bool kept; /* somebody else removes the directories */
	struct strings controllers, paths; /* v1 controller, or "" for v2, and its directory: same index */
};

/* Makes the directories and sets the limits. After a failure nothing is left. A scope is made around the caller. */
int cgroup_create(struct cgroup *cg, const struct spec *spec, struct error *err);
/* spec->cgroup_scope: systemd makes it, around process pid. */
int cgroup_scope(struct cgroup *cg, const struct spec *spec, pid_t pid, struct error *err);
int cgroup_attach(struct cgroup *cg, pid_t pid, struct error *err);
/* Sets the spec's limits in groups that exist: paths is filled in. */
int cgroup_update(struct cgroup *cg, const struct spec *spec, struct error *err);
/* The directory of a controller in v1, or v2's: *v2 says which. NULL = none. */
const char *cgroup_path(const struct cgroup *cg, const char *controller, bool *v2);
/* A file, or -1, for cgroup_oom_killed: has the host killed a process of the group for want of memory? */
int cgroup_open_oom(const struct cgroup *cg);
bool cgroup_oom_killed(int fd);
/* After the last process has ended. */
void cgroup_remove(struct cgroup *cg);

/* The groups of a process that are not our own as well. */
void cgroup_dirs_of(struct arena *a, pid_t pid, struct strings *dirs);
/* Directories of a group whose maker is gone, with what is below them. The last one that could not go: an error. */
int cgroup_remove_dirs(const struct strings *dirs, struct error *err);

/* v1's scale of CPU shares as v2's weight. */
int64_t cgroup_weight(int64_t shares);
/* "v1", "v2", "hybrid" or "none". */
const char *cgroup_layout(void);

#endif
