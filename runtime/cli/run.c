/* `limpet create` and `limpet run`: an OCI bundle as a container. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>

#include "runtime/cli/command.h"
#include "runtime/container/create.h"

enum {
	OPT_BUNDLE, OPT_PID_FILE, OPT_CONSOLE_SOCKET, OPT_NO_PIVOT, OPT_NO_KEYRING, OPT_PRESERVE_FDS, OPT_DETACH, OPT_KEEP,
	OPT_NO_SUBREAPER, OPT_PLATFORM, OPT_STRACE, OPT_DEBUG_LOG, OPT_STATS,
};

#define COMMON_OPTIONS                                                                                             \
	{"bundle", 'b', "DIR", "The bundle: a directory with config.json; default: the current one.", OPT_BUNDLE},   \
	{"console-socket", 0, "SOCKET", "Where the master of the container's terminal is sent.", OPT_CONSOLE_SOCKET}, \
	{"pid-file", 0, "FILE", "Write the pid of the container's process to FILE.", OPT_PID_FILE},                   \
	{"no-pivot", 0, NULL, "Accepted; a sandbox's root is never the host's.", OPT_NO_PIVOT},                       \
	{"no-new-keyring", 0, NULL, "Accepted; the guest kernel has no keyrings.", OPT_NO_KEYRING},                   \
	{"preserve-fds", 0, "N", "Pass on descriptors 3 to N + 2 besides 0, 1 and 2.", OPT_PRESERVE_FDS}

static const struct option_row create_options[] = {COMMON_OPTIONS, {0}};

static const struct option_row run_options[] = {
	COMMON_OPTIONS,
	{"detach", 'd', NULL, "Come back as soon as the program runs.", OPT_DETACH},
	{"keep", 0, NULL, "Leave the state of the container when it has ended, to be deleted later.", OPT_KEEP},
	{"no-subreaper", 0, NULL, "Accepted; limpet is none.", OPT_NO_SUBREAPER},
	{"platform", 0, "pkey|plain", "As in `limpet do`.", OPT_PLATFORM},
	{"strace", 0, "[FILE]", "As in `limpet do`.", OPT_STRACE},
	{"debug-log", 0, "FILE", "As in `limpet do`.", OPT_DEBUG_LOG},
	{"stats", 0, "[FILE]", "As in `limpet do`; with --detach it needs a FILE.", OPT_STATS},
	{0},
};

static struct create_options opts;
static bool detach, keep;

static int set_option(int id, const char *arg, struct error *err)
{
	uint64_t n;

	switch (id) {
	case OPT_BUNDLE:
		opts.bundle = arg;
		break;
	case OPT_PID_FILE:
		opts.pid_file = *arg ? arg : NULL;
		break;
	case OPT_CONSOLE_SOCKET:
		opts.console_socket = *arg ? arg : NULL;
		break;
	case OPT_PRESERVE_FDS:
		if (!parse_u64(arg, 1024, &n))
			return error_set(err, "--preserve-fds %s: is not a number", arg);
		opts.preserve_fds = (unsigned)n;
		break;
	case OPT_DETACH:
		detach = true;
		break;
	case OPT_KEEP:
		keep = true;
		break;
	case OPT_PLATFORM:
		if (strcmp(arg, "pkey") && strcmp(arg, "plain"))
			return error_set(err, "run: --platform %s: pkey or plain is possible", arg);
		opts.platform = strcmp(arg, "pkey") ? SPEC_PLATFORM_PLAIN : SPEC_PLATFORM_PKEY;
		break;
	case OPT_STRACE:
		opts.strace = true;
		opts.strace_file = arg;
		break;
	case OPT_DEBUG_LOG:
		opts.debug_log = arg;
		break;
	case OPT_STATS:
		opts.stats = true;
		opts.stats_file = arg;
		break;
	}
	return 0;
}

static int parse(const struct command *cmd, int argc, char **argv, struct error *err)
{
	int rc;

	opts = (struct create_options){
		.bundle = ".",
		.platform = globals.platform,
		.strace = globals.strace,
		.strace_file = globals.strace_file,
		.debug_log = globals.debug_log,
		.devices = globals.devices,
		.ndevices = globals.ndevices,
		.stats = globals.stats,
		.stats_file = globals.stats_file,
	};
	rc = command_parse(cmd, argc, argv, set_option, err);
	if (rc)
		return rc;
	opts.systemd_cgroup = globals.systemd_cgroup;
	opts.id = argv[optind];
	return 0;
}

/* Who made the container is gone when the counts come. */
static int check_stats(struct error *err)
{
	if (opts.stats && !opts.stats_file && !opts.foreground)
		return error_set(err, "--stats: needs a file for a container that is not in the foreground");
	return 0;
}

static int create(int argc, char **argv, struct error *err)
{
	struct container c;
	pid_t pid;
	int rc = parse(&command_create, argc, argv, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (check_stats(err))
		return -1;
	warnings_off();
	if (container_create(&c, &opts, &pid, err))
		return -1;
	container_close(&c);
	return 0;
}

/* --- run in the foreground: we stand for the supervisor towards our parent --- */

static sigset_t forwarded;

static void block_signals(void)
{
	sigfillset(&forwarded);
	sigdelset(&forwarded, SIGSEGV);
	sigdelset(&forwarded, SIGBUS);
	sigdelset(&forwarded, SIGFPE);
	sigdelset(&forwarded, SIGILL);
	sigdelset(&forwarded, SIGABRT);
	sigprocmask(SIG_BLOCK, &forwarded, NULL);
}

/* What comes from the terminal has reached the supervisor as well: it is in our group. */
static void forward(pid_t pid, const siginfo_t *info)
{
	if (info->si_code != SI_KERNEL && info->si_signo != SIGWINCH)
		kill(pid, info->si_signo);
}

static int wait_supervisor(pid_t pid)
{
	for (;;) {
		int status;
		siginfo_t info;
		pid_t got = waitpid(pid, &status, WNOHANG | WUNTRACED);

		if (got == pid && WIFSTOPPED(status)) {
			raise(SIGSTOP);
			kill(pid, SIGCONT);
			continue;
		}
		if (got == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (got < 0 && errno == ECHILD)
			return STATUS_FAILURE;
		if (sigwaitinfo(&forwarded, &info) > 0 && info.si_signo != SIGCHLD)
			forward(pid, &info);
	}
}

static int finish(const char *id, pid_t pid, struct error *err)
{
	struct termios before;
	bool terminal = !tcgetattr(STDIN_FILENO, &before);
	struct container c;
	int status;

	block_signals();
	status = wait_supervisor(pid);
	if (status == 128 + SIGKILL && terminal) /* it may have had no time to give the terminal back */
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	if (keep)
		return status;
	if (!container_open(&c, id, err)) {
		if (container_number(&c, "pid") == pid) /* else another one has its name by now */
			container_delete(&c, err);
		container_close(&c);
	}
	return status;
}

static int run(int argc, char **argv, struct error *err)
{
	struct container c;
	struct error ignored;
	pid_t pid;
	int rc = parse(&command_run, argc, argv, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	opts.foreground = !detach;
	if (check_stats(err))
		return -1;
	if (detach)
		warnings_off();
	if (opts.foreground && opts.console_socket)
		return error_set(err, "cannot use console socket if limpet will not detach or allocate tty");
	if (container_create(&c, &opts, &pid, err))
		return -1;
	rc = container_start(&c, err);
	if (rc)
		container_delete(&c, &ignored);
	container_close(&c);
	if (rc)
		return -1;
	return detach ? 0 : finish(opts.id, pid, err);
}

const struct command command_create = {
	.name = "create",
	.synopsis = "[OPTION...] ID",
	.summary = "make a container from an OCI bundle",
	.description =
		"Makes the container that the bundle's config.json describes (OCI runtime specification). Its sandbox is ready "
		"afterwards and its program found; `limpet start` lets it run. The root file system belongs to the container "
		"while it exists: nobody else may change it. Fields that limpet cannot honour are refused or warned of by name.",
	.options = create_options,
	.failure = 1,
	.run = create,
};

const struct command command_run = {
	.name = "run",
	.synopsis = "[OPTION...] ID",
	.summary = "create and start a container",
	.description =
		"Create, start, and, without --detach, wait and delete in one. The exit status is then the program's.",
	.options = run_options,
	.failure = 1,
	.run = run,
};
