/* The texts of /proc/PID/mounts, mountinfo and mountstats, proc_pid_mountinfo(5); sync(2), which asks every mount. */
#include "fs/mount_tree.h"

#define LINE_SIZE (3 * PATH_MAX)

struct text {
	char *buf;
	size_t len, size;
};

static void put_raw(struct text *t, const char *s)
{
	size_t n = strlen(s);

	if (n > t->size - t->len)
		n = t->size - t->len;
	memcpy(t->buf + t->len, s, n);
	t->len += n;
}

/* Blanks and backslashes in octal, as getmntent(3) expects. */
static void put_escaped(struct text *t, const char *s)
{
	char esc[8];

	for (; *s; s++) {
		if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\\' || *s == '#')
			ksnprintf(esc, sizeof(esc), "\\%03o", (unsigned char)*s);
		else
			esc[0] = *s, esc[1] = 0;
		put_raw(t, esc);
	}
}

static void put_flags(struct text *t, u32 flags, bool options_only)
{
	static const struct {
		u32 bit;
		const char *text;
	} names[] = {
		{ (u32)MS_NOSUID, ",nosuid" },	 { (u32)MS_NODEV, ",nodev" },
		{ (u32)MS_NOEXEC, ",noexec" },	 { (u32)MS_NOATIME, ",noatime" },
		{ (u32)MS_NODIRATIME, ",nodiratime" }, { (u32)MS_RELATIME, ",relatime" },
		{ (u32)MS_NOSYMFOLLOW, ",nosymfollow" },
	};

	put_raw(t, flags & MS_RDONLY ? "ro" : "rw");
	for (size_t i = 0; i < ARRAY_SIZE(names) && !options_only; i++)
		if (flags & names[i].bit)
			put_raw(t, names[i].text);
}

static void put_sb_options(struct text *t, struct super_block *sb)
{
	char opts[256];
	int n = sb->ops && sb->ops->show_options ? sb->ops->show_options(sb, opts, sizeof(opts)) : 0;

	if (n > 0) {
		opts[min(n, (int)sizeof(opts) - 1)] = 0;
		put_raw(t, opts);
	}
}

/* One line; empty when the mount cannot be seen from root. scratch of PATH_MAX. */
static void show_one(struct text *t, struct mount *m, u32 parent_id, const struct path *root,
		     enum mount_show_kind kind, char *scratch)
{
	struct path at = { m, m->root }, inner = { NULL, m->root };
	struct super_block *sb = m->sb;
	char num[96], *where = path_text(&at, root, scratch, PATH_MAX);

	t->len = 0;
	if (is_err(where) || where[0] != '/')
		return;
	if (kind == MOUNTSTATS) {
		put_raw(t, "device ");
		put_escaped(t, sb->source);
		put_raw(t, " mounted on ");
		put_escaped(t, where);
		put_raw(t, " with fstype ");
		put_raw(t, sb->type->name);
	} else if (kind == MOUNTS) {
		put_escaped(t, sb->source);
		put_raw(t, " ");
		put_escaped(t, where);
		put_raw(t, " ");
		put_raw(t, sb->type->name);
		put_raw(t, " ");
		put_flags(t, m->flags | (sb->flags & SB_RDONLY ? (u32)MS_RDONLY : 0), false);
		put_sb_options(t, sb);
		put_raw(t, " 0 0");
	} else {
		char *place = scratch;

		ksnprintf(num, sizeof(num), "%u %u %u:%u ", m->id, parent_id, MAJOR(sb->dev), MINOR(sb->dev));
		put_raw(t, num);
		/* where points into scratch: print it after the root inside the file system, from a copy. */
		place = kstrdup(where);
		where = path_text(&inner, NULL, scratch, PATH_MAX);
		put_escaped(t, is_err(where) || !*where ? "/" : where);
		put_raw(t, " ");
		put_escaped(t, place ? place : "/");
		kfree(place);
		put_raw(t, " ");
		put_flags(t, m->flags, false);
		num[0] = 0;
		if (m->propagation & (u32)MS_SHARED)
			ksnprintf(num, sizeof(num), " shared:%u", m->peer_group);
		else if ((m->propagation & (u32)MS_SLAVE) && m->peer_group)
			ksnprintf(num, sizeof(num), " master:%u", m->peer_group);
		else if (m->propagation & (u32)MS_UNBINDABLE)
			put_raw(t, " unbindable");
		put_raw(t, num);
		put_raw(t, " - ");
		put_raw(t, sb->type->name);
		put_raw(t, " ");
		put_escaped(t, sb->source);
		put_raw(t, " ");
		put_flags(t, sb->flags & SB_RDONLY ? (u32)MS_RDONLY : 0, true);
		put_sb_options(t, sb);
	}
	put_raw(t, "\n");
}

/* The mounts as they are now, referenced: lines are made without the lock. */
static struct mount **snapshot(struct mount_ns *ns, u32 **parents, u32 *count)
{
	struct mount **list = NULL, *m;
	u32 n = 0, i = 0;

	mutex_lock(&mount_lock);
	list_for_each_entry(m, &ns->mounts, ns_node)
		n++;
	list = kcalloc(n + 1, sizeof(*list));
	*parents = kcalloc(n + 1, sizeof(**parents));
	if (list && *parents) {
		list_for_each_entry(m, &ns->mounts, ns_node) {
			(*parents)[i] = m->parent ? m->parent->id : m->id;
			list[i++] = mount_get(m);
		}
	}
	mutex_unlock(&mount_lock);
	*count = i;
	if (!list || !*parents) {
		kfree(list);
		kfree(*parents);
		return NULL;
	}
	return list;
}

int mount_show(struct mount_ns *ns, const struct path *root, enum mount_show_kind kind,
	       int (*emit)(void *arg, const char *line, size_t len), void *arg)
{
	u32 *parents, count, i;
	struct mount **list = snapshot(ns, &parents, &count);
	char *scratch = kmalloc(PATH_MAX);
	struct text t = { .buf = kmalloc(LINE_SIZE), .size = LINE_SIZE };
	int err = list && scratch && t.buf ? 0 : -ENOMEM;

	for (i = 0; list && i < count; i++) {
		if (!err) {
			show_one(&t, list[i], parents[i], root, kind, scratch);
			if (t.len)
				err = emit(arg, t.buf, t.len);
		}
		mount_put(list[i]);
	}
	if (list) {
		kfree(list);
		kfree(parents);
	}
	kfree(scratch);
	kfree(t.buf);
	return err;
}

/* Every file system that the caller's namespace mounts: the first error, after trying all. */
int sync_all(void)
{
	u32 *parents, count, i;
	struct mount **list = snapshot(current->mnt_ns ? current->mnt_ns : boot_ns, &parents, &count);
	int err = list ? 0 : -ENOMEM, one;

	for (i = 0; list && i < count; i++) {
		struct super_block *sb = list[i]->sb;

		one = sb->ops && sb->ops->sync ? sb->ops->sync(sb) : 0;
		err = err ? err : one;
		mount_put(list[i]);
	}
	if (list) {
		kfree(list);
		kfree(parents);
	}
	return err;
}
