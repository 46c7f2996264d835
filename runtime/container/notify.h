/*
 * A seccomp agent: a program of the host that decides system calls of a container (linux.seccomp.listenerPath of
 * config.json). It is sent a descriptor that behaves as the host's seccomp listeners do (seccomp_unotify(2)). The calls
 * are the guest kernel's, so the host has none to give: the descriptor is the one file of a FUSE file system that is
 * served by a process of ours (notify_server.c), which has a socket to the guest kernel (abi/notify.h).
 *
 *	agent  -- ioctl(RECV, SEND, ADDFD, ID_VALID), poll -->  FUSE  -->  limpet-notify  -->  guest kernel
 */
#ifndef LIMPET_RUNTIME_NOTIFY_H
#define LIMPET_RUNTIME_NOTIFY_H

#include <jansson.h>

#include "runtime/sandbox/spec.h"

/*
 * When the spec names an agent: starts the server, sends the agent the descriptor and the state of the container (taken
 * over), with the caller as the process that stands for the program, and leaves spec->seccomp_fd for the guest kernel.
 */
int notify_start(struct spec *spec, json_t *state, struct error *err);
void notify_close(struct spec *spec); /* ours of it, once the guest kernel has it */

/* The server, in a process of its own. fuse: of a file system whose root is the file; sock: to the guest kernel. */
_Noreturn void notify_serve(int fuse, int sock);

#endif
