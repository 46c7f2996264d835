/* limpet: options before the command, finding the command, and the one place that prints errors. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/command.h"
#include "runtime/container/container.h"

const struct command *const commands[] = {
	&command_do, &command_run, &command_create, &command_start, &command_state, &command_kill, &command_delete,
	&command_exec, &command_ps, &command_list, &command_pause, &command_resume, &command_update, &command_events,
	&command_spec, &command_features, &command_checkpoint, &command_restore, &command_check, &command_help, NULL,
};

#define STATUS_UNKNOWN_COMMAND 3 /* as other runtimes have it */

struct globals globals;

enum {
	OPT_ROOT, OPT_LOG, OPT_LOG_FORMAT, OPT_DEBUG, OPT_SYSTEMD_CGROUP, OPT_ROOTLESS, OPT_CRIU, OPT_PLATFORM,
	OPT_STRACE, OPT_ALLOW_DEVICE, OPT_DEBUG_LOG, OPT_STATS, OPT_VERSION,
};

const struct option_row global_options[] = {
	{"root", 0, "DIR", "Where the states of containers are kept; default: /run/limpet, for others than root "
	 "$XDG_RUNTIME_DIR/limpet.", OPT_ROOT},
	{"log", 0, "FILE", "Write failures to FILE too.", OPT_LOG},
	{"log-format", 0, "text|json", "Its format; default: text.", OPT_LOG_FORMAT},
	{"debug", 0, NULL, "Write warnings to the log as well.", OPT_DEBUG},
	{"systemd-cgroup", 0, NULL, "Control groups are made by systemd; cgroupsPath is SLICE:PREFIX:NAME.", OPT_SYSTEMD_CGROUP},
	{"rootless", 0, "WORD", "Accepted: limpet finds out by itself.", OPT_ROOTLESS},
	{"criu", 0, "FILE", NULL, OPT_CRIU},
	{"allow-device", 0, "PATH", "For create and run: a container whose config.json has a node of the host's character device "
	 "PATH opens the host's. May be repeated.", OPT_ALLOW_DEVICE},
	{"platform", 0, "pkey|plain", "For create and run: as in `limpet do`.", OPT_PLATFORM},
	{"strace", 0, "[FILE]", "For create and run: as in `limpet do`.", OPT_STRACE},
	{"debug-log", 0, "FILE", "For create and run: as in `limpet do`.", OPT_DEBUG_LOG},
	{"stats", 0, "[FILE]", "For create and run: as in `limpet do`; detached it needs a FILE.", OPT_STATS},
	{"version", 'v', NULL, "Print the version and exit.", OPT_VERSION},
	{0},
};

/* A command for option_next's sake. */
static const struct command limpet = {.name = "limpet", .options = global_options};

static int set_global(int id, const char *arg, const char **log, bool *json, struct error *err)
{
	switch (id) {
	case OPT_ROOT:
		container_set_root(arg);
		break;
	case OPT_LOG:
		*log = arg;
		break;
	case OPT_LOG_FORMAT:
		*json = !strcmp(arg, "json");
		if (!*json && strcmp(arg, "text"))
			return error_set(err, "invalid log-format: %s (text or json is possible)", arg);
		break;
	case OPT_DEBUG:
		globals.debug = true;
		break;
	case OPT_SYSTEMD_CGROUP:
		globals.systemd_cgroup = true;
		break;
	case OPT_ALLOW_DEVICE:
		if (*arg != '/')
			return error_set(err, "--allow-device %s: is not an absolute path", arg);
		globals.devices = realloc(globals.devices, (globals.ndevices + 1) * sizeof(*globals.devices));
		if (!globals.devices)
			return error_errno(err, "--allow-device");
		globals.devices[globals.ndevices++] = arg;
		break;
	case OPT_PLATFORM:
		if (strcmp(arg, "pkey") && strcmp(arg, "plain"))
			return error_set(err, "--platform %s: pkey or plain is possible", arg);
		globals.platform = strcmp(arg, "pkey") ? SPEC_PLATFORM_PLAIN : SPEC_PLATFORM_PKEY;
		break;
	case OPT_STRACE:
		globals.strace = true;
		globals.strace_file = arg;
		break;
	case OPT_DEBUG_LOG:
		globals.debug_log = arg;
		break;
	case OPT_STATS:
		globals.stats = true;
		globals.stats_file = arg;
		break;
	}
	return 0;
}

static void print_version(void)
{
	puts("limpet version " LIMPET_VERSION "\nspec: " OCI_VERSION);
}

static int dispatch(int argc, char **argv, const struct command **cmd, struct error *err)
{
	const char *log = NULL, *arg;
	bool json = false;
	int id;

	optind = 0;
	while ((id = option_next(&limpet, argc, argv, &arg, err)) >= 0) {
		if (id == OPT_VERSION) {
			print_version();
			return 0;
		}
		if (set_global(id, arg, &log, &json, err))
			return -1;
	}
	if (id == OPTION_HELP)
		return 0;
	if (id == OPTION_ERROR)
		return -1;
	if (optind == argc)
		return error_set(err, "no command given (see `limpet --help`)");
	argc -= optind;
	argv += optind;
	for (size_t i = 0; commands[i] && !*cmd; i++)
		if (!strcmp(commands[i]->name, argv[0]))
			*cmd = commands[i];
	if (!*cmd) {
		err->status = STATUS_UNKNOWN_COMMAND;
		return error_set(err, "unknown command %s (see `limpet --help`)", argv[0]);
	}
	if (log_open(log, json, globals.debug, err)) {
		err->status = (*cmd)->failure ? 1 : 0; /* exec's too */
		return -1;
	}
	return (*cmd)->run(argc, argv, err);
}

int command_parse(const struct command *cmd, int argc, char **argv, int (*set)(int id, const char *arg, struct error *err),
		  struct error *err)
{
	const char *arg;
	int id;

	optind = 0;
	while ((id = option_next(cmd, argc, argv, &arg, err)) >= 0)
		if (set(id, arg, err))
			return -1;
	if (id == OPTION_HELP)
		return 1;
	if (id == OPTION_ERROR)
		return -1;
	if (argc - optind != 1)
		return error_set(err, "%s: exactly one container ID is needed (see `limpet %s --help`)", cmd->name, cmd->name);
	return 0;
}

unsigned stdio_closed;

int main(int argc, char **argv)
{
	const struct command *cmd = NULL;
	struct error err = {0};
	int status;

	/* A descriptor that is closed must not become one of ours. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0) {
			stdio_closed |= 1u << fd;
			if (open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
				return STATUS_FAILURE;
		}
	status = dispatch(argc, argv, &cmd, &err);
	if (status < 0) {
		fprintf(stderr, log_failure(err.text) ? "%s\n" : "limpet: %s\n", err.text);
		return err.status ? err.status : cmd && cmd->failure ? cmd->failure : STATUS_FAILURE;
	}
	if (fflush(stdout)) {
		fprintf(stderr, "limpet: cannot write to stdout: %s\n", strerror(errno));
		return cmd && cmd->failure ? cmd->failure : STATUS_FAILURE;
	}
	return status;
}
