/* Making and ending processes and threads. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static void wait_for(pid_t pid)
{
	int status;

	need(waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
}

static void run_fork(long n)
{
	while (n--) {
		pid_t pid = fork();

		need(pid >= 0, "fork");
		if (!pid)
			_exit(0);
		wait_for(pid);
	}
}

static char *const true_argv[] = { "bench", "true", NULL };
static char *const no_env[] = { NULL };

static void run_fork_exec(long n)
{
	while (n--) {
		pid_t pid = fork();

		need(pid >= 0, "fork");
		if (!pid) {
			execve(bench_self, true_argv, no_env);
			_exit(127);
		}
		wait_for(pid);
	}
}

static void run_vfork_exec(long n)
{
	while (n--) {
		pid_t pid = vfork();

		need(pid >= 0, "vfork");
		if (!pid) {
			execve(bench_self, true_argv, no_env);
			_exit(127);
		}
		wait_for(pid);
	}
}

static void *nothing(void *arg) { return arg; }

static void run_thread(long n)
{
	while (n--) {
		pthread_t t;

		need(!pthread_create(&t, NULL, nothing, NULL), "pthread_create");
		pthread_join(t, NULL);
	}
}

const struct bench process_benches[] = {
	{ .name = "fork-exit-wait", .run = run_fork },
	{ .name = "fork-exec-wait", .run = run_fork_exec },
	{ .name = "vfork-exec-wait", .run = run_vfork_exec },
	{ .name = "thread-create-join", .run = run_thread },
	{ 0 },
};
