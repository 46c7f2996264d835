/* `limpet state`, list, ps: what there is to know of containers. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>

#include "runtime/cli/command.h"
#include "runtime/container/container.h"

enum { OPT_FORMAT, OPT_QUIET };

static bool json, quiet;

static int set_option(int id, const char *arg, struct error *err)
{
	if (id == OPT_QUIET)
		quiet = true;
	else if (!strcmp(arg, "json") || !strcmp(arg, "table"))
		json = !strcmp(arg, "json");
	else
		return error_set(err, "invalid format option: %s (table or json is possible)", arg);
	return 0;
}

/* state, and with more fields than the specification has, as other runtimes print it. */
static json_t *describe(const struct container *c)
{
	json_t *out = container_oci_state(c, NULL);

	json_object_set_new(out, "rootfs", json_string(container_text(c, "rootfs")));
	json_object_set_new(out, "created", json_string(container_text(c, "created")));
	json_object_set_new(out, "owner", json_string(container_text(c, "owner")));
	return out;
}

static void print_json(json_t *value, size_t flags)
{
	json_dumpf(value, stdout, flags | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(value);
}

static int run_state(int argc, char **argv, struct error *err)
{
	struct container c;
	int rc = command_parse(&command_state, argc, argv, set_option, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (container_look(&c, argv[optind], err))
		return -1;
	if (container_unreadable(&c))
		rc = error_set(err, "the state of container %s cannot be read", c.id);
	else
		print_json(describe(&c), JSON_INDENT(2));
	container_close(&c);
	return rc;
}

static const char *text_of(json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static void print_table(json_t *all)
{
	static const char *const titles[] = {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"};
	static const char *const keys[] = {"id", "pid", "status", "bundle", "created", "owner"};
	int width[6];
	json_t *one;
	size_t i;

	for (int k = 0; k < 6; k++) {
		width[k] = 9;
		json_array_foreach(all, i, one)
			if ((int)strlen(text_of(one, keys[k])) > width[k])
				width[k] = (int)strlen(text_of(one, keys[k]));
	}
	width[5] = 0;
	for (int k = 0; k < 6; k++)
		printf("%-*s%s", width[k], titles[k], k == 5 ? "\n" : "   ");
	json_array_foreach(all, i, one)
		for (int k = 0; k < 6; k++) {
			char pid[24];

			snprintf(pid, sizeof(pid), "%lld", (long long)json_integer_value(json_object_get(one, "pid")));
			printf("%-*s%s", width[k], k == 1 ? pid : text_of(one, keys[k]), k == 5 ? "\n" : "   ");
		}
}

static int run_list(int argc, char **argv, struct error *err)
{
	struct strings ids = {0};
	struct arena a = {0};
	json_t *all = json_array(), *one;
	struct error ignored;
	const char *arg;
	size_t i;
	int id;

	optind = 0;
	while ((id = option_next(&command_list, argc, argv, &arg, err)) >= 0)
		if (set_option(id, arg, err))
			return -1;
	if (id == OPTION_HELP)
		return 0;
	if (id == OPTION_ERROR || container_list(&a, &ids, err))
		return -1;
	if (optind < argc)
		return error_set(err, "list: unexpected argument %s", argv[optind]);
	for (i = 0; i < ids.count; i++) {
		struct container c;

		if (container_look(&c, ids.items[i], &ignored))
			continue;
		json_array_append_new(all, describe(&c));
		container_close(&c);
	}
	if (quiet) {
		json_array_foreach(all, i, one)
			puts(text_of(one, "id"));
	} else if (json) {
		print_json(json_array_size(all) ? json_incref(all) : json_null(), JSON_COMPACT);
	} else {
		print_table(all);
	}
	json_decref(all);
	arena_free(&a);
	return 0;
}

static bool listed(pid_t pid, const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* The lines of ps(1) about some processes: the first line names the columns, one of them PID. */
static int ps_table(char **args, const pid_t *pids, size_t count, struct error *err)
{
	char command[1024] = "ps", line[4096];
	int column = -1;
	FILE *f;

	if (!*args)
		strcat(command, " -ef");
	for (; *args; args++) {
		if (strspn(*args, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-,=%_") != strlen(*args) ||
		    strlen(command) + strlen(*args) + 2 > sizeof(command))
			return error_set(err, "ps: %s: is no option that ps is given", *args);
		strcat(strcat(command, " "), *args);
	}
	f = popen(command, "r");
	if (!f)
		return error_errno(err, "ps");
	while (fgets(line, sizeof(line), f)) {
		char copy[4096], *save = NULL;
		int at = 0;

		strcpy(copy, line);
		for (char *w = strtok_r(copy, " \t\n", &save); w; w = strtok_r(NULL, " \t\n", &save), at++) {
			uint64_t pid;

			if (column < 0 && !strcmp(w, "PID")) {
				column = at;
				fputs(line, stdout);
				break;
			}
			if (at == column && parse_u64(w, INT32_MAX, &pid)) {
				if (listed((pid_t)pid, pids, count))
					fputs(line, stdout);
				break;
			}
		}
	}
	pclose(f);
	return column < 0 ? error_set(err, "ps: couldn't find PID field in ps output") : 0;
}

static int run_ps(int argc, char **argv, struct error *err)
{
	struct container c;
	struct arena a = {0};
	pid_t *pids = NULL;
	size_t count = 0;
	const char *arg;
	int id, rc;

	optind = 0;
	while ((id = option_next(&command_ps, argc, argv, &arg, err)) >= 0)
		if (set_option(id, arg, err))
			return -1;
	if (id == OPTION_HELP)
		return 0;
	if (id == OPTION_ERROR)
		return -1;
	if (optind == argc)
		return error_set(err, "ps: no container ID given (see `limpet ps --help`)");
	if (container_look(&c, argv[optind], err))
		return -1;
	rc = container_processes(&c, &a, &pids, &count, err);
	if (!rc && json) {
		json_t *out = json_array();

		for (size_t i = 0; i < count; i++)
			json_array_append_new(out, json_integer(pids[i]));
		print_json(out, JSON_COMPACT);
	} else if (!rc) {
		rc = ps_table(argv + optind + 1, pids, count, err);
	}
	container_close(&c);
	arena_free(&a);
	return rc;
}

static const struct option_row list_options[] = {
	{"format", 'f', "table|json", "Default: table.", OPT_FORMAT},
	{"quiet", 'q', NULL, "Only the IDs.", OPT_QUIET},
	{0},
};
static const struct option_row ps_options[] = {
	{"format", 'f', "table|json", "Default: table.", OPT_FORMAT},
	{0},
};

const struct command command_state = {
	.name = "state", .synopsis = "ID", .summary = "print the state of a container",
	.description = "Prints the state as JSON: what the OCI runtime specification names, and rootfs, created, owner.",
	.failure = 1, .run = run_state,
};
const struct command command_list = {
	.name = "list", .synopsis = "[OPTION...]", .summary = "list the containers",
	.description = "Lists the containers of the state directory.",
	.options = list_options, .failure = 1, .run = run_list,
};
const struct command command_ps = {
	.name = "ps", .synopsis = "[OPTION...] ID [PS-OPTION...]", .summary = "list the processes of a container",
	.description = "Lists the host processes that run a container's programs: a process of the container is one of the "
		"host. The table is ps(1)'s, with its options.",
	.options = ps_options, .failure = 1, .run = run_ps,
};
