/* See lsm.h. */
#include "runtime/sandbox/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A profile that is no confinement needs no AppArmor. */
static bool wants_profile(const struct spec *spec)
{
	return spec->apparmor && *spec->apparmor && strcmp(spec->apparmor, "unconfined");
}

static bool wants_label(const struct spec *spec) { return spec->selinux && *spec->selinux; }

int lsm_check_at(const char *sys, const struct spec *spec, struct error *err)
{
	struct arena a = {0};
	cleanup_free char *enabled = read_file(AT_FDCWD, arena_printf(&a, "%s/module/apparmor/parameters/enabled", sys));
	bool selinux = !access(arena_printf(&a, "%s/fs/selinux/enforce", sys), F_OK);

	arena_free(&a);
	if (wants_profile(spec) && !(enabled && *enabled == 'Y'))
		return error_set(err, "config.json: process.apparmorProfile: this machine has no AppArmor");
	if (wants_label(spec) && !selinux)
		return error_set(err, "config.json: process.selinuxLabel: this machine has no SELinux");
	return 0;
}

/* One write is one request to the module: whole, or an error. */
static int ask(const char *file, const char *text)
{
	cleanup_close int fd = open(file, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (n >= 0 && (size_t)n != strlen(text))
		errno = EIO;
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

int lsm_apply_at(const char *attr, const struct spec *spec, struct error *err)
{
	struct arena a = {0};
	int rc = 0;

	if (wants_profile(spec)) {
		const char *text = arena_printf(&a, "exec %s", spec->apparmor), *own = arena_printf(&a, "%s/apparmor/exec", attr);

		/* A directory of its own where several modules are stacked: Linux 5.8. */
		if (ask(own, text) && (errno != ENOENT || ask(arena_printf(&a, "%s/exec", attr), text)))
			rc = error_errno(err, "process.apparmorProfile: AppArmor does not take %s", spec->apparmor);
	}
	if (!rc && wants_label(spec) && ask(arena_printf(&a, "%s/exec", attr), spec->selinux))
		rc = error_errno(err, "process.selinuxLabel: SELinux does not take %s", spec->selinux);
	arena_free(&a);
	return rc;
}

int lsm_check(const struct spec *spec, struct error *err) { return lsm_check_at("/sys", spec, err); }
int lsm_apply(const struct spec *spec, struct error *err) { return lsm_apply_at("/proc/self/attr", spec, err); }
