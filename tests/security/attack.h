/*
 * What the attacks on the gate share. An attack is a function that is expected to end in a signal or an error, and after
 * it nothing may have changed: attempt() runs it and says how it ended. On a machine or a gate without keys pkey_or_skip()
 * ends the program as skipped. Exit status of the programs: 0 = the defence held, 1 = not, with lines "HARM: what", 77 =
 * skipped.
 *
 * A line of the opening comment says "defence: NAME [PLATFORM]": a debug build with that defence switched off (abi/boot.h)
 * must be harmed, which defences.sh sees to; NAME+NAME where one stands behind the other. "defence: none, WHY" where no single one can be taken away.
 */
#ifndef ATTACK_H
#define ATTACK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../abi/layout.h"

static int failures;

__attribute__((format(printf, 1, 2), unused)) static void broken(const char *fmt, ...)
{
	va_list ap;

	failures++;
	if (failures > 50)
		return;
	va_start(ap, fmt);
	printf("HARM: ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
}

/* The signal that ended the latest attempt. */
static volatile struct {
	int sig, code;
	uint64_t addr, rip, rsp, rax;
} caught;
static sigjmp_buf attack_back;
static volatile int attack_on;
static bool attack_quiet __attribute__((unused)); /* a process that an attack damages ends without a word */
static char attack_stack[1 << 16] __attribute__((aligned(64)));

static void attack_caught(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	if (!attack_on && sig == SIGALRM)
		return;
	caught.sig = sig;
	caught.code = info->si_code;
	caught.addr = (uint64_t)info->si_addr;
	caught.rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
	caught.rsp = (uint64_t)uc->uc_mcontext.gregs[REG_RSP];
	caught.rax = (uint64_t)uc->uc_mcontext.gregs[REG_RAX];
	if (!attack_on) {
		if (!attack_quiet)
			printf("HARM: unexpected signal %d (code %d) at %#lx, address %#lx\n", sig, info->si_code, caught.rip,
			       caught.addr);
		fflush(stdout);
		_exit(1);
	}
	attack_on = 0;
	siglongjmp(attack_back, 1);
}

__attribute__((unused)) static void attack_init(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGALRM };
	stack_t ss = { .ss_sp = attack_stack, .ss_size = sizeof(attack_stack) };
	struct sigaction sa = { .sa_sigaction = attack_caught, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaltstack(&ss, NULL);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &sa, NULL);
}

/* 0 = it came back by itself, else the signal. */
__attribute__((unused)) static int attempt(void (*fn)(void *), void *arg)
{
	caught.sig = 0;
	if (sigsetjmp(attack_back, 0) == 0) {
		attack_on = 1;
		fn(arg);
		attack_on = 0;
	}
	return caught.sig;
}

static void load(void *p) { (void)*(volatile uint64_t *)p; }
static void store(void *p) { *(volatile uint8_t *)p = 0x5a; }

__attribute__((unused)) static int try_read(uint64_t addr) { return attempt(load, (void *)addr); }
__attribute__((unused)) static int try_write(uint64_t addr) { return attempt(store, (void *)addr); }

static uint32_t pkru;
static void read_pkru(void *out)
{
	uint32_t a, d;

	__asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(a), "=d"(d) : "c"(0));
	*(uint32_t *)out = a;
}

__attribute__((unused)) static uint64_t gs_base(void)
{
	uint64_t v;

	__asm__ volatile("rdgsbase %0" : "=r"(v));
	return v;
}

/* The thread's shown page, which a program may read: selector, rights, task, signal frame, kernel stack. */
__attribute__((unused)) static volatile uint64_t *shown(void) { return (uint64_t *)(gs_base() + SHOWN_OFFSET); }

/* In an attempt's child or after it: are the rights what they were? */
__attribute__((unused)) static bool rights_kept(void)
{
	uint32_t now = 0;

	read_pkru(&now);
	return now == pkru;
}

/* Fills in pkru; ends the program where there are no keys to test. */
__attribute__((unused)) static void pkey_or_skip(void)
{
	attack_init();
	if (attempt(read_pkru, &pkru)) {
		printf("SKIP this machine has no protection keys\n");
		exit(77);
	}
	/* The host's value for programs that know nothing of keys: not the gate's. */
	if (pkru == 0x55555554 || (pkru == 0 && !getenv("DEFENCE_OFF"))) {
		printf("SKIP not the pkey gate\n");
		exit(77);
	}
}

/* Runs fn(arg) in a child; how it ended, as wait says; -1 = not in time. */
__attribute__((unused)) static int in_child(void (*fn)(void *), void *arg, int seconds)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fn(arg);
		_exit(0);
	}
	for (int i = 0; i < seconds * 1000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

__attribute__((unused)) static int attack_result(const char *what)
{
	if (failures)
		printf("%d holes: %s\n", failures, what);
	else
		printf("held: %s\n", what);
	return failures ? 1 : 0;
}

#endif
