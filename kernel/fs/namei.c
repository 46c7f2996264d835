/*
 * Name resolution, path_resolution(7).
 *
 * A walk (struct nameidata) holds references to the place it has reached and to the root, and a pointer into the text
 * that is left. Cached components are passed in walk_fast: as many as possible under one hold of dcache_lock, without
 * touching reference counts between. Whatever needs more (a name not cached, a file system that wants to be asked,
 * a symlink, an openat2 restriction) is one slow step, and then the fast way again.
 *
 * A symlink's text is walked in its place; what was left of the outer text is remembered in a frame. All texts are
 * kept to the end, since the last component may point into any.
 */
#include "fs/internal.h"

struct walk_frame {
	struct walk_frame *next; /* all frames, for freeing */
	struct walk_frame *outer; /* whom to resume after this one */
	const char *rest; /* the outer text from here on; NULL = nothing was left */
	char text[];
};

#define LOOKUP_SCOPED (LOOKUP_BENEATH | LOOKUP_IN_ROOT)
#define LOOKUP_SLOW (LOOKUP_SCOPED | LOOKUP_NO_XDEV)

int user_path_copy(struct uptr name, char *buf)
{
	ssize_t n = copy_in_str(buf, name, PATH_MAX);

	if (n < 0)
		return (int)n;
	return n ? 0 : -ENOENT;
}

int uname_get(struct uname *u, struct uptr p, bool empty_ok)
{
	ssize_t n = copy_in_str(u->small, p, sizeof(u->small));

	u->name = u->small;
	if (n == -ENAMETOOLONG) {
		u->name = kmalloc(PATH_MAX);
		if (!u->name) {
			u->name = u->small;
			return -ENOMEM;
		}
		n = copy_in_str(u->name, p, PATH_MAX);
	}
	if (n == 0 && !empty_ok)
		n = -ENOENT;
	if (n < 0) {
		uname_put(u);
		u->name = u->small;
		return (int)n;
	}
	return 0;
}

/* Where the walk starts when the name is relative (or scoped to dirfd). */
static int start_at(int dirfd, struct path *out)
{
	struct file *f;

	if (dirfd == AT_FDCWD) {
		current_cwd(out);
		return 0;
	}
	f = fd_get_any(dirfd);
	if (!f)
		return -EBADF;
	*out = f->path;
	path_get(out);
	file_put(f);
	return 0;
}

int nd_init(struct nameidata *nd, int dirfd, const char *name, u32 flags)
{
	int err;

	memset(nd, 0, sizeof(*nd));
	nd->flags = flags;
	nd->rest = name;
	if (!*name && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	if (flags & LOOKUP_SCOPED) {
		if (*name == '/' && (flags & LOOKUP_BENEATH))
			return -EXDEV;
		err = start_at(dirfd, &nd->root);
		if (err)
			return err;
		nd->path = nd->root;
		path_get(&nd->path);
		return *name && !S_ISDIR_(nd->path.dentry->inode->mode) ? -ENOTDIR : 0;
	}
	current_root(&nd->root);
	if (*name == '/') {
		nd->path = nd->root;
		path_get(&nd->path);
		return 0;
	}
	err = start_at(dirfd, &nd->path);
	if (err)
		return err;
	if (*name && !S_ISDIR_(nd->path.dentry->inode->mode))
		return -ENOTDIR;
	return 0;
}

void nd_done(struct nameidata *nd)
{
	while (nd->frames) {
		struct walk_frame *f = nd->frames;

		nd->frames = f->next;
		kfree(f);
	}
	path_put(&nd->path);
	path_put(&nd->root);
}

static enum last_type component_type(const char *s, u32 len)
{
	if (len == 1 && s[0] == '.')
		return LAST_DOT;
	return len == 2 && s[0] == '.' && s[1] == '.' ? LAST_DOTDOT : LAST_NORM;
}

/*
 * The next component into nd->last. *after = the text behind it and its slashes. Returns 1 for one with more to come,
 * 0 for the last one, -1 when there is none at all.
 */
static int next_component(struct nameidata *nd, const char **after)
{
	const char *s, *e;

	for (;;) {
		s = nd->rest;
		while (*s == '/')
			s++;
		if (*s || !nd->resume)
			break;
		nd->rest = nd->resume->rest;
		nd->resume = nd->resume->outer;
	}
	nd->rest = s;
	if (!*s)
		return -1;
	e = s;
	while (*e && *e != '/')
		e++;
	nd->last.name = s;
	nd->last.len = (u32)(e - s);
	nd->last_type = component_type(s, nd->last.len);
	s = e;
	while (*s == '/')
		s++;
	*after = s;
	if (*s || nd->resume)
		return 1;
	if (s != e)
		nd->last_slash = true;
	return 0;
}

/* One ".." from (mnt, d), not above root. */
static void dotdot_locked(const struct path *root, struct mount **mnt, struct dentry **d)
{
	for (;;) {
		if (*d == root->dentry && *mnt == root->mnt)
			break;
		if (*d != (*mnt)->root) {
			*d = (*d)->parent;
			break;
		}
		if (!(*mnt)->parent)
			break;
		*d = (*mnt)->mountpoint;
		*mnt = (*mnt)->parent;
	}
	mount_cross_locked(mnt, d);
}

/* Passes intermediate components as long as the cache answers. Leaves errors for the slow step to find. */
static void walk_fast(struct nameidata *nd)
{
	struct path old = nd->path;
	struct mount *mnt = old.mnt;
	struct dentry *d = old.dentry;
	const char *after;
	int more;

	if ((nd->flags & LOOKUP_SLOW) || !mnt)
		return;
	mutex_lock(&dcache_lock);
	while ((more = next_component(nd, &after)) >= 0) {
		struct inode *inode = d->inode;
		struct dentry *child;
		struct mount *m = mnt;

		if (!more || !inode || !S_ISDIR_(inode->mode) || inode->ops->permission ||
		    inode_permission_generic(inode, MAY_EXEC))
			break;
		if (nd->last_type == LAST_DOTDOT) {
			dotdot_locked(&nd->root, &mnt, &d);
		} else if (nd->last_type == LAST_NORM) {
			if (nd->last.len > NAME_MAX || inode->ops->revalidate)
				break;
			nd->last.hash = dcache_name_hash(nd->last.name, nd->last.len);
			child = dcache_find_locked(d, &nd->last);
			if (!child || !child->inode)
				break;
			mount_cross_locked(&m, &child);
			if (!S_ISDIR_(child->inode->mode))
				break;
			mnt = m;
			d = child;
		}
		nd->rest = after;
	}
	if (d != old.dentry || mnt != old.mnt) {
		nd->path.dentry = dentry_get(d);
		nd->path.mnt = mount_get(mnt);
		mutex_unlock(&dcache_lock);
		path_put(&old);
	} else {
		mutex_unlock(&dcache_lock);
	}
}

void nd_cross_mounts(struct path *p)
{
	struct path old = *p;

	if (!atomic_load(&p->dentry->mounted) || !p->mnt)
		return;
	mutex_lock(&dcache_lock);
	mount_cross_locked(&p->mnt, &p->dentry);
	if (p->dentry != old.dentry) {
		path_get(p);
		mutex_unlock(&dcache_lock);
		path_put(&old);
	} else {
		mutex_unlock(&dcache_lock);
	}
}

int nd_check_crossing(struct nameidata *nd, const struct path *p)
{
	return (nd->flags & LOOKUP_NO_XDEV) && p->mnt != nd->path.mnt ? -EXDEV : 0;
}

int nd_dotdot(struct nameidata *nd)
{
	struct path old = nd->path;
	int err;

	if ((nd->flags & LOOKUP_BENEATH) && old.dentry == nd->root.dentry && old.mnt == nd->root.mnt)
		return -EXDEV;
	if (!old.mnt)
		return 0;
	mutex_lock(&dcache_lock);
	dotdot_locked(&nd->root, &nd->path.mnt, &nd->path.dentry);
	path_get(&nd->path);
	mutex_unlock(&dcache_lock);
	err = (nd->flags & LOOKUP_NO_XDEV) && nd->path.mnt != old.mnt ? -EXDEV : 0;
	path_put(&old);
	return err;
}

static int may_search(struct nameidata *nd)
{
	struct inode *i = nd->path.dentry->inode;

	if (!S_ISDIR_(i->mode))
		return -ENOTDIR;
	return inode_permission(i, MAY_EXEC);
}

int nd_lookup_last(struct nameidata *nd, struct path *out)
{
	struct dentry *d;
	int err = may_search(nd);

	if (err)
		return err;
	if (nd->last.len > NAME_MAX)
		return -ENAMETOOLONG;
	d = dentry_lookup(nd->path.dentry, &nd->last);
	if (is_err(d))
		return (int)ptr_err(d);
	out->dentry = d;
	out->mnt = nd->path.mnt ? mount_get(nd->path.mnt) : NULL;
	nd_cross_mounts(out);
	err = nd_check_crossing(nd, out);
	if (err)
		path_put(out);
	return err;
}

/* The link's text as a frame; nd->rest is what follows the link in the text being walked. */
static int push_text(struct nameidata *nd, struct inode *inode)
{
	struct walk_frame *f = kmalloc(sizeof(*f) + PATH_MAX), *fit;
	const char *rest = nd->rest;
	ssize_t n;

	if (!f)
		return -ENOMEM;
	n = inode->ops->readlink ? inode->ops->readlink(inode, f->text, PATH_MAX - 1) : -EINVAL;
	if (n <= 0) {
		kfree(f);
		return n ? (int)n : -ENOENT;
	}
	if (n >= PATH_MAX) {
		kfree(f);
		return -ENAMETOOLONG;
	}
	f->text[n] = 0;
	fit = krealloc(f, sizeof(*f) + (size_t)n + 1);
	if (fit)
		f = fit;
	f->next = nd->frames;
	nd->frames = f;
	while (*rest == '/')
		rest++;
	if (*rest) {
		f->rest = rest;
		f->outer = nd->resume;
		nd->resume = f;
	}
	nd->rest = f->text;
	return 0;
}

static int jump(struct nameidata *nd, struct inode *inode)
{
	struct path to;
	int err;

	if (nd->flags & LOOKUP_NO_MAGICLINKS)
		return -ELOOP;
	err = inode->ops->get_link(inode, &to);
	if (err)
		return err;
	if ((nd->flags & LOOKUP_SCOPED) || nd_check_crossing(nd, &to)) {
		path_put(&to);
		return -EXDEV;
	}
	path_put(&nd->path);
	nd->path = to;
	return 0;
}

int nd_follow(struct nameidata *nd, struct path *link)
{
	struct inode *inode = link->dentry->inode;
	bool magic = inode->ops->get_link != NULL;
	int err = 0;

	if (nd->links++ >= MAX_SYMLINKS || (nd->flags & LOOKUP_NO_SYMLINKS) ||
	    (link->mnt && (link->mnt->flags & MS_NOSYMFOLLOW)))
		err = -ELOOP;
	else if (magic)
		err = jump(nd, inode);
	else
		err = push_text(nd, inode);
	path_put(link); /* inode may be gone with it */
	if (err || magic || *nd->rest != '/')
		return err;
	if (nd->flags & LOOKUP_BENEATH)
		return -EXDEV;
	err = nd_check_crossing(nd, &nd->root);
	if (err)
		return err;
	path_put(&nd->path);
	nd->path = nd->root;
	path_get(&nd->path);
	return 0;
}

/* An intermediate component that the cache could not pass. */
static int step_slow(struct nameidata *nd, const char *after)
{
	struct path p;
	int err;

	if (nd->last_type != LAST_NORM) {
		err = may_search(nd);
		if (!err && nd->last_type == LAST_DOTDOT)
			err = nd_dotdot(nd);
		nd->rest = after;
		return err;
	}
	err = nd_lookup_last(nd, &p);
	if (err)
		return err;
	nd->rest = after;
	if (!p.dentry->inode) {
		path_put(&p);
		return -ENOENT;
	}
	if (S_ISLNK_(p.dentry->inode->mode))
		return nd_follow(nd, &p);
	path_put(&nd->path);
	nd->path = p;
	return S_ISDIR_(p.dentry->inode->mode) ? 0 : -ENOTDIR;
}

int nd_parent(struct nameidata *nd)
{
	const char *after;
	int more, err;

	for (;;) {
		walk_fast(nd);
		more = next_component(nd, &after);
		if (more <= 0) {
			if (more < 0)
				nd->last_type = LAST_ROOT;
			else
				nd->rest = after;
			return 0;
		}
		err = step_slow(nd, after);
		if (err)
			return err;
	}
}

int nd_walk(struct nameidata *nd, struct path *out)
{
	bool must_dir;
	int err;

	for (;;) {
		err = nd_parent(nd);
		if (err)
			return err;
		must_dir = nd->last_slash || (nd->flags & LOOKUP_DIRECTORY);
		if (nd->last_type != LAST_NORM) {
			err = nd->last_type == LAST_ROOT ? 0 : may_search(nd);
			if (!err && nd->last_type == LAST_DOTDOT)
				err = nd_dotdot(nd);
			if (err)
				return err;
			*out = nd->path;
			path_get(out);
			break;
		}
		err = nd_lookup_last(nd, out);
		if (err)
			return err;
		if (!out->dentry->inode) {
			path_put(out);
			return -ENOENT;
		}
		if (!S_ISLNK_(out->dentry->inode->mode) || !((nd->flags & LOOKUP_FOLLOW) || nd->last_slash))
			break;
		err = nd_follow(nd, out);
		if (err)
			return err;
	}
	if (must_dir && !S_ISDIR_(out->dentry->inode->mode)) {
		path_put(out);
		return -ENOTDIR;
	}
	return 0;
}

int path_lookup(int dirfd, const char *name, u32 flags, struct path *out)
{
	struct nameidata nd;
	int err = nd_init(&nd, dirfd, name, flags);

	if (!err)
		err = nd_walk(&nd, out);
	nd_done(&nd);
	return err;
}

int path_lookup_user(int dirfd, struct uptr name, u32 flags, struct path *out)
{
	struct uname u;
	int err = uname_get(&u, name, flags & LOOKUP_EMPTY);

	if (err)
		return err;
	err = path_lookup(dirfd, u.name, flags, out);
	uname_put(&u);
	return err;
}

int path_lookup_parent(int dirfd, const char *name, struct path *dir, char last[NAME_MAX + 1])
{
	struct nameidata nd;
	int err = nd_init(&nd, dirfd, name, 0);

	if (!err)
		err = nd_parent(&nd);
	if (!err && nd.last_type != LAST_NORM)
		err = -EEXIST;
	if (!err && nd.last.len > NAME_MAX)
		err = -ENAMETOOLONG;
	if (!err && nd.last_slash)
		err = -ENOENT;
	if (!err && !S_ISDIR_(nd.path.dentry->inode->mode))
		err = -ENOTDIR;
	if (!err) {
		memcpy(last, nd.last.name, nd.last.len);
		last[nd.last.len] = 0;
		*dir = nd.path;
		path_get(dir);
	}
	nd_done(&nd);
	return err;
}

ssize_t vfs_readlink(const struct path *p, char *buf, size_t size)
{
	struct inode *inode = p->dentry->inode;
	struct path to, root;
	char *text, *tmp;
	ssize_t n;

	if (!S_ISLNK_(inode->mode))
		return -EINVAL;
	if (inode->ops->readlink || !inode->ops->get_link)
		return inode->ops->readlink ? inode->ops->readlink(inode, buf, size) : -EINVAL;
	n = inode->ops->get_link(inode, &to);
	if (n)
		return n;
	tmp = kmalloc(PATH_MAX);
	if (tmp) {
		current_root(&root);
		text = path_text(&to, &root, tmp, PATH_MAX);
		path_put(&root);
		if (is_err(text)) {
			n = ptr_err(text);
		} else {
			n = (ssize_t)min(strlen(text), size);
			memcpy(buf, text, (size_t)n);
		}
		kfree(tmp);
	} else {
		n = -ENOMEM;
	}
	path_put(&to);
	return n;
}
