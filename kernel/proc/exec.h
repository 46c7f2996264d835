/*
 * execve(2): its parts. exec.c drives, exec_file.c finds what to run (scripts, interpreters), exec_strings.c carries
 * arguments over and builds the new stack, exec_cred.c computes the new credentials.
 *
 * Phase 1 makes a struct exec_args in kernel memory and can fail; nothing of the caller has changed. Then the other
 * threads end, and exec_commit() runs with a fresh kernel stack, perhaps in another host process; what fails there
 * kills the process.
 */
#ifndef LIMPET_PROC_EXEC_H
#define LIMPET_PROC_EXEC_H

#include "mm/mm.h"
#include "proc/cred.h"
#include "proc/task.h"

#define EXEC_SCRIPT_DEPTH 5
#define EXEC_LEAD_MAX (2 * EXEC_SCRIPT_DEPTH + 2)

/* Argument or environment pointers: the program's, or the kernel's own at boot. */
struct exec_vector {
	bool kernel;
	struct uptr user; /* null: empty */
	char *const *strings; /* kernel */
	u32 count; /* kernel */
};

struct exec_args {
	struct file *exe, *interp; /* references, writing denied; interp NULL = none */
	char *filename; /* AT_EXECFN */
	char comm[TASK_COMM_LEN];

	/* What a script puts before the arguments in place of argv[0]: interpreter, its argument, script. */
	char *lead[EXEC_LEAD_MAX];
	u32 nlead;

	/* Arguments then environment, each with its 0. */
	char *strings;
	u64 used, room, env_at; /* bytes; where the environment begins */
	u32 argc, envc;

	struct cred *cred; /* to be installed */
	bool secure; /* AT_SECURE */
	bool readable; /* the caller may read the file: else the process is not dumpable */
	bool ids_changed;
	struct mm *mm;
	struct elf_image image;
};

/* exec_file.c: fills exe, interp, filename, comm, lead. */
int exec_find(struct exec_args *a, int dirfd, const char *path, int flags) __must_check;
void exec_file_put(struct file *f); /* allows writing again; NULL is fine */
/* exec_strings.c */
int exec_copy_strings(struct exec_args *a, const struct exec_vector *argv, const struct exec_vector *envp) __must_check;
int exec_build_stack(struct exec_args *a, u64 *sp) __must_check; /* in the new current->mm */
/* exec_cred.c: fills cred, secure, readable, ids_changed. */
int exec_compute_cred(struct exec_args *a) __must_check;

/*
 * Boot: loads the first program into the current task, which runs on a host process of its own. Strings are the
 * kernel's and are copied; then loaded(arg) is called. Only returns, with -errno, when it cannot be run.
 */
long exec_boot(const char *path, char *const argv[], u32 argc, char *const envp[], u32 envc,
	       void (*loaded)(void *), void *arg);

#endif
