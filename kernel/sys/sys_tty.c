/* vhangup(2). */
#include "fs/tty/tty.h"
#include "sys/syscall.h"

SYSCALL0(vhangup)
{
	return tty_vhangup();
}
