/* The plain gate: for machines without protection keys. A program can reach its own sandbox's kernel. */
#include "gate/gate.h"

void gate_plain_signal_entry(void);
void gate_plain_call_entry(void);
void gate_plain_call_entry_parked(void);
void gate_plain_call_entry_open(void);
__noreturn void gate_plain_exit(struct task *t);

static int init(void) { return 0; }

const struct gate_ops gate_plain = {
	.name = "plain",
	.init = init,
	.signal_entry = gate_plain_signal_entry,
	.call_entry = gate_plain_call_entry,
	.call_entry_parked = gate_plain_call_entry_parked,
	.call_entry_open = gate_plain_call_entry_open,
	.exit = gate_plain_exit,
};
