/*
 * Pending sets: queueing and taking siginfos, and their copies to and from programs.
 *
 * A pending set is a mask plus the siginfos that could be kept: a standard signal is pending once, a real-time one
 * as often as it was sent. Queued infos count against RLIMIT_SIGPENDING of the receiver's real user; a standard
 * signal without room for its info still becomes pending.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "proc/internal.h"
#include "proc/ptimer.h"

struct sigqueue {
	struct list_head node;
	struct sig_user *user;
	struct siginfo info;
};

/* Queued infos of a user; exists while there are any. */
struct sig_user {
	struct list_head node;
	u32 uid;
	u32 count;
};
#define SIG_USER_BUCKETS 64
static struct mutex sig_user_lock = MUTEX_INIT(LOCK_LEAF);
/* Under sig_user_lock; a bucket with a NULL head has never been used. */
static struct list_head sig_users[SIG_USER_BUCKETS];

/* Counts one more info of uid; NULL when that exceeds limit or there is no memory. */
static struct sig_user *sig_user_charge(u32 uid, u64 limit)
{
	struct list_head *bucket = &sig_users[uid % SIG_USER_BUCKETS];
	struct sig_user *u, *found = NULL;

	mutex_lock(&sig_user_lock);
	if (!bucket->next)
		list_init(bucket);
	list_for_each_entry(u, bucket, node)
		if (u->uid == uid)
			found = u;
	if (!found && limit) {
		found = kzalloc(sizeof(*found));
		if (found) {
			found->uid = uid;
			list_add(&found->node, bucket);
		}
	}
	if (found && found->count >= limit)
		found = NULL;
	if (found)
		found->count++;
	mutex_unlock(&sig_user_lock);
	return found;
}

static void sig_user_uncharge(struct sig_user *u)
{
	mutex_lock(&sig_user_lock);
	if (--u->count == 0) {
		list_del(&u->node);
		kfree(u);
	}
	mutex_unlock(&sig_user_lock);
}

static void sigqueue_free(struct sigqueue *q)
{
	list_del(&q->node);
	sig_user_uncharge(q->user);
	kfree(q);
}

void siginfo_init(struct siginfo *info, int sig, int code)
{
	memset(info, 0, sizeof(*info));
	info->signo = sig;
	info->code = code;
}

void siginfo_kill(struct siginfo *info, int sig)
{
	struct task *t = current;

	siginfo_init(info, sig, SI_USER);
	if (t->process)
		info->rt.pid = (s32)t->process->pid->nr;
	if (t->cred)
		info->rt.uid = t->cred->uid;
}

void sigpending_init(struct sigpending *p)
{
	list_init(&p->queue);
	p->set = 0;
}

void sigqueue_flush_locked(struct sigpending *p, u64 mask)
{
	struct sigqueue *q, *n;

	if (!(p->set & mask))
		return;
	p->set &= ~mask;
	list_for_each_entry_safe(q, n, &p->queue, node)
		if (sig_in(q->info.signo, mask))
			sigqueue_free(q);
}

void sigpending_flush(struct sigpending *p) { sigqueue_flush_locked(p, ~0ull); }

int sigqueue_add_locked(struct task *target, struct sigpending *p, int sig, const struct siginfo *info)
{
	/* Signals that the kernel itself raises are not to be lost for want of room, but for real-time ones. */
	bool override = sig < SIGRTMIN && (!info || info->code >= 0);
	u64 limit = override ? ~0ull : target->process->rlim[RLIMIT_SIGPENDING].cur;
	u32 uid = target->cred ? target->cred->uid : 0;
	struct sigqueue *q = NULL;
	struct sig_user *user;

	if (sig < SIGRTMIN && sig_in(sig, p->set))
		return 0;
	if (sig == SIGKILL)
		goto pending;
	user = sig_user_charge(uid, limit);
	if (user) {
		q = kmalloc(sizeof(*q));
		if (!q)
			sig_user_uncharge(user);
	}
	if (!q && sig >= SIGRTMIN && info && info->code != SI_USER)
		return -EAGAIN;
	if (q) {
		list_init(&q->node);
		q->user = user;
		if (info)
			q->info = *info;
		else
			siginfo_init(&q->info, sig, SI_KERNEL);
		q->info.signo = sig;
		list_add_tail(&q->node, &p->queue);
	}
pending:
	p->set |= SIGMASK(sig);
	return 0;
}

int sigqueue_take_locked(struct sigpending *p, u64 mask, struct siginfo *info)
{
	u64 set = p->set & mask;
	struct sigqueue *q, *first = NULL;
	bool more = false;
	int sig;

	if (!set)
		return 0;
	if (set & SIG_SYNCHRONOUS)
		set &= SIG_SYNCHRONOUS;
	sig = __builtin_ctzll(set) + 1;
	list_for_each_entry(q, &p->queue, node) {
		if (q->info.signo != sig)
			continue;
		if (first) {
			more = true;
			break;
		}
		first = q;
	}
	if (!more)
		p->set &= ~SIGMASK(sig);
	if (first) {
		*info = first->info;
		sigqueue_free(first);
	} else {
		siginfo_init(info, sig, SI_USER);
	}
	return sig;
}

int signal_dequeue_locked(u64 mask, struct siginfo *info)
{
	struct task *t = current;
	int sig = sigqueue_take_locked(&t->pending, mask, info);

	if (!sig)
		sig = sigqueue_take_locked(&t->process->shared_pending, mask, info);
	if (sig && sig_in(sig, SIG_KERNEL_STOP))
		t->stop_dequeued = true;
	signal_recalc_locked(t);
	return sig;
}

int signal_dequeue(u64 mask, struct siginfo *info)
{
	struct sighand *sh;
	int sig;

	if (!(signal_pending_set() & mask))
		return 0;
	sh = process_lock_sighand(current->process);
	sig = signal_dequeue_locked(mask, info);
	mutex_unlock(&sh->lock);
	if (sig && info->code == SI_TIMER)
		ptimer_signal_taken(info);
	return sig;
}

u64 signal_pending_set(void)
{
	struct task *t = current;

	return atomic_load_relaxed(&t->pending.set) | atomic_load_relaxed(&t->process->shared_pending.set);
}

int siginfo_copy_out(struct uptr to, const struct siginfo *info)
{
	return copy_out(to, info, sizeof(*info));
}

/* Linux keeps 48 bytes of a siginfo; what lies behind must be zero unless the layout is one it knows. */
#define SIGINFO_KNOWN 48

static bool siginfo_known_layout(int sig, int code)
{
	static const struct {
		u8 sig, limit;
	} specific[] = { { SIGILL, 11 }, { SIGFPE, 15 }, { SIGSEGV, 10 }, { SIGBUS, 5 },
			 { SIGTRAP, 6 }, { SIGCHLD, 6 }, { SIGIO, 6 },	  { SIGSYS, 2 } };

	if (code == SI_KERNEL)
		return true;
	if (code <= SI_USER)
		return code >= -7 || code == -60;
	for (u32 i = 0; i < ARRAY_SIZE(specific); i++)
		if (specific[i].sig == sig)
			return code <= specific[i].limit;
	return code <= 6;
}

int siginfo_copy_in(struct siginfo *info, struct uptr from, int sig)
{
	const u8 *bytes = (const u8 *)info;

	if (copy_in(info, from, sizeof(*info)))
		return -EFAULT;
	info->signo = sig;
	if (siginfo_known_layout(sig, info->code)) {
		memset((u8 *)info + SIGINFO_KNOWN, 0, sizeof(*info) - SIGINFO_KNOWN);
		return 0;
	}
	for (u32 i = SIGINFO_KNOWN; i < sizeof(*info); i++)
		if (bytes[i])
			return -E2BIG;
	return 0;
}
