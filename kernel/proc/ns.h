/*
 * Namespaces: unshare(2), setns(2), and the files behind /proc/PID/ns. There are mount and UTS namespaces; of the
 * others the sandbox has one each and cannot make more, like a kernel built without them.
 */
#ifndef LIMPET_PROC_NS_H
#define LIMPET_PROC_NS_H

#include "lib/types.h"

struct file;
struct task;

u64 ns_next_ino(void); /* inode numbers of namespaces, as /proc/PID/ns shows them */

/* unshare(2) and, on an open namespace or any other file, setns(2). */
int ns_unshare(u64 flags) __must_check;
int ns_enter(struct file *f, u32 type) __must_check;

/* The inode number that task t's namespace of this kind has ("mnt", "uts", "pid", ...): 0 = no such kind. */
u64 ns_ino_of(struct task *t, const char *kind);
/*
 * Opening /proc/PID/ns/KIND: turns file (fresh, with no type of its own yet) into a handle on that namespace of t.
 * -ENOENT: no such kind. For a file system's open operation.
 */
int ns_file_open(struct file *f, struct task *t, const char *kind) __must_check;

#endif
