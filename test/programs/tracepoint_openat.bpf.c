/* Tracepoints of the openat system call: the file's name on entry, the result on exit. */
#include "smpbpf_helpers.h"

/* As the tracepoints' format files describe them. */
struct sys_enter_openat {
	__u64 common;
	long syscall_nr;
	long dfd;
	const char *filename;
	long flags;
	long mode;
};

struct sys_exit_openat {
	__u64 common;
	long syscall_nr;
	long ret;
};

struct opened {
	long dfd, flags, ret;
	char name[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, struct opened);
} opened SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_openat")
int on_enter(struct sys_enter_openat *ctx)
{
	struct opened entry = { .dfd = ctx->dfd, .flags = ctx->flags, .ret = -1 };
	__u64 id = bpf_get_current_pid_tgid();

	bpf_probe_read_user_str(entry.name, sizeof(entry.name), ctx->filename);
	bpf_map_update_elem(&opened, &id, &entry, BPF_ANY);
	return 0;
}

SEC("tp/syscalls/sys_exit_openat")
int on_exit(struct sys_exit_openat *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct opened *entry = bpf_map_lookup_elem(&opened, &id);

	if (entry)
		entry->ret = ctx->ret;
	return 0;
}

LICENSE("GPL");
