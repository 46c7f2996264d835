/* ip(7), ipv6(7): numbers and addresses. */
#ifndef LIMPET_ABI_LINUX_IN_H
#define LIMPET_ABI_LINUX_IN_H

#include <stdint.h>

#define IPPROTO_IP 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_IPV6 41
#define SOL_IP 0
#define SOL_TCP 6
#define SOL_UDP 17
#define SOL_IPV6 41
#define SOL_NETLINK 270

struct in_addr {
	uint32_t addr; /* network order */
};
struct sockaddr_in {
	uint16_t family;
	uint16_t port; /* network order */
	struct in_addr addr;
	uint8_t zero[8];
};
struct in6_addr {
	uint8_t addr[16];
};
struct sockaddr_in6 {
	uint16_t family;
	uint16_t port;
	uint32_t flowinfo;
	struct in6_addr addr;
	uint32_t scope_id;
};

#endif
