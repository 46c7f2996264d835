/*
 * Small operations, timed. Each is a row of a table: what to prepare, a loop over the operation, what to undo.
 * The same static program runs on the host and in each kind of container; run.py compares.
 */
#ifndef LIMPET_BENCH_H
#define LIMPET_BENCH_H

struct bench {
	const char *name;
	void (*setup)(void); /* or NULL */
	void (*run)(long n); /* does the operation n times */
	void (*teardown)(void); /* or NULL */
};

extern const struct bench calls_benches[], files_benches[], memory_benches[], ipc_benches[], process_benches[];

extern const char *bench_dir; /* a directory of the root file system */
extern const char *bench_tmp; /* a directory in memory */
extern const char *bench_self; /* absolute path of this program; with the argument "true" it ends at once */

/* Ends the program with the row's name, what and errno on stderr, when ok is false. */
void need(int ok, const char *what);

#endif
