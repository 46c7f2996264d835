/*
 * hostfs: a tree or a single file of the host, reached from one host descriptor.
 *
 * Names are only ever resolved one at a time, relative to a directory's descriptor, without following links, so
 * nothing above the mounted tree can be reached. Inodes are keyed by the host's device and inode number: hard links
 * share one. An exclusive mount caches names and attributes for good; a shared one asks the host every time.
 */
#ifndef LIMPET_FS_HOSTFS_HOSTFS_H
#define LIMPET_FS_HOSTFS_HOSTFS_H

#include "fs/fs.h"

/* The data argument of its mount. */
struct hostfs_mount_data {
	int fd; /* O_PATH or open descriptor of a directory or file; hostfs owns it when the mount succeeds */
	bool shared; /* others change the tree too */
	bool readonly;
	bool alone; /* a mount of the same root may have an instance already: that one */
	bool taken; /* result: hostfs has the descriptor */
	struct super_block *pinned; /* result: the instance if others may find it; sb_unpin when it is mounted, or was not */
};

int hostfs_init(void) __must_check; /* from fs_init */
/* A procfs of the sandbox's PID namespace (boot block), to reopen what has no name any more; -1 = none. */
void hostfs_set_proc(int host_proc_fd);
u64 hostfs_fd_count(void); /* host descriptors held */

#endif
