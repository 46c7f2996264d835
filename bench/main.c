/*
 * bench [--quick] [--dir DIR] [--tmp DIR] [NAME...]: prints "NAME NS" for each row, NS = the median over batches of
 * nanoseconds per operation. bench --list names the rows. bench true ends at once; bench sleep says "ready" and sleeps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define BATCHES_MAX 15

const char *bench_dir = "/tmp", *bench_tmp = "/dev/shm", *bench_self;

static const struct bench *const tables[] = { calls_benches, files_benches, memory_benches, ipc_benches,
					      process_benches };
static const char *current_name = "bench";
static int64_t batch_ns = 10000000;
static int batches = BATCHES_MAX;

void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s: %s\n", current_name, what, strerror(errno));
	exit(1);
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int64_t timed(const struct bench *b, long n)
{
	int64_t start = now();

	b->run(n);
	return now() - start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const struct bench *b)
{
	double per_op[BATCHES_MAX];
	int64_t t;
	long n = 1;

	current_name = b->name;
	if (b->setup)
		b->setup();
	/* The first run also warms up. */
	while ((t = timed(b, n)) < batch_ns / 4 && n < 1L << 30)
		n *= 2;
	if (t < batch_ns)
		n = (long)((double)n * (double)batch_ns / (double)(t ? t : 1));
	for (int i = 0; i < batches; i++)
		per_op[i] = (double)timed(b, n) / (double)n;
	if (b->teardown)
		b->teardown();
	qsort(per_op, (size_t)batches, sizeof(*per_op), compare);
	printf("%s %.1f\n", b->name, per_op[batches / 2]);
	fflush(stdout);
}

/* Rows asked for by name, or all when none is. */
static int wanted(const char *name, char **names)
{
	if (!*names)
		return 1;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	static char self[PATH_MAX];
	int list = 0;

	if (argc > 1 && !strcmp(argv[1], "true"))
		return 0;
	if (argc > 1 && !strcmp(argv[1], "sleep")) {
		puts("ready");
		fflush(stdout);
		for (;;)
			pause();
	}
	need(realpath(argv[0], self) != NULL, "its own path");
	bench_self = self;
	for (argv++; *argv && !strncmp(*argv, "--", 2); argv++) {
		if (!strcmp(*argv, "--quick")) {
			batch_ns = 3000000;
			batches = 7;
		} else if (!strcmp(*argv, "--list")) {
			list = 1;
		} else if (!strcmp(*argv, "--dir") && argv[1]) {
			bench_dir = *++argv;
		} else if (!strcmp(*argv, "--tmp") && argv[1]) {
			bench_tmp = *++argv;
		} else {
			fprintf(stderr, "bench: unknown option %s\n", *argv);
			return 2;
		}
	}
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		for (const struct bench *b = tables[i]; b->name; b++) {
			if (!wanted(b->name, argv))
				continue;
			if (list)
				puts(b->name);
			else
				measure(b);
		}
	}
	return 0;
}
