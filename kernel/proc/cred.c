/*
 * Credentials: their life, and the rules that tie user ids and capabilities together, capabilities(7).
 *
 * A task's cred pointer is swapped under tasklist_lock, so that task_get_cred() can take a reference of another
 * task's; the task itself reads it without. What hangs on a struct cred is immutable from then on.
 */
#include "abi/linux/capability.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "proc/task.h"

/* Capabilities that follow the file system user id. */
#define CAP_FS_SET                                                                                           \
	(CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_DAC_READ_SEARCH) | \
	 CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) | CAP_BIT(CAP_LINUX_IMMUTABLE) | CAP_BIT(CAP_MAC_OVERRIDE))

struct cred *cred_alloc(void)
{
	struct cred *c = kzalloc(sizeof(*c));

	if (c)
		ref_init(&c->ref);
	return c;
}

struct cred *cred_copy(const struct cred *old)
{
	struct cred *c = kmalloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = *old;
	ref_init(&c->ref);
	c->groups = NULL;
	if (c->ngroups) {
		c->groups = kmalloc(c->ngroups * sizeof(u32));
		if (!c->groups) {
			kfree(c);
			return NULL;
		}
		memcpy(c->groups, old->groups, c->ngroups * sizeof(u32));
	}
	return c;
}

void cred_put(const struct cred *c)
{
	struct cred *m = (struct cred *)c;

	if (!m || !ref_put(&m->ref))
		return;
	kfree(m->groups);
	kfree(m);
}

void cred_install(struct cred *new)
{
	struct task *t = current;
	const struct cred *old;

	mutex_lock(&tasklist_lock);
	old = t->cred;
	t->cred = new;
	/* Who gained or changed anything may hold secrets that its former self must not look at. */
	if (old && t->process &&
	    (old->euid != new->euid || old->egid != new->egid || old->fsuid != new->fsuid ||
	     old->fsgid != new->fsgid || (new->cap_permitted & ~old->cap_permitted))) {
		t->process->dumpable = false;
		t->pdeath_signal = 0;
	}
	mutex_unlock(&tasklist_lock);
	cred_put(old);
}

bool cred_has_cap(const struct cred *c, unsigned cap)
{
	return c && cap < CAP_COUNT && (c->cap_effective >> cap & 1);
}

bool capable(unsigned cap)
{
	return cred_has_cap(current->cred, cap);
}

bool cred_in_group(const struct cred *c, u32 gid)
{
	u32 lo = 0, hi = c->ngroups;

	if (gid == c->fsgid)
		return true;
	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (c->groups[mid] == gid)
			return true;
		if (c->groups[mid] < gid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static void sift_down(u32 *a, u32 i, u32 n)
{
	for (;;) {
		u32 child = 2 * i + 1, tmp;

		if (child >= n)
			return;
		if (child + 1 < n && a[child + 1] > a[child])
			child++;
		if (a[i] >= a[child])
			return;
		tmp = a[i];
		a[i] = a[child];
		a[child] = tmp;
		i = child;
	}
}

void cred_set_groups(struct cred *c, u32 *groups, u32 n)
{
	/* Heap sort: no recursion, and no bad case to feed it. */
	for (u32 i = n / 2; i-- > 0;)
		sift_down(groups, i, n);
	for (u32 end = n; end > 1;) {
		u32 top = groups[0];

		end--;
		groups[0] = groups[end];
		groups[end] = top;
		sift_down(groups, 0, end);
	}
	kfree(c->groups);
	c->groups = n ? groups : NULL;
	c->ngroups = n;
}

void cred_fixup_setuid(struct cred *c, const struct cred *old)
{
	if (old->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if ((!old->uid || !old->euid || !old->suid) && c->uid && c->euid && c->suid) {
		if (!(old->securebits & SECBIT_KEEP_CAPS)) {
			c->cap_permitted = 0;
			c->cap_effective = 0;
		}
		/* Programs older than ambient capabilities rely on exec dropping everything after this. */
		c->cap_ambient = 0;
	}
	if (!old->euid && c->euid)
		c->cap_effective = 0;
	if (old->euid && !c->euid)
		c->cap_effective = c->cap_permitted;
}

void cred_fixup_setfsuid(struct cred *c, const struct cred *old)
{
	if (old->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (!old->fsuid && c->fsuid)
		c->cap_effective &= ~CAP_FS_SET;
	if (old->fsuid && !c->fsuid)
		c->cap_effective |= c->cap_permitted & CAP_FS_SET;
}

bool task_may_access(struct task *t, bool fs_creds)
{
	const struct cred *me = current->cred, *it;
	bool ok, root = capable(CAP_SYS_PTRACE);
	u32 uid, gid;

	if (t->process && t->process == current->process)
		return true;
	it = task_get_cred(t);
	if (!it)
		return root;
	uid = fs_creds ? me->fsuid : me->uid;
	gid = fs_creds ? me->fsgid : me->gid;
	ok = uid == it->euid && uid == it->suid && uid == it->uid && gid == it->egid && gid == it->sgid &&
	     gid == it->gid;
	if (ok && t->process && !t->process->dumpable)
		ok = false;
	if (ok && (it->cap_permitted & ~(fs_creds ? me->cap_effective : me->cap_permitted)))
		ok = false;
	cred_put(it);
	return ok || root;
}
