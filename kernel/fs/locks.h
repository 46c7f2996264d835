/* Requests to locks.c: what fcntl(2) and flock(2) are decoded into. */
#ifndef LIMPET_FS_LOCKS_H
#define LIMPET_FS_LOCKS_H

#include "fs/file.h"

enum lock_kind { LOCK_KIND_POSIX, LOCK_KIND_OFD, LOCK_KIND_FLOCK };

struct lock_request {
	enum lock_kind kind;
	int type; /* F_RDLCK, F_WRLCK, F_UNLCK */
	const void *owner; /* POSIX: the struct files; else the struct file */
	loff_t start, end; /* inclusive; INT64_MAX = to the end, wherever it will be */
	u32 pid;
	bool wait;
};

/* 0, -EAGAIN, -EDEADLK, -ENOLCK, -ERESTARTSYS. */
int inode_lock_set(struct inode *inode, const struct lock_request *r) __must_check;
/* What stands in the way: fills *r with it, or type F_UNLCK. */
void inode_lock_test(struct inode *inode, struct lock_request *r);

#endif
