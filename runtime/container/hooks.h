/* config.json's hooks: programs of the host that are told the container's state. */
#ifndef LIMPET_RUNTIME_HOOKS_H
#define LIMPET_RUNTIME_HOOKS_H

#include <jansson.h>

#include "runtime/lib/error.h"

/*
 * Runs config.hooks[kind] in their order, with state (taken over) on stdin. Stops at the first one that fails.
 * Everything is checked already but what running shows.
 */
int hooks_run(const json_t *config, const char *kind, json_t *state, struct error *err);

/* The state as something to read from, close-on-exec: a file never blocks its writer. */
int hooks_state_file(const json_t *state, struct error *err);

#endif
