/* Operations on sockets, System V IPC. */
#include "sysfuzz.h"

void op_socket(void)
{
	struct sockaddr_un *sa = (void *)param(sizeof(*sa));
	struct msghdr *m = (void *)param(sizeof(*m));
	struct cmsghdr *c = (void *)param(256);
	int alen = one_in(8) ? (int)size() : (int)sizeof(*sa);
	unsigned n;

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = one_in(10) ? (unsigned short)rnd() : AF_UNIX;
	if (one_in(2))
		snprintf(sa->sun_path + 1, 20, "abs%u", below(4));
	else
		strcpy(sa->sun_path, one_in(2) ? "sock" : one_in(2) ? "sock2" : "dir/sock3");
	if (sa->sun_path[0] == 0 && alen == sizeof(*sa))
		alen = 7;
	if (one_in(3)) {
		/* 127.0.0.1, few ports */
		*(uint16_t *)sa = AF_INET;
		((uint16_t *)sa)[1] = (uint16_t)(0x1027 + (below(4) << 8));
		((uint32_t *)sa)[1] = one_in(4) ? (uint32_t)rnd() : 0x0100007f;
		alen = 16;
	}
	memset(m, 0, sizeof(*m));
	m->msg_iov = (void *)iov(&n);
	m->msg_iovlen = n;
	if (one_in(3)) {
		m->msg_name = sa;
		m->msg_namelen = (unsigned)alen;
	}
	if (one_in(2)) {
		unsigned k = 1 + below(6);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = one_in(4) ? (int)below(6) : SCM_RIGHTS;
		c->cmsg_len = one_in(8) ? size() : CMSG_LEN(k * 4);
		for (unsigned i = 0; i < k; i++)
			((int *)CMSG_DATA(c))[i] = fd();
		m->msg_control = c;
		m->msg_controllen = one_in(8) ? size() : CMSG_SPACE(k * 4);
	}
	switch (below(16)) {
	case 0:
		C3(SYS_bind, fd(), sa, alen);
		return;
	case 1:
		C3(SYS_connect, fd(), sa, alen);
		return;
	case 2:
		C2(SYS_listen, fd(), one_in(5) ? rnd() : below(10));
		return;
	case 3:
		keep(C4(SYS_accept4, fd(), one_in(2) ? 0 : buffer(), one_in(2) ? 0 : param(4), SOCK_NONBLOCK));
		return;
	case 4:
	case 5:
	case 6:
		C3(SYS_sendmsg, fd(), m, one_in(2) ? MSG_DONTWAIT : rnd());
		return;
	case 7:
	case 8:
	case 9:
		C3(SYS_recvmsg, fd(), m, one_in(2) ? MSG_DONTWAIT : rnd());
		return;
	case 10:
		C6(SYS_sendto, fd(), buffer(), size(), MSG_DONTWAIT, one_in(2) ? 0 : (long)sa, alen);
		return;
	case 11:
		C6(SYS_recvfrom, fd(), buffer(), size(), MSG_DONTWAIT | (one_in(3) ? rnd() : 0), one_in(2) ? 0 : buffer(), param(4));
		return;
	case 12:
		C2(SYS_shutdown, fd(), below(4));
		return;
	case 13:
		C6(SYS_setsockopt, fd(), one_in(2) ? SOL_SOCKET : (int)below(50), below(60), buffer(), one_in(3) ? size() : 4, 0);
		return;
	case 14:
		*(int *)m = (int)size();
		C6(SYS_getsockopt, fd(), one_in(2) ? SOL_SOCKET : (int)below(50), below(60), buffer(), m, 0);
		return;
	default:
		C3(one_in(2) ? SYS_getsockname : SYS_getpeername, fd(), buffer(), param(4));
	}
}

void op_ipc(void)
{
	int key = one_in(3) ? 0 : 0x1000 + (int)below(4), id = (int)below(12);
	uint16_t *so = (void *)param(64);

	if (one_in(20))
		id = (int)rnd();
	for (unsigned i = 0; i < 12; i += 3) {
		so[i] = (uint16_t)below(6);
		so[i + 1] = (uint16_t)(one_in(4) ? rnd() : below(3) - 1);
		so[i + 2] = (uint16_t)(one_in(3) ? 0x1000 : 04000);
	}
	switch (below(11)) {
	case 0:
		C3(SYS_semget, key, one_in(10) ? size() : 1 + below(6), 01600);
		return;
	case 1:
	case 2:
		C4(SYS_semtimedop, id, so, one_in(10) ? size() : 1 + below(4), timespec());
		return;
	case 3:
		C4(SYS_semctl, id, below(7), below(20), one_in(2) ? buffer() : below(100));
		return;
	case 4:
		C2(SYS_msgget, key, 01600);
		return;
	case 5:
		*(long *)so = 1 + below(4);
		C4(SYS_msgsnd, id, so, one_in(10) ? size() : below(500), 04000);
		return;
	case 6:
		C6(SYS_msgrcv, id, buffer(), size(), (long)below(5) - 2, 04000 | below(04000), 0);
		return;
	case 7:
		C3(SYS_msgctl, id, below(15), buffer());
		return;
	case 8:
		C3(SYS_shmget, key, one_in(10) ? size() : below(60000), 01600);
		return;
	case 9: {
		uint64_t len, a = arena(&len);

		C3(SYS_shmat, id, a, 040000 | (one_in(2) ? 010000 : 0));
		if (one_in(2))
			C1(SYS_shmdt, a);
		return;
	}
	default:
		C3(SYS_shmctl, id, below(16), buffer());
	}
}
