/* Who belongs to which pod: see pod.h. */
#include "runtime/container/pod.h"

#include <string.h>
#include <sys/stat.h>

#include "runtime/sandbox/privileges.h"

/* The first of these annotations that is there. */
static const char *annotation(const json_t *config, const char *const names[2])
{
	const json_t *all = json_object_get(config, "annotations");

	for (int i = 0; i < 2; i++) {
		const char *text = json_string_value(json_object_get(all, names[i]));

		if (text && *text)
			return text;
	}
	return NULL;
}

static bool same_namespace(const char *a, const char *b)
{
	struct stat sa, sb;

	return !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* Sockets and users are the sandbox's: a container that shall have others cannot be in it. */
static bool fits(const struct pod *pod, const struct spec *spec)
{
	pid_t kernel = (pid_t)container_number(&pod->sandbox, "kernelPid");
	char net[64];

	snprintf(net, sizeof(net), "/proc/%d/ns/net", kernel);
	/* Its kserver gave up what it does not need: one that only reads cannot write for others. */
	if (spec->new_user_ns || !privileges_is_admin() || !json_is_true(json_object_get(pod->sandbox.state, "joinable")))
		return false;
	if (spec->network == SPEC_NETWORK_PATH)
		return same_namespace(spec->network_path, net);
	return spec->network == SPEC_NETWORK_HOST && same_namespace("/proc/self/ns/net", net);
}

/* /proc/PID/ns/pid, where PID is what an engine was told of a container of the same pod. */
static int find_sharer(struct pod *pod, const char *path, struct error *err)
{
	struct strings ids = {0};
	struct arena a = {0};
	struct error ignored;
	int pid = 0, end = 0;

	pod->share = -1;
	if (sscanf(path, "/proc/%d/ns/pid%n", &pid, &end) != 1 || !end || path[end])
		pid = 0;
	if (pid && pid == container_number(&pod->sandbox, "pid"))
		pod->share = 0;
	if (pid && pod->share < 0 && !container_list(&a, &ids, &ignored))
		for (size_t i = 0; i < ids.count && pod->share < 0; i++) {
			struct container c;

			if (container_look(&c, ids.items[i], &ignored))
				continue;
			if (container_pid(&c) == pid && !strcmp(container_text(&c, "sandbox"), pod->sandbox.id))
				pod->share = container_in_pod(&c);
			container_close(&c);
		}
	arena_free(&a);
	return pod->share < 0 ? error_set(err, "config.json: the PID namespace %s is not that of a container of the pod", path) : 0;
}

int pod_find(struct pod *pod, const struct spec *spec, const json_t *config, const char *id, struct error *err)
{
	static const char *const types[2] = {"io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"};
	static const char *const sandboxes[2] = {"io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID"};
	const char *type = annotation(config, types), *sandbox = annotation(config, sandboxes);
	struct error why;

	*pod = (struct pod){.sandbox.dir = -1, .share = -1};
	if (type && !strcmp(type, "sandbox"))
		pod->role = POD_SANDBOX;
	if (type && !strcmp(type, "container") && sandbox && strcmp(sandbox, id)) {
		if (container_look(&pod->sandbox, sandbox, &why))
			return error_set(err, "the pod's sandbox %s does not exist", sandbox);
		if (!container_pid(&pod->sandbox))
			return error_set(err, "the pod's sandbox %s is not running", sandbox);
		if (*container_text(&pod->sandbox, "sandbox"))
			return error_set(err, "container %s, named as the pod's sandbox, is in one itself", sandbox);
		if (fits(pod, spec))
			pod->role = POD_JOINS;
		else
			pod_close(pod);
	}
	if (pod->role != POD_JOINS)
		return spec->pid_path ? error_set(err, "config.json: linux.namespaces: a sandbox cannot join an existing pid "
						  "namespace yet") : 0;
	if (spec->pid_path)
		return find_sharer(pod, spec->pid_path, err);
	pod->share = spec->pid_shared ? 0 : -1;
	return 0;
}

void pod_close(struct pod *pod)
{
	container_close(&pod->sandbox);
	pod->role = POD_NONE;
}
