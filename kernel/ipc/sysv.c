/* Common ground of System V IPC: ids, keys, permissions. */
#include "ipc/sysv.h"

#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "lib/string.h"
#include "proc/task.h"

#define IPC_SEQ_SHIFT 15 /* an id is the slot's sequence number over the slot's index */

struct mutex ipc_lock = MUTEX_INIT(LOCK_NOTIFY);

struct ipc_obj *ipc_find_locked(struct ipc_table *t, int id)
{
	u32 index = (u32)id & ((1u << IPC_SEQ_SHIFT) - 1);

	mutex_assert_held(&ipc_lock);
	if (id < 0 || index >= IPC_IDS_MAX || !t->obj[index] || t->obj[index]->id != id)
		return err_ptr(-EINVAL);
	return t->obj[index];
}

struct ipc_obj *ipc_at_locked(struct ipc_table *t, int index)
{
	if (index < 0 || (u32)index >= IPC_IDS_MAX || !t->obj[index])
		return err_ptr(-EINVAL);
	return t->obj[index];
}

struct ipc_obj *ipc_find_key_locked(struct ipc_table *t, s32 key)
{
	for (u32 i = 0; i < t->top; i++) {
		if (t->obj[i] && t->obj[i]->key == key)
			return t->obj[i];
	}
	return NULL;
}

static bool in_group(const struct cred *c, u32 gid)
{
	if (gid == c->egid)
		return true;
	return gid != c->fsgid && cred_in_group(c, gid);
}

int ipc_may_locked(const struct ipc_obj *o, u32 flags)
{
	const struct cred *c = current->cred;
	u32 want = (flags >> 6 | flags >> 3 | flags) & 7, have = o->mode;

	if (c->euid == o->cuid || c->euid == o->uid)
		have >>= 6;
	else if (in_group(c, o->cgid) || in_group(c, o->gid))
		have >>= 3;
	return !(want & ~have) || capable(CAP_IPC_OWNER) ? 0 : -EACCES;
}

int ipc_owner_locked(const struct ipc_obj *o)
{
	u32 me = current->cred->euid;

	return me == o->cuid || me == o->uid || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

int ipc_insert_locked(struct ipc_table *t, struct ipc_obj *o, s32 key, u32 flags)
{
	const struct cred *c = current->cred;
	u32 i = 0;

	mutex_assert_held(&ipc_lock);
	while (i < IPC_IDS_MAX && t->obj[i])
		i++;
	if (i == IPC_IDS_MAX)
		return -ENOSPC;
	o->key = key;
	o->uid = o->cuid = c->euid;
	o->gid = o->cgid = c->egid;
	o->mode = flags & 0777;
	o->seq = t->seq[i];
	/* The next object here gets another id, and no id is ever negative. */
	t->seq[i] = (t->seq[i] + 1) & 0x7fff;
	o->id = (int)((u32)o->seq << IPC_SEQ_SHIFT | i);
	t->obj[i] = o;
	t->count++;
	t->top = max(t->top, i + 1);
	return o->id;
}

void ipc_remove_locked(struct ipc_table *t, struct ipc_obj *o)
{
	mutex_assert_held(&ipc_lock);
	t->obj[(u32)o->id & ((1u << IPC_SEQ_SHIFT) - 1)] = NULL;
	t->count--;
	while (t->top && !t->obj[t->top - 1])
		t->top--;
	o->removed = true;
}

void ipc_perm_out(const struct ipc_obj *o, struct ipc_perm64 *p)
{
	memset(p, 0, sizeof(*p));
	p->key = o->key;
	p->uid = o->uid;
	p->gid = o->gid;
	p->cuid = o->cuid;
	p->cgid = o->cgid;
	p->mode = o->mode;
	p->seq = o->seq;
}

int ipc_perm_set_locked(struct ipc_obj *o, const struct ipc_perm64 *p)
{
	int err = ipc_owner_locked(o);

	if (err)
		return err;
	if (p->uid == ~0u || p->gid == ~0u)
		return -EINVAL;
	o->uid = p->uid;
	o->gid = p->gid;
	o->mode = (o->mode & ~0777u) | (p->mode & 0777);
	return 0;
}

/* What a key that exists answers. */
static int get_existing_locked(const struct ipc_new *n, struct ipc_obj *o)
{
	int err;

	if ((n->flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	err = n->check_locked ? n->check_locked(n, o) : 0;
	if (!err)
		err = ipc_may_locked(o, n->flags & 0777);
	return err ? err : o->id;
}

int ipc_get(const struct ipc_new *n)
{
	struct ipc_obj *o = NULL, *new;
	int id;

	mutex_lock(&ipc_lock);
	if (n->key != IPC_PRIVATE)
		o = ipc_find_key_locked(n->table, n->key);
	if (o)
		id = get_existing_locked(n, o);
	else
		id = n->key == IPC_PRIVATE || (n->flags & IPC_CREAT) ? 0 : -ENOENT;
	mutex_unlock(&ipc_lock);
	if (o || id)
		return id;

	new = n->make(n);
	if (is_err(new))
		return (int)ptr_err(new);
	ref_init(&new->ref);
	mutex_lock(&ipc_lock);
	/* Somebody may have made it meanwhile. */
	o = n->key == IPC_PRIVATE ? NULL : ipc_find_key_locked(n->table, n->key);
	id = o ? get_existing_locked(n, o) : ipc_insert_locked(n->table, new, n->key, n->flags);
	mutex_unlock(&ipc_lock);
	if (o || id < 0)
		n->destroy(new);
	return id;
}
