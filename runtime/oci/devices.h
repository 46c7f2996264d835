/*
 * Devices of the host that a container may open: those that an operator named (--allow-device) and its config.json has a
 * node of, in linux.devices or as a bind mount of the node below /dev. The bundle alone gives none.
 */
#ifndef LIMPET_RUNTIME_DEVICES_H
#define LIMPET_RUNTIME_DEVICES_H

#include <jansson.h>

#include "runtime/sandbox/spec.h"

/* Finds and opens (O_PATH) them for a spec that was loaded from config. With none allowed nothing is looked at. */
int devices_give(struct spec *spec, json_t *config, const char *const *allowed, size_t count, struct error *err);

#endif
