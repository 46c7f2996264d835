/* netdevice(7): interface requests of ioctl(2). */
#ifndef LIMPET_ABI_LINUX_IF_H
#define LIMPET_ABI_LINUX_IF_H

#include <stdint.h>

#define IFNAMSIZ 16

#define SIOCADDRT 0x890bu
#define SIOCDELRT 0x890cu
#define SIOCGIFFLAGS 0x8913u
#define SIOCSIFFLAGS 0x8914u
#define SIOCGIFADDR 0x8915u
#define SIOCGIFDSTADDR 0x8917u
#define SIOCGIFBRDADDR 0x8919u
#define SIOCGIFNETMASK 0x891bu
#define SIOCGIFMETRIC 0x891du
#define SIOCGIFMTU 0x8921u
#define SIOCGIFHWADDR 0x8927u
#define SIOCGIFINDEX 0x8933u
#define SIOCGIFTXQLEN 0x8942u
#define SIOCETHTOOL 0x8946u
#define SIOCGIFMAP 0x8970u

struct ifreq {
	char name[IFNAMSIZ];
	union {
		uint8_t sockaddr[16];
		int32_t ivalue;
		int16_t flags;
		uint8_t data[24];
	};
};
_Static_assert(sizeof(struct ifreq) == 40, "ifreq layout");

#endif
