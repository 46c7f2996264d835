/* ip(7), ipv6(7): numbers and addresses. */
#ifndef LIMPET_ABI_LINUX_IN_H
#define LIMPET_ABI_LINUX_IN_H

#include <stdint.h>

#define IPPROTO_IP 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_IPV6 41
#define IPPROTO_ICMPV6 58
#define IPPROTO_UDPLITE 136
#define SOL_UDPLITE 136
#define IPPROTO_RAW 255
#define IPPROTO_MAX 263 /* 256 is the first that is none; 262 is MPTCP */
#define SOL_IP 0
#define SOL_TCP 6
#define SOL_UDP 17
#define SOL_IPV6 41
#define SOL_NETLINK 270

#define SOL_RAW 255
#define SOL_ICMPV6 58

/* Options of SOL_IP. */
#define IP_TOS 1
#define IP_TTL 2
#define IP_HDRINCL 3
#define IP_OPTIONS 4
#define IP_RECVOPTS 6
#define IP_RETOPTS 7
#define IP_PKTINFO 8
#define IP_MTU_DISCOVER 10
#define IP_RECVERR 11
#define IP_RECVTTL 12
#define IP_RECVTOS 13
#define IP_MTU 14
#define IP_FREEBIND 15
#define IP_TRANSPARENT 19
#define IP_RECVORIGDSTADDR 20
#define IP_MINTTL 21
#define IP_NODEFRAG 22
#define IP_CHECKSUM 23
#define IP_BIND_ADDRESS_NO_PORT 24
#define IP_RECVFRAGSIZE 25
#define IP_MULTICAST_IF 32
#define IP_MULTICAST_TTL 33
#define IP_MULTICAST_LOOP 34
#define IP_ADD_MEMBERSHIP 35
#define IP_DROP_MEMBERSHIP 36
#define IP_UNBLOCK_SOURCE 37
#define IP_BLOCK_SOURCE 38
#define IP_ADD_SOURCE_MEMBERSHIP 39
#define IP_DROP_SOURCE_MEMBERSHIP 40
#define IP_MSFILTER 41
#define MCAST_JOIN_GROUP 42 /* SOL_IP and SOL_IPV6, as the next five */
#define MCAST_BLOCK_SOURCE 43
#define MCAST_UNBLOCK_SOURCE 44
#define MCAST_LEAVE_GROUP 45
#define MCAST_JOIN_SOURCE_GROUP 46
#define MCAST_LEAVE_SOURCE_GROUP 47
#define MCAST_MSFILTER 48 /* both levels too */
#define IP_MULTICAST_ALL 49
#define IP_UNICAST_IF 50
#define IP_LOCAL_PORT_RANGE 51

/* Options of SOL_IPV6. */
#define IPV6_ADDRFORM 1
#define IPV6_CHECKSUM 7
#define IPV6_UNICAST_HOPS 16
#define IPV6_MULTICAST_IF 17
#define IPV6_MULTICAST_HOPS 18
#define IPV6_MULTICAST_LOOP 19
#define IPV6_JOIN_GROUP 20
#define IPV6_LEAVE_GROUP 21
#define IPV6_MTU_DISCOVER 23
#define IPV6_MTU 24
#define IPV6_RECVERR 25
#define IPV6_V6ONLY 26
#define IPV6_MULTICAST_ALL 29
#define IPV6_RECVPKTINFO 49
#define IPV6_PKTINFO 50
#define IPV6_RECVHOPLIMIT 51
#define IPV6_HOPLIMIT 52
#define IPV6_RECVTCLASS 66
#define IPV6_TCLASS 67
#define IPV6_AUTOFLOWLABEL 70
#define IPV6_MINHOPCOUNT 73
#define IPV6_FREEBIND 78

#define ICMP_FILTER 1 /* SOL_RAW */
#define ICMP6_FILTER 1 /* SOL_ICMPV6 */

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

struct ip_mreqn {
	uint32_t multiaddr, address; /* network order */
	int32_t ifindex;
};
struct ip_mreq_source {
	uint32_t multiaddr, interface, sourceaddr; /* network order */
};
struct group_req {
	uint32_t interface, pad;
	uint8_t group[128]; /* struct sockaddr_storage */
};
struct group_source_req {
	uint32_t interface, pad;
	uint8_t group[128], source[128];
};
#define MCAST_EXCLUDE 0u
#define MCAST_INCLUDE 1u
struct ip_msfilter { /* the sources' addresses follow */
	uint32_t multiaddr, interface, mode, count;
};
struct group_filter { /* sources follow, each a struct sockaddr_storage */
	uint32_t interface, pad;
	uint8_t group[128];
	uint32_t mode, count;
};
struct ipv6_mreq {
	struct in6_addr multiaddr;
	int32_t ifindex;
};
struct in_pktinfo {
	int32_t ifindex;
	uint32_t spec_dst, addr;
};
struct in6_pktinfo {
	struct in6_addr addr;
	uint32_t ifindex;
};

/* Control data of MSG_ERRQUEUE: this, and the address of who told. */
#define SO_EE_ORIGIN_LOCAL 1
#define SO_EE_ORIGIN_ICMP 2
#define SO_EE_ORIGIN_ICMP6 3
struct sock_extended_err {
	uint32_t errnr;
	uint8_t origin, type, code, pad;
	uint32_t info, data;
};

#endif
