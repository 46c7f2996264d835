/* What the boot block asks for, made: mounts and hidden paths (core/world.c). Failures end the boot. */
#ifndef LIMPET_CORE_WORLD_H
#define LIMPET_CORE_WORLD_H

void world_mount(void);

#endif
