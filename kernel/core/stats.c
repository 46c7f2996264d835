/* Counts for --stats: see stats.h. */
#include "core/stats.h"

#include "abi/control.h"
#include "core/boot.h"
#include "core/log.h"
#include "core/time.h"
#include "lib/string.h"
#include "proc/task.h"

#define START_UP NSEC_PER_SEC /* programs warm up: counted apart */
#define SITES 128u
#define NAME_LEN 56u
#define TOP 12u

static u64 calls_ended; /* of tasks that are gone; atomic */
static u64 calls_early; /* of all until the end of START_UP */
static u64 traps[SITE_STATES], traps_early[SITE_STATES]; /* atomic */
static u64 flips, kicks, patched, dropped; /* atomic */
static u64 images, image_sites, image_bytes, image_ns, image_maps; /* atomic */
static u64 scanned, scan_ns, questions, question_ns; /* atomic */
static s64 start;
static struct timer early_timer;

struct site {
	u64 offset;
	u64 count; /* atomic */
	enum site_state state;
	char name[NAME_LEN];
};
static struct mutex sites_lock = MUTEX_INIT(LOCK_LEAF);
/* Under sites_lock but for counts: [0] are those that found no place. */
static struct site sites[SITES] = { { .name = "others" } };
static u32 nr_sites = 1;

static u64 calls_so_far(void)
{
	u64 sum = 0;
	struct task *t;

	mutex_lock(&tasklist_lock);
	for (u64 from = 0; (t = task_next_any(from)); from = task_place(t) + 1)
		sum += atomic_load_relaxed(&t->syscalls);
	sum += calls_ended;
	mutex_unlock(&tasklist_lock);
	return sum;
}

static void early_over(struct timer *timer __unused)
{
	atomic_store(&calls_early, calls_so_far());
	for (u32 i = 0; i < SITE_STATES; i++)
		atomic_store(&traps_early[i], atomic_load(&traps[i]));
}

void stats_init(void)
{
	start = ktime_get();
	timer_init(&early_timer, early_over);
	if (boot->stats && timer_set(&early_timer, start + START_UP))
		log_warn("stats: no timer");
}

void stats_trap(enum site_state state, u32 site)
{
	atomic_add(&traps[state], 1u);
	if (site < SITES && state > SITE_PATCHED)
		atomic_add(&sites[site].count, 1u);
}

u32 stats_site(const char *name, u64 offset, enum site_state state)
{
	size_t len = strlen(name);
	u32 i;

	if (len >= NAME_LEN)
		name += len - (NAME_LEN - 1);
	mutex_lock(&sites_lock);
	for (i = 1; i < nr_sites; i++)
		if (sites[i].offset == offset && !strcmp(sites[i].name, name))
			break;
	if (i == SITES) {
		i = STATS_NO_SITE;
	} else if (i == nr_sites) {
		nr_sites++;
		sites[i].offset = offset;
		strlcpy(sites[i].name, name, NAME_LEN);
	}
	sites[i].state = state;
	mutex_unlock(&sites_lock);
	return i;
}

void stats_patched(void) { atomic_add(&patched, 1u); }

void stats_image(u32 n, u64 bytes, s64 ns)
{
	atomic_add(&images, 1u);
	atomic_add(&image_sites, n);
	atomic_add(&image_bytes, bytes);
	atomic_add(&image_ns, (u64)ns);
}

void stats_scan(u64 bytes, s64 ns)
{
	atomic_add(&scanned, bytes);
	atomic_add(&scan_ns, (u64)ns);
}

void stats_asked(s64 ns)
{
	atomic_add(&questions, 1u);
	atomic_add(&question_ns, (u64)ns);
}

void stats_image_mapped(void) { atomic_add(&image_maps, 1u); }
void stats_dropped(u32 n) { atomic_add(&dropped, n); }
void stats_flip(void) { atomic_add(&flips, 1u); }
void stats_kick(void) { atomic_add(&kicks, 1u); }

void stats_task_ended(struct task *t)
{
	calls_ended += t->syscalls;
	t->syscalls = 0;
}

static const char *const state_names[SITE_STATES] = {
	[SITE_COLD] = "not often enough",
	[SITE_PATCHED] = "at a patched site",
	[SITE_SHORT] = "no room for a jump",
	[SITE_INSN] = "instruction not known",
	[SITE_REACH] = "no trampoline in reach",
	[SITE_MEMORY] = "kind of memory",
	[SITE_CHANGED] = "code was changed",
	[SITE_DIRTY] = "forbidden bytes",
};

struct text {
	char buf[CONTROL_TEXT_MAX];
	size_t len;
};

static void flush(struct text *t)
{
	if (t->len)
		control_send(CONTROL_STATS, 0, t->buf);
	t->len = 0;
}

static __printf(2, 3) void line(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->len > sizeof(t->buf) - 256)
		flush(t);
	va_start(ap, fmt);
	n = kvsnprintf(t->buf + t->len, sizeof(t->buf) - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len = min(t->len + (size_t)n, sizeof(t->buf) - 1);
}

static u64 per_10000(u64 part, u64 whole) { return whole ? part * 10000 / whole : 10000; }

static u64 sum(const u64 *v)
{
	u64 s = 0;

	for (u32 i = 0; i < SITE_STATES; i++)
		s += v[i];
	return s;
}

static void report_calls(struct text *t, const char *when, u64 calls, u64 trapped)
{
	u64 by_gate = calls > trapped ? calls - trapped : 0, share = per_10000(by_gate, calls);

	line(t, "%-22s %10lu calls %10lu by gate %10lu by trap %6lu.%02lu %%\n", when, calls, by_gate, trapped,
	     share / 100, share % 100);
}

static void report_sites(struct text *t)
{
	bool shown[SITES] = { 0 };

	for (u32 n = 0; n < TOP; n++) {
		u32 best = SITES;
		u64 most = 0;

		for (u32 i = 0; i < nr_sites; i++)
			if (!shown[i] && sites[i].count > most) {
				best = i;
				most = sites[i].count;
			}
		if (best == SITES)
			return;
		shown[best] = true;
		line(t, "  %10lu  %s+%#lx: %s\n", most, sites[best].name, sites[best].offset,
		     best == STATS_NO_SITE ? "various" : state_names[sites[best].state]);
	}
}

void stats_report(void)
{
	static struct text text;
	bool late;
	u64 calls, left[SITE_STATES];

	if (!boot->stats)
		return;
	late = ktime_get() - start > START_UP;
	calls = calls_so_far();
	line(&text, "statistics\n");
	report_calls(&text, "system calls", calls, sum(traps));
	for (u32 i = 0; i < SITE_STATES; i++)
		left[i] = traps[i] - traps_early[i];
	if (late)
		report_calls(&text, "after the first second", calls - min(calls, calls_early), sum(left));
	for (u32 i = 0; i < SITE_STATES; i++)
		if (traps[i])
			line(&text, "  trapped, %-23s %10lu, later %lu\n", state_names[i], traps[i], late ? left[i] : 0);
	line(&text, "call sites: %lu patched, %lu dropped for a program's own changes\n", patched, dropped);
	line(&text, "text images: %lu made, with %lu sites, %lu KiB, in %lu us; mapped %lu times\n", images,
	     image_sites, image_bytes >> 10, image_ns / 1000, image_maps);
	line(&text, "code looked at: %lu KiB in %lu us; questions to the decoder: %lu, in %lu us\n", scanned >> 10, scan_ns / 1000,
	     questions, question_ns / 1000);
	line(&text, "page flips: %lu   kicks of running programs: %lu\n", flips, kicks);
	if (nr_sites > 1) {
		line(&text, "sites that stay traps, and how often they did:\n");
		report_sites(&text);
	}
	flush(&text);
}
