/* uname(2). */
#ifndef LIMPET_ABI_LINUX_UTSNAME_H
#define LIMPET_ABI_LINUX_UTSNAME_H

#define UTS_LEN 64 /* without the 0 */

struct new_utsname {
	char sysname[UTS_LEN + 1];
	char nodename[UTS_LEN + 1];
	char release[UTS_LEN + 1];
	char version[UTS_LEN + 1];
	char machine[UTS_LEN + 1];
	char domainname[UTS_LEN + 1];
};

/* personality(2) */
#define PER_MASK 0xffu
#define PER_LINUX32 0x08u
#define UNAME26 0x0020000u
#define ADDR_NO_RANDOMIZE 0x0040000u
#define READ_IMPLIES_EXEC 0x0400000u
#define PER_QUERY 0xffffffffu

#endif
