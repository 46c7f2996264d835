/* The user namespace of a sandbox: who is who, written from outside. */
#ifndef LIMPET_RUNTIME_USERNS_H
#define LIMPET_RUNTIME_USERNS_H

#include <sys/types.h>

#include "runtime/sandbox/spec.h"

/* spec->user_path: its ids become the spec's. The sandbox gets a namespace of its own with the same. */
int userns_like(struct spec *spec, struct error *err);

/* A user namespace with these maps and nobody in it, for mount_setattr(2): a descriptor, or -1. */
int userns_make(const struct spec_mount *m, struct error *err);

/*
 * Writes the maps of pid's fresh user namespace: the spec's, or else the caller's own ids as they are. Several ids
 * without privileges need the newuidmap and newgidmap helpers.
 */
int userns_map(pid_t pid, const struct spec *spec, struct error *err);

#endif
