/* limpet: finds the command, and is the one place that prints errors. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "runtime/cli/command.h"

const struct command *const commands[] = {
	&command_do,
	&command_run,
	&command_check,
	&command_help,
	NULL,
};

static int dispatch(int argc, char **argv, struct error *err)
{
	const char *name = argv[1];

	if (argc < 2)
		return error_set(err, "no command given (see `limpet --help`)");
	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_general_help();
		return 0;
	}
	if (!strcmp(name, "--version")) {
		puts("limpet " LIMPET_VERSION);
		return 0;
	}
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i]->run(argc - 1, argv + 1, err);
	return error_set(err, "unknown %s %s (see `limpet --help`)", *name == '-' ? "option" : "command", name);
}

unsigned stdio_closed;

int main(int argc, char **argv)
{
	struct error err = {0};
	int status;

	/* A descriptor that is closed must not become one of ours. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0) {
			stdio_closed |= 1u << fd;
			if (open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
				return STATUS_FAILURE;
		}
	status = dispatch(argc, argv, &err);
	if (status < 0) {
		fprintf(stderr, "limpet: %s\n", err.text);
		return err.status ? err.status : STATUS_FAILURE;
	}
	if (fflush(stdout)) {
		fprintf(stderr, "limpet: cannot write to stdout: %s\n", strerror(errno));
		return STATUS_FAILURE;
	}
	return status;
}
