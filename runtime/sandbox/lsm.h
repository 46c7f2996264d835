/*
 * The host's security modules: the AppArmor profile and the SELinux label that a sandbox's host processes get with the
 * exec of the guest kernel, and keep. Programs inside see nothing of it.
 */
#ifndef LIMPET_RUNTIME_LSM_H
#define LIMPET_RUNTIME_LSM_H

#include "runtime/sandbox/spec.h"

/* What the spec names is there on this host. The error names the field. */
int lsm_check(const struct spec *spec, struct error *err);
/* In the process that is about to exec, while it sees the host's /proc. */
int lsm_apply(const struct spec *spec, struct error *err);

/* The pieces, for a test: where they look is given. */
int lsm_check_at(const char *sys, const struct spec *spec, struct error *err); /* sys: "/sys" */
int lsm_apply_at(const char *attr, const struct spec *spec, struct error *err); /* attr: "/proc/self/attr" */

#endif
