/*
 * Pipes and FIFOs, pipe(7), fifo(7).
 *
 * A pipe is a byte ring over pages that are taken when they are first written to. head and tail count bytes since
 * the beginning; only the holder of wbusy moves head and fills the ring behind it, only the holder of rbusy moves
 * tail. The two flags are claims, not locks: they are held over user copies, and whoever waits for one sleeps on
 * the side's wait queue. So a transfer takes two atomic operations and no lock, and copies its bytes once.
 *
 * Space is given back by whole pages, as on Linux: a full pipe takes no byte before a page of it was read.
 *
 * Life: pipe() makes an inode with a pipe; the first open of a FIFO makes its pipe. The pipe goes when its last
 * file does. inode->pipe and pipe.files are under inode->lock.
 */
#ifndef LIMPET_FS_PIPE_PIPE_H
#define LIMPET_FS_PIPE_PIPE_H

#include "fs/file.h"

#define PIPE_BUF 4096u
#define PIPE_DEFAULT_SIZE 65536u
#define PIPE_MAX_SIZE (1u << 20) /* without CAP_SYS_RESOURCE: /proc/sys/fs/pipe-max-size */
#define PIPE_DEFAULT_PAGES (PIPE_DEFAULT_SIZE / PAGE_SIZE)

/* A write of packet mode (O_DIRECT): read as a whole or cut off. */
struct pipe_packet {
	u64 start, end;
};

struct pipe {
	u64 head; /* atomic; moved by the holder of wbusy */
	u32 wbusy; /* atomic claim of the writing side */
	u64 base; /* atomic; head when a write last found the pipe empty */
	u32 pk_head; /* atomic; packets begun; holder of wbusy */
	u64 tail; /* atomic; moved by the holder of rbusy */
	u32 rbusy; /* atomic claim of the reading side */
	u32 pk_tail; /* atomic; holder of rbusy */
	u32 capacity; /* bytes, a power of two of pages; changed by the holder of both */
	u32 files; /* open files; under inode->lock */
	void **pages; /* capacity / PAGE_SIZE, NULL = not taken yet; changed as capacity, filled by the holder of wbusy */
	struct pipe_packet *packets; /* one for each page; NULL = never in packet mode; changed as pages */
	struct wait_queue rd_wait, wr_wait;
	struct mutex lock; /* LOCK_PIPE; guards changes of the four below, which are read as atomics */
	u32 readers, writers;
	u32 r_counter, w_counter; /* opens so far: what a blocking open of a FIFO waits for */
	void *first_pages[PIPE_DEFAULT_PAGES];
};

extern const struct file_ops pipe_fops;

int pipe_init(void) __must_check; /* from fs_init */
/* flags: O_NONBLOCK, O_DIRECT, O_CLOEXEC. Two files, reading end first. */
int pipe_create(u32 flags, struct file *out[2]) __must_check;
/* open(2) of a FIFO: may block for the other side. Sets file->ops and priv. Any FIFO inode, no lock held. */
int fifo_open(struct inode *inode, struct file *file);
/* fcntl F_GETPIPE_SZ, F_SETPIPE_SZ; -EBADF when f is no pipe. */
long pipe_fcntl(struct file *f, u32 cmd, u64 arg);
static inline bool file_is_pipe(const struct file *f) { return f->ops == &pipe_fops; }

/*
 * A claim: 0 free, 1 taken, 2 taken and somebody sleeps until it is given up. Taking also marks it when it cannot be
 * had, so this is the condition of a wait_event on the side's queue.
 */
static inline bool pipe_claim(u32 *busy)
{
	for (;;) {
		u32 v = atomic_load_relaxed(busy);

		if (v == 2 || (v == 1 && atomic_cas(busy, 1u, 2u)))
			return false;
		if (v == 0 && atomic_cas(busy, 0u, 1u))
			return true;
	}
}
/* A full fence, so that the wait_queue_active hints behind it can be trusted. */
static inline void pipe_release_claim(u32 *busy, struct wait_queue *wq)
{
	if (unlikely(atomic_xchg(busy, 0u) == 2))
		wake_up_all(wq);
}

u64 pipe_avail(struct pipe *p); /* bytes to read */
u64 pipe_room(struct pipe *p); /* bytes a write may add */

/* For fifo.c. */
struct pipe *pipe_alloc(void); /* NULL = no memory */
void pipe_free(struct pipe *p);
/* Takes one end, or both, of mode_flags off again and drops the file's share. */
void pipe_detach(struct inode *inode, struct pipe *p, u32 mode_flags);
bool pipe_unnamed(const struct inode *inode); /* made by pipe(2), not by name */

#endif
