/*
 * The sandbox's mount tree: a small read-only tmpfs that holds the container's files and nothing else. Tree 0 is at
 * /root, tree N at /m/N, each without the pseudo file systems that the host has mounted below it. Host mounts never
 * carry devices or setuid bits: those are the guest kernel's to interpret.
 */
#ifndef LIMPET_RUNTIME_MOUNTS_H
#define LIMPET_RUNTIME_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/lib/error.h"

struct mount_tree {
	const char *source; /* directory or file on the host */
	bool readonly;
	int fd; /* result: O_PATH descriptor of its root; before, a mapped tree's is there already */
	bool mapped; /* by mounts_map */
	bool alone; /* result: nothing was mounted below */
};

struct spec;
/* In the caller's own user namespace: makes the trees that are id-mapped. */
int mounts_map(struct spec *spec, struct error *err);
/* The trees that a spec needs, root first, to be freed. */
int mounts_collect(const struct spec *spec, struct mount_tree **trees, size_t *count, struct error *err);
/*
 * In a fresh mount namespace, PID 1 of a fresh PID namespace: builds the tree, makes it the root directory and lets go
 * of the old one. *proc_fd becomes an O_PATH descriptor of a read-only procfs of the PID namespace, or -1; proc_fd NULL:
 * none is wanted, and the PID namespace does not matter.
 */
int mounts_enter(struct mount_tree *trees, size_t ntrees, int *proc_fd, struct error *err);

#endif
