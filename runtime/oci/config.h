/* A bundle's config.json (OCI runtime specification, 1.0 to 1.2) as a spec. */
#ifndef LIMPET_RUNTIME_CONFIG_H
#define LIMPET_RUNTIME_CONFIG_H

#include "runtime/sandbox/spec.h"

/*
 * Fills an initialised spec. Errors and warnings name the file and the field. What cannot be honoured is refused when
 * the container would be weaker or different without it, warned of when it would only lack a comfort.
 */
int config_load(struct spec *spec, const char *bundle, struct error *err);

#endif
