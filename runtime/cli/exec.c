/* `limpet exec`: another program in a running container. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>

#include "abi/control.h"
#include "runtime/cli/command.h"
#include "runtime/container/exec.h"
#include "runtime/oci/config.h"
#include "runtime/oci/home.h"

enum {
	OPT_CONSOLE_SOCKET, OPT_CWD, OPT_ENV, OPT_TTY, OPT_USER, OPT_GIDS, OPT_PROCESS, OPT_DETACH, OPT_PID_FILE, OPT_LABEL,
	OPT_APPARMOR, OPT_NNP, OPT_CAP, OPT_PRESERVE_FDS, OPT_CGROUP, OPT_IGNORE_PAUSED,
};

static const struct option_row options[] = {
	{"process", 'p', "FILE", "The process as JSON, as \"process\" of config.json is.", OPT_PROCESS},
	{"tty", 't', NULL, "Give the program a terminal.", OPT_TTY},
	{"detach", 'd', NULL, "Come back as soon as the program runs.", OPT_DETACH},
	{"cwd", 0, "DIR", "Working directory; default: the container's.", OPT_CWD},
	{"env", 'e', "NAME=VALUE", "Set an environment variable. May be repeated.", OPT_ENV},
	{"user", 'u', "UID[:GID]", "Run as this user; default: the container's.", OPT_USER},
	{"additional-gids", 'g', "GID", "Another group of the program. May be repeated.", OPT_GIDS},
	{"cap", 'c', "NAME", "A capability besides the container's. May be repeated.", OPT_CAP},
	{"no-new-privs", 0, NULL, "The program cannot gain privileges by exec.", OPT_NNP},
	{"pid-file", 0, "FILE", "Write the pid of the program's process to FILE.", OPT_PID_FILE},
	{"console-socket", 0, "SOCKET", "Where the master of the program's terminal is sent.", OPT_CONSOLE_SOCKET},
	{"preserve-fds", 0, "N", "Pass on descriptors 3 to N + 2 besides 0, 1 and 2.", OPT_PRESERVE_FDS},
	{"ignore-paused", 0, NULL, "Try in a paused container too.", OPT_IGNORE_PAUSED},
	{"process-label", 0, "LABEL", "Accepted: the host processes have the container's.", OPT_LABEL},
	{"apparmor", 0, "PROFILE", "Accepted: the host processes have the container's.", OPT_APPARMOR},
	{"cgroup", 0, "PATH", NULL, OPT_CGROUP},
	{0},
};

struct request_ {
	struct exec_options exec;
	const char *process; /* -p */
	json_t *env, *gids, *caps;
	const char *cwd, *user;
	unsigned preserve_fds;
	bool tty, nnp, ignore_paused;
};
static struct request_ asked;

static void add(json_t **array, json_t *value)
{
	if (!*array)
		*array = json_array();
	json_array_append_new(*array, value);
}

static int set_option(int id, const char *arg, struct error *err)
{
	uint64_t n;

	switch (id) {
	case OPT_CONSOLE_SOCKET:
		asked.exec.console_socket = *arg ? arg : NULL;
		break;
	case OPT_CWD:
		asked.cwd = arg;
		break;
	case OPT_ENV:
		add(&asked.env, json_string(arg));
		break;
	case OPT_TTY:
		asked.tty = true;
		break;
	case OPT_USER:
		asked.user = arg;
		break;
	case OPT_GIDS:
		if (!parse_u64(arg, UINT32_MAX - 1, &n))
			return error_set(err, "exec: --additional-gids %s: is not a number", arg);
		add(&asked.gids, json_integer((json_int_t)n));
		break;
	case OPT_PROCESS:
		asked.process = arg;
		break;
	case OPT_DETACH:
		asked.exec.detach = true;
		break;
	case OPT_PID_FILE:
		asked.exec.pid_file = *arg ? arg : NULL;
		break;
	case OPT_NNP:
		asked.nnp = true;
		break;
	case OPT_CAP:
		add(&asked.caps, json_string(arg));
		break;
	case OPT_PRESERVE_FDS:
		if (!parse_u64(arg, 1024, &n))
			return error_set(err, "exec: --preserve-fds %s: is not a number", arg);
		if (n > CONTROL_FDS_MAX - 4)
			return error_set(err, "exec: --preserve-fds %s: at most %d can be passed on", arg, CONTROL_FDS_MAX - 4);
		asked.preserve_fds = (unsigned)n;
		break;
	case OPT_CGROUP:
		return error_set(err, "exec: --cgroup is not supported: all programs are in the container's group");
	case OPT_IGNORE_PAUSED:
		asked.ignore_paused = true;
		break;
	}
	return 0;
}

static int parse(int argc, char **argv, struct error *err)
{
	const char *arg;
	int id;

	optind = 0;
	while ((id = option_next(&command_exec, argc, argv, &arg, err)) >= 0)
		if (set_option(id, arg, err))
			return -1;
	if (id == OPTION_HELP)
		return 1;
	if (id == OPTION_ERROR)
		return -1;
	if (optind == argc)
		return error_set(err, "exec: no container ID given (see `limpet exec --help`)");
	if (!asked.process && optind + 1 == argc)
		return error_set(err, "exec: no program given (see `limpet exec --help`)");
	return 0;
}

static json_t *load_json(int dir, const char *file, struct error *err)
{
	cleanup_free char *text = read_file(dir, file);
	json_error_t why;
	json_t *out;

	if (!text) {
		error_errno(err, "%s", file);
		return NULL;
	}
	out = json_loads(text, 0, &why);
	if (!out || !json_is_object(out)) {
		error_set(err, "%s: line %d: %s", file, why.line, out ? "is not an object" : why.text);
		json_decref(out);
		return NULL;
	}
	return out;
}

static int set_user(json_t *process, struct error *err)
{
	cleanup_free char *text = strdup(asked.user);
	char *colon = strchr(text, ':');
	uint64_t uid, gid = 0;

	if (colon)
		*colon++ = '\0';
	if (!parse_u64(text, UINT32_MAX - 1, &uid) || (colon && !parse_u64(colon, UINT32_MAX - 1, &gid)))
		return error_set(err, "exec: --user %s: is not UID[:GID]", asked.user);
	json_object_set_new(process, "user", json_pack("{sIsI}", "uid", (json_int_t)uid, "gid", (json_int_t)gid));
	return 0;
}

/* The container's own process, changed by flags. */
static int from_flags(json_t *process, char **args, struct error *err)
{
	static const char *const sets[] = {"bounding", "effective", "permitted", "inheritable", "ambient"};
	json_t *list = json_array();

	for (; *args; args++)
		json_array_append_new(list, json_string(*args));
	json_object_set_new(process, "args", list);
	json_object_set_new(process, "terminal", json_boolean(asked.tty));
	json_object_del(process, "consoleSize");
	if (asked.cwd)
		json_object_set_new(process, "cwd", json_string(asked.cwd));
	if (asked.nnp)
		json_object_set_new(process, "noNewPrivileges", json_true());
	if (asked.env) {
		if (!json_object_get(process, "env"))
			json_object_set_new(process, "env", json_array());
		json_array_extend(json_object_get(process, "env"), asked.env);
	}
	if (asked.user && set_user(process, err))
		return -1;
	if (asked.gids)
		json_object_set(json_object_get(process, "user"), "additionalGids", asked.gids);
	if (asked.caps) {
		json_t *caps = json_object_get(process, "capabilities");

		if (!caps) {
			caps = json_object();
			json_object_set_new(process, "capabilities", caps);
		}
		for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
			if (!json_object_get(caps, sets[i]))
				json_object_set_new(caps, sets[i], json_array());
			json_array_extend(json_object_get(caps, sets[i]), asked.caps);
		}
	}
	return 0;
}

static int load_spec(struct container *c, struct spec *spec, char **args, struct error *err)
{
	json_t *process = NULL, *config = load_json(c->dir, "config.json", err);
	int rc = -1;

	if (!config)
		return -1;
	if (asked.process) {
		process = load_json(AT_FDCWD, asked.process, err);
	} else {
		process = json_incref(json_object_get(config, "process"));
		if (process && from_flags(process, args, err)) {
			json_decref(process);
			process = NULL;
		}
	}
	if (process)
		rc = config_load_process(spec, process, asked.process ? asked.process : "exec", err);
	if (!rc)
		rc = config_load_lasting(spec, config, "config.json", err);
	if (!rc && asked.tty)
		spec->want_terminal = true;
	if (!rc)
		home_default(spec, container_text(c, "rootfs"));
	json_decref(process);
	json_decref(config);
	return rc;
}

static int run(int argc, char **argv, struct error *err)
{
	enum container_status status;
	struct container c;
	struct spec spec;
	int rc = parse(argc, argv, err);

	if (rc) {
		err->status = 1; /* a wrong command line; else what fails is 255 */
		return rc < 0 ? -1 : 0;
	}
	warnings_off();
	if (container_open_made(&c, argv[optind], err)) {
		struct error why = *err;

		return error_set(err, "exec failed: %.1000s", why.text);
	}
	spec_init(&spec);
	spec.stdio_closed = stdio_closed;
	status = container_status(&c);
	if (spec_preserve_fds(&spec, asked.preserve_fds, err))
		rc = -1;
	else if (status == CONTAINER_STOPPED)
		rc = error_set(err, "exec failed: cannot exec in a stopped container");
	else if (status == CONTAINER_PAUSED && !asked.ignore_paused)
		rc = error_set(err, "exec failed: cannot exec in a paused container (use --ignore-paused to override)");
	else if (load_spec(&c, &spec, argv + optind + 1, err))
		rc = -1;
	else
		rc = container_exec(&c, &spec, &asked.exec, err);
	if (rc < 0 && strncmp(err->text, "exec failed", 11)) {
		struct error why = *err;

		error_set(err, "exec failed: %.1000s", why.text);
	}
	spec_free(&spec);
	container_close(&c);
	return rc;
}

const struct command command_exec = {
	.name = "exec",
	.synopsis = "[OPTION...] ID [PROGRAM [ARG...]]",
	.summary = "run another program in a container",
	.description =
		"Runs PROGRAM, or what --process describes, in a running container. The exit status is the program's, without "
		"--detach; the process that limpet leaves on the host ends as the program does, and takes it along when killed.",
	.options = options,
	.failure = 255,
	.run = run,
};
