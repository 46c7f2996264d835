/* unix(7): addresses. */
#ifndef LIMPET_ABI_LINUX_UN_H
#define LIMPET_ABI_LINUX_UN_H

#include <stdint.h>

#define UNIX_PATH_MAX 108

struct sockaddr_un {
	uint16_t family;
	char path[UNIX_PATH_MAX];
};
#define UNIX_PATH_OFFSET 2 /* of path in struct sockaddr_un */

#endif
