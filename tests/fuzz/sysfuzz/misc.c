/* Operations on what belongs to no other family. */
#include "sysfuzz.h"

void op_misc(void)
{
	switch (below(22)) {
	case 0:
		C4(SYS_wait4, one_in(2) ? -1 : pid(), one_in(2) ? 0 : buffer(), 1 | (one_in(2) ? below(16) : 0), one_in(2) ? 0 : buffer());
		return;
	case 1:
		C6(SYS_waitid, below(5), one_in(2) ? pid() : fd(), one_in(2) ? 0 : buffer(), 1 | below(32) | (1u << (24 + below(8))), one_in(2) ? 0 : buffer(), 0);
		return;
	case 2:
		C4(SYS_prlimit64, pid(), below(17), 0, buffer());
		return;
	case 3:
		C3(SYS_sched_setaffinity, pid(), size(), buffer());
		return;
	case 4:
		C3(SYS_sched_getaffinity, pid(), size(), buffer());
		return;
	case 5: {
		static const int o[] = { 1, 2, 3, 4, 7, 8, 13, 14, 15, 16, 21, 23, 24, 25, 26, 27, 28, 29, 30, 33, 36, 37, 38, 39, 40, 41, 42, 43, 47, 0x53564d41 };

		C6(SYS_prctl, PICK(o), one_in(2) ? below(70) : buffer(), one_in(2) ? below(10) : buffer(), one_in(2) ? 0 : size(), one_in(2) ? 0 : buffer(), 0);
		C6(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0, 0);
		return;
	}
	case 6:
		C3(SYS_getgroups, below(5), buffer(), 0);
		return;
	case 7:
		C2(SYS_setpgid, pid(), one_in(2) ? 0 : pid());
		return;
	case 8:
		C1(one_in(2) ? SYS_getpgid : SYS_getsid, pid());
		return;
	case 9:
		C3(SYS_setpriority, below(4), pid(), below(20));
		return;
	case 10:
		C3(SYS_sched_setscheduler, pid(), below(8), buffer());
		return;
	case 11:
		C4(SYS_sched_setattr, pid(), buffer(), below(2), 0);
		return;
	case 12:
		C4(SYS_sched_getattr, pid(), buffer(), below(300), 0);
		return;
	case 13:
		C3(SYS_getrandom, buffer(), size(), below(8));
		return;
	case 14:
		C2(SYS_getrusage, (int)below(4) - 1, buffer());
		return;
	case 15:
		C6(SYS_kcmp, pid(), pid(), below(9), fd(), fd(), 0);
		return;
	case 16:
		C2(SYS_clone3, buffer(), one_in(2) ? size() & 0xff : size());
		return;
	case 17:
		C2(SYS_clock_gettime, one_in(3) ? rnd() : below(14), buffer());
		return;
	case 18:
		C2(one_in(2) ? SYS_uname : SYS_sysinfo, buffer(), 0);
		return;
	case 19:
		C2(SYS_capget, buffer(), buffer());
		return;
	case 20:
		C3(SYS_membarrier, one_in(3) ? rnd() : 1u << below(10), 0, 0);
		return;
	default:
		C1(SYS_sched_yield, 0);
	}
}
