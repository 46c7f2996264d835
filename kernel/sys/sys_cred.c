/* User and group ids and capabilities: setuid(2), setgroups(2), capset(2) and their relatives. */
#include "abi/linux/capability.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "proc/task.h"
#include "sys/syscall.h"

#define ID_NONE (~0u) /* "leave it"; never a valid id */
#define NGROUPS_MAX 65536

SYSCALL0(getuid) { return current->cred->uid; }
SYSCALL0(geteuid) { return current->cred->euid; }
SYSCALL0(getgid) { return current->cred->gid; }
SYSCALL0(getegid) { return current->cred->egid; }

static long copy_out_ids(struct uptr a, u32 va, struct uptr b, u32 vb, struct uptr c, u32 vc)
{
	int err = copy_out(a, &va, sizeof(va));

	if (!err)
		err = copy_out(b, &vb, sizeof(vb));
	if (!err)
		err = copy_out(c, &vc, sizeof(vc));
	return err;
}

SYSCALL3(getresuid, struct uptr, ruid, struct uptr, euid, struct uptr, suid)
{
	const struct cred *c = current->cred;

	return copy_out_ids(ruid, c->uid, euid, c->euid, suid, c->suid);
}

SYSCALL3(getresgid, struct uptr, rgid, struct uptr, egid, struct uptr, sgid)
{
	const struct cred *c = current->cred;

	return copy_out_ids(rgid, c->gid, egid, c->egid, sgid, c->sgid);
}

SYSCALL1(setuid, u32, uid)
{
	const struct cred *old = current->cred;
	struct cred *new;

	if (uid == ID_NONE)
		return -EINVAL;
	if (!capable(CAP_SETUID) && uid != old->uid && uid != old->suid)
		return -EPERM;
	new = cred_copy(old);
	if (!new)
		return -ENOMEM;
	if (capable(CAP_SETUID))
		new->uid = new->suid = uid;
	new->euid = new->fsuid = uid;
	cred_fixup_setuid(new, old);
	cred_install(new);
	return 0;
}

SYSCALL1(setgid, u32, gid)
{
	const struct cred *old = current->cred;
	struct cred *new;

	if (gid == ID_NONE)
		return -EINVAL;
	if (!capable(CAP_SETGID) && gid != old->gid && gid != old->sgid)
		return -EPERM;
	new = cred_copy(old);
	if (!new)
		return -ENOMEM;
	if (capable(CAP_SETGID))
		new->gid = new->sgid = gid;
	new->egid = new->fsgid = gid;
	cred_install(new);
	return 0;
}

SYSCALL2(setreuid, u32, ruid, u32, euid)
{
	const struct cred *old = current->cred;
	bool cap = capable(CAP_SETUID);
	struct cred *new;

	if (ruid != ID_NONE && ruid != old->uid && ruid != old->euid && !cap)
		return -EPERM;
	if (euid != ID_NONE && euid != old->uid && euid != old->euid && euid != old->suid && !cap)
		return -EPERM;
	new = cred_copy(old);
	if (!new)
		return -ENOMEM;
	if (ruid != ID_NONE)
		new->uid = ruid;
	if (euid != ID_NONE)
		new->euid = euid;
	if (ruid != ID_NONE || (euid != ID_NONE && euid != old->uid))
		new->suid = new->euid;
	new->fsuid = new->euid;
	cred_fixup_setuid(new, old);
	cred_install(new);
	return 0;
}

SYSCALL2(setregid, u32, rgid, u32, egid)
{
	const struct cred *old = current->cred;
	bool cap = capable(CAP_SETGID);
	struct cred *new;

	if (rgid != ID_NONE && rgid != old->gid && rgid != old->egid && !cap)
		return -EPERM;
	if (egid != ID_NONE && egid != old->gid && egid != old->egid && egid != old->sgid && !cap)
		return -EPERM;
	new = cred_copy(old);
	if (!new)
		return -ENOMEM;
	if (rgid != ID_NONE)
		new->gid = rgid;
	if (egid != ID_NONE)
		new->egid = egid;
	if (rgid != ID_NONE || (egid != ID_NONE && egid != old->gid))
		new->sgid = new->egid;
	new->fsgid = new->egid;
	cred_install(new);
	return 0;
}

static bool id_known(u32 id, u32 a, u32 b, u32 c)
{
	return id == ID_NONE || id == a || id == b || id == c;
}

SYSCALL3(setresuid, u32, ruid, u32, euid, u32, suid)
{
	const struct cred *old = current->cred;
	struct cred *new;

	if (!capable(CAP_SETUID) &&
	    !(id_known(ruid, old->uid, old->euid, old->suid) && id_known(euid, old->uid, old->euid, old->suid) &&
	      id_known(suid, old->uid, old->euid, old->suid)))
		return -EPERM;
	new = cred_copy(old);
	if (!new)
		return -ENOMEM;
	if (ruid != ID_NONE)
		new->uid = ruid;
	if (euid != ID_NONE)
		new->euid = euid;
	if (suid != ID_NONE)
		new->suid = suid;
	new->fsuid = new->euid;
	cred_fixup_setuid(new, old);
	cred_install(new);
	return 0;
}

SYSCALL3(setresgid, u32, rgid, u32, egid, u32, sgid)
{
	const struct cred *old = current->cred;
	struct cred *new;

	if (!capable(CAP_SETGID) &&
	    !(id_known(rgid, old->gid, old->egid, old->sgid) && id_known(egid, old->gid, old->egid, old->sgid) &&
	      id_known(sgid, old->gid, old->egid, old->sgid)))
		return -EPERM;
	new = cred_copy(old);
	if (!new)
		return -ENOMEM;
	if (rgid != ID_NONE)
		new->gid = rgid;
	if (egid != ID_NONE)
		new->egid = egid;
	if (sgid != ID_NONE)
		new->sgid = sgid;
	new->fsgid = new->egid;
	cred_install(new);
	return 0;
}

/* The setfs* calls cannot fail: they answer the former id, changed or not. */
SYSCALL1(setfsuid, u32, uid)
{
	const struct cred *old = current->cred;
	u32 was = old->fsuid;
	struct cred *new;

	if (uid == ID_NONE || uid == was)
		return was;
	if (!capable(CAP_SETUID) && uid != old->uid && uid != old->euid && uid != old->suid)
		return was;
	new = cred_copy(old);
	if (!new)
		return was;
	new->fsuid = uid;
	cred_fixup_setfsuid(new, old);
	cred_install(new);
	return was;
}

SYSCALL1(setfsgid, u32, gid)
{
	const struct cred *old = current->cred;
	u32 was = old->fsgid;
	struct cred *new;

	if (gid == ID_NONE || gid == was)
		return was;
	if (!capable(CAP_SETGID) && gid != old->gid && gid != old->egid && gid != old->sgid)
		return was;
	new = cred_copy(old);
	if (!new)
		return was;
	new->fsgid = gid;
	cred_install(new);
	return was;
}

SYSCALL2(getgroups, int, size, struct uptr, list)
{
	const struct cred *c = current->cred;

	if (size < 0)
		return -EINVAL;
	if (size) {
		if (c->ngroups > (u32)size)
			return -EINVAL;
		if (c->ngroups && copy_out(list, c->groups, c->ngroups * sizeof(u32)))
			return -EFAULT;
	}
	return c->ngroups;
}

SYSCALL2(setgroups, int, size, struct uptr, list)
{
	struct cred *new;
	u32 *groups = NULL;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if ((u32)size > NGROUPS_MAX)
		return -EINVAL;
	if (size) {
		groups = kmalloc((u32)size * sizeof(u32));
		if (!groups)
			return -ENOMEM;
		if (copy_in(groups, list, (u32)size * sizeof(u32))) {
			kfree(groups);
			return -EFAULT;
		}
		for (int i = 0; i < size; i++) {
			if (groups[i] == ID_NONE) {
				kfree(groups);
				return -EINVAL;
			}
		}
	}
	new = cred_copy(current->cred);
	if (!new) {
		kfree(groups);
		return -ENOMEM;
	}
	cred_set_groups(new, groups, size);
	cred_install(new);
	return 0;
}

/* How many 32-bit words a set has in this version; 0 = unknown, and the header is told the version we speak. */
static int cap_version_words(struct uptr header, u32 *words)
{
	u32 version;

	if (copy_in(&version, header, sizeof(version)))
		return -EFAULT;
	switch (version) {
	case LINUX_CAPABILITY_VERSION_1:
		*words = 1;
		return 0;
	case LINUX_CAPABILITY_VERSION_2:
	case LINUX_CAPABILITY_VERSION_3:
		*words = 2;
		return 0;
	}
	version = LINUX_CAPABILITY_VERSION_3;
	return copy_out(header, &version, sizeof(version)) ? -EFAULT : -EINVAL;
}

SYSCALL2(capget, struct uptr, header, struct uptr, data)
{
	struct cap_user_data out[2];
	const struct cred *c;
	struct task *t;
	u32 words;
	s32 pid;
	int err = cap_version_words(header, &words);

	if (uptr_null(data) || err)
		return uptr_null(data) && err == -EINVAL ? 0 : err;
	if (copy_in(&pid, uptr_add(header, offsetof(struct cap_user_header, pid)), sizeof(pid)))
		return -EFAULT;
	if (pid < 0)
		return -EINVAL;
	if (pid) {
		t = task_lookup(pid);
		if (!t)
			return -ESRCH;
		c = task_get_cred(t);
		task_put(t);
		if (!c)
			return -ESRCH;
	} else {
		c = cred_get(current->cred);
	}
	for (u32 i = 0; i < 2; i++) {
		out[i].effective = c->cap_effective >> (32 * i);
		out[i].permitted = c->cap_permitted >> (32 * i);
		out[i].inheritable = c->cap_inheritable >> (32 * i);
	}
	cred_put(c);
	return copy_out(data, out, words * sizeof(out[0]));
}

SYSCALL2(capset, struct uptr, header, struct uptr, data)
{
	const struct cred *old = current->cred;
	struct cap_user_data in[2] = { 0 };
	u64 effective, permitted, inheritable;
	struct cred *new;
	u32 words;
	s32 pid;
	int err = cap_version_words(header, &words);

	if (err)
		return err;
	if (copy_in(&pid, uptr_add(header, offsetof(struct cap_user_header, pid)), sizeof(pid)))
		return -EFAULT;
	if (pid && (u32)pid != current->pid->nr)
		return -EPERM;
	if (copy_in(in, data, words * sizeof(in[0])))
		return -EFAULT;
	effective = (in[0].effective | (u64)in[1].effective << 32) & CAP_FULL_SET;
	permitted = (in[0].permitted | (u64)in[1].permitted << 32) & CAP_FULL_SET;
	inheritable = (in[0].inheritable | (u64)in[1].inheritable << 32) & CAP_FULL_SET;

	if (!capable(CAP_SETPCAP) && (inheritable & ~(old->cap_inheritable | old->cap_permitted)))
		return -EPERM;
	if (inheritable & ~(old->cap_inheritable | old->cap_bounding))
		return -EPERM;
	if ((permitted & ~old->cap_permitted) || (effective & ~permitted))
		return -EPERM;
	new = cred_copy(old);
	if (!new)
		return -ENOMEM;
	new->cap_effective = effective;
	new->cap_permitted = permitted;
	new->cap_inheritable = inheritable;
	new->cap_ambient &= permitted & inheritable;
	cred_install(new);
	return 0;
}
