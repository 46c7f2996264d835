/*
 * POSIX message queues, mq_overview(7). mqueue_fs.c: their names, a flat directory that can be mounted; one instance for
 * the sandbox. mqueue.c: the queues. A queue is a file: its inode holds it, its name holds the inode.
 */
#ifndef LIMPET_IPC_MQUEUE_H
#define LIMPET_IPC_MQUEUE_H

#include "abi/linux/mqueue.h"
#include "abi/linux/time.h"
#include "core/lock.h"
#include "core/wait.h"
#include "fs/file.h"

#define MQ_FILE_SIZE 80

struct process;
struct mq_msg;
struct mq_user;

extern struct mutex mq_lock; /* LOCK_NOTIFY; guards names and queues */

struct mqueue {
	struct list_head node; /* of the directory; under mq_lock, as all but the wait queues and limits */
	char *name; /* immutable; owned */
	struct inode *inode; /* the name's reference; NULL = unlinked */
	u64 cookie; /* readdir position */
	u64 max_msgs, msg_size; /* immutable */
	u64 count, bytes;
	struct list_head msgs; /* highest priority first, oldest first within one */
	u32 receivers; /* that sleep */
	struct wait_queue not_full, not_empty;
	struct process *owner; /* who wants to be notified; reference held; NULL = nobody */
	struct sigevent event;
	struct mq_user *user; /* whom it is counted for */
	u64 charged;
};

struct mq_msg {
	struct list_head node;
	u32 prio;
	u64 len;
	u8 text[];
};

/* mqueue.c */
extern const struct file_ops mqueue_file_ops;
struct mqueue *mqueue_alloc(const char *name, u32 name_len, const struct mq_attr *attr, u32 uid); /* err_ptr */
void mqueue_free(struct mqueue *q); /* nobody uses it */
struct mqueue *mqueue_of(struct file *f); /* NULL = another kind of file */
struct mq_msg *mq_msg_alloc(u64 len, u32 prio); /* NULL = no memory */
void mq_msg_free(struct mq_msg *m);
int mqueue_send(struct file *f, struct mq_msg *m, s64 deadline) __must_check; /* takes m on success */
struct mq_msg *mqueue_receive(struct file *f, s64 deadline); /* err_ptr */
int mqueue_notify(struct mqueue *q, const struct sigevent *ev) __must_check; /* NULL: not any more */
void mqueue_attr(struct file *f, struct mq_attr *out);

/* mqueue_fs.c */
int mqueue_init(void) __must_check;
/* attr NULL: the default. name without a slash. */
struct file *mqueue_open(const char *name, u32 flags, u32 mode, const struct mq_attr *attr); /* err_ptr */
int mqueue_unlink(const char *name) __must_check;

#endif
