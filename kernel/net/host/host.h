/*
 * The outside: the network namespace of the host that kserver lives in, when the sandbox was given one (`--network`,
 * config.json). Without one hostnet_present() is false and nothing here ever makes a host call.
 *
 * netlink.c  the namespace's tables, by rtnetlink; its notifications go to the guest's listeners
 *
 * What the host answers is checked for its form, length by length, before anybody else sees it.
 */
#ifndef LIMPET_NET_HOST_HOST_H
#define LIMPET_NET_HOST_HOST_H

#include "net/route/route.h"

void hostnet_init(void); /* boot, kserver: behind the families */
bool hostnet_present(void);
struct rt_snap *hostnet_snapshot(enum rt_kind kind); /* as rt_snapshot */

#endif
