/* /proc/cpuinfo from what the CPUID instruction tells, in Linux's words. One description stands for every CPU. */
#include "fs/proc/proc.h"
#include "proc/sched.h"

struct regs {
	u32 a, b, c, d;
};

static struct regs cpuid(u32 leaf, u32 sub)
{
	struct regs r;

	__asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
	return r;
}

static u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

/* Boot time and the counter then: the first reader measures the counter's rate over the time since. */
static u64 boot_tsc;
static s64 boot_ns;

void proc_cpuinfo_init(void)
{
	boot_ns = ktime_get();
	boot_tsc = rdtsc();
}

static u64 tsc_khz(void)
{
	static u64 khz; /* atomic; measured once the interval is long enough */
	u64 have = atomic_load(&khz);
	s64 ns = ktime_get() - boot_ns;
	u64 ticks = rdtsc() - boot_tsc;

	if (have || ns < NSEC_PER_MSEC)
		return have ? have : 1000000;
	/* ticks / ns * 10^6, without overflow for centuries of uptime. */
	have = ns > 1000 * NSEC_PER_SEC ? ticks / ((u64)ns / 1000000) : ticks * 1000000 / (u64)ns;
	if (ns > 100 * NSEC_PER_MSEC)
		atomic_store(&khz, have);
	return have;
}

/* Where a feature bit is. */
enum word { L1_D, L1_C, L7_B, L7_C, L7_D, L71_A, L71_D, LD1_A, X1_D, X1_C, X7_D, X8_B, L6_A, WORDS };

struct feature {
	u8 word, bit;
	const char *name;
};

/* In Linux's order. What belongs to the gate (protection keys) programs do not have. */
static const struct feature features[] = {
	{ L1_D, 0, "fpu" }, { L1_D, 1, "vme" }, { L1_D, 2, "de" }, { L1_D, 3, "pse" }, { L1_D, 4, "tsc" },
	{ L1_D, 5, "msr" }, { L1_D, 6, "pae" }, { L1_D, 7, "mce" }, { L1_D, 8, "cx8" }, { L1_D, 9, "apic" },
	{ L1_D, 11, "sep" }, { L1_D, 12, "mtrr" }, { L1_D, 13, "pge" }, { L1_D, 14, "mca" }, { L1_D, 15, "cmov" },
	{ L1_D, 16, "pat" }, { L1_D, 17, "pse36" }, { L1_D, 19, "clflush" }, { L1_D, 23, "mmx" },
	{ L1_D, 24, "fxsr" }, { L1_D, 25, "sse" }, { L1_D, 26, "sse2" }, { L1_D, 27, "ss" }, { L1_D, 28, "ht" },
	{ X1_D, 11, "syscall" }, { X1_D, 20, "nx" }, { X1_D, 22, "mmxext" }, { X1_D, 25, "fxsr_opt" },
	{ X1_D, 26, "pdpe1gb" }, { X1_D, 27, "rdtscp" }, { X1_D, 29, "lm" }, { X7_D, 8, "constant_tsc" },
	{ X1_C, 16, "fma4" }, { X1_C, 11, "xop" }, { L1_D, 29, "tm" }, { X7_D, 8, "nonstop_tsc" },
	{ L1_C, 0, "pni" }, { L1_C, 1, "pclmulqdq" }, { L1_C, 9, "ssse3" }, { L1_C, 12, "fma" }, { L1_C, 13, "cx16" },
	{ L1_C, 17, "pcid" }, { L1_C, 19, "sse4_1" }, { L1_C, 20, "sse4_2" }, { L1_C, 21, "x2apic" },
	{ L1_C, 22, "movbe" }, { L1_C, 23, "popcnt" }, { L1_C, 24, "tsc_deadline_timer" }, { L1_C, 25, "aes" },
	{ L1_C, 26, "xsave" }, { L1_C, 28, "avx" }, { L1_C, 29, "f16c" }, { L1_C, 30, "rdrand" },
	{ L1_C, 31, "hypervisor" }, { X1_C, 0, "lahf_lm" }, { X1_C, 1, "cmp_legacy" }, { X1_C, 4, "cr8_legacy" },
	{ X1_C, 5, "abm" }, { X1_C, 6, "sse4a" }, { X1_C, 7, "misalignsse" }, { X1_C, 8, "3dnowprefetch" },
	{ X1_C, 9, "osvw" }, { X1_C, 21, "tbm" }, { X1_C, 22, "topoext" }, { L7_B, 0, "fsgsbase" },
	{ L7_B, 1, "tsc_adjust" }, { L7_B, 3, "bmi1" }, { L7_B, 4, "hle" }, { L7_B, 5, "avx2" }, { L7_B, 7, "smep" },
	{ L7_B, 8, "bmi2" }, { L7_B, 9, "erms" }, { L7_B, 10, "invpcid" }, { L7_B, 11, "rtm" },
	{ L7_B, 16, "avx512f" }, { L7_B, 17, "avx512dq" }, { L7_B, 18, "rdseed" }, { L7_B, 19, "adx" },
	{ L7_B, 20, "smap" }, { L7_B, 21, "avx512ifma" }, { L7_B, 23, "clflushopt" }, { L7_B, 24, "clwb" },
	{ L7_B, 28, "avx512cd" }, { L7_B, 29, "sha_ni" }, { L7_B, 30, "avx512bw" }, { L7_B, 31, "avx512vl" },
	{ LD1_A, 0, "xsaveopt" }, { LD1_A, 1, "xsavec" }, { LD1_A, 2, "xgetbv1" }, { LD1_A, 3, "xsaves" },
	{ L71_A, 4, "avx_vnni" }, { L71_A, 5, "avx512_bf16" }, { X8_B, 0, "clzero" }, { X8_B, 2, "xsaveerptr" },
	{ X8_B, 9, "wbnoinvd" }, { L6_A, 2, "arat" }, { L7_C, 1, "avx512vbmi" }, { L7_C, 2, "umip" },
	{ L7_C, 5, "waitpkg" }, { L7_C, 6, "avx512_vbmi2" }, { L7_C, 8, "gfni" }, { L7_C, 9, "vaes" },
	{ L7_C, 10, "vpclmulqdq" }, { L7_C, 11, "avx512_vnni" }, { L7_C, 12, "avx512_bitalg" },
	{ L7_C, 14, "avx512_vpopcntdq" }, { L7_C, 16, "la57" }, { L7_C, 22, "rdpid" }, { L7_C, 25, "cldemote" },
	{ L7_C, 27, "movdiri" }, { L7_C, 28, "movdir64b" }, { L7_D, 4, "fsrm" },
	{ L7_D, 8, "avx512_vp2intersect" }, { L7_D, 10, "md_clear" }, { L7_D, 14, "serialize" },
	{ L7_D, 16, "tsxldtrk" }, { L7_D, 22, "amx_bf16" }, { L7_D, 23, "avx512_fp16" }, { L7_D, 24, "amx_tile" },
	{ L7_D, 25, "amx_int8" }, { L7_D, 29, "arch_capabilities" },
};

static void take_words(u32 w[WORDS])
{
	u32 top = cpuid(0, 0).a, ext = cpuid(0x80000000, 0).a;
	struct regs r = cpuid(1, 0);

	memset(w, 0, WORDS * sizeof(*w));
	w[L1_D] = r.d;
	w[L1_C] = r.c;
	if (top >= 6)
		w[L6_A] = cpuid(6, 0).a;
	if (top >= 7) {
		r = cpuid(7, 0);
		w[L7_B] = r.b;
		w[L7_C] = r.c;
		w[L7_D] = r.d;
		if (r.a >= 1) {
			struct regs more = cpuid(7, 1);

			w[L71_A] = more.a;
			w[L71_D] = more.d;
		}
	}
	if (top >= 0xd)
		w[LD1_A] = cpuid(0xd, 1).a;
	if (ext >= 0x80000001) {
		r = cpuid(0x80000001, 0);
		w[X1_D] = r.d;
		w[X1_C] = r.c;
	}
	if (ext >= 0x80000007)
		w[X7_D] = cpuid(0x80000007, 0).d;
	if (ext >= 0x80000008)
		w[X8_B] = cpuid(0x80000008, 0).b;
}

static void put_brand(struct seq *s)
{
	char name[49] = "unknown";
	char *p = name;

	if (cpuid(0x80000000, 0).a >= 0x80000004) {
		for (u32 i = 0; i < 3; i++) {
			struct regs r = cpuid(0x80000002 + i, 0);

			memcpy(name + 16 * i, &r, sizeof(r));
		}
		name[48] = 0;
	}
	while (*p == ' ')
		p++;
	for (size_t n = strlen(p); n && p[n - 1] == ' ';)
		p[--n] = 0;
	seq_printf(s, "model name\t: %s\n", p);
}

/* The cache Linux names here: AMD's second level, otherwise the largest. KiB. */
static u32 cache_size(bool amd)
{
	u32 best = 0;

	if (amd)
		return cpuid(0x80000000, 0).a >= 0x80000006 ? cpuid(0x80000006, 0).c >> 16 : 0;
	for (u32 i = 0; i < 8 && cpuid(0, 0).a >= 4; i++) {
		struct regs r = cpuid(4, i);
		u64 size;

		if (!(r.a & 31))
			break;
		size = (u64)((r.b >> 22) + 1) * ((r.b >> 12 & 1023) + 1) * ((r.b & 4095) + 1) * ((u64)r.c + 1);
		best = max(best, (u32)(size / 1024));
	}
	return best;
}

static void put_one(struct seq *s, u32 cpu, u32 nth, u32 count, const u32 *words)
{
	struct regs id = cpuid(0, 0), one = cpuid(1, 0), size = { 0x3030, 0, 0, 0 };
	u32 family = one.a >> 8 & 15, model = one.a >> 4 & 15;
	u64 khz = tsc_khz();
	char vendor[13];
	bool amd;

	memcpy(vendor, &id.b, 4);
	memcpy(vendor + 4, &id.d, 4);
	memcpy(vendor + 8, &id.c, 4);
	vendor[12] = 0;
	amd = !strcmp(vendor, "AuthenticAMD");
	if (family == 6 || family == 15)
		model |= (one.a >> 16 & 15) << 4;
	if (family == 15)
		family += one.a >> 20 & 255;
	if (cpuid(0x80000000, 0).a >= 0x80000008)
		size = cpuid(0x80000008, 0);
	seq_printf(s, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", cpu, vendor, family, model);
	put_brand(s);
	seq_printf(s, "stepping\t: %u\nmicrocode\t: 0xffffffff\ncpu MHz\t\t: %lu.%03lu\ncache size\t: %u KB\n", one.a & 15,
		   khz / 1000, khz % 1000, cache_size(amd));
	seq_printf(s, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\n"
		      "initial apicid\t: %u\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t:",
		   count, nth, count, nth, nth, id.a);
	for (u32 i = 0; i < ARRAY_SIZE(features); i++)
		if (words[features[i].word] >> features[i].bit & 1)
			seq_printf(s, " %s", features[i].name);
	seq_printf(s, "\nbugs\t\t:\nbogomips\t: %lu.%02lu\nclflush size\t: %u\ncache_alignment\t: %u\n"
		      "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
		   khz / 500, khz / 5 % 100, (one.b >> 8 & 255) * 8, (one.b >> 8 & 255) * 8, size.a & 255,
		   size.a >> 8 & 255);
}

int proc_show_cpuinfo(struct seq *s, const struct proc_ctx *c)
{
	u64 cpus = sched_cpus();
	u32 words[WORDS], nth = 0, count = sched_cpu_count();

	take_words(words);
	for (u32 i = 0; i < 64; i++)
		if (cpus >> i & 1)
			put_one(s, i, nth++, count, words);
	return 0;
}
