/* A container's world as its boot block asks for it: mounts, devices, hidden paths. */
#ifndef LIMPET_CORE_WORLD_H
#define LIMPET_CORE_WORLD_H

#include "lib/types.h"

struct boot_block;

/*
 * Makes it, in the caller's mount namespace. -errno: text says what failed, in one line. trees: of how many mounts, in
 * the block's order, the host descriptors are taken over or closed, in either case.
 */
int world_mount(const struct boot_block *b, u32 *trees, char *text, size_t size) __must_check;
void world_boot(void); /* the first container's; failures end the boot */

#endif
