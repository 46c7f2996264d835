/* Credentials, credentials(7). A struct cred never changes once a task has it: make a copy, change it, install it. */
#ifndef LIMPET_PROC_CRED_H
#define LIMPET_PROC_CRED_H

#include "core/atomic.h"

#define CAP_COUNT 41

struct cred {
	struct ref ref;
	u32 uid, euid, suid, fsuid;
	u32 gid, egid, sgid, fsgid;
	u64 cap_permitted, cap_effective, cap_inheritable, cap_ambient, cap_bounding;
	u32 securebits;
	u32 ngroups;
	u32 *groups; /* sorted; owned; NULL when ngroups is 0 */
};

struct cred *cred_alloc(void); /* zeroed ids, no capabilities, one reference; NULL = no memory */
struct cred *cred_copy(const struct cred *c); /* NULL = no memory */
static inline const struct cred *cred_get(const struct cred *c)
{
	ref_get((struct ref *)&c->ref);
	return c;
}
void cred_put(const struct cred *c);
/* Makes new (owned by the call) the current task's credentials; drops the old ones; updates dumpable as Linux does. */
void cred_install(struct cred *new);
bool cred_has_cap(const struct cred *c, unsigned cap);
bool capable(unsigned cap); /* of the current task */
bool cred_in_group(const struct cred *c, u32 gid); /* fsgid or a supplementary group */

/* For changing a copy: what a change of user ids does to capabilities (old = before, c = after); capabilities(7). */
void cred_fixup_setuid(struct cred *c, const struct cred *old);
void cred_fixup_setfsuid(struct cred *c, const struct cred *old);
/* Takes a sorted or unsorted kmalloc'ed array over (NULL when n is 0) and sorts it. */
void cred_set_groups(struct cred *c, u32 *groups, u32 n);
/*
 * ptrace(2)'s access check for looking into another task: same process, or same ids and no more capabilities and
 * dumpable, or CAP_SYS_PTRACE. fs_creds: file system ids count (procfs), else the real ones. No lock held.
 */
struct task;
bool task_may_access(struct task *t, bool fs_creds);

#endif
