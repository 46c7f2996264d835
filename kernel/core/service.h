/*
 * The service: kserver makes the rare host calls (HOST_ASKED in gate/host_calls.h) for the processes that run programs,
 * whose own filter refuses them. Requests stand on their askers' kernel stacks, which are shared memory; descriptors
 * are shared by all processes anyway. An asker sleeps where it may be killed from outside without loss (gate_sleep):
 * another host thread then waits in its place, so a request never outlives its stack.
 *
 * Calls may take long (a file system of the network): there is always one thread more than requests under way, up to
 * SERVICE_THREADS.
 */
#ifndef LIMPET_CORE_SERVICE_H
#define LIMPET_CORE_SERVICE_H

#define SERVICE_THREADS 16u

/* A service thread of kserver; the first one is started at boot, before the first program. */
void service_main(void *arg);

#endif
