/* Control groups by systemd: a transient scope unit that is ours to fill (--systemd-cgroup). */
#ifndef LIMPET_RUNTIME_SCOPE_H
#define LIMPET_RUNTIME_SCOPE_H

#include <sys/types.h>

#include "runtime/sandbox/spec.h"

#define PIDS_SLACK 32 /* the guest kernel's own threads and spare processes must not eat into the container's share */

/*
 * Asks systemd for the unit that spec->cgroup names as "slice:prefix:name", with process pid in it and the limits as
 * its properties. *unit = its name. systemd moves pid there a little later.
 */
int scope_start(struct arena *a, const struct spec *spec, pid_t pid, const char **unit, struct error *err);
/* Limits that are set become properties of a unit that is there, until it goes. */
int scope_change(const struct spec *spec, const char *unit, struct error *err);

#endif
