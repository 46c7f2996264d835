/* A small sysfs: what libraries ask about CPUs, memory and the network. Made of procfs's frame. */
#ifndef LIMPET_FS_SYS_SYSFS_H
#define LIMPET_FS_SYS_SYSFS_H

#include "lib/types.h"

/* cgroupfs.c: the container's own group, read-only, as "cgroup2" and "cgroup". */
void cgroupfs_init(void);
/* CONTROL_LIMITS: memory, quota, period, processes. */
struct container_limits;
void cgroupfs_limits(struct container_limits *l, const s64 limits[4]);
struct proc_dir;
extern const struct proc_dir sys_class_net_dir, sys_virtual_net_dir; /* net.c */

/* Boot: registers "sysfs". From fs_init. */
int sys_init(void) __attribute__((warn_unused_result));

#endif
