/* What the test programs need of the BPF side: section and map macros, helper numbers, contexts. */
#ifndef SMPBPF_HELPERS_H
#define SMPBPF_HELPERS_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef int __s32;
typedef long long __s64;

#define SEC(name) __attribute__((section(name), used))
/* Declarations of what the kernel provides. */
#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))
#define __noinline __attribute__((noinline))
#define __always_inline inline __attribute__((always_inline))
#define __weak __attribute__((weak))
#define __hidden __attribute__((visibility("hidden")))

/* Members of a map declaration. */
#define __uint(name, value) int (*name)[value]
#define __type(name, type) __typeof__(type) *name
#define __array(name, type) __typeof__(type) *name[]

#define LICENSE(text) char _license[] SEC("license") = text

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_HASH_OF_MAPS = 13,
};

enum { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX };
enum { BPF_ANY, BPF_NOEXIST, BPF_EXIST };
#define BPF_F_NO_PREALLOC 1
#define BPF_F_CURRENT_CPU 0xffffffffULL

/* Helpers, by number. */
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static long (*bpf_probe_read)(void *to, __u32 size, const void *from) = (void *)4;
static __u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static long (*bpf_trace_printk)(const char *format, __u32 format_size, ...) = (void *)6;
static __u32 (*bpf_get_prandom_u32)(void) = (void *)7;
static __u32 (*bpf_get_smp_processor_id)(void) = (void *)8;
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static __u64 (*bpf_get_current_uid_gid)(void) = (void *)15;
static long (*bpf_get_current_comm)(void *to, __u32 size) = (void *)16;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static long (*bpf_probe_read_str)(void *to, __u32 size, const void *from) = (void *)45;
static long (*bpf_probe_read_user)(void *to, __u32 size, const void *from) = (void *)112;
static long (*bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_user_str)(void *to, __u32 size, const void *from) = (void *)114;
static long (*bpf_probe_read_kernel_str)(void *to, __u32 size, const void *from) = (void *)115;
static long (*bpf_for_each_map_elem)(void *map, void *callback, void *ctx, __u64 flags) = (void *)164;
static long (*bpf_loop)(__u32 count, void *callback, void *ctx, __u64 flags) = (void *)181;

/* Context of XDP programs. */
struct xdp_md {
	__u32 data;
	__u32 data_end;
	__u32 data_meta;
	__u32 ingress_ifindex;
	__u32 rx_queue_index;
	__u32 egress_ifindex;
};

/* Context of raw tracepoints: the tracepoint's arguments. */
struct bpf_raw_tracepoint_args {
	__u64 args[8];
};

/* Context of kprobes: the registers of x86-64, in the order in which the kernel saves them. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	unsigned long rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss;
};

/* Arguments of a function (first three) and of a system call, whose pt_regs is the wrapper's first argument. */
#define PARM1(regs) ((regs)->rdi)
#define PARM2(regs) ((regs)->rsi)
#define PARM3(regs) ((regs)->rdx)

#define printk(text, ...)                                               \
	({                                                              \
		static const char printk_format[] = text;               \
		bpf_trace_printk(printk_format, sizeof(printk_format),  \
				 ##__VA_ARGS__);                        \
	})

#endif
