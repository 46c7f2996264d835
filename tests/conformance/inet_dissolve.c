/* connect(2) to AF_UNSPEC while others use the socket, by descriptors and in processes of their own. */
#include "test.h"
#include "inet.h"

#ifndef ROUNDS
#define ROUNDS 100
#endif

static const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

static int listener(struct sockaddr_in *a)
{
	int fd = OK(socket(AF_INET, SOCK_STREAM, 0));

	*a = at(INADDR_LOOPBACK, 0);
	OK(bind(fd, (void *)a, sizeof *a));
	OK(listen(fd, 100));
	a->sin_port = htons(port_of(fd));
	return fd;
}

/* Kernel memory in use, KiB: only of the sandbox's own kernel, since others use the machine's. */
static long kernel_memory(void)
{
	char *text = get_file("/proc/meminfo"), *from = strstr(text, "SUnreclaim:");
	long kib = from ? atol(from + 11) : 0;

	free(text);
	return strstr(get_file("/proc/version"), "limpet") ? kib : 0;
}

/* A second descriptor keeps nothing of the connections that are over. */
TEST(again)
{
	struct sockaddr_in a;
	int l = listener(&a), s = OK(socket(AF_INET, SOCK_STREAM, 0)), twin = OK(dup(s));
	long before = 0;

	for (int i = 0; i < 40 * ROUNDS; i++) {
		if (i == ROUNDS)
			before = kernel_memory();
		OK(connect(s, (void *)&a, sizeof a));
		close(OK(accept(l, 0, 0)));
		OK(connect(twin, &nobody, sizeof nobody));
	}
	CHECK(kernel_memory() - before < 1000);
}

static int shared;

static void *dissolve(void *arg)
{
	(void)!connect(shared, &nobody, sizeof nobody);
	return arg;
}

/* One process writes and reads, two threads of the other dissolve and close. */
TEST(busy)
{
	static char b[200000];
	struct sockaddr_in a;
	int l = listener(&a);

	for (int i = 0; i < ROUNDS; i++) {
		pthread_t t;
		pid_t pid;
		int peer;

		shared = OK(socket(AF_INET, SOCK_STREAM, 0));
		OK(connect(shared, (void *)&a, sizeof a));
		peer = OK(accept(l, 0, 0));
		pid = OK(fork());
		if (!pid) {
			close(peer);
			if (i & 1)
				while (send(shared, b, sizeof b, MSG_NOSIGNAL) > 0)
					;
			else
				while (events(shared) & POLLOUT && !(events(shared) & POLLHUP))
					;
			done();
		}
		usleep(i * 37 % 500);
		OK(pthread_create(&t, 0, dissolve, 0));
		close(peer);
		if (i & 2)
			close(shared);
		OK(pthread_join(t, 0));
		if (!(i & 2))
			close(shared);
		kill(pid, SIGKILL);
		OK(waitpid(pid, 0, 0));
	}
}
