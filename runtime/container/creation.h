/*
 * A container while it is made: what the command and the process that it forks share (create.c; join.c for containers
 * that join a pod's sandbox). Nobody else's.
 */
#ifndef LIMPET_RUNTIME_CREATION_H
#define LIMPET_RUNTIME_CREATION_H

#include "runtime/container/create.h"
#include "runtime/container/pod.h"
#include "runtime/supervisor/supervisor.h"

struct creation {
	const struct create_options *options;
	struct container *c;
	struct spec spec;
	json_t *config;
	int sync; /* between the two processes: one JSON object a packet */
	struct pod pod;
	struct supervision sv;
	struct sandbox sandbox;
};

int sync_send(int fd, json_t *message); /* taken over. -1: the other one is gone */
json_t *sync_receive(int fd); /* NULL: likewise */
int sync_wait_go(int fd, struct error *err);
int sync_send_go(struct creation *cr, struct error *err);
/* The command's side: a message with this key, to be decref'ed, or an error. */
int sync_expect(struct creation *cr, const char *key, json_t **message, struct error *err);
/* What was made in the control group hierarchies, for the state. */
void sync_put_groups(json_t *message, const struct cgroup *cg);
/* Streams that only the container's programs shall hold from now on: their readers wait for the last holder. */
void let_streams_go(const struct creation *cr, bool terminal, int null, int log);

#endif
