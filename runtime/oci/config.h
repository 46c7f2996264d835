/* A bundle's config.json (OCI runtime specification, 1.0 to 1.2) as a spec. */
#ifndef LIMPET_RUNTIME_CONFIG_H
#define LIMPET_RUNTIME_CONFIG_H

#include <jansson.h>

#include "runtime/sandbox/spec.h"

/*
 * Fills an initialised spec. Errors and warnings name the file and the field. What cannot be honoured is refused when
 * the container would be weaker or different without it, warned of when it would only lack a comfort.
 */
int config_load(struct spec *spec, const char *bundle, struct error *err);

/* The same, and the document itself for what is not the spec's: hooks, annotations. To be decref'ed. */
int config_load_keep(struct spec *spec, const char *bundle, json_t **document, struct error *err);
/* A process alone (`exec`): an object as config.json's "process" is one. file = its name in errors. */
int config_load_process(struct spec *spec, json_t *process, const char *file, struct error *err);
/* What a container's whole config.json says about programs that are run in it later: personality, seccomp. */
int config_load_lasting(struct spec *spec, json_t *config, const char *file, struct error *err);
/* Resources alone (`update`): an object as config.json's "linux.resources" is one. */
int config_load_resources(struct spec *spec, json_t *resources, const char *file, struct error *err);

#endif
