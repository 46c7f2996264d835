/* `limpet run`: an OCI bundle, in the foreground, from start to end. */
#include <ctype.h>
#include <getopt.h>
#include <string.h>

#include "runtime/cli/command.h"
#include "runtime/oci/config.h"
#include "runtime/sandbox/sandbox.h"
#include "runtime/supervisor/supervisor.h"

enum { OPT_BUNDLE, OPT_PLATFORM, OPT_STRACE, OPT_DEBUG_LOG, OPT_STATS };

static const struct option_row options[] = {
	{"bundle", 'b', "DIR", "The bundle: a directory with config.json; default: the current one.", OPT_BUNDLE},
	{"platform", 0, "pkey|plain", "As in `limpet do`.", OPT_PLATFORM},
	{"strace", 0, "[FILE]", "As in `limpet do`.", OPT_STRACE},
	{"debug-log", 0, "FILE", "As in `limpet do`.", OPT_DEBUG_LOG},
	{"stats", 0, "[FILE]", "As in `limpet do`.", OPT_STATS},
	{0},
};

static int check_id(const char *id, struct error *err)
{
	if (!*id || strlen(id) > 255 || !strcmp(id, ".") || !strcmp(id, ".."))
		return error_set(err, "run: \"%s\" cannot be a container's ID", id);
	for (const char *p = id; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_+-.", *p))
			return error_set(err, "run: container ID \"%s\": only letters, digits and _+-. are possible", id);
	return 0;
}

static int set_option(struct spec *spec, const char **bundle, int id, const char *arg, struct error *err)
{
	switch (id) {
	case OPT_BUNDLE:
		*bundle = arg;
		return 0;
	case OPT_STRACE:
		spec->strace = true;
		spec->strace_file = arg;
		return 0;
	case OPT_DEBUG_LOG:
		spec->debug_log = arg;
		return 0;
	case OPT_STATS:
		spec->stats = true;
		spec->stats_file = arg;
		return 0;
	}
	if (strcmp(arg, "pkey") && strcmp(arg, "plain"))
		return error_set(err, "run: --platform %s: pkey or plain is possible", arg);
	spec->platform = strcmp(arg, "pkey") ? SPEC_PLATFORM_PLAIN : SPEC_PLATFORM_PKEY;
	return 0;
}

static int run(int argc, char **argv, struct error *err)
{
	const char *bundle = ".", *arg;
	struct sandbox sandbox;
	struct spec spec;
	int id, rc = -1;

	spec_init(&spec);
	optind = 0;
	while ((id = option_next(&command_run, argc, argv, &arg, err)) >= 0)
		if (set_option(&spec, &bundle, id, arg, err))
			goto out;
	if (id == OPTION_HELP)
		rc = 0;
	else if (id == OPTION_ERROR)
		;
	else if (argc - optind != 1)
		error_set(err, "run: %s (see `limpet run --help`)", argc == optind ? "no container ID given"
										  : "more than one container ID given");
	else if (check_id(argv[optind], err) || config_load(&spec, bundle, err) || supervisor_prepare(err) ||
		 sandbox_start(&sandbox, &spec, err))
		;
	else
		rc = supervisor_run(&sandbox, err);
out:
	spec_free(&spec);
	return rc;
}

const struct command command_run = {
	.name = "run",
	.synopsis = "[OPTION...] ID",
	.summary = "run an OCI bundle in the foreground",
	.description =
		"Runs the container that the bundle's config.json describes (OCI runtime specification) and waits for its end. "
		"The root file system belongs to the container while it runs: nobody else may change it. Fields that limpet "
		"cannot honour are refused or warned of by name.",
	.options = options,
	.run = run,
};
