/* ioctl(2): how requests are made up, and the numbers of terminals and files; x86-64. */
#ifndef LIMPET_ABI_LINUX_IOCTL_H
#define LIMPET_ABI_LINUX_IOCTL_H

#define IOC_NONE 0u
#define IOC_WRITE 1u
#define IOC_READ 2u
#define IOC(dir, type, nr, size) (((dir) << 30) | ((unsigned)(size) << 16) | ((unsigned)(type) << 8) | (unsigned)(nr))
#define IOC_DIR(cmd) ((cmd) >> 30)
#define IOC_TYPE(cmd) (((cmd) >> 8) & 0xffu)
#define IOC_NR(cmd) ((cmd)&0xffu)
#define IOC_SIZE(cmd) (((cmd) >> 16) & 0x3fffu)

/* Any file */
#define FIOCLEX 0x5451u
#define FIONCLEX 0x5450u
#define FIONBIO 0x5421u
#define FIOASYNC 0x5452u
#define FIOQSIZE 0x5460u
#define FIONREAD 0x541bu
#define TIOCINQ FIONREAD
#define FIBMAP 0x0001u
#define FIGETBSZ 0x0002u
#define FS_IOC_GETFLAGS 0x80086601u
#define FS_IOC_SETFLAGS 0x40086602u
#define FICLONE 0x40049409u
#define FICLONERANGE 0x4020940du

/* Sockets */
#define SIOCATMARK 0x8905u
#define FIOSETOWN 0x8901u
#define SIOCSPGRP 0x8902u
#define FIOGETOWN 0x8903u
#define SIOCGPGRP 0x8904u
#define SIOCOUTQ 0x5411u
#define SIOCINQ FIONREAD

/* Terminals */
#define TCGETS 0x5401u
#define TCSETS 0x5402u
#define TCSETSW 0x5403u
#define TCSETSF 0x5404u
#define TCGETA 0x5405u
#define TCSETA 0x5406u
#define TCSETAW 0x5407u
#define TCSETAF 0x5408u
#define TCSBRK 0x5409u
#define TCXONC 0x540au
#define TCFLSH 0x540bu
#define TIOCEXCL 0x540cu
#define TIOCNXCL 0x540du
#define TIOCSCTTY 0x540eu
#define TIOCGPGRP 0x540fu
#define TIOCSPGRP 0x5410u
#define TIOCOUTQ 0x5411u
#define TIOCSTI 0x5412u
#define TIOCGWINSZ 0x5413u
#define TIOCSWINSZ 0x5414u
#define TIOCMGET 0x5415u
#define TIOCMBIS 0x5416u
#define TIOCMBIC 0x5417u
#define TIOCMSET 0x5418u
#define TIOCGSOFTCAR 0x5419u
#define TIOCSSOFTCAR 0x541au
#define TIOCLINUX 0x541cu
#define TIOCCONS 0x541du
#define TIOCGSERIAL 0x541eu
#define TIOCSSERIAL 0x541fu
#define TIOCPKT 0x5420u
#define TIOCNOTTY 0x5422u
#define TIOCSETD 0x5423u
#define TIOCGETD 0x5424u
#define TCSBRKP 0x5425u
#define TIOCSBRK 0x5427u
#define TIOCCBRK 0x5428u
#define TIOCGSID 0x5429u
#define TCGETS2 0x802c542au
#define TCSETS2 0x402c542bu
#define TCSETSW2 0x402c542cu
#define TCSETSF2 0x402c542du
#define TIOCGPTN 0x80045430u
#define TIOCSPTLCK 0x40045431u
#define TIOCGDEV 0x80045432u
#define TIOCSIG 0x40045436u
#define TIOCVHANGUP 0x5437u
#define TIOCGPKT 0x80045438u
#define TIOCGPTLCK 0x80045439u
#define TIOCGEXCL 0x80045440u
#define TIOCGLCKTRMIOS 0x5456u
#define TIOCSLCKTRMIOS 0x5457u
#define TIOCGPTPEER 0x5441u
#define TCGETX 0x5432u

#endif
