/* poll(2), select(2): structs. The event bits stand in fs/poll.h. */
#ifndef LIMPET_ABI_LINUX_POLL_H
#define LIMPET_ABI_LINUX_POLL_H

#include <stdint.h>

struct pollfd {
	int32_t fd;
	uint16_t events;
	uint16_t revents;
};
_Static_assert(sizeof(struct pollfd) == 8, "pollfd layout");

/* pselect6(2): what its last argument points to. */
struct pselect_sigmask {
	uint64_t ptr;
	uint64_t size;
};

#endif
