/* termios(3), ioctl_tty(2): flags and layouts of x86-64. */
#ifndef LIMPET_ABI_LINUX_TERMIOS_H
#define LIMPET_ABI_LINUX_TERMIOS_H

#include <stdint.h>

#define TERMIOS_NCCS 19
#define TERMIO_NCC 8

/* TCGETS, TCSETS: what libc's own, larger struct is made from. */
struct termios_old {
	uint32_t c_iflag, c_oflag, c_cflag, c_lflag;
	uint8_t c_line;
	uint8_t c_cc[TERMIOS_NCCS];
};
_Static_assert(sizeof(struct termios_old) == 36, "Linux's size");

/* TCGETS2, TCSETS2; also how the kernel keeps them. */
struct termios2 {
	uint32_t c_iflag, c_oflag, c_cflag, c_lflag;
	uint8_t c_line;
	uint8_t c_cc[TERMIOS_NCCS];
	uint32_t c_ispeed, c_ospeed;
};
_Static_assert(sizeof(struct termios2) == 44, "Linux's size");

/* TCGETA, TCSETA */
struct termio {
	uint16_t c_iflag, c_oflag, c_cflag, c_lflag;
	uint8_t c_line;
	uint8_t c_cc[TERMIO_NCC];
	uint8_t pad;
};
_Static_assert(sizeof(struct termio) == 18, "Linux's size");

struct winsize {
	uint16_t ws_row, ws_col, ws_xpixel, ws_ypixel;
};

/* c_cc */
#define VINTR 0
#define VQUIT 1
#define VERASE 2
#define VKILL 3
#define VEOF 4
#define VTIME 5
#define VMIN 6
#define VSWTC 7
#define VSTART 8
#define VSTOP 9
#define VSUSP 10
#define VEOL 11
#define VREPRINT 12
#define VDISCARD 13
#define VWERASE 14
#define VLNEXT 15
#define VEOL2 16

/* c_iflag */
#define IGNBRK 0x0001u
#define BRKINT 0x0002u
#define IGNPAR 0x0004u
#define PARMRK 0x0008u
#define INPCK 0x0010u
#define ISTRIP 0x0020u
#define INLCR 0x0040u
#define IGNCR 0x0080u
#define ICRNL 0x0100u
#define IUCLC 0x0200u
#define IXON 0x0400u
#define IXANY 0x0800u
#define IXOFF 0x1000u
#define IMAXBEL 0x2000u
#define IUTF8 0x4000u

/* c_oflag */
#define OPOST 0x0001u
#define OLCUC 0x0002u
#define ONLCR 0x0004u
#define OCRNL 0x0008u
#define ONOCR 0x0010u
#define ONLRET 0x0020u
#define OFILL 0x0040u
#define OFDEL 0x0080u
#define TABDLY 0x1800u
#define TAB3 0x1800u

/* c_cflag */
#define CBAUD 0x100fu
#define CIBAUD 0x100f0000u
#define B0 0u
#define B38400 0x000fu
#define BOTHER 0x1000u
#define CSIZE 0x0030u
#define CS8 0x0030u
#define CSTOPB 0x0040u
#define CREAD 0x0080u
#define PARENB 0x0100u
#define PARODD 0x0200u
#define HUPCL 0x0400u
#define CLOCAL 0x0800u

/* c_lflag */
#define ISIG 0x0001u
#define ICANON 0x0002u
#define XCASE 0x0004u
#define ECHO 0x0008u
#define ECHOE 0x0010u
#define ECHOK 0x0020u
#define ECHONL 0x0040u
#define NOFLSH 0x0080u
#define TOSTOP 0x0100u
#define ECHOCTL 0x0200u
#define ECHOPRT 0x0400u
#define ECHOKE 0x0800u
#define FLUSHO 0x1000u
#define PENDIN 0x4000u
#define IEXTEN 0x8000u
#define EXTPROC 0x10000u

/* TCXONC */
#define TCOOFF 0
#define TCOON 1
#define TCIOFF 2
#define TCION 3
/* TCFLSH */
#define TCIFLUSH 0
#define TCOFLUSH 1
#define TCIOFLUSH 2

/* The first byte of a read in packet mode, TIOCPKT. */
#define TIOCPKT_DATA 0
#define TIOCPKT_FLUSHREAD 1
#define TIOCPKT_FLUSHWRITE 2
#define TIOCPKT_STOP 4
#define TIOCPKT_START 8
#define TIOCPKT_NOSTOP 16
#define TIOCPKT_DOSTOP 32
#define TIOCPKT_IOCTL 64

#define N_TTY 0

#endif
