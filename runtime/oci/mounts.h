/* config.json's "mounts" as mounts of the guest kernel. For oci/ only. */
#ifndef LIMPET_RUNTIME_OCI_MOUNTS_H
#define LIMPET_RUNTIME_OCI_MOUNTS_H

#include "runtime/oci/json.h"

int oci_mounts_load(struct doc *d, const struct node *top, const char *bundle, const struct field_row *fields);

/* The i-th option that any mount may have; NULL behind the last. */
const char *oci_mount_option(size_t i);

#endif
