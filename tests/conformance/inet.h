/* What tests of internet sockets share: addresses by number, and what a socket says of itself. test.h comes first. */
#ifndef TEST_INET_H
#define TEST_INET_H

#include <arpa/inet.h>
#include <netinet/in.h>

/* Both in the host's byte order. */
static inline struct sockaddr_in at(uint32_t ip, int port)
{
	return (struct sockaddr_in){ AF_INET, htons(port), { htonl(ip) }, { 0 } };
}

static inline int port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t n = sizeof a;

	OK(getsockname(fd, (void *)&a, &n));
	return ntohs(a.sin_port);
}

static inline int events(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0 };

	OK(poll(&p, 1, 0));
	return p.revents;
}

/* The error that waits on a socket; it is gone with that. */
static inline int so_error(int fd)
{
	int v = -1;
	socklen_t n = sizeof v;

	OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &n));
	return v;
}

#endif
