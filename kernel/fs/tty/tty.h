/*
 * Terminals: tty(4), pts(4), ioctl_tty(2), credentials(7) on sessions.
 *
 * Layers, from the program down:
 *   tty_io.c      read, write, poll of a terminal's file; tty_ioctl.c its ioctls
 *   ldisc.h       the line discipline (pure)
 *   tty.c         struct tty, its rings, input from the line, hangup
 *   tty_jobctl.c  controlling terminals, foreground groups, SIGTTIN and SIGTTOU
 *   drivers       pty.c (the master's side of a pair, /dev/ptmx), hosttty.c (a terminal of the host)
 *   devpts.c      the file system of their names
 *
 * A byte from the line goes: tty_input() -> ring `in` (only when the discipline is full) -> ldisc -> reader.
 * A byte of a program goes: ldisc (OPOST) -> ring `out` -> driver: the master reads it, or the host gets it.
 * The ring keeps some room that only echo may use.
 *
 * Life of a tty: tty_alloc -> names and files refer to it -> last tty_put frees. References are held by open files,
 * by processes whose controlling terminal it is, and by its inode. tty_put may be called with any lock held.
 * An open file remembers the terminal's generation: a hangup makes all older files dead (reads 0, writes EIO).
 *
 * Locks: tty->lock (LOCK_TTY) guards everything but what stands under tasklist_lock, which is taken inside it.
 */
#ifndef LIMPET_FS_TTY_TTY_H
#define LIMPET_FS_TTY_TTY_H

#include "core/wait.h"
#include "fs/file.h"
#include "fs/tty/ldisc.h"

struct pid;
struct process;
struct tty;
struct devpts;

#define TTY_MAJOR_PTS 136u
#define TTY_MAJOR_AUX 5u /* 0 /dev/tty, 1 /dev/console, 2 /dev/ptmx */
#define TTY_OUT_SIZE 16384u
#define TTY_IN_SIZE 8192u

/* A byte ring; size is a power of two. */
struct tty_ring {
	u8 *buf;
	u32 size;
	u64 head, tail;
};

struct tty_driver {
	const char *name;
	bool pty;
	/* The out ring has got bytes, or may go on. No lock held; must not block when called on the poller thread. */
	void (*output)(struct tty *tty);
	/* There is room for input again. No lock held; NULL = nothing to do. */
	void (*input_room)(struct tty *tty);
};

struct tty {
	struct ref ref;
	u32 index; /* immutable: pts number */
	const struct tty_driver *driver; /* immutable */
	void *driver_priv; /* immutable */
	struct devpts *pts; /* where its name is; NULL = nowhere. Under devpts's lock */

	struct mutex lock; /* LOCK_TTY; guards from here on */
	struct ldisc ld;
	struct tty_ring in, out;
	struct winsize winsize;
	struct termios_old locks; /* TIOCSLCKTRMIOS: set bits and characters stay as they are */
	bool reading, writing; /* claims: one reader and one writer at a time */
	bool exclusive; /* TIOCEXCL */
	u32 opens; /* files of the terminal itself (the slave side) */
	u32 gen; /* atomic to read: bumped by a hangup */

	/* Ptys only. */
	bool master_open;
	bool locked; /* TIOCSPTLCK: the slave can't be opened yet */
	bool slave_gone; /* it was open and everybody closed it: the master reads EIO */
	bool packet; /* TIOCPKT */
	u8 packet_status; /* TIOCPKT_* events the master has not read */

	struct wait_queue read_wait, write_wait; /* of the terminal's files */
	struct wait_queue master_read_wait, master_write_wait;

	struct pid *session, *pgrp; /* references; under tasklist_lock */
};

/* file->priv of every terminal file and of a pty's master. */
struct tty_file {
	struct tty *tty; /* reference held */
	u32 gen; /* of the terminal when it was opened */
	bool master;
};

extern const struct file_ops tty_fops; /* terminals */
extern const struct file_ops pty_master_fops;

/* Boot. */
int tty_init(void) __must_check; /* from fs_init: devices and the devpts type */

/*
 * The host's terminal, hosttty.c. in_fd -1 = output only; size 0 by 0: the host is asked; settings NULL = a fresh
 * terminal's. The file is open for reading and writing.
 */
int hosttty_create(int in_fd, int out_fd, const struct winsize *size, const struct termios2 *settings,
		   struct file **out) __must_check;
void hosttty_pause(struct tty *tty, bool paused); /* no input is taken from the host meanwhile */
void hosttty_set_winsize(struct tty *tty, u16 rows, u16 cols); /* from the control socket; SIGWINCH to the foreground group */
void hosttty_drain(struct tty *tty); /* until all output has gone to the host, or it takes none for a while */
void hosttty_release(struct tty *tty); /* hangs up and gives the host's descriptors back */
/* Makes f's terminal the controlling one of p, which leads its session and has none. 0, -ENOTTY, -EPERM. */
int tty_make_controlling(struct file *f, struct process *p) __must_check;

/* References; any lock may be held. */
static inline void tty_get(struct tty *tty) { ref_get(&tty->ref); }
void tty_put(struct tty *tty);
/* The device number in /proc/PID/stat, as MKDEV makes it. */
static inline u64 tty_dev(const struct tty *tty) { return MKDEV(TTY_MAJOR_PTS, tty->index); }

/* exit.c: p is going; when it leads its session the terminal is taken from all of it. No lock held. */
void tty_session_leader_exit(struct process *p);
/* vhangup(2) of the current process's terminal. */
int tty_vhangup(void);

/* --- between the files of this folder --- */

static inline u32 tty_ring_used(const struct tty_ring *r) { return (u32)(r->head - r->tail); }
static inline u32 tty_ring_room(const struct tty_ring *r) { return r->size - tty_ring_used(r); }
void tty_ring_put(struct tty_ring *r, const u8 *bytes, size_t n); /* the caller checked the room */
size_t tty_ring_get(struct tty_ring *r, u8 *bytes, size_t n);

struct tty *tty_alloc(const struct tty_driver *driver, u32 index); /* NULL = no memory */
struct tty_file *tty_file_alloc(struct tty *tty, bool master); /* takes a reference; NULL = no memory */
void tty_file_free(struct tty_file *tf);
static inline bool tty_file_dead(struct tty_file *tf) { return atomic_load(&tf->tty->gen) != tf->gen; }
/* The tty of any terminal file or pty master; NULL = it is neither. No reference taken. */
struct tty *tty_of_file(struct file *f);

/* Opens the terminal itself (slave side); sets file->ops and priv. */
int tty_open(struct tty *tty, struct file *file);
/* The same as a new file under the terminal's name, for TIOCGPTPEER and boot. err_ptr. */
struct file *tty_open_file(struct tty *tty, u32 flags);

/* Bytes from the line: returns how many were taken. Under tty->lock; tty_unlock_kick afterwards. */
size_t tty_input_locked(struct tty *tty, const u8 *bytes, size_t n);
u32 tty_input_room_locked(struct tty *tty); /* how many tty_input_locked takes for sure */
void tty_pump_locked(struct tty *tty); /* backlog into the discipline */
/* Unlocks, then starts output that input (echo) or a program left in the ring. */
void tty_unlock_kick(struct tty *tty);
bool tty_can_write_locked(struct tty *tty); /* a program's write would take something */
void tty_flush_input_locked(struct tty *tty);
void tty_flush_output_locked(struct tty *tty);
void tty_packet_event_locked(struct tty *tty, u8 status);
/* All files so far are dead, the session loses its terminal: SIGHUP and SIGCONT to its leader. No lock held. */
void tty_hangup(struct tty *tty);

long tty_ioctl(struct file *f, u32 cmd, u64 arg); /* terminals and masters */

/* tty_jobctl.c */
/* A background process that wants to read (SIGTTIN) or change (SIGTTOU): 0 = go on, -ERESTARTSYS, -EIO. */
int tty_check_change(struct tty *tty, int sig) __must_check;
void tty_open_controlling(struct tty *tty, struct file *file); /* open(2) without O_NOCTTY by a session leader */
void tty_signal_pgrp(struct tty *tty, int sig); /* the foreground group; tty->lock may be held */
/* The session's processes have no terminal any more; hup: its leader gets SIGHUP and SIGCONT. */
void tty_session_clear(struct tty *tty, bool hup);
struct tty *tty_current(void); /* the current process's, referenced, or NULL */
/* -ENOIOCTLCMD: not one of them */
long tty_jobctl_ioctl(struct tty *tty, struct tty_file *tf, struct file *f, u32 cmd, u64 arg);
#define ENOIOCTLCMD 515

/* devpts.c */
int devpts_init(void) __must_check;
/* container.devpts_root, when that goes. */
void devpts_drop(struct inode *root);
/* The instance an inode is in, else the container's first one; referenced or NULL. */
struct devpts *devpts_of_inode(struct inode *inode);
void devpts_put(struct devpts *pts);
/* A free number, -ENOSPC, -ENOMEM. Then devpts_add or devpts_free_index. */
int devpts_alloc_index(struct devpts *pts) __must_check;
void devpts_free_index(struct devpts *pts, u32 index);
/* The name appears; takes a reference to tty and pts. */
int devpts_add(struct devpts *pts, struct tty *tty) __must_check;
void devpts_remove(struct tty *tty); /* the name is gone, the number still taken */
void devpts_release(struct tty *tty); /* the number too */
struct inode *devpts_inode(struct tty *tty); /* referenced; NULL = it has no name */

/* pty.c */
int ptmx_open(struct inode *inode, struct file *file);
void pty_slave_closed(struct tty *tty); /* the last file of the slave is gone; no lock held */

/* hosttty.c */

#endif
