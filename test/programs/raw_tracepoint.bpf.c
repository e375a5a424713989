/* Raw tracepoints: what sys_enter and sched_process_exec hand over, kept in a map. */
#include "smpbpf_helpers.h"

struct seen {
	__u64 first, second;
	__u64 pid_tgid;
	__u64 calls;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct seen);
} seen SEC(".maps");

static __always_inline int keep(struct bpf_raw_tracepoint_args *ctx, __u32 index)
{
	struct seen *entry = bpf_map_lookup_elem(&seen, &index);

	if (!entry)
		return 0;
	entry->first = ctx->args[0];
	entry->second = ctx->args[1];
	entry->pid_tgid = bpf_get_current_pid_tgid();
	entry->calls++;
	bpf_get_current_comm(entry->comm, sizeof(entry->comm));
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int on_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	return keep(ctx, 0);
}

SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	return keep(ctx, 1);
}

LICENSE("GPL");
