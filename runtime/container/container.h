/*
 * Containers: what outlives one run of limpet. Each has a directory below the root of states:
 *
 *	state.json    what is known of it; always whole, written beside and renamed
 *	config.json   the bundle's, as it was at create
 *	socket        the supervisor listens here (server.h); not there for a container that has joined a pod's sandbox
 *
 * Whoever looks at or changes it holds an flock(2) on the directory. The supervisor writes nothing there: the commands
 * do, so that one that dies half-way leaves at worst a directory that `delete --force` takes away.
 */
#ifndef LIMPET_RUNTIME_CONTAINER_H
#define LIMPET_RUNTIME_CONTAINER_H

#include <jansson.h>
#include <sys/types.h>

#include "runtime/lib/util.h"

#define OCI_VERSION "1.2.0"

enum container_status {
	CONTAINER_CREATING, CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_PAUSED, CONTAINER_STOPPED,
};

struct container {
	struct arena arena;
	const char *id;
	int dir; /* locked */
	json_t *state; /* state.json; NULL = it was never written, or cannot be read */
	bool creating; /* looked at while its create is at work and has not written anything yet */
};

/* Where states live, made when missing. */
const char *container_root(void);
void container_set_root(const char *dir);

/* 0, or -1 with err "container does not exist". */
int container_open(struct container *c, const char *id, struct error *err);
/* The same, but an error for one that create is still at work on: its hooks may be asking. */
int container_open_made(struct container *c, const char *id, struct error *err);
/* The same without the lock, to look only. */
int container_look(struct container *c, const char *id, struct error *err);
/* A fresh directory, locked; refused when the id is taken. */
int container_make(struct container *c, const char *id, struct error *err);
void container_close(struct container *c);
void container_lock(struct container *c);
void container_unlock(struct container *c);
bool container_unreadable(const struct container *c); /* there is a state.json, but it says nothing */
int container_save(struct container *c, struct error *err);
/* Unlinks what is known of it; processes and groups are gone already. */
int container_forget(struct container *c, struct error *err);

enum container_status container_status(const struct container *c);
const char *container_status_name(enum container_status status);
pid_t container_pid(const struct container *c); /* the supervisor; 0 = it is gone */
/* The process pid, which began at start (field 22 of /proc/PID/stat), still runs. */
bool process_alive(pid_t pid, uint64_t start);
uint64_t process_start(pid_t pid); /* 0 = there is none */

const char *container_text(const struct container *c, const char *key); /* of state.json, "" = absent */
int64_t container_number(const struct container *c, const char *key);
/* The OCI state (state(1), hooks): to be decref'ed. status NULL: as it is. */
json_t *container_oci_state(const struct container *c, const char *status);

/* Ids of all containers, sorted. */
int container_list(struct arena *a, struct strings *ids, struct error *err);

/* A connection to the supervisor's socket, that of its pod's sandbox if it has joined one, or -1. */
int container_connect(const struct container *c, struct error *err);
/* Its number for the supervisor; 0 = the sandbox is its own. */
uint32_t container_in_pod(const struct container *c);
/* The host process that is number pid in the PID namespace of the kserver with this pid; 0 = there is none. */
pid_t container_find_process(pid_t kernel, pid_t pid);
/* The freezer's file and its words; NULL = the container has none. */
const char *container_freezer(const struct container *c, bool *v2);
int container_freeze(const struct container *c, bool on, struct error *err);
bool container_paused_inside(const struct container *c); /* not by that, but by the guest kernel: it is one of a pod */
/* The container's control groups as state.json has them. */
struct cgroup;
void container_cgroups(const struct container *c, struct cgroup *cg);
/* Host processes that run the container's programs. */
int container_processes(const struct container *c, struct arena *a, pid_t **pids, size_t *count, struct error *err);

#endif
