/* `limpet features`, spec, checkpoint, restore: what limpet can, and cannot. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <string.h>
#include <sys/capability.h>

#include "runtime/cli/command.h"
#include "runtime/container/container.h"
#include "runtime/oci/mounts.h"
#include "runtime/oci/seccomp.h"

enum { OPT_BUNDLE, OPT_ROOTLESS };

static const char *bundle = ".";
static bool rootless;

static int set_option(int id, const char *arg, struct error *err)
{
	if (id == OPT_BUNDLE)
		bundle = arg;
	else
		rootless = true;
	return 0;
}

static int no_operands(const struct command *cmd, int argc, char **argv, struct error *err)
{
	const char *arg;
	int id;

	optind = 0;
	while ((id = option_next(cmd, argc, argv, &arg, err)) >= 0)
		if (set_option(id, arg, err))
			return -1;
	if (id == OPTION_HELP)
		return 1;
	if (id == OPTION_ERROR)
		return -1;
	return optind < argc ? error_set(err, "%s: unexpected argument %s", cmd->name, argv[optind]) : 0;
}

static json_t *names(const char *const *list)
{
	json_t *out = json_array();

	for (; *list; list++)
		json_array_append_new(out, json_string(*list));
	return out;
}

static json_t *capability_names(void)
{
	json_t *out = json_array();

	for (cap_value_t cap = 0; cap <= CAP_CHECKPOINT_RESTORE; cap++) {
		char *name = cap_to_name(cap), upper[64];
		size_t i = 0;

		for (; name && name[i] && i + 1 < sizeof(upper); i++)
			upper[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
		upper[i] = '\0';
		json_array_append_new(out, json_string(upper));
		cap_free(name);
	}
	return out;
}

static json_t *listed(const char *(*nth)(size_t i))
{
	json_t *out = json_array();

	for (size_t i = 0; nth(i); i++)
		json_array_append_new(out, json_string(nth(i)));
	return out;
}

static json_t *seccomp_features(void)
{
	return json_pack("{sb so so so so so}", "enabled", 1, "actions", listed(oci_seccomp_action), "operators",
			 listed(oci_seccomp_operator), "archs", listed(oci_seccomp_arch), "knownFlags",
			 listed(oci_seccomp_flag), "supportedFlags", listed(oci_seccomp_flag));
}

static int run_features(int argc, char **argv, struct error *err)
{
	static const char *const hooks[] = {"prestart", "createRuntime", "createContainer", "poststart", "poststop", NULL};
	static const char *const namespaces[] = {"cgroup", "ipc", "mount", "network", "pid", "user", "uts", NULL};
	int rc = no_operands(&command_features, argc, argv, err);
	json_t *options, *out;

	if (rc)
		return rc < 0 ? -1 : 0;
	options = json_array();
	for (size_t i = 0; oci_mount_option(i); i++)
		json_array_append_new(options, json_string(oci_mount_option(i)));
	out = json_pack("{ss ss so so s{so so s{sb sb sb sb} so s{sb} s{sb} s{s{sb}}} s{ss ss}}", "ociVersionMin", "1.0.0",
			"ociVersionMax", OCI_VERSION, "hooks", names(hooks), "mountOptions", options, "linux", "namespaces",
			names(namespaces), "capabilities", capability_names(), "cgroup", "v1", 1, "v2", 1, "systemd", 1,
			"systemdUser", 0, "seccomp", seccomp_features(), "apparmor", "enabled", 1, "selinux", "enabled", 1,
			"mountExtensions", "idmap", "enabled", 1,
			"annotations", "io.limpet.version", LIMPET_VERSION, "io.limpet.checkpoint.enabled", "false");
	json_dumpf(out, stdout, JSON_INDENT(4) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(out);
	return 0;
}

static const char default_spec[] =
	"{\"ociVersion\":\"" OCI_VERSION "\",\"process\":{\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],"
	"\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"TERM=xterm\"],\"cwd\":\"/\","
	"\"capabilities\":{\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
	"\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
	"\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],\"noNewPrivileges\":true},"
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"limpet\",\"mounts\":["
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"strictatime\",\"mode=755\","
	"\"size=65536k\"]},"
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"nosuid\",\"noexec\","
	"\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\",\"options\":[\"nosuid\",\"noexec\",\"nodev\","
	"\"mode=1777\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
	"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\",\"options\":[\"nosuid\",\"noexec\","
	"\"nodev\",\"relatime\",\"ro\"]}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
	"{\"type\":\"mount\"}],\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\","
	"\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\",\"/sys/firmware\","
	"\"/proc/scsi\"],\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]}}";

static int run_spec(int argc, char **argv, struct error *err)
{
	int rc = no_operands(&command_spec, argc, argv, err);
	cleanup_free char *text = NULL;
	cleanup_close int dir = -1, fd = -1;
	json_t *spec;

	if (rc)
		return rc < 0 ? -1 : 0;
	dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_errno(err, "%s", bundle);
	fd = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return error_set(err, "File config.json exists. Remove it first");
	if (fd < 0)
		return error_errno(err, "config.json");
	spec = json_loads(default_spec, 0, NULL);
	if (rootless) {
		json_t *linux_ = json_object_get(spec, "linux");

		json_array_append_new(json_object_get(linux_, "namespaces"), json_pack("{ss}", "type", "user"));
		json_object_set_new(linux_, "uidMappings", json_pack("[{si sI si}]", "containerID", 0, "hostID",
								      (json_int_t)geteuid(), "size", 1));
		json_object_set_new(linux_, "gidMappings", json_pack("[{si sI si}]", "containerID", 0, "hostID",
								      (json_int_t)getegid(), "size", 1));
	}
	text = json_dumps(spec, JSON_INDENT(4) | JSON_PRESERVE_ORDER);
	json_decref(spec);
	return text && !write_all(fd, text, strlen(text)) && !write_all(fd, "\n", 1) ? 0 : error_errno(err, "config.json");
}

static int run_checkpoint(int argc, char **argv, struct error *err)
{
	return error_set(err, "%s: not supported: limpet cannot save the state of a guest kernel yet", argv[0]);
}

static const struct option_row spec_options[] = {
	{"bundle", 'b', "DIR", "Where to write it; default: here.", OPT_BUNDLE},
	{"rootless", 0, NULL, "With a user namespace whose root is the caller.", OPT_ROOTLESS},
	{0},
};

const struct command command_features = {
	.name = "features", .synopsis = "", .summary = "print what this runtime supports",
	.description = "Prints the features structure of the OCI runtime specification as JSON.",
	.failure = 1, .run = run_features,
};
const struct command command_spec = {
	.name = "spec", .synopsis = "[OPTION...]", .summary = "write a config.json to begin with",
	.description = "Writes config.json for a shell in a read-only root file system \"rootfs\".",
	.options = spec_options, .failure = 1, .run = run_spec,
};
const struct command command_checkpoint = {
	.name = "checkpoint", .synopsis = "ID", .summary = "refused: save a running container",
	.description = "Not supported yet.", .hidden = true, .failure = 1, .run = run_checkpoint,
};
const struct command command_restore = {
	.name = "restore", .synopsis = "ID", .summary = "refused: restore a saved container",
	.description = "Not supported yet.", .hidden = true, .failure = 1, .run = run_checkpoint,
};
