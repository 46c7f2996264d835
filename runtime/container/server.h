/*
 * The supervisor's socket, and what commands say over it: SOCK_SEQPACKET, one struct a packet, from the same user (or
 * root) only. A connection that has executed a program belongs to it: its signals and window sizes come over it, its
 * end is told there, and a connection that closes before that kills it.
 */
#ifndef LIMPET_RUNTIME_SERVER_H
#define LIMPET_RUNTIME_SERVER_H

#include <poll.h>

#include "abi/control.h"
#include "runtime/lib/util.h"

enum request_type {
	REQUEST_START = 1,
	REQUEST_SIGNAL, /* arg[0] = signal; arg[1]: 1 = to every process. To the program of this connection if it has one */
	REQUEST_EXEC, /* arg[0] = size of the block, arg[1] = bits of streams; SCM_RIGHTS: memfd, streams, preserved */
	REQUEST_WINSIZE, /* arg[0] rows, arg[1] columns */
	REQUEST_LIMITS, /* arg: memory, quota, period, processes: what programs are shown; SPEC_UNSET = as it was */
	/*
	 * Another container of the pod, which belongs to this connection like a program: as EXEC, with the trees of its mounts
	 * behind the streams; arg[2] as CONTROL_JOIN's arg[3]. JOINED or ERROR.
	 */
	REQUEST_JOIN,
	REQUEST_FREEZE, /* arg[0] as CONTROL_FREEZE */
	REQUEST_POPULATE, /* its processes may be made. READY or ERROR */
};

enum reply_type {
	REPLY_OK = 1,
	REPLY_ERROR, /* text; arg[0] = errno or 0, arg[1] = enum control_stage */
	REPLY_STARTED,
	REPLY_EXIT, /* arg[0] = status as wait(2) */
	REPLY_JOINED, /* as CONTROL_JOINED */
	REPLY_READY,
};

struct request {
	uint32_t type;
	uint32_t container; /* number of the container of the pod; 0 = the sandbox's own */
	int64_t arg[4];
};

struct reply {
	uint32_t type, pad;
	int64_t arg[2];
	char text[1024];
};

/* Commands' side. fds may be NULL. */
int server_request(int fd, const struct request *request, const int *fds, size_t nfds, struct error *err);
int server_reply(int fd, struct reply *reply, struct error *err); /* waits for one */

/* The supervisor's side. */
#define SERVER_CONNECTIONS 512
#define SERVER_SHORT 16 /* of these, not for programs: kill and others get through whatever runs */
#define SERVER_POLLFDS (SERVER_CONNECTIONS + 1)

struct server {
	int listen_fd;
	struct connection {
		int fd; /* -1 = closed */
		uint32_t program; /* id, 0 = none; of a closed one: is to be killed */
	} connections[SERVER_CONNECTIONS];
	uint32_t last_program;
	bool started;
	bool kill_asked; /* SIGKILL for the whole container: see to it that it ends */
	int (*control)(void *arg, const struct control_msg *msg, const int *fds, size_t nfds); /* to the kernel; -1 errno */
	void *arg;
};

/* Binds the socket in a container's directory. */
int server_listen(struct server *s, int dir, struct error *err);
size_t server_poll(const struct server *s, struct pollfd *fds);
void server_serve(struct server *s, const struct pollfd *fds, size_t n);
/* Programs whose connection has ended go with it. kill says false when it has to be asked again; true: none is left. */
bool server_kill_orphans(struct server *s, bool (*kill)(void *arg, uint32_t program));
/* A message of the kernel about a program that is not the first. text is clean. */
void server_kernel(struct server *s, const struct control_msg *msg, const char *text);
void server_close(struct server *s);

/* What a client's user reads when a program could not be run. */
void describe_exec_error(char *out, size_t size, int error, int64_t stage, const char *text);

#endif
