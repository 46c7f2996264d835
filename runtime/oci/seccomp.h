/* linux.seccomp of config.json as a BPF program, which the guest kernel interprets for the container's programs. */
#ifndef LIMPET_RUNTIME_OCI_SECCOMP_H
#define LIMPET_RUNTIME_OCI_SECCOMP_H

#include "runtime/oci/json.h"

/* Fills spec.seccomp and its flags; without such a field, nothing. */
int oci_seccomp_load(struct doc *d, const struct node *linux_);
/* The names of actions, architectures and operators that are taken, for `features`; NULL behind the last. */
const char *oci_seccomp_action(size_t i);
const char *oci_seccomp_arch(size_t i);
const char *oci_seccomp_operator(size_t i);
const char *oci_seccomp_flag(size_t i);

#endif
