/* See mounts.h. */
#include "runtime/oci/mounts.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "abi/boot.h"

static const struct {
	const char *name;
	uint64_t set, clear;
} flag_options[] = {
	{"defaults", 0, 0}, {"ro", MS_RDONLY, 0}, {"rw", 0, MS_RDONLY}, {"rro", MS_RDONLY, 0},
	{"nosuid", MS_NOSUID, 0}, {"suid", 0, MS_NOSUID}, {"nodev", MS_NODEV, 0}, {"dev", 0, MS_NODEV},
	{"noexec", MS_NOEXEC, 0}, {"exec", 0, MS_NOEXEC}, {"noatime", MS_NOATIME, 0}, {"atime", 0, MS_NOATIME},
	{"nodiratime", MS_NODIRATIME, 0}, {"diratime", 0, MS_NODIRATIME}, {"relatime", MS_RELATIME, 0},
	{"norelatime", 0, MS_RELATIME}, {"strictatime", MS_STRICTATIME, 0}, {"sync", MS_SYNCHRONOUS, 0},
	{"async", 0, MS_SYNCHRONOUS}, {"dirsync", MS_DIRSYNC, 0},
	{"bind", MS_BIND, 0}, {"rbind", MS_BIND | MS_REC, 0},
	/* propagation: the sandbox's mount tree is its own, nothing comes in or goes out */
	{"private", 0, 0}, {"rprivate", 0, 0}, {"slave", 0, 0}, {"rslave", 0, 0}, {"shared", 0, 0}, {"rshared", 0, 0},
	{"unbindable", 0, 0}, {"runbindable", 0, 0},
	/* recursive forms: a bind mount's submounts are part of one tree here */
	{"rrw", 0, MS_RDONLY}, {"rnosuid", MS_NOSUID, 0}, {"rsuid", 0, MS_NOSUID}, {"rnodev", MS_NODEV, 0},
	{"rdev", 0, MS_NODEV}, {"rnoexec", MS_NOEXEC, 0}, {"rexec", 0, MS_NOEXEC}, {"rnoatime", MS_NOATIME, 0},
	{"ratime", 0, MS_NOATIME}, {"rnodiratime", MS_NODIRATIME, 0}, {"rdiratime", 0, MS_NODIRATIME},
	{"rrelatime", MS_RELATIME, 0}, {"rnorelatime", 0, MS_RELATIME}, {"rstrictatime", MS_STRICTATIME, 0},
	{"rnostrictatime", 0, MS_STRICTATIME}, {"nostrictatime", 0, MS_STRICTATIME},
	/* without a meaning here: access times are the guest's own, labels and ACLs it does not have */
	{"lazytime", 0, 0}, {"nolazytime", 0, 0}, {"iversion", 0, 0}, {"noiversion", 0, 0}, {"mand", 0, 0}, {"nomand", 0, 0},
	{"loud", 0, 0}, {"silent", 0, 0}, {"acl", 0, 0}, {"noacl", 0, 0}, 
	/* bind mounts: see load_mapping */
	{"idmap", 0, 0}, {"ridmap", 0, 0},
	/* tmpfs: see add_tmpfs */
	{"tmpcopyup", 0, 0}, {"notmpcopyup", 0, 0},
};

const char *oci_mount_option(size_t i) { return i < ARRAY_SIZE(flag_options) ? flag_options[i].name : NULL; }

/* Device files that the guest's own devtmpfs has. */
static const char *const standard_devices[] = {
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
};

/* Splits options into flags and the rest, which is the file system's own business. */
static const char *split_options(struct spec *spec, const struct strings *options, uint64_t *flags)
{
	const char *rest = "";

	for (size_t i = 0; i < options->count; i++) {
		size_t k = 0;

		while (k < ARRAY_SIZE(flag_options) && strcmp(flag_options[k].name, options->items[i]))
			k++;
		if (k < ARRAY_SIZE(flag_options))
			*flags = (*flags & ~flag_options[k].clear) | flag_options[k].set;
		else
			rest = arena_printf(&spec->arena, "%s%s%s", rest, *rest ? "," : "", options->items[i]);
	}
	return rest;
}

int oci_ids_load(struct doc *d, const struct node *of, const char *key, const struct field_row *fields,
		 struct spec_idmap **maps, size_t *count)
{
	json_t *array;

	if (get_array(d, of, key, &array))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct spec_idmap map = {0};
		struct node n;

		if (get_element(d, of, key, array, i, &n) || check_fields(d, &n, "linux.ids[]", fields) ||
		    get_u32(d, &n, "containerID", &map.inside) || get_u32(d, &n, "hostID", &map.outside) ||
		    get_u32(d, &n, "size", &map.count))
			return -1;
		if (!map.count || map.inside > UINT32_MAX - map.count || map.outside > UINT32_MAX - map.count)
			return doc_error(d, n.where, "size", "is out of range");
		*maps = array_add(&d->spec->arena, *maps, count, sizeof(map));
		(*maps)[*count - 1] = map;
	}
	return 0;
}

/* uidMappings, gidMappings and the options that ask for them, of the mount that was just added. */
static int load_mapping(struct doc *d, const struct node *n, bool added, const struct strings *options,
			const struct field_row *fields)
{
	struct spec_mount map = {0}, *m;

	if (oci_ids_load(d, n, "uidMappings", fields, &map.uid_map, &map.nuid_map) ||
	    oci_ids_load(d, n, "gidMappings", fields, &map.gid_map, &map.ngid_map))
		return -1;
	map.idmap = map.nuid_map || map.ngid_map;
	for (size_t i = 0; i < options->count; i++) {
		map.idmap |= !strcmp(options->items[i], "idmap") || !strcmp(options->items[i], "ridmap");
		map.idmap_below |= !strcmp(options->items[i], "ridmap");
	}
	if (!map.idmap)
		return 0;
	if (!map.nuid_map != !map.ngid_map)
		return doc_error(d, n->where, map.nuid_map ? "gidMappings" : "uidMappings", "is missing");
	m = added ? &d->spec->mounts[d->spec->nmounts - 1] : NULL;
	if (!m || strcmp(m->type, "hostfs") || m->overlay)
		return doc_error(d, n->where, "", "only bind mounts of host files can be id-mapped");
	m->idmap = true;
	m->idmap_below = map.idmap_below;
	m->uid_map = map.uid_map;
	m->gid_map = map.gid_map;
	m->nuid_map = map.nuid_map;
	m->ngid_map = map.ngid_map;
	return 0;
}

int oci_mounts_check_ids(struct doc *d)
{
	const struct spec *spec = d->spec;

	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct spec_mount *m = &spec->mounts[i];

		if (m->idmap && !m->nuid_map && !spec->new_user_ns)
			return doc_error(d, "mounts", "", "%s: is to be id-mapped, but neither it nor linux has uidMappings",
					 m->target);
	}
	return 0;
}

static int add_bind(struct doc *d, const struct node *n, const char *bundle, const char *source, const char *target,
		    uint64_t flags)
{
	struct spec *spec = d->spec;
	struct stat st;

	if (!source || !*source)
		return doc_error(d, n->where, "source", "is missing");
	/* Rootless engines bind these because they may not mount them. */
	if (!strcmp(source, "/proc") || !strcmp(source, "/sys")) {
		const char *type = strcmp(source, "/sys") ? "proc" : "sysfs";

		spec_add_mount(spec, type, target, type, "", flags & ~(MS_BIND | MS_REC));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(standard_devices); i++)
		if (!strcmp(source, standard_devices[i]) && !strcmp(target, source))
			return 0;
	if (*source != '/')
		source = arena_printf(&spec->arena, "%s/%s", bundle, source);
	if (stat(source, &st))
		return doc_error(d, n->where, "source", "%s: %s", source, strerror(errno));
	spec_add_mount(spec, "hostfs", target, source, "", flags & ~(MS_BIND | MS_REC));
	return 0;
}

static void add_tmpfs(struct spec *spec, const char *target, const char *source, const char *data, uint64_t flags,
		      const struct strings *options)
{
	struct spec_mount *m = spec_add_mount(spec, "tmpfs", target, source ? source : "tmpfs", data, flags);

	m->like_below = BOOT_MODE;
	for (size_t i = 0; i < options->count; i++)
		if (!strcmp(options->items[i], "tmpcopyup") || !strcmp(options->items[i], "notmpcopyup"))
			m->like_below = *options->items[i] == 't' ? BOOT_COPY : BOOT_MODE;
}

static int add_one(struct doc *d, const struct node *n, const char *bundle)
{
	static const char *const same[] = {"proc", "sysfs", "devpts", "mqueue"};
	const char *type = NULL, *target = NULL, *source = NULL, *data;
	struct spec *spec = d->spec;
	struct strings options = {0};
	uint64_t flags = 0;

	if (get_string(d, n, "type", &type) || get_string(d, n, "destination", &target) ||
	    get_string(d, n, "source", &source) || get_strings(d, n, "options", &options))
		return -1;
	if (!target || !*target)
		return doc_error(d, n->where, "destination", "is missing");
	target = path_clean(&spec->arena, target);
	data = split_options(spec, &options, &flags);
	if ((flags & MS_BIND) || (type && !strcmp(type, "bind")))
		return add_bind(d, n, bundle, source, target, flags);
	if (!type)
		return doc_error(d, n->where, "type", "is missing");
	if (!strcmp(type, "cgroup") || !strcmp(type, "cgroup2")) { /* the container's own group, whatever the host has */
		spec_add_mount(spec, "cgroup2", target, "cgroup", "", flags);
		return 0;
	}
	/* On /dev the specification expects a tmpfs with the standard devices in it. */
	if (!strcmp(type, "devtmpfs") || (!strcmp(type, "tmpfs") && !strcmp(target, "/dev"))) {
		spec_add_mount(spec, "devtmpfs", target, source ? source : type, data, flags);
		return 0;
	}
	if (!strcmp(type, "tmpfs")) {
		add_tmpfs(spec, target, source, data, flags, &options);
		return 0;
	}
	if (!strcmp(type, "overlay")) {
		spec_add_mount(spec, "hostfs", target, "overlay", data, flags)->overlay = true;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		if (!strcmp(type, same[i])) {
			spec_add_mount(spec, type, target, source ? source : type, data, flags);
			return 0;
		}
	}
	return doc_error(d, n->where, "type", "%s is not supported", type);
}

int oci_mounts_load(struct doc *d, const struct node *top, const char *bundle, const struct field_row *fields)
{
	json_t *array;

	if (get_array(d, top, "mounts", &array))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		size_t before = d->spec->nmounts;
		struct strings options = {0};
		struct node n;

		if (get_element(d, top, "mounts", array, i, &n) || check_fields(d, &n, "mounts[]", fields) ||
		    add_one(d, &n, bundle) || get_strings(d, &n, "options", &options) ||
		    load_mapping(d, &n, before < d->spec->nmounts, &options, fields))
			return -1;
	}
	return 0;
}
