/* See server.h. */
#include "runtime/container/server.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int server_request(int fd, const struct request *request, const int *fds, size_t nfds, struct error *err)
{
	char control[CMSG_SPACE(CONTROL_FDS_MAX * sizeof(int))] = {0};
	struct iovec iov = {(void *)request, sizeof(*request)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nfds) {
		struct cmsghdr *cmsg;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? error_errno(err, "the container's supervisor is gone") : 0;
}

int server_reply(int fd, struct reply *reply, struct error *err)
{
	ssize_t n;

	do {
		n = recv(fd, reply, sizeof(*reply), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return error_set(err, "the container's supervisor does not answer");
	if (n != (ssize_t)sizeof(*reply))
		return error_set(err, "the container's supervisor ended");
	reply->text[sizeof(reply->text) - 1] = '\0';
	return 0;
}

void describe_exec_error(char *out, size_t size, int error, int64_t stage, const char *text)
{
	if (stage == CONTROL_STAGE_CWD)
		snprintf(out, size, "chdir to cwd (\"%s\") set in config.json failed: %s", text,
			 error == ENOENT ? "no such file or directory" : error == EACCES ? "permission denied" : strerror(error));
	else if (stage == CONTROL_STAGE_WORLD)
		snprintf(out, size, "the guest kernel cannot make the container: %s (%s)", text, strerror(error));
	else if (stage == CONTROL_STAGE_CPUS)
		snprintf(out, size, "process.execCPUAffinity.final: the container has none of these CPUs");
	else if (stage == CONTROL_STAGE_START)
		snprintf(out, size, "the guest kernel cannot start a program: %s", strerror(error));
	else if (error == ENOENT && !strchr(text, '/'))
		snprintf(out, size, "exec: \"%s\": executable file not found in $PATH", text);
	else if (error == ENOENT)
		snprintf(out, size, "exec: \"%s\": stat %s: no such file or directory", text, text);
	else if (error == EACCES)
		snprintf(out, size, "exec: \"%s\": permission denied", text);
	else
		snprintf(out, size, "exec: \"%s\": %s", text, strerror(error));
}

int server_listen(struct server *s, int dir, struct error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	for (size_t i = 0; i < ARRAY_SIZE(s->connections); i++)
		s->connections[i] = (struct connection){.fd = -1};
	s->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd < 0)
		return error_errno(err, "socket");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/socket", dir);
	if (bind(s->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(s->listen_fd, 64))
		return error_errno(err, "cannot listen in the container's directory");
	return 0;
}

size_t server_poll(const struct server *s, struct pollfd *fds)
{
	size_t n = 0;

	fds[n++] = (struct pollfd){.fd = s->listen_fd, .events = POLLIN};
	for (size_t i = 0; i < ARRAY_SIZE(s->connections); i++)
		if (s->connections[i].fd >= 0)
			fds[n++] = (struct pollfd){.fd = s->connections[i].fd, .events = POLLIN};
	return n;
}

static void reply(struct connection *c, uint32_t type, int64_t arg0, int64_t arg1, const char *text)
{
	struct reply r = {.type = type, .arg = {arg0, arg1}};

	snprintf(r.text, sizeof(r.text), "%s", text ? text : "");
	send(c->fd, &r, sizeof(r), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int control(struct server *s, uint32_t type, uint32_t container, int64_t a0, int64_t a1, int64_t a2)
{
	struct control_msg msg = {.type = type, .container = container, .arg = {a0, a1, a2}};

	return s->control(s->arg, &msg, NULL, 0);
}

bool server_kill_orphans(struct server *s, bool (*kill)(void *arg, uint32_t program))
{
	bool done = true;

	for (size_t i = 0; i < ARRAY_SIZE(s->connections); i++) {
		struct connection *c = &s->connections[i];

		if (c->fd >= 0 || !c->program)
			continue;
		if (kill(s->arg, c->program))
			c->program = 0;
		else
			done = false;
	}
	return done;
}

static void drop(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
}

static bool too_many(const struct server *s)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s->connections); i++)
		n += s->connections[i].program != 0;
	return n >= SERVER_CONNECTIONS - SERVER_SHORT;
}

static void execute(struct server *s, struct connection *c, const struct request *r, const int *fds, size_t nfds)
{
	struct control_msg msg = {.type = r->type == REQUEST_JOIN ? CONTROL_JOIN : CONTROL_EXEC, .container = r->container};

	if (c->program || !nfds || r->arg[0] <= 0) {
		reply(c, REPLY_ERROR, EINVAL, CONTROL_STAGE_START, "malformed request");
		return;
	}
	if (too_many(s)) {
		reply(c, REPLY_ERROR, EAGAIN, CONTROL_STAGE_START, "too many programs at once were started by exec");
		return;
	}
	c->program = ++s->last_program;
	memcpy(msg.arg, (int64_t[4]){c->program, r->arg[0], r->arg[1], r->arg[2]}, sizeof(msg.arg));
	if (s->control(s->arg, &msg, fds, nfds)) {
		c->program = 0;
		reply(c, REPLY_ERROR, errno, CONTROL_STAGE_START, "the guest kernel takes no messages");
	}
}

static void handle(struct server *s, struct connection *c, const struct request *r, const int *fds, size_t nfds)
{
	int failed = 0;

	switch (r->type) {
	case REQUEST_START:
		if (s->started && !r->container) {
			reply(c, REPLY_ERROR, 0, 0, "cannot start an already running container");
			return;
		}
		failed = control(s, CONTROL_START, r->container, 0, 0, 0);
		s->started |= !failed && !r->container;
		break;
	case REQUEST_SIGNAL:
		if (r->arg[0] <= 0 || r->arg[0] > 64) {
			reply(c, REPLY_ERROR, EINVAL, 0, "no such signal");
			return;
		}
		failed = control(s, CONTROL_SIGNAL, r->container, r->arg[0],
				 c->program ? c->program : r->arg[1] ? -1 : (int64_t)r->container, 0);
		s->kill_asked |= !c->program && !r->container && r->arg[0] == SIGKILL;
		if (c->program)
			return; /* its owner listens for other things */
		break;
	case REQUEST_WINSIZE:
		control(s, CONTROL_WINSIZE, 0, r->arg[0], r->arg[1], c->program);
		return;
	case REQUEST_LIMITS: {
		struct control_msg msg = {.type = CONTROL_LIMITS, .container = r->container, .arg = {r->arg[0], r->arg[1], r->arg[2], r->arg[3]}};

		failed = s->control(s->arg, &msg, NULL, 0);
		break;
	}
	case REQUEST_FREEZE:
		failed = control(s, CONTROL_FREEZE, r->container, r->arg[0], 0, 0);
		break;
	case REQUEST_POPULATE:
		if (!c->program || control(s, CONTROL_POPULATE, 0, c->program, 0, 0))
			reply(c, REPLY_ERROR, EINVAL, CONTROL_STAGE_START, "there is no container to populate");
		return;
	case REQUEST_EXEC:
	case REQUEST_JOIN:
		execute(s, c, r, fds, nfds);
		return;
	default:
		reply(c, REPLY_ERROR, EINVAL, 0, "unknown request");
		return;
	}
	reply(c, failed ? REPLY_ERROR : REPLY_OK, failed ? errno : 0, 0, failed ? "the guest kernel takes no messages" : "");
}

/* One request. False: the connection is over. */
static bool receive(struct server *s, struct connection *c)
{
	char control_buf[CMSG_SPACE(CONTROL_FDS_MAX * sizeof(int))];
	struct request r;
	struct iovec iov = {&r, sizeof(r)};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control_buf, .msg_controllen = sizeof(control_buf),
	};
	ssize_t n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cmsg = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	int fds[CONTROL_FDS_MAX];
	size_t nfds = 0;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
		nfds = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(cmsg), nfds * sizeof(int));
	}
	if (n == (ssize_t)sizeof(r))
		handle(s, c, &r, fds, nfds);
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
	return n == (ssize_t)sizeof(r);
}

static void take(struct server *s)
{
	cleanup_close int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	socklen_t len = sizeof(struct ucred);
	struct ucred peer;

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) || (peer.uid && peer.uid != geteuid()))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(s->connections); i++) {
		if (s->connections[i].fd < 0 && !s->connections[i].program) {
			s->connections[i] = (struct connection){.fd = steal_fd(&fd)};
			return;
		}
	}
}

static struct connection *by_fd(struct server *s, int fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->connections); i++)
		if (s->connections[i].fd == fd)
			return &s->connections[i];
	return NULL;
}

void server_serve(struct server *s, const struct pollfd *fds, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct connection *c = fds[i].revents ? by_fd(s, fds[i].fd) : NULL;

		if (c && !receive(s, c))
			drop(c);
	}
	if (fds[0].revents)
		take(s);
}

void server_kernel(struct server *s, const struct control_msg *msg, const char *text)
{
	struct connection *c = NULL;
	char line[1024];

	for (size_t i = 0; i < ARRAY_SIZE(s->connections); i++)
		if (s->connections[i].fd >= 0 && s->connections[i].program && s->connections[i].program == msg->arg[1])
			c = &s->connections[i];
	if (!c)
		return;
	switch (msg->type) {
	case CONTROL_EXEC_STARTED:
		reply(c, REPLY_STARTED, 0, 0, NULL);
		break;
	case CONTROL_JOINED:
		reply(c, REPLY_JOINED, msg->arg[0], msg->arg[1], NULL);
		break;
	case CONTROL_READY:
		reply(c, REPLY_READY, 0, 0, NULL);
		break;
	case CONTROL_EXEC_ERROR:
		describe_exec_error(line, sizeof(line), msg->arg[0] > 0 && msg->arg[0] < 4096 ? (int)msg->arg[0] : EINVAL,
				    msg->arg[2], text);
		reply(c, REPLY_ERROR, msg->arg[0], msg->arg[2], line);
		c->program = 0;
		break;
	case CONTROL_EXEC_EXIT:
		reply(c, REPLY_EXIT, msg->arg[0] & 0xffff, 0, NULL);
		c->program = 0;
		break;
	}
}

void server_close(struct server *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->connections); i++)
		if (s->connections[i].fd >= 0)
			close(s->connections[i].fd);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
}
