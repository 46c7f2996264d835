/* Between boot.c, kserver.c and spawner.c: thread functions and the service task. */
#ifndef LIMPET_CORE_KSERVER_MAIN_H
#define LIMPET_CORE_KSERVER_MAIN_H

#include "lib/types.h"

struct task;

struct task *service_task(const char *name); /* NULL = no memory */
struct cred;
const struct cred *service_credentials(void); /* those of the kernel itself; there once a service task was */
void spawner_main(void *arg); /* spawner.c */
void spawner_died(struct task *t); /* its host process was killed from outside */
void control_main(void *msg); /* msg: a struct control_msg to receive into */
__noreturn void reaper_main(void);

#endif
