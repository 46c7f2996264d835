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
};

/* Makes the directories and sets the limits. After a failure nothing is left. */
int cgroup_create(struct cgroup *cg, const struct spec *spec, struct error *err);
int cgroup_attach(struct cgroup *cg, pid_t pid, struct error *err);
/* After the last process has ended. */
void cgroup_remove(struct cgroup *cg);

/* "v1", "v2", "hybrid" or "none". */
const char *cgroup_layout(void);

#endif
