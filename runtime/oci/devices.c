/* See devices.h. */
#include "runtime/oci/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "abi/boot.h"
#include "runtime/lib/util.h"

struct device {
	int fd;
	unsigned major, minor;
};

/* null, zero, full, random, urandom; tty, console, ptmx. */
static bool is_guests_own(dev_t dev)
{
	unsigned n = minor(dev);

	return (major(dev) == 1 && (n == 3 || n == 5 || (n >= 7 && n <= 9))) || (major(dev) == 5 && n <= 2);
}

/* Links are followed: stable names below /dev/serial are some. A device that is not plugged in is nobody's mistake. */
static int open_allowed(const char *path, struct device *d, struct error *err)
{
	struct stat st;

	d->fd = open(path, O_PATH | O_CLOEXEC);
	if (d->fd < 0 && errno == ENOENT) {
		warning("--allow-device %s: is not there", path);
		return 0;
	}
	if (d->fd < 0 || fstat(d->fd, &st))
		return error_errno(err, "--allow-device %s", path);
	if (!S_ISCHR(st.st_mode))
		return error_set(err, S_ISBLK(st.st_mode) ? "--allow-device %s: block devices cannot be given" :
							    "--allow-device %s: is not a character device", path);
	if (is_guests_own(st.st_rdev))
		return error_set(err, "--allow-device %s: the guest kernel has its own", path);
	d->major = major(st.st_rdev);
	d->minor = minor(st.st_rdev);
	return 0;
}

static const struct device *find(const struct device *devices, size_t n, unsigned major, unsigned minor)
{
	for (size_t i = 0; i < n; i++)
		if (devices[i].fd >= 0 && devices[i].major == major && devices[i].minor == minor)
			return &devices[i];
	return NULL;
}

/* A number of a rule: absent or below 0 is any. */
static bool number_fits(json_t *rule, const char *key, unsigned number)
{
	json_t *v = json_object_get(rule, key);
	json_int_t n = v ? json_integer_value(v) : -1;

	return n < 0 || n == (json_int_t)number;
}

/*
 * linux.resources.devices in order, as a control group takes them: what no rule is about is allowed, since rootless
 * engines write none.
 */
static uint32_t access_of(json_t *config, unsigned major, unsigned minor)
{
	json_t *rules = json_object_get(json_object_get(json_object_get(config, "linux"), "resources"), "devices"), *rule;
	uint32_t access = BOOT_ACCESS_READ | BOOT_ACCESS_WRITE;
	size_t i;

	json_array_foreach(rules, i, rule) {
		const char *type = json_string_value(json_object_get(rule, "type"));
		const char *which = json_string_value(json_object_get(rule, "access"));
		uint32_t bits = 0;

		if ((type && *type && strcmp(type, "a") && strcmp(type, "c")) || !number_fits(rule, "major", major) ||
		    !number_fits(rule, "minor", minor))
			continue;
		if (!which || !*which || strchr(which, 'r'))
			bits |= BOOT_ACCESS_READ;
		if (!which || !*which || strchr(which, 'w'))
			bits |= BOOT_ACCESS_WRITE;
		if (json_is_true(json_object_get(rule, "allow")))
			access |= bits;
		else
			access &= ~bits;
	}
	return access;
}

static int give(struct spec *spec, struct spec_node *node, const struct device *d, json_t *config, struct error *err)
{
	node->host_fd = fcntl(d->fd, F_DUPFD_CLOEXEC, 3);
	if (node->host_fd < 0)
		return error_errno(err, "%s: descriptors", node->path);
	node->access = access_of(config, node->major, node->minor);
	spec->host_devices = true;
	return 0;
}

/* Rootless engines may not make nodes: they bind the host's, which becomes one here. */
static int give_binds(struct spec *spec, const struct device *devices, size_t n, json_t *config, struct error *err)
{
	size_t kept = 0;
	int rc = 0;

	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct spec_mount *m = &spec->mounts[i];
		const struct device *d = NULL;
		struct stat st;

		if (!rc && !strcmp(m->type, "hostfs") && !m->overlay && !m->idmap && !strncmp(m->target, "/dev/", 5) &&
		    !stat(m->source, &st) && S_ISCHR(st.st_mode))
			d = find(devices, n, major(st.st_rdev), minor(st.st_rdev));
		if (!d) {
			spec->mounts[kept++] = *m;
			continue;
		}
		spec->nodes = array_add(&spec->arena, spec->nodes, &spec->nnodes, sizeof(*spec->nodes));
		spec->nodes[spec->nnodes - 1] = (struct spec_node){.path = m->target, .mode = st.st_mode, .major = d->major,
								   .minor = d->minor, .host_fd = -1};
		rc = give(spec, &spec->nodes[spec->nnodes - 1], d, config, err);
	}
	spec->nmounts = kept;
	return rc;
}

int devices_give(struct spec *spec, json_t *config, const char *const *allowed, size_t count, struct error *err)
{
	cleanup_free struct device *devices = calloc(count + 1, sizeof(*devices));
	size_t n = 0;
	int rc = 0;

	if (!devices)
		return error_errno(err, "--allow-device");
	while (!rc && n < count) {
		rc = open_allowed(allowed[n], &devices[n], err);
		n++;
	}
	for (size_t i = 0; !rc && n && i < spec->nnodes; i++) {
		struct spec_node *node = &spec->nodes[i];
		const struct device *d = S_ISCHR(node->mode) ? find(devices, n, node->major, node->minor) : NULL;

		if (d)
			rc = give(spec, node, d, config, err);
	}
	if (!rc && n)
		rc = give_binds(spec, devices, n, config, err);
	for (size_t i = 0; i < n; i++)
		if (devices[i].fd >= 0)
			close(devices[i].fd);
	return rc;
}
