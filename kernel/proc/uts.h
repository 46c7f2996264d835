/* The host name and what uname(2) tells, per UTS namespace. */
#ifndef LIMPET_PROC_UTS_H
#define LIMPET_PROC_UTS_H

#include "abi/linux/utsname.h"
#include "core/lock.h"

/*
 * The kernel release programs see. 6.1 is the long-term version that has what we implement; newer numbers would promise
 * calls that libraries then use without asking.
 */
#define LIMPET_UTS_SYSNAME "Linux"
#define LIMPET_UTS_RELEASE "6.1.0-limpet"
#define LIMPET_UTS_VERSION "#1 SMP PREEMPT_DYNAMIC limpet"
#define LIMPET_UTS_MACHINE "x86_64"

struct uts_ns {
	struct ref ref;
	u64 ino; /* of /proc/PID/ns/uts; immutable */
	struct mutex lock; /* LOCK_LEAF; guards the names */
	char nodename[UTS_LEN + 1];
	char domainname[UTS_LEN + 1];
};

/* Boot: the first namespace, a reference for the first task. NULL texts: "localhost", "(none)". NULL = no memory. */
struct uts_ns *uts_ns_boot(const char *hostname, const char *domainname);
struct uts_ns *uts_ns_copy(struct uts_ns *ns); /* NULL = no memory */
static inline struct uts_ns *uts_ns_get(struct uts_ns *ns)
{
	ref_get(&ns->ref);
	return ns;
}
void uts_ns_put(struct uts_ns *ns); /* NULL is fine */
/* Everything about the current task's namespace, as uname(2) reports it to a plain task (personality aside). */
void uts_read(struct new_utsname *out);
/* UTS_LEN + 1 bytes: for /proc/sys/kernel/hostname and domainname. */
void uts_hostname(char out[UTS_LEN + 1]);
void uts_domainname(char out[UTS_LEN + 1]);
/* Needs CAP_SYS_ADMIN: -EPERM. name has len <= UTS_LEN bytes. */
int uts_set_hostname(const char *name, u32 len) __must_check;
int uts_set_domainname(const char *name, u32 len) __must_check;

#endif
