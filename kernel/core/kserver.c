/* kserver's service threads: control socket, reaper; the spawner is in spawner.c. */
#include "core/kserver.h"

#include "abi/control.h"
#include "abi/linux/errno.h"
#include "abi/linux/futex.h"
#include "abi/linux/socket.h"
#include "abi/layout.h"
#include "core/alloc.h"
#include "core/boot.h"
#include "core/kserver_main.h"
#include "core/log.h"
#include "core/program.h"
#include "core/stats.h"
#include "gate/host.h"
#include "gate/internal.h"
#include "lib/string.h"
#include "proc/task.h"

#define WALL_ 0x40000000

/* Service threads may do everything: they act for the kernel. */
static struct cred *service_cred;

const struct cred *service_credentials(void) { return service_cred; }

struct task *service_task(const char *name)
{
	struct task *t = kzalloc(sizeof(*t));

	if (!service_cred) {
		service_cred = cred_alloc();
		if (service_cred)
			service_cred->cap_permitted = service_cred->cap_effective = (1ull << CAP_COUNT) - 1;
	}
	if (!t || !service_cred) {
		kfree(t);
		return NULL;
	}
	t->cred = cred_get(service_cred);
	t->orig_rax = ~0ull;
	ref_init(&t->ref);
	strlcpy(t->comm, name, sizeof(t->comm));
	t->blocked = ~0ull;
	return t;
}

int kserver_thread(const char *name, void (*fn)(void *), void *arg)
{
	struct task *t = service_task(name);
	int err;

	if (!t)
		return -ENOMEM;
	err = hthread_spawn(t, fn, arg);
	if (err)
		kfree(t);
	return err;
}

static void forget_task(void *arg)
{
	struct task *t = arg;

	cred_put(t->cred);
	kfree(t);
}

void kserver_thread_end(void) { hthread_leave(forget_task, current); }

/* CONTROL_EXEC and CONTROL_JOIN. The descriptors are taken over. */
static void control_program(const struct control_msg *m, const int *fds, u32 nfds)
{
	u64 size = (u64)m->arg[1], pages = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	const s64 failed[4] = { ENOMEM, m->arg[0], CONTROL_STAGE_START };
	struct program_start start = {
		.id = (u32)m->arg[0], .container = m->container, .size = size, .stdio = { -1, -1, -1 },
	};
	struct boot_block *b = NULL;
	int listener;
	u32 next = 1;
	s32 *preserved;

	for (u32 i = 0; i < 3; i++)
		if (m->arg[2] & 1 << i && next < nfds)
			start.stdio[i] = fds[next++];
	listener = m->arg[2] & 8 && next < nfds ? fds[next++] : -1;
	if (nfds && size >= sizeof(*b) && size <= BOOT_SIZE_MAX)
		b = kpages_alloc(pages);
	if (b && (host_pread64(fds[0], b, size, 0) != (long)size || b->magic != BOOT_MAGIC ||
		  b->version != BOOT_VERSION || b->size > size || b->npreserved > nfds - next ||
		  b->preserved > size || b->npreserved * sizeof(s32) > size - b->preserved)) {
		kpages_free(b, pages);
		b = NULL;
	}
	if (nfds)
		host_close(fds[0]);
	if (b) {
		preserved = (s32 *)((u8 *)b + b->preserved);
		for (u32 i = 0; i < b->npreserved; i++)
			preserved[i] = fds[next++];
		b->seccomp_fd = listener;
		start.block = b;
		if (m->type == CONTROL_JOIN)
			program_join(&start, m->arg[3], fds + next, nfds - next);
		else
			program_exec(&start);
		return;
	}
	control_send_args(CONTROL_EXEC_ERROR, failed, "the program");
	for (u32 i = 1; i < nfds; i++)
		host_close(fds[i]);
}

static void control_handle(const struct control_msg *m, const int *fds, u32 nfds)
{
	switch (m->type) {
	case CONTROL_SIGNAL:
		if (m->arg[0] <= 0 || m->arg[0] > NSIG)
			break;
		if (m->arg[1] < 0)
			program_signal_all(m->container, (int)m->arg[0]);
		else
			program_signal((u32)m->arg[1], (int)m->arg[0]);
		break;
	case CONTROL_WINSIZE:
		program_winsize((u32)m->arg[2], (u16)m->arg[0], (u16)m->arg[1]);
		break;
	case CONTROL_TERMINAL:
		program_terminal(m->arg[0] != 0, m->arg[1] != 0);
		break;
	case CONTROL_LIMITS:
		program_limits(m->container, m->arg);
		break;
	case CONTROL_FREEZE:
		program_freeze(m->container, m->arg[0] != 0);
		break;
	case CONTROL_START:
		program_go(m->container);
		break;
	case CONTROL_EXEC:
	case CONTROL_JOIN:
		control_program(m, fds, nfds);
		break;
	case CONTROL_POPULATE:
		program_populate((u32)m->arg[0]);
		break;
	case CONTROL_LOCATED:
		control_located(m->arg[0], m->arg[1], m->arg[2], m->arg[3] != 0);
		break;
	case CONTROL_SHUTDOWN:
		sandbox_exit(SIGKILL);
	default:
		log_warn("control message of unknown type %u", m->type);
	}
}

#define SOL_SOCKET_ 1

static long control_receive(struct control_msg *m, int fds[CONTROL_FDS_MAX], u32 *nfds)
{
	struct {
		u64 len;
		s32 level, type;
		s32 fds[CONTROL_FDS_MAX];
	} rights = { 0 };
	struct iovec iov = { (u64)m, sizeof(*m) };
	struct {
		u64 name, namelen;
		struct iovec *iov;
		u64 iovlen;
		void *control;
		u64 controllen, flags;
	} msg = { .iov = &iov, .iovlen = 1, .control = &rights, .controllen = sizeof(rights) };
	long n = host_recvmsg(boot->control_fd, &msg, 0x40000000 /* MSG_CMSG_CLOEXEC */);

	*nfds = 0;
	if (n > 0 && msg.controllen >= 16 && rights.level == SOL_SOCKET_ && rights.type == SCM_RIGHTS) {
		*nfds = (u32)min((rights.len - 16) / 4, (u64)CONTROL_FDS_MAX);
		memcpy(fds, rights.fds, *nfds * sizeof(int));
	}
	return n;
}

void control_main(void *arg)
{
	struct control_msg *m = arg;

	for (;;) {
		int fds[CONTROL_FDS_MAX];
		u32 nfds;
		long n = control_receive(m, fds, &nfds);

		if (n == -EINTR)
			continue;
		if (n <= 0) /* the supervisor is gone: nobody wants the sandbox any more */
			host_syscall(NR_exit_group, 1, 0, 0, 0, 0, 0);
		if ((size_t)n >= offsetof(struct control_msg, text))
			control_handle(m, fds, nfds);
	}
}

static u32 ended; /* the sandbox is over; atomic */
static u32 told; /* and the supervisor knows; atomic */

/* Some process or other is reaped just between the two: kserver is not to end before the last word is said. */
static void wait_told(void)
{
	const struct timespec64 patience = { .tv_sec = 5 };

	while (!atomic_load(&told) && host_futex(&told, FUTEX_WAIT, 0, &patience, NULL, 0) != -ETIMEDOUT)
		;
}

void sandbox_exit(int status)
{
	if (atomic_xchg(&ended, 1) == 0) {
		stats_report();
		control_send(CONTROL_EXIT, status, NULL);
		atomic_store(&told, 1);
		host_futex(&told, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0);
	} else {
		wait_told();
	}
	/* A guest process's end wakes the reaper, which ends kserver and with it everything. */
	for (;;)
		host_syscall(NR_exit_group, 0, 0, 0, 0, 0, 0);
}

/*
 * A task whose host process was killed from outside: by the host's OOM killer or an operator. In its program it just
 * died of SIGKILL. Asleep in the kernel, or in a copy or host call that the host had no memory for, another host thread
 * takes its stack over and lets it unwind, as the same SIGKILL would have made it. Anywhere else in the kernel it may
 * have held locks: nothing can be trusted any more.
 */
static bool died_outside(struct task *t)
{
	if (atomic_load(&ended))
		return true;
	if (!t->process) {
		spawner_died(t);
		return true;
	}
	log_warn("process %u was killed from outside", t->pid->nr);
	struct hthread *ht = t->ht;

	/* In its program, or its first instruction in the kernel was still to come. */
	if (atomic_load(&t->mode) == GATE_MODE_PROGRAM || (ht && atomic_load(&ht->park) == PARK_CALLED)) {
		t->ht = NULL;
		task_died_outside(t, SIGKILL);
		return true;
	}
	if (!atomic_load(&t->sleep_sp))
		panic("the host killed process %u while it was at work in the kernel", t->pid->nr);
	for (struct task *l = t; l; l = l->lender)
		signal_send_process(l->process, SIGKILL, NULL);
	if (hthread_replace(t))
		panic("no host thread to unwind process %u", t->pid->nr);
	return false;
}

#define COLLAPSE_AFTER 64u /* processes: then kmem_collapse pays */

void reaper_main(void)
{
	const struct timespec64 patience = { .tv_sec = 5 };

	for (u32 reaped = 0;;) {
		long pid = host_wait4(-1, NULL, WALL_, NULL);

		/* The last one was killed from outside: a thread of ours unwinds it, and ends the sandbox. */
		if (pid == -ECHILD)
			host_futex(&ended, FUTEX_WAIT, 0, &patience, NULL, 0);
		if (atomic_load(&ended))
			wait_told();
		if (atomic_load(&ended) || pid == -ECHILD)
			host_syscall(NR_exit_group, 0, 0, 0, 0, 0, 0);
		if (pid <= 0)
			continue;
		hproc_reaped((u32)pid, died_outside);
		if (++reaped == COLLAPSE_AFTER)
			kmem_collapse();
	}
}
