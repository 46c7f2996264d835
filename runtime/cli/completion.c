/* `limpet help --completion SHELL`: what bash, zsh and fish need to complete commands and options, from the tables. */
#include <string.h>

#include "runtime/cli/command.h"

/* "--name -n " of every option that is shown. */
static void words(const struct option_row *o)
{
	fputs("--help -h", stdout);
	for (; o && o->name; o++) {
		if (!o->help)
			continue;
		printf(" --%s", o->name);
		if (o->letter)
			printf(" -%c", o->letter);
	}
}

static bool takes_word(const struct option_row *o) { return o->arg && *o->arg != '['; }

/* Options that eat the next word, as a pattern of case. */
static void eaters(const struct option_row *o)
{
	for (; o && o->name; o++)
		if (takes_word(o) && o->letter)
			printf("|--%s|-%c", o->name, o->letter);
		else if (takes_word(o))
			printf("|--%s", o->name);
}

/* Commands that are followed by a container's name. */
static bool on_container(const struct command *c)
{
	return strstr(c->synopsis, "ID") && c != &command_create && c != &command_run;
}

/* zsh's bashcompinit runs it as well. */
static void bash(void)
{
	puts("_limpet() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd= words= ids= i\n"
	     "\tCOMPREPLY=()\n"
	     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	     "\t\tcase ${COMP_WORDS[i]} in");
	fputs("\t\t''", stdout);
	eaters(global_options);
	puts(") i=$((i + 1)) ;;\n\t\t-*) ;;\n\t\t*) cmd=${COMP_WORDS[i]}; break ;;\n\t\tesac\n\tdone\n"
	     "\tcase $cmd:$prev in");
	fputs("\t''", stdout);
	for (const struct option_row *o = global_options; o->name; o++)
		if (takes_word(o))
			printf("|:--%s", o->name);
	puts(") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;");
	for (size_t i = 0; commands[i]; i++)
		for (const struct option_row *o = commands[i]->options; o && o->name; o++) {
			if (!takes_word(o) || !o->help)
				continue;
			printf("\t%s:--%s", commands[i]->name, o->name);
			if (o->letter)
				printf("|%s:-%c", commands[i]->name, o->letter);
			puts(") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;");
		}
	fputs("\tesac\n\tcase $cmd in\n\t'') words='", stdout);
	words(global_options);
	for (size_t i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			printf(" %s", commands[i]->name);
	puts("' ;;");
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->hidden)
			continue;
		printf("\t%s) words='", commands[i]->name);
		words(commands[i]->options);
		printf("'%s ;;\n", on_container(commands[i]) ? " ids=1" : "");
	}
	puts("\tesac\n"
	     "\tif [[ $cur == -* || -z $cmd ]]; then\n"
	     "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	     "\telif [[ $ids ]]; then\n"
	     "\t\tCOMPREPLY=($(compgen -W \"$(limpet list -q 2>/dev/null)\" -- \"$cur\"))\n"
	     "\telse\n"
	     "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	     "\tfi\n"
	     "}\n"
	     "complete -o filenames -F _limpet limpet");
}

static void zsh(void)
{
	puts("#compdef limpet\nautoload -U +X bashcompinit && bashcompinit");
	bash();
}

/* In single quotes. */
static void quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static void fish_options(const char *condition, const struct option_row *o)
{
	for (; o && o->name; o++) {
		if (!o->help)
			continue;
		printf("complete -c limpet -n '%s' -l %s", condition, o->name);
		if (o->letter)
			printf(" -s %c", o->letter);
		fputs(takes_word(o) ? " -r -d " : " -d ", stdout);
		quoted(o->help);
		putchar('\n');
	}
}

static void fish(void)
{
	char condition[128];

	fish_options("__fish_use_subcommand", global_options);
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->hidden)
			continue;
		printf("complete -c limpet -f -n __fish_use_subcommand -a %s -d ", commands[i]->name);
		quoted(commands[i]->summary);
		putchar('\n');
		snprintf(condition, sizeof(condition), "__fish_seen_subcommand_from %s", commands[i]->name);
		fish_options(condition, commands[i]->options);
		if (on_container(commands[i]))
			printf("complete -c limpet -f -n '%s' -a '(limpet list -q 2>/dev/null)'\n", condition);
	}
}

int print_completion(const char *shell, struct error *err)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(shells[i].name, shell))
			continue;
		shells[i].print();
		return 0;
	}
	return error_set(err, "help: --completion %s: bash, zsh or fish is possible", shell);
}
