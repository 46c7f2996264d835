/* $HOME for a program that was given none, from the container's own /etc/passwd. */
#ifndef LIMPET_RUNTIME_HOME_H
#define LIMPET_RUNTIME_HOME_H

#include "runtime/sandbox/spec.h"

void home_default(struct spec *spec, const char *rootfs);

#endif
