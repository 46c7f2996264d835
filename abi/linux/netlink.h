/* netlink(7), rtnetlink(7), sock_diag(7): numbers and structs. */
#ifndef LIMPET_ABI_LINUX_NETLINK_H
#define LIMPET_ABI_LINUX_NETLINK_H

#include <stdint.h>

#define NETLINK_ROUTE 0
#define NETLINK_SOCK_DIAG 4
#define NETLINK_KOBJECT_UEVENT 15
#define NETLINK_PROTOCOLS 32

struct sockaddr_nl {
	uint16_t family;
	uint16_t pad;
	uint32_t pid;
	uint32_t groups;
};

struct nlmsghdr {
	uint32_t len; /* with this header */
	uint16_t type;
	uint16_t flags;
	uint32_t seq;
	uint32_t pid;
};
#define NLMSG_ALIGN(n) (((n) + 3u) & ~3u)
#define NLMSG_HDRLEN 16u
_Static_assert(sizeof(struct nlmsghdr) == NLMSG_HDRLEN, "nlmsghdr layout");

#define NLMSG_NOOP 1
#define NLMSG_ERROR 2
#define NLMSG_DONE 3
#define NLMSG_OVERRUN 4
#define NLMSG_MIN_TYPE 16

#define NLM_F_REQUEST 0x1
#define NLM_F_MULTI 0x2
#define NLM_F_ACK 0x4
#define NLM_F_ECHO 0x8
#define NLM_F_DUMP_INTR 0x10
#define NLM_F_DUMP_FILTERED 0x20
#define NLM_F_ROOT 0x100
#define NLM_F_MATCH 0x200
#define NLM_F_DUMP (NLM_F_ROOT | NLM_F_MATCH)
#define NLM_F_CAPPED 0x100

struct nlattr {
	uint16_t len; /* with this header */
	uint16_t type;
};
#define NLA_TYPE_MASK 0x3fffu

#define NETLINK_ADD_MEMBERSHIP 1
#define NETLINK_DROP_MEMBERSHIP 2
#define NETLINK_PKTINFO 3
#define NETLINK_BROADCAST_ERROR 4
#define NETLINK_NO_ENOBUFS 5
#define NETLINK_LISTEN_ALL_NSID 8
#define NETLINK_LIST_MEMBERSHIPS 9
#define NETLINK_CAP_ACK 10
#define NETLINK_EXT_ACK 11
#define NETLINK_GET_STRICT_CHK 12

/* NETLINK_ROUTE: types come in fours, NEW, DEL, GET, SET. */
#define RTM_BASE 16
#define RTM_NEWLINK 16
#define RTM_DELLINK 17
#define RTM_GETLINK 18
#define RTM_SETLINK 19
#define RTM_NEWADDR 20
#define RTM_DELADDR 21
#define RTM_GETADDR 22
#define RTM_NEWROUTE 24
#define RTM_DELROUTE 25
#define RTM_GETROUTE 26
#define RTM_NEWNEIGH 28
#define RTM_DELNEIGH 29
#define RTM_GETNEIGH 30
#define RTM_NEWRULE 32
#define RTM_DELRULE 33
#define RTM_GETRULE 34
#define RTM_NEWNSID 88
#define RTM_GETNSID 90
#define RTM_MAX 127
#define NETNSA_NSID 1
#define NETNSA_NSID_NOT_ASSIGNED (-1)

#define RTNLGRP_LINK 1
#define RTNLGRP_NEIGH 3
#define RTNLGRP_IPV4_IFADDR 5
#define RTNLGRP_IPV4_ROUTE 7
#define RTNLGRP_IPV4_RULE 8
#define RTNLGRP_IPV6_IFADDR 9
#define RTNLGRP_IPV6_ROUTE 11
#define RTNLGRP_IPV6_RULE 19
#define RTNLGRP_MAX 37 /* the last one that Linux 6.1 has */

struct ifinfomsg {
	uint8_t family, pad;
	uint16_t type; /* ARPHRD_* */
	int32_t index;
	uint32_t flags; /* IFF_* */
	uint32_t change;
};

#define IFLA_ADDRESS 1
#define IFLA_BROADCAST 2
#define IFLA_IFNAME 3
#define IFLA_MTU 4
#define IFLA_LINK 5
#define IFLA_QDISC 6
#define IFLA_STATS 7
#define IFLA_MASTER 10
#define IFLA_TXQLEN 13
#define IFLA_MAP 14
#define IFLA_OPERSTATE 16
#define IFLA_LINKMODE 17
#define IFLA_LINKINFO 18
#define IFLA_STATS64 23
#define IFLA_GROUP 27
#define IFLA_EXT_MASK 29
#define IFLA_PROMISCUITY 30
#define IFLA_NUM_TX_QUEUES 31
#define IFLA_NUM_RX_QUEUES 32
#define IFLA_CARRIER 33
#define IFLA_CARRIER_CHANGES 35
#define IFLA_MIN_MTU 50
#define IFLA_MAX_MTU 51
#define IFLA_ALT_IFNAME 53
#define IFLA_INFO_KIND 1
struct rtnl_link_stats64 {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors, rx_dropped, tx_dropped, multicast,
		collisions, rx_length_errors, rx_over_errors, rx_crc_errors, rx_frame_errors, rx_fifo_errors,
		rx_missed_errors, tx_aborted_errors, tx_carrier_errors, tx_fifo_errors, tx_heartbeat_errors,
		tx_window_errors, rx_compressed, tx_compressed;
};

#define IFF_UP 0x1
#define IFF_BROADCAST 0x2
#define IFF_LOOPBACK 0x8
#define IFF_MULTICAST 0x1000
#define IFF_RUNNING 0x40
#define IFF_LOWER_UP 0x10000
#define ARPHRD_LOOPBACK 772

struct ifaddrmsg {
	uint8_t family, prefixlen, flags, scope;
	uint32_t index;
};
#define IFA_ADDRESS 1
#define IFA_LOCAL 2
#define IFA_LABEL 3
#define IFA_BROADCAST 4
#define IFA_CACHEINFO 6
#define IFA_FLAGS 8
#define IFA_F_PERMANENT 0x80
struct ifa_cacheinfo {
	uint32_t prefered, valid, cstamp, tstamp;
};

struct rtmsg {
	uint8_t family, dst_len, src_len, tos, table, protocol, scope, type;
	uint32_t flags;
};
#define RTA_DST 1
#define RTA_OIF 4
#define RTA_GATEWAY 5
#define RTA_PRIORITY 6
#define RTA_PREFSRC 7
#define RTA_METRICS 8
#define RTA_MULTIPATH 9
#define RTA_CACHEINFO 12
#define RTA_TABLE 15
#define RTA_UID 25
#define RTA_PREF 20
#define RTAX_MTU 2
#define RTAX_ADVMSS 8
#define RTAX_WINDOW 3
#define RTAX_RTT 4
#define RT_TABLE_UNSPEC 0
#define RT_TABLE_DEFAULT 253
#define RT_TABLE_MAIN 254
#define RT_TABLE_LOCAL 255
#define RTPROT_KERNEL 2
#define RT_SCOPE_UNIVERSE 0
#define RT_SCOPE_LINK 253
#define RT_SCOPE_HOST 254
#define RTN_UNICAST 1
#define RTN_LOCAL 2
#define RTN_BROADCAST 3
#define RTN_UNREACHABLE 7
#define RTN_PROHIBIT 8
#define RTM_F_CLONED 0x200
struct rtnexthop {
	uint16_t len;
	uint8_t flags, hops;
	int32_t ifindex;
};

struct ndmsg {
	uint8_t family, pad1;
	uint16_t pad2;
	int32_t ifindex;
	uint16_t state;
	uint8_t flags, type;
};
#define NDA_DST 1
#define NDA_LLADDR 2
#define NDA_MASTER 9
#define NUD_REACHABLE 0x02
#define NUD_STALE 0x04
#define NUD_DELAY 0x08
#define NUD_PROBE 0x10
#define NUD_NOARP 0x40
#define NUD_PERMANENT 0x80

struct fib_rule_hdr {
	uint8_t family, dst_len, src_len, tos, table, res1, res2, action;
	uint32_t flags;
};
#define FRA_PRIORITY 6
#define FRA_SUPPRESS_PREFIXLEN 14
#define FRA_TABLE 15
#define FRA_PROTOCOL 21
#define FR_ACT_TO_TBL 1

/* NETLINK_SOCK_DIAG */
#define SOCK_DIAG_BY_FAMILY 20

struct unix_diag_req {
	uint8_t family, protocol;
	uint16_t pad;
	uint32_t states;
	uint32_t ino;
	uint32_t show;
	uint32_t cookie[2];
};
#define UDIAG_SHOW_NAME 0x1
#define UDIAG_SHOW_VFS 0x2
#define UDIAG_SHOW_PEER 0x4
#define UDIAG_SHOW_ICONS 0x8
#define UDIAG_SHOW_RQLEN 0x10
#define UDIAG_SHOW_MEMINFO 0x20
#define UDIAG_SHOW_UID 0x40
struct unix_diag_msg {
	uint8_t family, type, state, pad;
	uint32_t ino;
	uint32_t cookie[2];
};
#define UNIX_DIAG_NAME 0
#define UNIX_DIAG_VFS 1
#define UNIX_DIAG_PEER 2
#define UNIX_DIAG_ICONS 3
#define UNIX_DIAG_RQLEN 4
#define UNIX_DIAG_MEMINFO 5
#define UNIX_DIAG_SHUTDOWN 6
#define UNIX_DIAG_UID 7

struct inet_diag_sockid {
	uint16_t sport, dport; /* network order */
	uint32_t src[4], dst[4];
	uint32_t ifindex;
	uint32_t cookie[2];
};
struct inet_diag_req_v2 {
	uint8_t family, protocol, ext, pad;
	uint32_t states;
	struct inet_diag_sockid id;
};
struct inet_diag_msg {
	uint8_t family, state, timer, retrans;
	struct inet_diag_sockid id;
	uint32_t expires, rqueue, wqueue, uid, inode;
};
#define INET_DIAG_MEMINFO 1
#define INET_DIAG_INFO 2
#define INET_DIAG_SKMEMINFO 7
#define INET_DIAG_SHUTDOWN 8
#define INET_DIAG_SKV6ONLY 11

#endif
