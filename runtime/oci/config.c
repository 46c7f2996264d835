/* Reads config.json: see config.h. The fields and what becomes of them are in one table. */
#include "runtime/oci/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "runtime/oci/json.h"
#include "runtime/oci/mounts.h"
#include "runtime/oci/resources.h"
#include "runtime/oci/seccomp.h"
#include "runtime/oci/task.h"

#define CONFIG_MAX (16 << 20)
#define USED(where, key) {where, key, FIELD_USED, NULL}
#define QUIET(where, key) {where, key, FIELD_QUIET, NULL}

static const struct field_row fields[] = {
	USED("", "ociVersion"), USED("", "process"), USED("", "root"), USED("", "mounts"), USED("", "hostname"),
	USED("", "domainname"), USED("", "linux"), QUIET("", "annotations"),
	USED("", "hooks"),
	USED("hooks", "prestart"), USED("hooks", "createRuntime"), USED("hooks", "createContainer"),
	USED("hooks", "startContainer"), USED("hooks", "poststart"), USED("hooks", "poststop"),
	USED("hooks[]", "path"), USED("hooks[]", "args"), USED("hooks[]", "env"), USED("hooks[]", "timeout"),
	{"", "vm", FIELD_REFUSE, "limpet starts no virtual machines"},
	{"", "windows", FIELD_REFUSE, "is for another operating system"},
	{"", "solaris", FIELD_REFUSE, "is for another operating system"},
	{"", "zos", FIELD_REFUSE, "is for another operating system"},

	USED("process", "args"), USED("process", "env"), USED("process", "cwd"), USED("process", "user"),
	USED("process", "terminal"), USED("process", "rlimits"), USED("process", "capabilities"),
	USED("process", "noNewPrivileges"), USED("process", "oomScoreAdj"), USED("process", "consoleSize"),
	{"process", "commandLine", FIELD_REFUSE, "is for another operating system"},
	USED("process", "apparmorProfile"), USED("process", "selinuxLabel"),
	USED("process", "scheduler"), USED("process", "ioPriority"), USED("process", "execCPUAffinity"),
	USED("process.scheduler", "policy"), USED("process.scheduler", "nice"), USED("process.scheduler", "priority"),
	USED("process.scheduler", "flags"), USED("process.scheduler", "runtime"), USED("process.scheduler", "deadline"),
	USED("process.scheduler", "period"), USED("process.ioPriority", "class"), USED("process.ioPriority", "priority"),
	USED("process.execCPUAffinity", "initial"), USED("process.execCPUAffinity", "final"),
	USED("process.user", "uid"), USED("process.user", "gid"), USED("process.user", "umask"),
	USED("process.user", "additionalGids"), QUIET("process.user", "username"),

	USED("root", "path"), USED("root", "readonly"),

	USED("mounts[]", "destination"), USED("mounts[]", "type"), USED("mounts[]", "source"),
	USED("mounts[]", "options"),
	USED("mounts[]", "uidMappings"), USED("mounts[]", "gidMappings"),

	USED("linux", "namespaces"), USED("linux", "uidMappings"), USED("linux", "gidMappings"),
	USED("linux", "resources"), USED("linux", "cgroupsPath"), USED("linux", "maskedPaths"),
	USED("linux", "readonlyPaths"), QUIET("linux", "rootfsPropagation"),
	USED("linux", "seccomp"),
	USED("linux", "devices"),
	USED("linux.devices[]", "path"), USED("linux.devices[]", "type"), USED("linux.devices[]", "major"),
	USED("linux.devices[]", "minor"), USED("linux.devices[]", "fileMode"), USED("linux.devices[]", "uid"),
	USED("linux.devices[]", "gid"),
	USED("linux", "sysctl"),
	/* Engines on hosts with SELinux send it always. No file system that it could apply to is mounted on the host. */
	{"linux", "mountLabel", FIELD_WARN, "the guest kernel has no security modules"},
	{"linux", "intelRdt", FIELD_REFUSE, "control of the host's caches and memory bandwidth is not supported"},
	USED("linux", "personality"), USED("linux.personality", "domain"), USED("linux.personality", "flags"),
	USED("linux", "timeOffsets"), USED("linux.timeOffsets", "monotonic"), USED("linux.timeOffsets", "boottime"),
	USED("linux.timeOffsets[]", "secs"), USED("linux.timeOffsets[]", "nanosecs"),
	{"linux", "netDevices", FIELD_REFUSE, "host network devices cannot be moved into a sandbox"},
	USED("linux.namespaces[]", "type"),
	USED("linux.namespaces[]", "path"),
	USED("linux.ids[]", "containerID"), USED("linux.ids[]", "hostID"), USED("linux.ids[]", "size"),
	{0},
};

static int check_version(struct doc *d, const struct node *top)
{
	const char *version = NULL;

	if (get_string(d, top, "ociVersion", &version))
		return -1;
	if (!version)
		return doc_error(d, "", "ociVersion", "is missing");
	return strncmp(version, "1.", 2) ? doc_error(d, "", "ociVersion", "%s is not supported (1.x is)", version) : 0;
}

/* Text for engines, but some of it we go by. */
static int check_annotations(struct doc *d, const struct node *top)
{
	struct node all;
	const char *key;
	json_t *value;

	if (get_object(d, top, "annotations", &all))
		return -1;
	json_object_foreach(all.json, key, value)
		if (!json_is_string(value))
			return doc_error(d, "annotations", key, "is not a string");
	return 0;
}

static int load_user(struct doc *d, const struct node *process)
{
	struct spec *spec = d->spec;
	struct node user;
	json_t *groups, *gid;
	size_t i;

	if (get_object(d, process, "user", &user) || check_fields(d, &user, "process.user", fields) ||
	    get_u32(d, &user, "uid", &spec->uid) || get_u32(d, &user, "gid", &spec->gid) ||
	    get_u32(d, &user, "umask", &spec->umask) || get_array(d, &user, "additionalGids", &groups))
		return -1;
	if (spec->umask > 0777)
		return doc_error(d, user.where, "umask", "%#o is out of range", spec->umask);
	if (json_array_size(groups) > 65536)
		return doc_error(d, user.where, "additionalGids", "has more than 65536 groups");
	json_array_foreach(groups, i, gid) {
		int64_t id;

		if (!json_whole(gid, &id) || id < 0 || id > UINT32_MAX)
			return doc_error(d, user.where, "additionalGids", "element %zu is not a group id", i);
		spec->groups = array_add(&spec->arena, spec->groups, &spec->ngroups, sizeof(*spec->groups));
		spec->groups[spec->ngroups - 1] = (uint32_t)id;
	}
	return 0;
}

static int load_capability_set(struct doc *d, const struct node *caps, const char *key, uint64_t *out)
{
	struct strings names = {0};

	if (get_strings(d, caps, key, &names))
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		cap_value_t cap;

		if (strncmp(names.items[i], "CAP_", 4) || cap_from_name(names.items[i], &cap) || cap >= 64)
			doc_warning(d, caps->where, key, "%s is unknown and ignored", names.items[i]);
		else
			*out |= 1ull << cap;
	}
	return 0;
}

static int load_capabilities(struct doc *d, const struct node *process)
{
	struct spec *spec = d->spec;
	struct node caps;

	if (get_object(d, process, "capabilities", &caps) ||
	    load_capability_set(d, &caps, "bounding", &spec->cap_bounding) ||
	    load_capability_set(d, &caps, "permitted", &spec->cap_permitted) ||
	    load_capability_set(d, &caps, "effective", &spec->cap_effective) ||
	    load_capability_set(d, &caps, "inheritable", &spec->cap_inheritable) ||
	    load_capability_set(d, &caps, "ambient", &spec->cap_ambient))
		return -1;
	/* What capset(2) would not grant is not asked of the guest kernel either. */
	spec->cap_effective &= spec->cap_permitted;
	spec->cap_ambient &= spec->cap_permitted & spec->cap_inheritable;
	return 0;
}

static const struct {
	const char *name;
	uint32_t resource;
} rlimit_names[] = {
	{"RLIMIT_CPU", RLIMIT_CPU}, {"RLIMIT_FSIZE", RLIMIT_FSIZE}, {"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_STACK", RLIMIT_STACK}, {"RLIMIT_CORE", RLIMIT_CORE}, {"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_NPROC", RLIMIT_NPROC}, {"RLIMIT_NOFILE", RLIMIT_NOFILE}, {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_AS", RLIMIT_AS}, {"RLIMIT_LOCKS", RLIMIT_LOCKS}, {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE}, {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
};

/* Larger than a signed number: jansson has them as reals, of which only "no limit" makes sense. */
static int get_limit(struct doc *d, const struct node *n, const char *key, uint64_t *out)
{
	json_t *value = json_object_get(n->json, key);
	int64_t number = 0;

	if (!value)
		return doc_error(d, n->where, key, "is missing");
	if (json_is_real(value) && json_real_value(value) >= 9.2e18) {
		*out = UINT64_MAX;
		return 0;
	}
	if (get_int(d, n, key, -1, INT64_MAX, &number))
		return -1;
	*out = (uint64_t)number;
	return 0;
}

static int load_rlimits(struct doc *d, const struct node *process)
{
	struct spec *spec = d->spec;
	json_t *array;

	if (get_array(d, process, "rlimits", &array))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct spec_rlimit limit = {0};
		const char *type = NULL;
		struct node n;
		size_t k = 0;

		if (get_element(d, process, "rlimits", array, i, &n) || get_string(d, &n, "type", &type))
			return -1;
		while (type && k < ARRAY_SIZE(rlimit_names) && strcmp(rlimit_names[k].name, type))
			k++;
		if (!type || k == ARRAY_SIZE(rlimit_names))
			return doc_error(d, n.where, "type", "%s is no resource limit", type ? type : "(nothing)");
		limit.resource = rlimit_names[k].resource;
		if (get_limit(d, &n, "soft", &limit.cur) || get_limit(d, &n, "hard", &limit.max))
			return -1;
		if (limit.cur > limit.max)
			return doc_error(d, n.where, "soft", "is above the hard limit");
		spec->rlimits = array_add(&spec->arena, spec->rlimits, &spec->nrlimits, sizeof(limit));
		spec->rlimits[spec->nrlimits - 1] = limit;
	}
	return 0;
}

static int load_console_size(struct doc *d, const struct node *process)
{
	int64_t rows = 0, cols = 0;
	struct node size;

	if (get_object(d, process, "consoleSize", &size) || get_int(d, &size, "height", 0, 65535, &rows) ||
	    get_int(d, &size, "width", 0, 65535, &cols))
		return -1;
	d->spec->rows = (unsigned)rows;
	d->spec->cols = (unsigned)cols;
	return 0;
}

static int load_process(struct doc *d, const struct node *top)
{
	struct spec *spec = d->spec;
	struct node process;
	int64_t oom = INT64_MIN;

	if (get_object(d, top, "process", &process))
		return -1;
	if (!process.json)
		return doc_error(d, "", "process", "is missing");
	if (check_fields(d, &process, "process", fields) || get_strings(d, &process, "args", &spec->argv) ||
	    get_strings(d, &process, "env", &spec->env) || get_string(d, &process, "cwd", &spec->cwd) ||
	    get_bool(d, &process, "terminal", &spec->want_terminal) ||
	    get_bool(d, &process, "noNewPrivileges", &spec->no_new_privs) ||
	    get_string(d, &process, "apparmorProfile", &spec->apparmor) ||
	    get_string(d, &process, "selinuxLabel", &spec->selinux) ||
	    get_int(d, &process, "oomScoreAdj", -1000, 1000, &oom) || load_console_size(d, &process) || load_user(d, &process) ||
	    load_capabilities(d, &process) || load_rlimits(d, &process) || oci_task_load(d, &process, fields))
		return -1;
	if (!spec->argv.count || !*spec->argv.items[0])
		return doc_error(d, "process", "args", "names no program");
	if (!spec->cwd || *spec->cwd != '/')
		return doc_error(d, "process", "cwd", "is not an absolute path");
	spec->has_oom_score_adj = oom != INT64_MIN;
	spec->oom_score_adj = spec->has_oom_score_adj ? (int)oom : 0;
	return 0;
}

static int load_root(struct doc *d, const struct node *top, const char *bundle)
{
	struct spec *spec = d->spec;
	const char *path = NULL;
	struct node root;
	struct stat st;

	if (get_object(d, top, "root", &root) || check_fields(d, &root, "root", fields) ||
	    get_string(d, &root, "path", &path) || get_bool(d, &root, "readonly", &spec->root_readonly))
		return -1;
	if (!path || !*path)
		return doc_error(d, "root", "path", "is missing");
	spec->rootfs = *path == '/' ? path : arena_printf(&spec->arena, "%s/%s", bundle, path);
	if (lstat(spec->rootfs, &st))
		return doc_error(d, "root", "path", "%s: %s", spec->rootfs, strerror(errno));
	if (S_ISLNK(st.st_mode))
		return doc_error(d, "root", "path", "%s is a symbolic link", spec->rootfs);
	return S_ISDIR(st.st_mode) ? 0 : doc_error(d, "root", "path", "%s is not a directory", spec->rootfs);
}

static int load_namespaces(struct doc *d, const struct node *linux_)
{
	static const char *const known[] = {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"};
	struct spec *spec = d->spec;
	json_t *array;

	/* What is not listed is inherited; of the network that can be so. */
	spec->network = SPEC_NETWORK_HOST;
	spec->pid_shared = true;

	if (get_array(d, linux_, "namespaces", &array))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *type = NULL, *path = NULL;
		struct node n;
		size_t k = 0;

		if (get_element(d, linux_, "namespaces", array, i, &n) ||
		    check_fields(d, &n, "linux.namespaces[]", fields) || get_string(d, &n, "type", &type) ||
		    get_string(d, &n, "path", &path))
			return -1;
		while (type && k < ARRAY_SIZE(known) && strcmp(known[k], type))
			k++;
		if (!type || k == ARRAY_SIZE(known))
			return doc_error(d, n.where, "type", "%s is no namespace", type ? type : "(nothing)");
		spec->new_user_ns |= !strcmp(type, "user");
		spec->new_time_ns |= !strcmp(type, "time");
		if (path && !*path)
			path = NULL;
		if (!strcmp(type, "network")) {
			spec->network = path ? SPEC_NETWORK_PATH : SPEC_NETWORK_NEW;
			spec->network_path = path;
		} else if (!strcmp(type, "pid")) {
			spec->pid_shared = false;
			spec->pid_path = path;
		} else if (path && !strcmp(type, "user")) {
			spec->user_path = path;
		} else if (path && (!strcmp(type, "ipc") || !strcmp(type, "uts") || !strcmp(type, "cgroup"))) {
			/* Names and IPC are the guest kernel's own: what another container shares cannot be joined. */
			strings_add(&spec->arena, &spec->own_names,
				    arena_printf(&spec->arena, "%s: %s.path: is ignored: the %s namespace is the container's own",
						 d->file, n.where, type));
		} else if (path) {
			return doc_error(d, n.where, "path", "a sandbox cannot join an existing %s namespace yet", type);
		}
	}
	if (oci_ids_load(d, linux_, "uidMappings", fields, &spec->uid_map, &spec->nuid_map) ||
	    oci_ids_load(d, linux_, "gidMappings", fields, &spec->gid_map, &spec->ngid_map))
		return -1;
	if (spec->new_user_ns && !spec->user_path && (!spec->nuid_map || !spec->ngid_map))
		return doc_error(d, "linux", spec->nuid_map ? "gidMappings" : "uidMappings",
				 "is missing, but a user namespace is listed");
	if (spec->nuid_map && !spec->new_user_ns)
		return doc_error(d, "linux", "uidMappings", "is given, but no user namespace is listed");
	return 0;
}

/* Of root in a user namespace that an engine made; NULL where every id is itself. */
static const char *own_map(struct spec *spec, const char *file)
{
	cleanup_free char *text = geteuid() ? NULL : read_file(AT_FDCWD, file);
	uint32_t inside, outside, count;

	if (!text || strlen(text) >= 4096 || sscanf(text, "%u %u %u", &inside, &outside, &count) != 3 ||
	    (!inside && !outside && count == UINT32_MAX))
		return NULL;
	return arena_strdup(&spec->arena, text);
}

/* A missing map: without privileges of our own, root inside is the caller. */
static void default_ids(struct spec *spec)
{
	if (spec->new_user_ns)
		return;
	spec->own_uid_map = own_map(spec, "/proc/self/uid_map");
	spec->own_gid_map = own_map(spec, "/proc/self/gid_map");
	spec->uid_map = arena_alloc(&spec->arena, sizeof(*spec->uid_map));
	spec->gid_map = arena_alloc(&spec->arena, sizeof(*spec->gid_map));
	*spec->uid_map = (struct spec_idmap){0, geteuid(), 1};
	*spec->gid_map = (struct spec_idmap){0, getegid(), 1};
	spec->nuid_map = spec->ngid_map = 1;
}

/* Nodes below /dev, which is the guest's. They are for looking at: the guest kernel opens its own devices alone. */
static int load_devices(struct doc *d, const struct node *linux_)
{
	struct spec *spec = d->spec;
	json_t *array;

	if (get_array(d, linux_, "devices", &array))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *path = NULL, *type = NULL, *at;
		struct spec_node node = {.host_fd = -1};
		int64_t major = 0, minor = 0, mode = 0666;
		struct node n;

		if (get_element(d, linux_, "devices", array, i, &n) || check_fields(d, &n, "linux.devices[]", fields) ||
		    get_string(d, &n, "path", &path) || get_string(d, &n, "type", &type) ||
		    get_int(d, &n, "major", -1, 4095, &major) || get_int(d, &n, "minor", -1, 1048575, &minor) ||
		    get_int(d, &n, "fileMode", 0, UINT32_MAX, &mode) || get_u32(d, &n, "uid", &node.uid) ||
		    get_u32(d, &n, "gid", &node.gid))
			return -1;
		at = type && strlen(type) == 1 ? strchr("cubp", *type) : NULL;
		if (!path || *path != '/' || !at)
			return doc_error(d, n.where, at ? "path" : "type", at ? "is not an absolute path" : "is not c, b, u or p");
		node.path = path_clean(&spec->arena, path);
		node.mode = (uint32_t)(mode & 07777) | (*type == 'b' ? S_IFBLK : *type == 'p' ? S_IFIFO : S_IFCHR);
		node.major = major < 0 ? 0 : (uint32_t)major;
		node.minor = minor < 0 ? 0 : (uint32_t)minor;
		if (strncmp(node.path, "/dev/", 5)) {
			doc_warning(d, n.where, "path", "%s is ignored: devices are made below /dev only", node.path);
			continue;
		}
		spec->nodes = array_add(&spec->arena, spec->nodes, &spec->nnodes, sizeof(node));
		spec->nodes[spec->nnodes - 1] = node;
	}
	return 0;
}

/* Dots separate the parts of a name, or slashes do, and then dots belong to them. */
static int load_sysctl(struct doc *d, const struct node *linux_)
{
	struct spec *spec = d->spec;
	struct node all;
	const char *key;
	json_t *value;

	if (get_object(d, linux_, "sysctl", &all))
		return -1;
	json_object_foreach(all.json, key, value) {
		const char *text = json_string_value(value);
		size_t first = strcspn(key, "./");
		char *path;

		if (!text || strlen(text) > 200)
			return doc_error(d, all.where, key, text ? "is longer than 200 bytes" : "is not a string");
		if (!strcmp(key, "kernel.hostname") || !strcmp(key, "kernel/hostname"))
			return doc_error(d, all.where, key, "the field hostname sets it");
		if (!strcmp(key, "kernel.domainname") || !strcmp(key, "kernel/domainname")) {
			spec->domainname = arena_strdup(&spec->arena, text);
			continue;
		}
		path = arena_strdup(&spec->arena, key);
		for (char *p = path; key[first] == '.' && *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
		strings_add(&spec->arena, &spec->sysctls, path);
		strings_add(&spec->arena, &spec->sysctls, text);
	}
	return 0;
}

static int load_time_offsets(struct doc *d, const struct node *linux_)
{
	static const char *const clocks[SPEC_CLOCKS] = {"monotonic", "boottime"};
	struct spec *spec = d->spec;
	struct node all;

	if (get_object(d, linux_, "timeOffsets", &all) || check_fields(d, &all, "linux.timeOffsets", fields))
		return -1;
	for (size_t i = 0; i < SPEC_CLOCKS; i++) {
		struct spec_offset *o = &spec->clocks[i];
		int64_t nanosecs = 0;
		struct node n;

		if (get_object(d, &all, clocks[i], &n) || check_fields(d, &n, "linux.timeOffsets[]", fields) ||
		    get_int(d, &n, "secs", -INT64_MAX, INT64_MAX, &o->secs) ||
		    get_int(d, &n, "nanosecs", 0, 999999999, &nanosecs))
			return -1;
		o->nanosecs = (uint32_t)nanosecs;
		spec->has_clocks |= o->secs || o->nanosecs;
	}
	if (spec->has_clocks && !spec->new_time_ns)
		return doc_error(d, linux_->where, "timeOffsets", "is given, but no time namespace is listed");
	return 0;
}

static int load_linux(struct doc *d, const struct node *top)
{
	struct spec *spec = d->spec;
	struct node linux_;

	if (get_object(d, top, "linux", &linux_) || check_fields(d, &linux_, "linux", fields) ||
	    load_namespaces(d, &linux_) || oci_resources_load(d, &linux_) || load_devices(d, &linux_) ||
	    load_sysctl(d, &linux_) || oci_seccomp_load(d, &linux_) ||
	    oci_personality_load(d, &linux_, fields) || load_time_offsets(d, &linux_) ||
	    get_string(d, &linux_, "cgroupsPath", &spec->cgroup) ||
	    get_strings(d, &linux_, "maskedPaths", &spec->masked) ||
	    get_strings(d, &linux_, "readonlyPaths", &spec->readonly))
		return -1;
	for (size_t i = 0; i < spec->masked.count; i++)
		if (*spec->masked.items[i] != '/')
			return doc_error(d, "linux", "maskedPaths", "%s is not an absolute path", spec->masked.items[i]);
	for (size_t i = 0; i < spec->readonly.count; i++)
		if (*spec->readonly.items[i] != '/')
			return doc_error(d, "linux", "readonlyPaths", "%s is not an absolute path", spec->readonly.items[i]);
	if (spec->cgroup && !*spec->cgroup)
		spec->cgroup = NULL;
	default_ids(spec);
	return 0;
}

static int load_names(struct doc *d, const struct node *top)
{
	struct spec *spec = d->spec;
	char name[HOST_NAME_MAX + 1] = "";

	if (get_string(d, top, "hostname", &spec->hostname) || get_string(d, top, "domainname", &spec->domainname))
		return -1;
	if (spec->hostname && strlen(spec->hostname) > 64)
		return doc_error(d, "", "hostname", "is longer than 64 bytes");
	if (spec->domainname && strlen(spec->domainname) > 64)
		return doc_error(d, "", "domainname", "is longer than 64 bytes");
	if (!spec->hostname || !*spec->hostname) {
		gethostname(name, sizeof(name) - 1);
		spec->hostname = arena_strdup(&spec->arena, name);
	}
	if (!spec->domainname)
		spec->domainname = "(none)";
	return 0;
}

static int check_hooks(struct doc *d, const struct node *top)
{
	const char *kind;
	struct node hooks;
	json_t *list;

	if (get_object(d, top, "hooks", &hooks) || check_fields(d, &hooks, "hooks", fields))
		return -1;
	json_object_foreach(hooks.json, kind, list) {
		if (get_array(d, &hooks, kind, &list))
			return -1;
		for (size_t i = 0; i < json_array_size(list); i++) {
			struct strings unused = {0};
			const char *path = NULL;
			int64_t timeout = 1;
			struct node n;

			if (get_element(d, &hooks, kind, list, i, &n) || check_fields(d, &n, "hooks[]", fields) ||
			    get_string(d, &n, "path", &path) || get_strings(d, &n, "args", &unused) ||
			    get_strings(d, &n, "env", &unused) || get_int(d, &n, "timeout", 1, INT_MAX, &timeout))
				return -1;
			if (!path || *path != '/')
				return doc_error(d, n.where, "path", "is not an absolute path");
		}
	}
	return 0;
}

int config_load_process(struct spec *spec, json_t *process, const char *file, struct error *err)
{
	struct doc d = {.spec = spec, .file = file, .err = err};
	struct node top = {.json = json_pack("{sO}", "process", process)};
	int rc = load_process(&d, &top);

	json_decref(top.json);
	return rc;
}

int config_load_lasting(struct spec *spec, json_t *config, const char *file, struct error *err)
{
	struct doc d = {.spec = spec, .file = file, .err = err};
	struct node top = {.json = config}, linux_;

	return get_object(&d, &top, "linux", &linux_) || oci_personality_load(&d, &linux_, fields) ||
			       oci_seccomp_load(&d, &linux_)
		       ? -1
		       : 0;
}

int config_load_resources(struct spec *spec, json_t *resources, const char *file, struct error *err)
{
	struct doc d = {.spec = spec, .file = file, .err = err};
	struct node top = {.json = json_pack("{sO}", "resources", resources)};
	int rc = oci_resources_load(&d, &top);

	json_decref(top.json);
	return rc;
}

int config_load(struct spec *spec, const char *bundle, struct error *err)
{
	json_t *document = NULL;
	int rc = config_load_keep(spec, bundle, &document, err);

	json_decref(document);
	return rc;
}

/* A FIFO or a device in its place must not stop us, nor a huge file. */
static char *read_config(const char *file, struct error *err)
{
	cleanup_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st)) {
		error_errno(err, "%s", file);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > CONFIG_MAX) {
		error_set(err, S_ISREG(st.st_mode) ? "%s: is larger than 16 MiB" : "%s: is not a regular file", file);
		return NULL;
	}
	text = read_file(AT_FDCWD, file);
	if (!text)
		error_errno(err, "%s", file);
	return text;
}

int config_load_keep(struct spec *spec, const char *bundle, json_t **document, struct error *err)
{
	struct doc d = {.spec = spec, .file = arena_printf(&spec->arena, "%s/config.json", bundle), .err = err};
	cleanup_free char *text = read_config(d.file, err);
	struct node top = {0};
	json_error_t why;
	int rc;

	if (!text)
		return -1;
	/* Numbers past 2^63 (unlimited, as engines write it) must not fail the parser: see get_limit. */
	top.json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (!top.json && strstr(why.text, "too big"))
		top.json = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
	if (!top.json)
		return error_set(err, "%s: line %d, column %d: %s", d.file, why.line, why.column, why.text);
	rc = !json_is_object(top.json) ? error_set(err, "%s: is not a JSON object", d.file)
	     : check_version(&d, &top) || check_fields(&d, &top, "", fields) || check_annotations(&d, &top) || load_process(&d, &top) ||
			       load_root(&d, &top, bundle) || oci_mounts_load(&d, &top, bundle, fields) ||
			       load_linux(&d, &top) || oci_mounts_check_ids(&d) || load_names(&d, &top) || check_hooks(&d, &top)
		     ? -1
		     : 0;
	if (rc)
		json_decref(top.json);
	else
		*document = top.json;
	return rc;
}
