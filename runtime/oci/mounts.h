/* config.json's "mounts" as mounts of the guest kernel. For oci/ only. */
#ifndef LIMPET_RUNTIME_OCI_MOUNTS_H
#define LIMPET_RUNTIME_OCI_MOUNTS_H

#include "runtime/oci/json.h"

int oci_mounts_load(struct doc *d, const struct node *top, const char *bundle, const struct field_row *fields);

/* An array of id mappings: uidMappings, gidMappings. */
int oci_ids_load(struct doc *d, const struct node *of, const char *key, const struct field_row *fields,
		 struct spec_idmap **maps, size_t *count);
/* Mounts that are to be mapped and name no mapping need the container's: once linux is known. */
int oci_mounts_check_ids(struct doc *d);

/* The i-th option that any mount may have; NULL behind the last. */
const char *oci_mount_option(size_t i);

#endif
