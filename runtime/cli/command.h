/*
 * The commands of limpet and their options. One table a command says what it takes; parsing, --help and the man page
 * are made from it.
 */
#ifndef LIMPET_RUNTIME_COMMAND_H
#define LIMPET_RUNTIME_COMMAND_H

#include "runtime/lib/util.h"
#include "runtime/sandbox/spec.h"

struct option_row {
	const char *name; /* long name; NULL ends the table */
	char letter; /* short name, or 0 */
	const char *arg; /* name of its argument: "FILE", "[FILE]" when it may be left out (then after "="), or NULL */
	const char *help; /* one or more sentences; NULL = not shown */
	int id;
};

struct command {
	const char *name;
	const char *synopsis; /* behind the name */
	const char *summary; /* half a line */
	const char *description; /* paragraphs, separated by empty lines */
	const struct option_row *options; /* --help is added; NULL = none */
	bool hidden;
	int failure; /* exit status when limpet itself fails; 0 = STATUS_FAILURE */
	/* argv[0] is the command's name. The exit status of limpet, or -1 with *err. */
	int (*run)(int argc, char **argv, struct error *err);
};

extern const struct command command_do, command_run, command_check, command_help, command_create, command_start,
	command_state, command_kill, command_delete, command_list, command_ps, command_exec, command_features, command_spec,
	command_pause, command_resume, command_update, command_events, command_checkpoint, command_restore;

/* What stands before the command's name. */
struct globals {
	bool debug, systemd_cgroup;
	enum spec_platform platform;
	bool strace;
	const char *strace_file, *debug_log;
	const char **devices; /* --allow-device */
	size_t ndevices;
	bool stats;
	const char *stats_file;
};
extern struct globals globals;
extern const struct command *const commands[]; /* NULL ends */

extern unsigned stdio_closed; /* bit = one of 0, 1, 2 that the caller gave us closed; now it is /dev/null */

#define OPTION_END (-1)
#define OPTION_ERROR (-2)
#define OPTION_HELP (-3) /* was printed */

/*
 * The next option's id, or one of the above. optind is the first operand afterwards; options end at the first operand.
 * *arg = its argument or NULL. Start with optind = 0.
 */
int option_next(const struct command *cmd, int argc, char **argv, const char **arg, struct error *err);
/* The option's name with its dashes as it was last seen by option_next. */
const char *option_name(const struct command *cmd, int id);

extern const struct option_row global_options[];

/* For commands on one container: parses options into set (NULL = none), then exactly one operand. 0, 1 = help was printed, -1. */
int command_parse(const struct command *cmd, int argc, char **argv, int (*set)(int id, const char *arg, struct error *err),
		  struct error *err);

void print_command_help(const struct command *cmd);
void print_general_help(void);
void print_man_page(void);
/* For bash, zsh or fish. */
int print_completion(const char *shell, struct error *err);

#endif
