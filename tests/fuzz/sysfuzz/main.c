/*
 * Random system calls with arguments that make some sense: sysfuzz SEED SECONDS [WORKERS].
 *
 * The first process starts workers, replaces those that die or grow old, and at the end kills and reaps them all.
 * A worker has several threads that share descriptors of every kind, an arena of memory that comes and goes, and a
 * block of parameters (iovecs, timespecs, ...) that all of them overwrite while the kernel may read it. Wild pointers
 * are only ever passed to system calls, never followed here: under the plain gate following one could hit the kernel.
 * The same seed gives each thread the same choices; threads race, so a run is only nearly repeatable.
 */
#include "sysfuzz.h"

struct shared *shared;
int fds[NFDS];
pid_t main_pid;
char root[64];
int only_mounts;
char self_exe[64];
__thread struct rng rng;

static int tids[THREADS];

/* Ends the waits of the others. */
static void tick(void)
{
	for (;;) {
		usleep(3000);
		for (unsigned i = 0; i < THREADS; i++)
			if (tids[i])
				syscall(SYS_tgkill, getpid(), tids[i], SIGALRM);
		if (one_in(100))
			op_sigaction();
	}
}

static void *thread_main(void *arg)
{
	static unsigned n;

	rng.s = (uint64_t)arg;
	note_pid((int)syscall(SYS_gettid));
	tids[__atomic_fetch_add(&n, 1, __ATOMIC_RELAXED) % THREADS] = (int)syscall(SYS_gettid);
	for (;;) {
		random_op();
		if (one_in(only_mounts ? 4 : 300))
			op_fork();
		if (one_in(500))
			op_vfork();
		if (one_in(400))
			op_thread();
	}
	return NULL;
}

static void make_tree(void)
{
	mkdir(root, 0777);
	if (chdir(root))
		_exit(9);
	mkdir("dir", 0777);
	mkdir("dir/sub", 0777);
	mkdir("mnt", 0777);
	close(open("a", O_CREAT | O_RDWR, 0666));
	close(open("dir/e", O_CREAT | O_RDWR, 0666));
	if (symlink("dir", "link") || symlink("loop", "loop"))
		(void)0;
	mkfifo("fifo", 0666);
}

static void limits(void)
{
	struct rlimit as = { 1u << 30, 1u << 30 }, nofile = { 256, 256 }, fsize = { 4 << 20, 4 << 20 }, core = { 0, 0 }, nproc = { 300, 300 };

	setrlimit(RLIMIT_AS, &as);
	setrlimit(RLIMIT_NOFILE, &nofile);
	setrlimit(RLIMIT_FSIZE, &fsize);
	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_NPROC, &nproc);
}

static void worker(uint64_t seed)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	int null = open("/dev/null", O_RDWR);
	pthread_t t;

	rng.s = seed;
	setpgid(0, 0);
	limits();
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	make_tree();
	if (mmap((void *)ARENA, ARENA_SIZE, 3, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ||
	    mmap((void *)PARAM, PARAM_SIZE, 3, MAP_FIXED | MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		_exit(8);
	memset(fds, -1, sizeof(fds));
	for (int i = 0; i < 40; i++)
		op_open();
	sigaction(SIGALRM, &sa, NULL);
	/* A worker lives on through most signals. */
	for (int s = 1; s <= 64; s++)
		if (s != SIGSEGV && s != SIGBUS && s != 32 && s != 33)
			sigaction(s, &sa, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t, NULL, thread_main, (void *)rnd());
	tick();
}

static int everybody_gone(void)
{
	for (;;) {
		pid_t p = waitpid(-1, NULL, WNOHANG | __WALL);

		if (p < 0)
			return errno == ECHILD;
		if (p == 0)
			return 0;
	}
}

/* Children of all sorts are our descendants: we are their subreaper, and /proc is not needed. */
static void kill_rest(pid_t *w, unsigned n)
{
	for (unsigned round = 0; round < 200 && !everybody_gone(); round++) {
		for (unsigned i = 0; i < n; i++)
			if (w[i] > 0)
				kill(-w[i], SIGKILL), kill(w[i], SIGKILL);
		for (unsigned i = 0; i < 64; i++) {
			int p = shared->pids[i];

			if (p > 1 && p != main_pid)
				kill(p, SIGKILL);
		}
		/* In a sandbox of our own nobody else lives, but its init. */
		if (main_pid == 1 || getenv("SYSFUZZ_RUN"))
			kill(-1, SIGKILL);
		usleep(20000);
	}
}

/* System V objects outlive their makers, and each segment is an open file: ipcrm may be out of reach by now. */
static void remove_ipc(void)
{
	union {
		struct shmid_ds shm;
		struct msqid_ds msg;
		struct semid_ds sem;
		struct seminfo seminfo;
		char room[256];
	} u;
	int max, id;

	max = shmctl(0, SHM_INFO, &u.shm);
	for (int i = 0; i <= max; i++)
		if ((id = shmctl(i, SHM_STAT, &u.shm)) >= 0)
			shmctl(id, IPC_RMID, NULL);
	max = msgctl(0, MSG_INFO, &u.msg);
	for (int i = 0; i <= max; i++)
		if ((id = msgctl(i, MSG_STAT, &u.msg)) >= 0)
			msgctl(id, IPC_RMID, NULL);
	max = semctl(0, 0, SEM_INFO, &u);
	for (int i = 0; i <= max; i++)
		if ((id = semctl(i, 0, SEM_STAT, &u)) >= 0)
			semctl(id, 0, IPC_RMID);
}

int main(int argc, char **argv)
{
	/* It changes files by name and signals at random: never outside a sandbox. (It once ran on a host and ruined /etc/passwd.) */
	struct utsname outside;

	if (uname(&outside) || !strstr(outside.release, "-limpet")) {
		fprintf(stderr, "sysfuzz: this is not a limpet sandbox: refusing to run\n");
		return 2;
	}
	uint64_t seed;
	unsigned seconds, nw;
	pid_t w[16] = { 0 };
	time_t born[16] = { 0 }, end;
	ssize_t n;

	if (argc == 2 && !strcmp(argv[1], "child"))
		return 0;
	if (argc < 3) {
		fprintf(stderr, "usage: sysfuzz SEED SECONDS [WORKERS]\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 0);
	seconds = (unsigned)atoi(argv[2]);
	nw = argc > 3 ? (unsigned)atoi(argv[3]) : WORKERS;
	if (nw > 16)
		nw = 16;
	printf("sysfuzz: seed %llu, %u s, %u workers\n", (unsigned long long)seed, seconds, nw);
	fflush(stdout);
	main_pid = getpid();
	only_mounts = getenv("SYSFUZZ_MOUNTS") != NULL;
	shared = mmap(NULL, sizeof(*shared), 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 2;
	n = readlink("/proc/self/exe", self_exe, sizeof(self_exe) - 1);
	if (n <= 0)
		snprintf(self_exe, sizeof(self_exe), "%s", argv[0]);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	for (int s = 1; s <= 64; s++)
		if (s != SIGCHLD && s != SIGINT && s != SIGTERM)
			signal(s, SIG_IGN);
	end = time(NULL) + seconds;
	while (time(NULL) < end) {
		for (unsigned i = 0; i < nw; i++) {
			if (w[i] > 0 && time(NULL) - born[i] >= WORKER_LIFE)
				kill(-w[i], SIGKILL);
			if (w[i] > 0 && kill(w[i], 0) == 0)
				continue;
			snprintf(root, sizeof(root), "/tmp/sysfuzz.%d.%u", main_pid, i);
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			w[i] = fork();
			if (w[i] == 0) {
				for (int s = 1; s <= 64; s++)
					signal(s, SIG_DFL);
				worker(seed);
			}
			born[i] = time(NULL);
			shared->workers++;
		}
		usleep(20000);
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			shared->deaths++;
	}
	kill_rest(w, nw);
	remove_ipc();
	unsigned kinds = 0;

	for (unsigned i = 0; i < 512; i++)
		kinds += shared->good[i] != 0;
	printf("sysfuzz: %llu calls, %u kinds succeeded, %llu workers, %llu deaths\n", (unsigned long long)shared->calls, kinds,
	       (unsigned long long)shared->workers, (unsigned long long)shared->deaths);
	if (!everybody_gone()) {
		printf("sysfuzz: processes are left that do not die\n");
		return 1;
	}
	return 0;
}
