/*
 * Where a container's supervisor stands: clients take the pid they are told for the container's, and look at, copy
 * into or list processes of "its" namespaces. So it leaves the host's files for a mount namespace with the container's:
 * the rootfs as its root, bind mounts in their places, and a procfs of the sandbox's processes.
 */
#ifndef LIMPET_RUNTIME_VIEW_H
#define LIMPET_RUNTIME_VIEW_H

#include "runtime/sandbox/sandbox.h"

/*
 * Once the guest kernel runs. For good: nothing of the host can be opened by path any more, and children would be born
 * into the sandbox's PID namespace. What cannot be had without privileges is left as it is.
 */
int view_enter(const struct sandbox *sb, const struct spec *spec, struct error *err);

/* The same for one who is in a mount namespace that mounts_enter has made. proc: as view_proc gave it before that. */
int view_arrange(int proc, const struct spec *spec, struct error *err);
/* A procfs of the sandbox whose kserver this is, or -1: see view.c. Children are born into that sandbox afterwards. */
int view_proc(int pidfd);

#endif
