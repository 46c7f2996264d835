/* Control data of unix sockets: SCM_RIGHTS, SCM_CREDENTIALS, SCM_PIDFD. */
#include "net/unix/unix.h"

#include "abi/linux/capability.h"
#include "fs/event/event.h"

#define OVERFLOW_ID 65534u
#define NO_ID 0xffffffffu

static int scm_grow(struct unix_scm *scm, u32 more)
{
	struct unix_fds *fds;
	u32 count = scm->fds ? scm->fds->count : 0;

	if (count + more > SCM_MAX_FD)
		return -EINVAL;
	if (scm->fds && count + more <= scm->fds->capacity)
		return 0;
	fds = krealloc(scm->fds, sizeof(*fds) + (count + more) * sizeof(fds->fp[0]));
	if (!fds)
		return -ENOMEM;
	if (!scm->fds)
		*fds = (struct unix_fds){ .uid = current->cred->uid };
	list_init(&fds->node);
	fds->capacity = count + more;
	scm->fds = fds;
	return 0;
}

static int scm_rights(struct unix_scm *scm, const struct cmsghdr *c)
{
	const s32 *fd = sock_cmsg_data(c);
	u64 n = (c->len - sizeof(*c)) / sizeof(*fd), i;
	int ret;

	if (!n)
		return 0;
	if (n > SCM_MAX_FD)
		return -EINVAL;
	ret = scm_grow(scm, (u32)n);
	if (ret)
		return ret;
	for (i = 0; i < n; i++) {
		struct file *f = fd[i] < 0 ? NULL : fd_get_any(fd[i]);

		if (!f)
			return -EBADF;
		scm->fds->fp[scm->fds->count++] = f;
	}
	return 0;
}

/* Who one claims to be must be oneself, or one has the capability for it. */
static int creds_check(const struct ucred *uc)
{
	const struct cred *c = current->cred;
	bool pid_ok = uc->pid == (s32)current->process->pid->nr || capable(CAP_SYS_ADMIN);
	bool uid_ok = uc->uid == c->uid || uc->uid == c->euid || uc->uid == c->suid || capable(CAP_SETUID);
	bool gid_ok = uc->gid == c->gid || uc->gid == c->egid || uc->gid == c->sgid || capable(CAP_SETGID);

	if (uc->uid == NO_ID || uc->gid == NO_ID)
		return -EINVAL;
	return pid_ok && uid_ok && gid_ok ? 0 : -EPERM;
}

static int scm_credentials(struct unix_scm *scm, const struct cmsghdr *c)
{
	struct ucred uc;
	struct pid *pid;
	int ret;

	if (c->len != CMSG_LEN(sizeof(uc)))
		return -EINVAL;
	memcpy(&uc, sock_cmsg_data(c), sizeof(uc));
	ret = creds_check(&uc);
	if (ret)
		return ret;
	mutex_lock(&tasklist_lock);
	pid = uc.pid > 0 ? pid_find((u32)uc.pid) : NULL;
	if (pid)
		pid_get(pid);
	mutex_unlock(&tasklist_lock);
	if (!pid)
		return -ESRCH;
	if (scm->pid)
		pid_put(scm->pid);
	scm->pid = pid;
	scm->uid = uc.uid;
	scm->gid = uc.gid;
	return 0;
}

int unix_scm_send(struct unix_scm *scm, const struct sock_msg *m)
{
	const struct cmsghdr *c = NULL;
	int ret = 0;

	*scm = (struct unix_scm){ .uid = NO_ID, .gid = NO_ID };
	if (likely(!m->control_len))
		return 0;
	while (!ret && (c = sock_cmsg_next(m, c))) {
		if (is_err(c))
			ret = (int)ptr_err(c);
		else if (c->level != SOL_SOCKET)
			continue;
		else if (c->type == SCM_RIGHTS)
			ret = scm_rights(scm, c);
		else if (c->type == SCM_CREDENTIALS)
			ret = scm_credentials(scm, c);
		else
			ret = -EINVAL;
	}
	if (ret)
		unix_scm_destroy(scm);
	return ret;
}

int unix_scm_attach_fds(struct unix_scm *scm, struct unix_msg *m)
{
	int ret = 0;

	if (scm->fds->count) {
		ret = unix_inflight_add(scm->fds);
		if (!ret) {
			m->fds = scm->fds;
			scm->fds = NULL;
		}
	}
	return ret;
}

void unix_scm_attach_creds(const struct unix_scm *scm, struct unix_msg *m)
{
	if (likely(!scm->pid))
		return;
	pid_get(scm->pid);
	m->pid = scm->pid;
	m->uid = scm->uid;
	m->gid = scm->gid;
}

void unix_scm_default_creds(struct unix_msg *m, const struct unix_sock *from, const struct unix_sock *to)
{
	u32 flags = atomic_load_relaxed(&from->sock.flags) | atomic_load_relaxed(&to->sock.flags);

	if (m->pid || likely(!(flags & (SOCK_F_PASSCRED | SOCK_F_PASSPIDFD))))
		return;
	m->pid = current->process->pid;
	pid_get(m->pid);
	m->uid = current->cred->uid;
	m->gid = current->cred->gid;
}

void unix_scm_take_fds(struct unix_scm *scm, struct unix_msg *m)
{
	struct unix_fds *fds = unix_inflight_take(m);

	if (scm->fds)
		unix_fds_release(scm->fds);
	scm->fds = fds;
}

int unix_scm_peek_fds(struct unix_scm *scm, const struct unix_msg *m)
{
	const struct unix_fds *from = m->fds;
	struct unix_fds *fds = kmalloc(sizeof(*fds) + from->count * sizeof(fds->fp[0]));

	if (!fds)
		return -ENOMEM;
	*fds = (struct unix_fds){ .count = from->count, .capacity = from->count };
	list_init(&fds->node);
	for (u32 i = 0; i < from->count; i++)
		fds->fp[i] = file_get(from->fp[i]);
	/* A collection that counted references before these were taken ends before the program gets at them. */
	unix_inflight_barrier();
	if (scm->fds)
		unix_fds_release(scm->fds);
	scm->fds = fds;
	return 0;
}

void unix_scm_take_creds(struct unix_scm *scm, const struct unix_msg *m)
{
	if (scm->pid)
		pid_put(scm->pid);
	scm->pid = m->pid;
	if (scm->pid)
		pid_get(scm->pid);
	scm->uid = m->pid ? m->uid : NO_ID;
	scm->gid = m->pid ? m->gid : NO_ID;
}

bool unix_scm_same_creds(const struct unix_scm *scm, const struct unix_msg *m)
{
	if (scm->pid != m->pid)
		return false;
	return !m->pid || (scm->uid == m->uid && scm->gid == m->gid);
}

static bool control_room(const struct sock_msg *m)
{
	return !uptr_null(m->user_control) && m->control_len > sizeof(struct cmsghdr);
}

static void recv_creds(struct unix_scm *scm, struct sock_msg *m)
{
	struct ucred uc = {
		.pid = scm->pid ? (s32)pid_nr_seen(scm->pid) : 0,
		.uid = scm->uid == NO_ID ? OVERFLOW_ID : scm->uid,
		.gid = scm->gid == NO_ID ? OVERFLOW_ID : scm->gid,
	};

	(void)sock_cmsg_put(m, SOL_SOCKET, SCM_CREDENTIALS, &uc, sizeof(uc));
}

static void recv_pidfd(struct unix_scm *scm, struct sock_msg *m)
{
	struct file *f;
	s32 fd;

	if (!control_room(m) || m->control_len - sizeof(struct cmsghdr) < sizeof(fd)) {
		m->out_flags |= MSG_CTRUNC;
		return;
	}
	if (!scm->pid)
		return;
	f = pidfd_create(scm->pid, 0);
	fd = is_err(f) ? (s32)ptr_err(f) : fd_alloc(0, true);
	if (sock_cmsg_put(m, SOL_SOCKET, SCM_PIDFD, &fd, sizeof(fd)) && fd >= 0) {
		fd_cancel(fd);
		fd = -EFAULT;
	}
	if (fd >= 0)
		fd_install(fd, f);
	else if (!is_err(f))
		file_put(f);
}

static void recv_rights(struct unix_fds *fds, struct sock_msg *m)
{
	u64 room = control_room(m) ? (m->control_len - sizeof(struct cmsghdr)) / sizeof(s32) : 0;
	u32 n = (u32)min(room, (u64)fds->count), i;
	struct uptr data = uptr_add(m->user_control, sizeof(struct cmsghdr));

	for (i = 0; i < n; i++) {
		s32 fd = fd_alloc(0, m->flags & MSG_CMSG_CLOEXEC);

		if (fd < 0)
			break;
		if (copy_out(uptr_add(data, i * sizeof(fd)), &fd, sizeof(fd))) {
			fd_cancel(fd);
			break;
		}
		fd_install(fd, fds->fp[i]);
		fds->fp[i] = NULL;
	}
	if (i < fds->count)
		m->out_flags |= MSG_CTRUNC;
	if (i) {
		struct cmsghdr h = { .len = CMSG_LEN(i * sizeof(s32)), .level = SOL_SOCKET, .type = SCM_RIGHTS };
		u64 space = min(CMSG_SPACE(i * sizeof(s32)), m->control_len);

		if (copy_out(m->user_control, &h, sizeof(h)))
			return;
		m->user_control = uptr_add(m->user_control, space);
		m->control_len -= space;
	}
}

void unix_scm_recv(struct unix_scm *scm, struct unix_sock *u, struct sock_msg *m)
{
	u32 flags = atomic_load_relaxed(&u->sock.flags);

	if (uptr_null(m->user_control)) {
		if ((flags & (SOCK_F_PASSCRED | SOCK_F_PASSPIDFD)) || scm->fds)
			m->out_flags |= MSG_CTRUNC;
	} else {
		if (unlikely(flags & SOCK_F_PASSCRED))
			recv_creds(scm, m);
		if (scm->fds)
			recv_rights(scm->fds, m);
		if (unlikely(flags & SOCK_F_PASSPIDFD))
			recv_pidfd(scm, m);
	}
	unix_scm_destroy(scm);
}

void unix_scm_destroy(struct unix_scm *scm)
{
	if (scm->fds)
		unix_fds_release(scm->fds);
	if (scm->pid)
		pid_put(scm->pid);
	scm->fds = NULL;
	scm->pid = NULL;
}
