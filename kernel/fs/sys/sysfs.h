/* A small sysfs: what libraries ask about CPUs, memory and the network. Made of procfs's frame. */
#ifndef LIMPET_FS_SYS_SYSFS_H
#define LIMPET_FS_SYS_SYSFS_H

/* Boot: registers "sysfs". From fs_init. */
int sys_init(void) __attribute__((warn_unused_result));

#endif
