/*
 * libFuzzer: messages on the control socket as a hostile guest kernel would write them. An input is a row of packets, each
 * behind two bytes with its length. The supervisor's own socket code reads them; what it is going to tell the user must
 * be clean text, and its status one that a process can have.
 *
 * build: runtime/lib/error.c runtime/lib/util.c runtime/code/locate.c -lZydis
 */
#include "supervisor_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sandbox sb = {.pidfd = -1, .sync_fd = -1, .pump_fd = -1};
	struct error err = {0};
	struct supervisor s = {.sb = &sb, .err = &err};
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		abort();
	sb.control_fd = fds[0];
	while (size > 2 && !s.failed) {
		size_t len = data[0] | (size_t)data[1] << 8;

		data += 2;
		size -= 2;
		len = len < size ? len : size;
		if (send(fds[1], data, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		data += len;
		size -= len;
		read_control(&s);
	}
	close(fds[1]);
	read_control(&s);
	if (s.failed && !err.text[0])
		abort();
	for (const unsigned char *c = (const unsigned char *)err.text; *c; c++)
		if ((*c < ' ' && *c != '\t' && *c != '\n') || *c == 0x7f)
			abort();
	if (s.status < 0 || s.status > 255 || (s.failed && !s.ended))
		abort();
	close(fds[0]);
	return 0;
}
