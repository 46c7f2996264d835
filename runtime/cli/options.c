/* Option parsing from the tables of command.h, by getopt_long(3). */
#include <getopt.h>
#include <string.h>

#include "runtime/cli/command.h"

#define MAX_OPTIONS 40
#define ID_BASE 256
#define ID_HELP (ID_BASE + MAX_OPTIONS)

static const char *unknown_option(char **argv)
{
	static char text[64];

	/* A letter that is unknown is in optopt; a long one is the word that was just passed. */
	if (optopt > 0 && optopt < 128) {
		snprintf(text, sizeof(text), "-%c", optopt);
		return text;
	}
	return argv[optind - 1];
}

int option_next(const struct command *cmd, int argc, char **argv, const char **arg, struct error *err)
{
	struct option longs[MAX_OPTIONS + 2] = {0};
	char shorts[2 * MAX_OPTIONS + 8] = "+:h";
	size_t n = 0, s = strlen(shorts);
	int c;

	for (const struct option_row *o = cmd->options; o && o->name && n < MAX_OPTIONS; o++, n++) {
		longs[n] = (struct option){o->name, !o->arg ? no_argument : *o->arg == '[' ? optional_argument
			: required_argument, NULL, ID_BASE + (int)n};
		if (o->letter) {
			shorts[s++] = o->letter;
			if (o->arg)
				shorts[s++] = ':';
		}
	}
	longs[n] = (struct option){"help", no_argument, NULL, ID_HELP};
	opterr = 0;
	c = getopt_long(argc, argv, shorts, longs, NULL);
	*arg = optarg;
	if (c == -1)
		return OPTION_END;
	if (c == 'h' || c == ID_HELP) {
		if (cmd->run)
			print_command_help(cmd);
		else
			print_general_help();
		return OPTION_HELP;
	}
	if (c == ':') {
		error_set(err, "%s: option %s needs an argument", cmd->name, argv[optind - 1]);
		return OPTION_ERROR;
	}
	for (size_t i = 0; i < n; i++)
		if (c == ID_BASE + (int)i || (c < ID_BASE && c == cmd->options[i].letter))
			return cmd->options[i].id;
	if (optopt >= ID_BASE)
		error_set(err, "%s: option %s takes no argument", cmd->name, argv[optind - 1]);
	else
		error_set(err, "%s: unknown option %s (see `limpet %s --help`)", cmd->name, unknown_option(argv),
			  cmd->name);
	return OPTION_ERROR;
}

const char *option_name(const struct command *cmd, int id)
{
	static char text[64];

	for (const struct option_row *o = cmd->options; o && o->name; o++)
		if (o->id == id)
			snprintf(text, sizeof(text), "--%s", o->name);
	return text;
}
