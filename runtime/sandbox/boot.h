/* Writes the boot block (abi/boot.h) for a spec. */
#ifndef LIMPET_RUNTIME_BOOT_H
#define LIMPET_RUNTIME_BOOT_H

#include "abi/boot.h"
#include "runtime/sandbox/filter.h"
#include "runtime/sandbox/mounts.h"
#include "runtime/sandbox/spec.h"

/* What the block holds besides the spec. Descriptors are numbers in kserver; -1 = none. */
struct boot_facts {
	enum boot_platform platform;
	int control_fd, log_fd, strace_fd, host_proc_fd, seccomp_fd;
	const struct filter *server_filter, *guest_filter;
	const int32_t *preserved; /* the spec's preserve_fds of them */
	bool terminal;
	unsigned rows, cols;
	struct boot_termios termios;
	/* trees[0] is the root; the others belong to the spec's hostfs mounts, in their order. */
	const struct mount_tree *trees;
};

/* A sealed memfd, close-on-exec. */
int boot_block_memfd(const struct spec *spec, const struct boot_facts *facts, struct error *err);

/* A block with a program alone, for CONTROL_EXEC: a sealed memfd of *size bytes. */
int boot_program_memfd(const struct spec *spec, bool terminal, unsigned rows, unsigned cols, size_t *size,
		       struct error *err);

/*
 * A block with a program and its world, for CONTROL_JOIN: likewise. Trees stand in it by their place in facts->trees, not
 * as descriptors. Of facts, terminal, rows, cols and trees (of which there are ntrees) count.
 */
int boot_container_memfd(const struct spec *spec, const struct boot_facts *facts, size_t ntrees, size_t *size,
			 struct error *err);

#endif
