/* sysinfo(2). */
#ifndef LIMPET_ABI_LINUX_SYSINFO_H
#define LIMPET_ABI_LINUX_SYSINFO_H

#include <stdint.h>

#define SI_LOAD_SHIFT 16

struct sysinfo {
	int64_t uptime; /* seconds */
	uint64_t loads[3]; /* 1, 5, 15 minutes, fixed point */
	uint64_t totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad0;
	uint32_t pad1;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit, pad2;
};
_Static_assert(sizeof(struct sysinfo) == 112, "Linux's size");

#endif
