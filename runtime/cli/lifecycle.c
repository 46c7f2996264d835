/* `limpet start`, kill, delete, pause, resume: what changes a container that is there. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>

#include "runtime/cli/command.h"
#include "runtime/container/create.h"

enum { OPT_ALL, OPT_FORCE };

static bool all, force;

static int set_option(int id, const char *arg, struct error *err)
{
	all |= id == OPT_ALL;
	force |= id == OPT_FORCE;
	return 0;
}

/* Opens the one container that the command line names. 1 = help was printed. */
static int open_named(const struct command *cmd, int argc, char **argv, struct container *c, struct error *err)
{
	int rc = command_parse(cmd, argc, argv, set_option, err);

	return rc ? rc : container_open_made(c, argv[optind], err);
}

static int run_start(int argc, char **argv, struct error *err)
{
	struct container c;
	int rc = open_named(&command_start, argc, argv, &c, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	rc = container_start(&c, err);
	container_close(&c);
	return rc;
}

static const struct {
	const char *name;
	int number;
} signals[] = {
	{"HUP", SIGHUP}, {"INT", SIGINT}, {"QUIT", SIGQUIT}, {"ILL", SIGILL}, {"TRAP", SIGTRAP}, {"ABRT", SIGABRT},
	{"IOT", SIGIOT}, {"BUS", SIGBUS}, {"FPE", SIGFPE}, {"KILL", SIGKILL}, {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},
	{"USR2", SIGUSR2}, {"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"STKFLT", SIGSTKFLT},
	{"CHLD", SIGCHLD}, {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},
	{"URG", SIGURG}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF},
	{"WINCH", SIGWINCH}, {"IO", SIGIO}, {"PWR", SIGPWR}, {"SYS", SIGSYS},
};

static int parse_signal(const char *text, struct error *err)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	uint64_t n;

	if (parse_u64(text, 64, &n)) /* 0: is it there? */
		return (int)n;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (!strcasecmp(signals[i].name, name))
			return signals[i].number;
	if (!strncasecmp(name, "RTMIN+", 6) && parse_u64(name + 6, 30, &n))
		return 34 + (int)n;
	return error_set(err, "unknown signal \"%s\"", text);
}

static int run_kill(int argc, char **argv, struct error *err)
{
	const char *arg;
	struct container c;
	int id, sig = SIGTERM, rc = 0;

	optind = 0;
	while ((id = option_next(&command_kill, argc, argv, &arg, err)) >= 0)
		all = true;
	if (id == OPTION_ERROR)
		return -1;
	if (id == OPTION_HELP)
		return 0;
	if (argc - optind < 1 || argc - optind > 2)
		return error_set(err, "kill: a container ID and perhaps a signal are needed (see `limpet kill --help`)");
	if (argc - optind == 2)
		sig = parse_signal(argv[optind + 1], err);
	if (sig < 0 || container_open_made(&c, argv[optind], err))
		return -1;
	if (container_status(&c) == CONTAINER_STOPPED)
		rc = all ? 0 : error_set(err, "container not running");
	else if (sig)
		rc = container_kill(&c, sig, all, err);
	/* It ended between the two. */
	if (rc && container_status(&c) == CONTAINER_STOPPED)
		rc = all ? 0 : error_set(err, "container not running");
	container_close(&c);
	return rc;
}

static int run_delete(int argc, char **argv, struct error *err)
{
	enum container_status status;
	struct container c;
	int rc = command_parse(&command_delete, argc, argv, set_option, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (container_open(&c, argv[optind], err))
		return force && !strcmp(err->text, "container does not exist") ? 0 : -1;
	status = container_status(&c);
	if (!force && container_unreadable(&c))
		rc = error_set(err, "the state of container %s cannot be read: only `delete --force` removes it", c.id);
	else if (!force && status != CONTAINER_STOPPED && status != CONTAINER_CREATED)
		rc = error_set(err, "cannot delete container %s that is not stopped: %s", c.id, container_status_name(status));
	else
		rc = container_delete(&c, err);
	container_close(&c);
	return rc;
}

static int freeze(const struct command *cmd, int argc, char **argv, bool on, struct error *err)
{
	enum container_status status;
	struct container c;
	int rc = open_named(cmd, argc, argv, &c, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	status = container_status(&c);
	if (on ? status != CONTAINER_RUNNING && status != CONTAINER_CREATED : status != CONTAINER_PAUSED)
		rc = error_set(err, on ? "container not running or created: %s" : "container not paused: %s",
			       container_status_name(status));
	else
		rc = container_pause(&c, on, err);
	container_close(&c);
	return rc;
}

static int run_pause(int argc, char **argv, struct error *err) { return freeze(&command_pause, argc, argv, true, err); }
static int run_resume(int argc, char **argv, struct error *err) { return freeze(&command_resume, argc, argv, false, err); }

static const struct option_row kill_options[] = {
	{"all", 'a', NULL, "Send the signal to all processes of the container.", OPT_ALL},
	{0},
};
static const struct option_row delete_options[] = {
	{"force", 'f', NULL, "End it if it runs; and say nothing if it does not exist.", OPT_FORCE},
	{0},
};

const struct command command_start = {
	.name = "start", .synopsis = "ID", .summary = "let a created container run",
	.description = "Runs the program of a container made by `limpet create`, then the poststart hooks.",
	.failure = 1, .run = run_start,
};
const struct command command_kill = {
	.name = "kill", .synopsis = "[OPTION...] ID [SIGNAL]", .summary = "send a signal to a container",
	.description = "Sends SIGNAL (a name or a number; default: TERM) to the first process of a container.",
	.options = kill_options, .failure = 1, .run = run_kill,
};
const struct command command_delete = {
	.name = "delete", .synopsis = "[OPTION...] ID", .summary = "remove a stopped container",
	.description = "Removes what is left of a container: state, control groups, after a crash also processes. Runs the "
		"poststop hooks.",
	.options = delete_options, .failure = 1, .run = run_delete,
};
const struct command command_pause = {
	.name = "pause", .synopsis = "ID", .summary = "freeze a container",
	.description = "Stops all processes of a container, and its guest kernel, by the freezer control group.",
	.failure = 1, .run = run_pause,
};
const struct command command_resume = {
	.name = "resume", .synopsis = "ID", .summary = "thaw a paused container",
	.description = "Undoes `limpet pause`.",
	.failure = 1, .run = run_resume,
};
