/* What config.json says about the state of a task: scheduling, I/O priority, CPUs, personality. For oci/ only. */
#ifndef LIMPET_RUNTIME_OCI_TASK_H
#define LIMPET_RUNTIME_OCI_TASK_H

#include "runtime/oci/json.h"

/* Of "process": scheduler, ioPriority, execCPUAffinity. */
int oci_task_load(struct doc *d, const struct node *process, const struct field_row *fields);
/* Of "linux": personality. */
int oci_personality_load(struct doc *d, const struct node *linux_, const struct field_row *fields);

#endif
