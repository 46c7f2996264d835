/*
 * Builds the sandbox's mount tree: see mounts.h.
 *
 * The trees are cloned as detached mounts first, so that nothing is hidden while the tmpfs stands on a directory of the
 * host. Without privileges of the host's own, submounts come locked to their parents: those that must not be seen and
 * cannot be unmounted are covered with an empty tmpfs, which nobody in the sandbox has the right to lift.
 */
#include "runtime/sandbox/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "runtime/lib/util.h"
#include "runtime/sandbox/spec.h"
#include "runtime/sandbox/userns.h"

static const char *const pseudo_types[] = {
	"proc", "sysfs", "cgroup", "cgroup2", "devtmpfs", "devpts", "mqueue", "debugfs", "tracefs", "securityfs",
	"pstore", "bpf", "configfs", "fusectl", "efivarfs", "binfmt_misc", "hugetlbfs", "autofs", "rpc_pipefs",
	"nsfs", "selinuxfs", "binder", "resctrl",
};

/* The same by the magic numbers of statfs(2), for what may not be a tree's own root. */
static const struct {
	long magic;
	const char *name;
} pseudo_magic[] = {
	{0x9fa0, "proc"}, {0x62656572, "sysfs"}, {0x27e0eb, "cgroup"}, {0x63677270, "cgroup2"},
	{0x1cd1, "devpts"}, {0x19800202, "mqueue"}, {0x64626720, "debugfs"}, {0x74726163, "tracefs"},
	{0x73636673, "securityfs"}, {0xcafe4a11l, "bpf"}, {0x62656570, "configfs"}, {0x6e736673, "nsfs"},
};

static bool is_pseudo(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(pseudo_types); i++)
		if (!strcmp(type, pseudo_types[i]))
			return true;
	return false;
}

static int not_pseudo(const char *path, struct error *err)
{
	struct statfs fs;

	if (statfs(path, &fs))
		return error_errno(err, "%s", path);
	for (size_t i = 0; i < ARRAY_SIZE(pseudo_magic); i++)
		if (fs.f_type == pseudo_magic[i].magic)
			return error_set(err, "%s is in a %s file system of the host, which a sandbox never gets", path,
					 pseudo_magic[i].name);
	return 0;
}

static int clone_tree(struct mount_tree *tree, struct error *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE};

	if (tree->mapped)
		return 0;
	if (not_pseudo(tree->source, err))
		return -1;
	tree->fd = open_tree(AT_FDCWD, tree->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree->fd < 0)
		return error_errno(err, "cannot clone the mounts at %s", tree->source);
	if (tree->readonly)
		attr.attr_set |= MOUNT_ATTR_RDONLY;
	if (mount_setattr(tree->fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)))
		return error_errno(err, "cannot set mount attributes on %s", tree->source);
	return 0;
}

/* The directories of an overlay's option: separated by colons, which a backslash makes part of a name. */
static int check_layers(struct arena *a, const char *dirs, struct error *err)
{
	char *copy = arena_strdup(a, dirs), *out = copy, *start = copy;

	for (char *p = copy;; p++) {
		if (*p == '\\' && p[1]) {
			*out++ = *++p;
			continue;
		}
		if (*p && *p != ':') {
			*out++ = *p;
			continue;
		}
		bool last = !*p;

		*out = '\0';
		if (*start && not_pseudo(start, err)) /* "::" begins layers of data alone */
			return -1;
		out = start = p + 1;
		if (last)
			return 0;
	}
}

static int set_overlay(int fs, struct arena *a, const char *options, struct error *err)
{
	char *save = NULL;

	for (char *word = strtok_r(arena_strdup(a, options), ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		if (value && (!strcmp(word, "lowerdir") || !strcmp(word, "upperdir") || !strcmp(word, "workdir")) &&
		    (*value != '/' ? error_set(err, "%s=%s: is not an absolute path", word, value) : check_layers(a, value, err)))
			return -1;
		if (fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, word, value, 0))
			return error_errno(err, "%s", word);
	}
	return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ? error_errno(err, "overlay") : 0;
}

/* Of the host, as the options say, and from then on a tree like any other. */
static int make_overlay(struct spec_mount *m, struct error *err)
{
	cleanup_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	struct arena a = {0};
	struct error why = {0};
	int rc = fs < 0 ? error_errno(&why, "overlay") : set_overlay(fs, &a, m->options, &why);

	arena_free(&a);
	if (rc)
		return error_set(err, "mounts: %s: %.900s", m->target, why.text);
	m->mapped_fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						    (m->flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0));
	m->options = "";
	return m->mapped_fd < 0 ? error_errno(err, "mounts: %s: overlay", m->target) : 0;
}

/* Without a map of its own a mount has the container's. */
static int map_tree(const struct spec *spec, struct spec_mount *m, struct error *err)
{
	struct mount_tree tree = {.source = m->source, .readonly = m->flags & MS_RDONLY, .fd = -1};
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
	cleanup_close int fd = -1, ns = -1;

	if (clone_tree(&tree, err)) {
		if (tree.fd >= 0)
			close(tree.fd);
		return -1;
	}
	fd = tree.fd;
	if (!m->nuid_map) {
		m->uid_map = spec->uid_map;
		m->gid_map = spec->gid_map;
		m->nuid_map = spec->nuid_map;
		m->ngid_map = spec->ngid_map;
	}
	ns = userns_make(m, err);
	if (ns < 0)
		return -1;
	attr.userns_fd = (uint64_t)ns;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | (m->idmap_below ? AT_RECURSIVE : 0), &attr, sizeof(attr)))
		return errno == EINVAL ? error_set(err, "mounts: %s: its file system cannot be id-mapped on this machine", m->source)
				       : error_errno(err, "mounts: %s: cannot be id-mapped", m->source);
	m->mapped_fd = steal_fd(&fd);
	return 0;
}

int mounts_map(struct spec *spec, struct error *err)
{
	for (size_t i = 0; i < spec->nmounts; i++)
		if (spec->mounts[i].mapped_fd < 0 && ((spec->mounts[i].overlay && make_overlay(&spec->mounts[i], err)) ||
						      (spec->mounts[i].idmap && map_tree(spec, &spec->mounts[i], err))))
			return -1;
	return 0;
}

static int new_filesystem(const char *type, const char *key, const char *value, unsigned attrs)
{
	cleanup_close int fs = fsopen(type, FSOPEN_CLOEXEC);

	if (fs < 0)
		return -1;
	if (key && fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0))
		return -1;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC, attrs);
}

/* Puts a fresh tmpfs on some directory of the host, which one does not matter. */
static int mount_base(char *where, size_t size, struct error *err)
{
	static const char *const places[] = {"/tmp", "/run", "/mnt", "/var", "/usr", "/etc"};
	cleanup_close int fd = new_filesystem("tmpfs", "mode", "0755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);

	if (fd < 0)
		return error_errno(err, "cannot make a tmpfs for the sandbox's root");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (move_mount(fd, "", AT_FDCWD, places[i], MOVE_MOUNT_F_EMPTY_PATH))
			continue;
		snprintf(where, size, "%s", places[i]);
		return steal_fd(&fd);
	}
	return error_errno(err, "cannot mount a tmpfs for the sandbox's root");
}

static int place_tree(int base, struct mount_tree *tree, const char *name, struct error *err)
{
	struct stat st;

	if (fstat(tree->fd, &st))
		return error_errno(err, "%s", tree->source);
	if (S_ISDIR(st.st_mode)) {
		if (mkdirat(base, name, 0755))
			return error_errno(err, "mkdir %s in the sandbox's root", name);
	} else {
		cleanup_close int fd = openat(base, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

		if (fd < 0)
			return error_errno(err, "creating %s in the sandbox's root", name);
	}
	if (move_mount(tree->fd, "", base, name, MOVE_MOUNT_F_EMPTY_PATH))
		return error_errno(err, "cannot mount %s into the sandbox's root", tree->source);
	return 0;
}

/* Paths in mountinfo have blanks and backslashes as \ooo. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' &&
		    s[3] <= '7') {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (path[len] == '/' || !path[len]);
}

/* Whether something is mounted at point, below a tree. base/root and base/m/N, as place_tree has it. */
static void note_below(const char *base, const char *point, struct mount_tree *trees, size_t ntrees)
{
	char place[64];

	for (size_t i = 0; i < ntrees; i++) {
		snprintf(place, sizeof(place), i ? "%s/m/%zu" : "%s/root", base, i);
		if (is_below(point, place) && strcmp(point, place))
			trees[i].alone = false;
	}
}

/* The mount points below base that hold pseudo file systems, outermost first. */
static int find_pseudo(const char *base, struct mount_tree *trees, size_t ntrees, struct arena *arena, struct strings *found,
		       struct error *err)
{
	cleanup_free char *text = read_file(AT_FDCWD, "/proc/self/mountinfo");
	char *save = NULL;

	if (!text)
		return error_errno(err, "/proc/self/mountinfo");
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *point = line, *type = strstr(line, " - ");
		bool inside = false;

		for (int field = 0; field < 4 && point; field++) {
			point = strchr(point, ' ');
			point = point ? point + 1 : NULL;
		}
		if (!point || !type)
			continue;
		type += 3;
		type[strcspn(type, " ")] = '\0';
		point[strcspn(point, " ")] = '\0';
		unescape(point);
		note_below(base, point, trees, ntrees);
		if (!is_below(point, base) || !strcmp(point, base) || !is_pseudo(type))
			continue;
		for (size_t i = 0; i < found->count; i++)
			inside |= is_below(point, found->items[i]);
		if (!inside)
			strings_add(arena, found, point);
	}
	return 0;
}

static int cover(const char *base, const char *path, struct error *err)
{
	char empty[64];
	struct stat st;

	/*
	 * No name leads to it (its directory was deleted, or another mount covers it), or none that this user may
	 * follow: the sandbox's processes are the same user with fewer rights, so it is hidden already.
	 */
	if (lstat(path, &st))
		return errno == ENOENT || errno == EACCES ? 0 : error_errno(err, "%s", path);
	if (S_ISDIR(st.st_mode)) {
		if (mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0555,size=4k"))
			return error_errno(err, "cannot hide the host's %s", path);
		return 0;
	}
	snprintf(empty, sizeof(empty), "%s/empty", base);
	if (mount(empty, path, NULL, MS_BIND, NULL))
		return error_errno(err, "cannot hide the host's %s", path);
	return 0;
}

static int hide_pseudo(const char *base, struct mount_tree *trees, size_t ntrees, struct error *err)
{
	struct arena arena = {0};
	struct strings found = {0};
	int rc = find_pseudo(base, trees, ntrees, &arena, &found, err);

	for (size_t i = 0; !rc && i < found.count; i++)
		if (umount2(found.items[i], MNT_DETACH | UMOUNT_NOFOLLOW))
			rc = cover(base, found.items[i], err);
	arena_free(&arena);
	return rc;
}

static int leave_old_root(int base, struct error *err)
{
	struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC};

	if (mount_setattr(base, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)))
		return error_errno(err, "cannot make the sandbox's root read-only");
	if (fchdir(base) || syscall(SYS_pivot_root, ".", "."))
		return error_errno(err, "pivot_root into the sandbox's root");
	/* The old root is now on top of the new one. */
	if (umount2(".", MNT_DETACH) || chdir("/"))
		return error_errno(err, "cannot detach the host's root");
	return 0;
}

int mounts_collect(const struct spec *spec, struct mount_tree **out, size_t *count, struct error *err)
{
	struct mount_tree *trees = calloc(spec->nmounts + 1, sizeof(*trees));

	if (!trees)
		return error_errno(err, "allocating mounts");
	trees[0] = (struct mount_tree){.source = spec->rootfs, .fd = -1,
				       .readonly = spec->root_overlay || spec->root_readonly};
	*count = 1;
	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct spec_mount *m = &spec->mounts[i];

		if (!strcmp(m->type, "hostfs"))
			trees[(*count)++] = (struct mount_tree){.source = m->source, .fd = m->mapped_fd,
								.mapped = m->mapped_fd >= 0,
								.readonly = m->flags & MS_RDONLY};
	}
	*out = trees;
	return 0;
}

int mounts_enter(struct mount_tree *trees, size_t ntrees, int *proc_fd, struct error *err)
{
	cleanup_close int base = -1;
	char where[32], name[32];

	/* pid files only, and those read-only: a root without a user namespace of its own could write sysctls */
	if (proc_fd)
		*proc_fd = new_filesystem("proc", "subset", "pid",
					  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return error_errno(err, "cannot make the mount namespace private");
	for (size_t i = 0; i < ntrees; i++)
		if (clone_tree(&trees[i], err))
			return -1;
	base = mount_base(where, sizeof(where), err);
	if (base < 0)
		return -1;
	if (mkdirat(base, "m", 0755))
		return error_errno(err, "mkdir in the sandbox's root");
	for (size_t i = 0; i < ntrees; i++) {
		snprintf(name, sizeof(name), i ? "m/%zu" : "root", i);
		if (place_tree(base, &trees[i], name, err))
			return -1;
		trees[i].alone = !trees[i].mapped; /* another container may have the same without a map */
	}
	close(openat(base, "empty", O_CREAT | O_WRONLY | O_CLOEXEC, 0444));
	if (hide_pseudo(where, trees, ntrees, err))
		return -1;
	return leave_old_root(base, err);
}
