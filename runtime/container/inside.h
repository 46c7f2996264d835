/* Hooks of kind startContainer: programs of the container that run before its first one does. */
#ifndef LIMPET_RUNTIME_INSIDE_H
#define LIMPET_RUNTIME_INSIDE_H

#include "runtime/container/container.h"

/*
 * Runs them in their order, each as root of the container with its capabilities, the state (taken over) on stdin. The
 * container is created; who holds its lock calls. Stops at the first that fails.
 */
int inside_hooks_run(const struct container *c, json_t *config, json_t *state, struct error *err);

#endif
