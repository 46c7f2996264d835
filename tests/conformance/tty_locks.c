/* TIOCSLCKTRMIOS: settings of a terminal that are locked stay as they are. */
#include "test.h"

#include <termios.h>

struct kernel_termios {
	unsigned iflag, oflag, cflag, lflag;
	unsigned char line, cc[19];
};

TEST(locked_settings)
{
	struct kernel_termios locks, none = { 0 };
	struct termios t;
	int master, slave, unlock = 0;

	master = OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	NEED(master >= 0);
	OK(ioctl(master, TIOCSPTLCK, &unlock));
	slave = OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
	memset(&locks, 0xff, sizeof locks);
	OK(ioctl(slave, TIOCGLCKTRMIOS, &locks));
	EQ(memcmp(&locks, &none, sizeof locks), 0);
	locks = none;
	locks.lflag = ECHO;
	locks.cc[VINTR] = 1;
	if (geteuid()) {
		ERR(ioctl(slave, TIOCSLCKTRMIOS, &locks), EPERM);
		return;
	}
	OK(ioctl(slave, TIOCSLCKTRMIOS, &locks));
	OK(tcgetattr(slave, &t));
	CHECK(t.c_lflag & ECHO);
	t.c_lflag &= ~(ECHO | ICANON);
	t.c_cc[VINTR] = 'x';
	t.c_cc[VQUIT] = 'y';
	OK(tcsetattr(slave, TCSANOW, &t));
	OK(tcgetattr(slave, &t));
	CHECK(t.c_lflag & ECHO);
	CHECK(!(t.c_lflag & ICANON));
	EQ(t.c_cc[VINTR], 3);
	EQ(t.c_cc[VQUIT], 'y');
	OK(ioctl(slave, TIOCSLCKTRMIOS, &none));
	t.c_lflag &= ~ECHO;
	OK(tcsetattr(slave, TCSANOW, &t));
	OK(tcgetattr(slave, &t));
	CHECK(!(t.c_lflag & ECHO));
}
