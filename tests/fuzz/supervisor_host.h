/*
 * The supervisor's loop for fuzzers: its file itself, and stubs for what it reaches on its edges. One inclusion a
 * program.
 */
#ifndef SUPERVISOR_HOST_H
#define SUPERVISOR_HOST_H

#include "runtime/supervisor/supervisor.c"

int sandbox_go(struct sandbox *sb, struct error *err) { return 0; }
int sandbox_end(struct sandbox *sb) { return 0; }
void terminal_enter(bool use) {}
void terminal_leave(void) {}
void terminal_resume(void) {}
bool terminal_is_raw(void) { return false; }
int confine_supervisor(const struct sandbox *sb, bool serves, struct error *err) { return 0; }
void server_kernel(struct server *s, const struct control_msg *msg, const char *text) {}
size_t server_poll(const struct server *s, struct pollfd *fds) { return 0; }
void server_serve(struct server *s, const struct pollfd *fds, size_t n) {}
void server_close(struct server *s) {}
bool cgroup_oom_killed(int fd) { return false; }
void describe_exec_error(char *out, size_t size, int error, int64_t stage, const char *text) { *out = 0; }

#endif
