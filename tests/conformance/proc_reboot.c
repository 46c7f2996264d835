/* reboot(2), without a reboot: the checks come in Linux's order. */
#include "test.h"

TEST(checks)
{
	if (geteuid()) {
		ERR(syscall(SYS_reboot, 0, 0, 0, 0), EPERM);
		return;
	}
	ERR(syscall(SYS_reboot, 0, 0, 0, 0), EINVAL);
	ERR(syscall(SYS_reboot, 0xfee1dead, 1, 0, 0), EINVAL);
	ERR(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x42, 0), EINVAL);
	OK(setuid(65534));
	ERR(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x42, 0), EPERM);
}
