/* linux.resources of config.json, and of `update -r`. */
#ifndef LIMPET_RUNTIME_RESOURCES_H
#define LIMPET_RUNTIME_RESOURCES_H

#include "runtime/oci/json.h"

int oci_resources_load(struct doc *d, const struct node *linux_);

#endif
