/*
 * libFuzzer: the command line of `limpet do`. An input is its words, each ended by a 0. Nothing is started: a line is
 * refused with a sentence, or gives a spec whose mounts have clean absolute targets.
 *
 * build: runtime/cli/options.c runtime/sandbox/spec.c runtime/lib/error.c runtime/lib/util.c -lm
 */
#include "runtime/cli/do.c"

unsigned stdio_closed;
void print_command_help(const struct command *cmd) {}
int sandbox_start(struct sandbox *sb, const struct spec *spec, struct error *err) { abort(); }
int supervisor_prepare(struct error *err) { abort(); }
int supervisor_run(struct sandbox *sb, struct error *err) { abort(); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[66] = {"do"};
	struct error err = {0};
	struct spec spec;
	int argc = 1, rc;

	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < size && argc < 65; i += strlen(text + i) + 1)
		argv[argc++] = text + i;
	spec_init(&spec);
	add_default_mounts(&spec);
	rc = parse(&spec, argc, argv, &err);
	if (rc < 0 && !err.text[0])
		abort();
	if (rc == 0) {
		if (!spec.argv.count)
			abort();
		for (size_t i = 0; i < spec.nmounts; i++)
			if (spec.mounts[i].target[0] != '/' || strstr(spec.mounts[i].target, "/../"))
				abort();
	}
	spec_free(&spec);
	free(text);
	return 0;
}
