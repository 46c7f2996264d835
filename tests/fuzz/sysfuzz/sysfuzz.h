/* Shared by the files of sysfuzz: random choices, system calls that are counted, arguments of every kind, operations. */
#ifndef SYSFUZZ_H
#define SYSFUZZ_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ARENA 0x10000000000ull
#define ARENA_SIZE (4u << 20)
#define PARAM 0x11000000000ull
#define PARAM_SIZE (256u << 10)
#define NFDS 48
#define THREADS 4
#define WORKERS 3
#define WORKER_LIFE 3 /* seconds */
#define PAGE 4096u

struct shared {
	uint64_t calls, good[512], workers, deaths;
	int pids[64]; /* of workers, threads and children: whom to aim at */
};
extern struct shared *shared;
extern int fds[NFDS];
extern pid_t main_pid;
extern char root[64];
extern int only_mounts; /* SYSFUZZ_MOUNTS in the environment: mostly mounts */
extern char self_exe[64];

struct rng {
	uint64_t s;
};
extern __thread struct rng rng;

/* args.c */
uint64_t rnd(void);
unsigned below(unsigned n);
int one_in(unsigned n);
uint64_t subset(const uint64_t *set, unsigned n);
#define PICK(a) ((a)[below(sizeof(a) / sizeof((a)[0]))])
#define SUBSET(a) subset(a, sizeof(a) / sizeof((a)[0]))

long call(long nr, long a, long b, long c, long d, long e, long f);
#define C0(nr) call(nr, 0, 0, 0, 0, 0, 0)
#define C1(nr, a) call(nr, (long)(a), 0, 0, 0, 0, 0)
#define C2(nr, a, b) call(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define C3(nr, a, b, c) call(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define C4(nr, a, b, c, d) call(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define C6(nr, a, b, c, d, e, f) call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

uint64_t param(unsigned n);
uint64_t bad_pointer(void);
uint64_t buffer(void);
uint64_t size(void);
uint64_t offset(void);
int fd(void);
int dirfd_(void);
void keep(long f);
uint64_t path(void);
uint64_t timespec(void);
uint64_t itimerspec(void);
uint64_t iov(unsigned *n);
int pid(void);
int sig(void);
uint64_t random_sigset(void);
uint64_t word(void);
uint64_t arena(uint64_t *len);
int mode(void);

/* One copy a file: their sizes are needed. */
static const uint64_t open_flags[] __attribute__((unused)) = { O_WRONLY, O_RDWR, O_RDWR, O_CREAT, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NONBLOCK, O_NONBLOCK,
				       O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_PATH, O_TMPFILE | O_RDWR, O_SYNC, O_DIRECT, O_NOATIME, O_NOCTTY };
static const uint64_t at_flags[] __attribute__((unused)) = { AT_SYMLINK_NOFOLLOW, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, AT_EMPTY_PATH, AT_NO_AUTOMOUNT };
static const uint64_t prots[] __attribute__((unused)) = { PROT_READ, PROT_READ, PROT_WRITE, PROT_WRITE, PROT_EXEC, PROT_GROWSDOWN };
static const uint64_t maps[] __attribute__((unused)) = { MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED, MAP_ANONYMOUS, MAP_ANONYMOUS, MAP_NORESERVE, MAP_POPULATE,
				 MAP_LOCKED, MAP_GROWSDOWN, MAP_STACK, MAP_HUGETLB };

/* files.c */
void op_open(void);
void op_fd(void);
void op_io(void);
void op_path(void);
/* events.c */
void op_event(void);
/* memory.c */
void op_mem(void);
void op_futex(void);
/* signals.c */
void op_signal(void);
void handler(int s, siginfo_t *i, void *uc);
void op_sigaction(void);
/* sockets.c */
void op_socket(void);
void op_ipc(void);
/* misc.c */
void op_misc(void);
/* process.c */
void note_pid(int p);
void child_life(void);
void op_fork(void);
void op_exec(void);
void op_vfork(void);
void *short_thread(void *arg);
void op_thread(void);
void random_op(void);

#endif
