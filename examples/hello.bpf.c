/* Writes a line to trace_pipe whenever a task opens a file. */
typedef unsigned int __u32;
typedef unsigned long long __u64;

#define SEC(name) __attribute__((section(name), used))

static long (*bpf_trace_printk)(const char *format, __u32 format_size, ...) = (void *)6;
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_probe_read_user_str)(void *to, __u32 size, const void *from) = (void *)114;

/* What the tracepoint syscalls/sys_enter_openat hands over (its format file in tracefs). */
struct sys_enter_openat {
	__u64 common;
	long __syscall_nr;
	long dfd;
	const char *filename;
	long flags;
	long mode;
};

SEC("tracepoint/syscalls/sys_enter_openat")
int on_openat(struct sys_enter_openat *ctx)
{
	static const char format[] = "hello from pid %d: open(\"%s\")";
	char name[64];

	bpf_probe_read_user_str(name, sizeof(name), ctx->filename);
	bpf_trace_printk(format, sizeof(format), (__u32)(bpf_get_current_pid_tgid() >> 32), name);
	return 0;
}

char _license[] SEC("license") = "GPL";
