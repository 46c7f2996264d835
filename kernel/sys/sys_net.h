/* Between sys_net.c and sys_netmsg.c: socket addresses to and from programs. */
#ifndef LIMPET_SYS_SYS_NET_H
#define LIMPET_SYS_SYS_NET_H

#include "mm/uaccess.h"

/* addr has SOCKADDR_MAX bytes. 0, -EINVAL, -EFAULT. */
int net_addr_in(void *addr, struct uptr from, s32 len) __must_check;
/* As much as *ulen has room for; *ulen becomes the whole length. */
int net_addr_out(const void *addr, u32 len, struct uptr to, struct uptr ulen) __must_check;

#endif
