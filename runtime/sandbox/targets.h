/* Places to mount on in a root file system that the guest will not be able to change. */
#ifndef LIMPET_RUNTIME_TARGETS_H
#define LIMPET_RUNTIME_TARGETS_H

#include "runtime/sandbox/spec.h"

/*
 * Makes missing mount targets in a rootfs that is read-only for the guest, which cannot make them itself; what cannot
 * be made is left to the guest kernel to complain of. No symlink leads out of the rootfs.
 */
void targets_make(const struct spec *spec);

#endif
