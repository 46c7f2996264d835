/*
 * Pods: containers that share a sandbox. docs/pods.md.
 *
 * A CRI engine says by annotations which container is a pod's sandbox and which joins it. One that joins has no kserver
 * and no supervisor of its own: its host process (join.c) asks the sandbox's supervisor for it, stands for it towards the
 * engine, and holds it by that connection.
 */
#ifndef LIMPET_RUNTIME_POD_H
#define LIMPET_RUNTIME_POD_H

#include "runtime/container/container.h"
#include "runtime/sandbox/spec.h"

enum pod_role { POD_NONE, POD_SANDBOX, POD_JOINS };

struct pod {
	enum pod_role role;
	struct container sandbox; /* POD_JOINS; not locked */
	int64_t share; /* number of the container whose processes it sees besides its own, -1 = none */
};

/*
 * From config.json's annotations. A container whose network or user namespace is not its pod's, or whose pod has a sandbox
 * that was not made to be joined, gets a sandbox of its own. An error when the sandbox is not there, or a namespace is named that cannot be had.
 */
int pod_find(struct pod *pod, const struct spec *spec, const json_t *config, const char *id, struct error *err);
void pod_close(struct pod *pod);

struct creation;
/* In the process that was forked for a container that joins. Its exit status; -1 with err. */
int pod_join(struct creation *cr, struct error *err);
/* The command's side of that. */
int pod_with_joiner(struct creation *cr, pid_t pid, struct error *err);

#endif
