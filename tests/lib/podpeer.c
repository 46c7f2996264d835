/*
 * Two programs in two containers of a pod, for tests/runtime/pod.sh: what they share (a socket in a volume, an abstract
 * one, locks, System V memory) and what neither reaches of the other (its process, by number or by a descriptor of it).
 *
 *	podpeer victim DIR	waits for the other, gives it all it could want, and says at the end whether it was harmed
 *	podpeer visitor DIR	prints a line for each thing that is not as it should be
 *	podpeer holder DIR	says "up", holds a PI mutex until there is a file "enough", and says whether anybody else got it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY 0x706f64
static char secret[16] = "untouched";

static void bad(const char *what, long got)
{
	printf("%s: %ld, %s\n", what, got, strerror(errno));
}

static int sock(const char *name, int listens)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + (*name != '@'));
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, name);
	if (*name == '@')
		a.sun_path[0] = 0;
	if (listens ? bind(s, (void *)&a, len) || listen(s, 1) : connect(s, (void *)&a, len)) {
		bad(name, -1);
		exit(1);
	}
	return s;
}

struct gift {
	long pid;
	char *secret;
};

static void give(int s, struct gift *g, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {g, sizeof(*g)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(s, &m, 0) != sizeof(*g))
		bad("sendmsg", -1);
}

static int take(int s, struct gift *g, long *pid)
{
	char control[256] = {0};
	struct iovec iov = {g, sizeof(*g)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(s, &m, 0) != sizeof(*g))
		bad("recvmsg", -1);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		if (c->cmsg_type == SCM_CREDENTIALS)
			*pid = ((struct ucred *)CMSG_DATA(c))->pid;
	}
	return fd;
}

static int victim(const char *volume)
{
	int s = sock("s", 1), abstract = sock("@pod", 1), lock = open("lock", O_RDWR | O_CREAT, 0644), c;
	struct gift g = {getpid(), secret};
	char *shared = shmat(shmget(KEY, 4096, IPC_CREAT | 0600), NULL, 0);
	char byte;

	if (lock < 0 || flock(lock, LOCK_EX) || shared == (char *)-1)
		bad(volume, lock);
	strcpy(shared, "shared");
	c = accept(abstract, NULL, NULL);
	close(c);
	c = accept(s, NULL, NULL);
	give(c, &g, (int)syscall(SYS_pidfd_open, getpid(), 0));
	while (read(c, &byte, 1) > 0)
		;
	shmctl(shmget(KEY, 4096, 0), IPC_RMID, NULL);
	puts(strcmp(secret, "untouched") ? "harmed" : "unharmed");
	return 0;
}

static int visitor(void)
{
	struct gift g;
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	int one = 1, fd, s, lock = open("lock", O_RDWR), reached = 0;
	char *shared = shmat(shmget(KEY, 4096, 0), NULL, 0), buf[16];
	struct iovec mine = {buf, sizeof(buf)}, theirs;
	long pid = -1, got;

	close(sock("@pod", 0));
	s = sock("s", 0);
	setsockopt(s, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
	fd = take(s, &g, &pid);
	if (!getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.pid)
		bad("SO_PEERCRED shows a number", peer.pid);
	if (pid > 0)
		bad("SCM_CREDENTIALS shows a number", pid);
	if (shared == (char *)-1 || strcmp(shared, "shared"))
		bad("System V memory", -1);
	if (lock < 0 || !flock(lock, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
		bad("a lock that is held", lock);

	if (fd < 0)
		bad("no pidfd", fd);
	if ((got = syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0)) != -1 || errno != EINVAL)
		bad("pidfd_send_signal", got);
	if ((got = syscall(SYS_pidfd_getfd, fd, 0, 0)) != -1)
		bad("pidfd_getfd", got);
	if ((got = setns(fd, CLONE_NEWNS)) != -1)
		bad("setns to its mounts", got);
	/* Its own number is somebody else's here, or nobody's. */
	theirs = (struct iovec){g.secret, sizeof(buf)};
	for (int nr = 1; nr < 70000; nr++) {
		char path[64];

		if (nr == getpid() || nr == getppid() || nr == 1)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/root", nr);
		reached += !kill(nr, 0) || process_vm_readv(nr, &mine, 1, &theirs, 1, 0) > 0 || !access(path, F_OK) ||
			   !kill(-nr, 0);
	}
	if (reached)
		bad("processes reached", reached);
	puts("visited");
	return 0;
}

static pthread_mutex_t mutex;
static int got; /* atomic */

static void *wants(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
	__atomic_store_n(&got, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static int holder(void)
{
	pthread_mutexattr_t a;
	pthread_t t;

	/* Its number is one that others will have, too. */
	for (int i = 0; i < 100; i++)
		if (!fork())
			_exit(0);
		else
			wait(NULL);
	if (fork())
		return wait(NULL) > 0 ? 0 : 1;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&mutex, &a);
	pthread_mutex_lock(&mutex);
	pthread_create(&t, NULL, wants, NULL);
	while (!*(volatile int *)&mutex || *(volatile int *)&mutex > 0)
		usleep(1000); /* until FUTEX_WAITERS */
	puts("up");
	while (access("enough", F_OK))
		usleep(1000);
	puts(__atomic_load_n(&got, __ATOMIC_SEQ_CST) ? "stolen" : "held");
	pthread_mutex_unlock(&mutex);
	pthread_join(t, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 3 || chdir(argv[2]))
		return 2;
	alarm(60);
	if (!strcmp(argv[1], "holder"))
		return holder();
	return strcmp(argv[1], "victim") ? visitor() : victim(argv[2]);
}
