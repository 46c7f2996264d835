/*
 * libFuzzer: requests to decode (CONTROL_LOCATE) as a hostile guest kernel would write them. An input is a row of them:
 * offset and known offset as 16 bits each, a length, the bytes. The supervisor's own socket code and decoder see them;
 * what goes back has the request's id, and names an instruction that covers the byte and lies within what was shown.
 *
 * build: runtime/lib/error.c runtime/lib/util.c runtime/code/locate.c -lZydis
 */
#include "supervisor_host.h"

#include <stdlib.h>

static void check_answer(int fd, const struct control_msg *q, size_t len)
{
	struct control_msg a;
	ssize_t n = recv(fd, &a, sizeof(a), MSG_DONTWAIT);

	if (n != offsetof(struct control_msg, text) || a.type != CONTROL_LOCATED || a.arg[0] != q->arg[0] || a.text_len)
		abort();
	if (a.arg[1] == -1)
		return;
	if (a.arg[1] < 0 || a.arg[1] > q->arg[1] || a.arg[2] < 1 || a.arg[2] > 15 || a.arg[1] + a.arg[2] <= q->arg[1] ||
	    a.arg[1] + a.arg[2] > (int64_t)len || (a.arg[3] & ~1))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sandbox sb = {.pidfd = -1, .sync_fd = -1, .pump_fd = -1};
	struct error err = {0};
	struct supervisor s = {.sb = &sb, .err = &err};
	int64_t id = INT64_MIN;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		abort();
	sb.control_fd = fds[0];
	while (size > 6 && !s.failed) {
		struct control_msg q = {.type = CONTROL_LOCATE};
		size_t len = data[4] | (size_t)(data[5] & 7) << 8;

		q.arg[0] = id++;
		q.arg[1] = (int16_t)(data[0] | data[1] << 8);
		q.arg[2] = (int16_t)(data[2] | data[3] << 8);
		data += 6;
		size -= 6;
		len = len < size ? len : size;
		q.text_len = (uint32_t)len;
		memcpy(q.text, data, len);
		data += len;
		size -= len;
		if (send(fds[1], &q, offsetof(struct control_msg, text) + len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			abort();
		read_control(&s);
		if (!s.failed)
			check_answer(fds[1], &q, len);
		else if (len <= CONTROL_CODE_MAX && q.arg[1] >= 0 && q.arg[1] < (int64_t)len && q.arg[2] < (int64_t)len)
			abort();
	}
	close(fds[1]);
	close(fds[0]);
	return 0;
}
