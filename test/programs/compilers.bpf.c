/* A bit of everything that compilers lay out differently; built by each of them into compilers/. */
#include "smpbpf_helpers.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(max_entries, 2);
} events SEC(".maps");

__u64 total;
__u32 weight = 5;
const volatile __u32 mask = 0xff;
static volatile __u32 calls;

static __noinline __u64 bump(__u32 key, __u64 by)
{
	__u64 *count = bpf_map_lookup_elem(&counts, &key);

	calls++;
	if (!count) {
		bpf_map_update_elem(&counts, &key, &by, BPF_ANY);
		return by;
	}
	return *count += by;
}

__noinline __u32 masked(__u32 x)
{
	return x & mask;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	total += bump(masked(ctx->rx_queue_index), weight);
	return total;
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return bump(1, 1);
}

SEC("kprobe/do_unlinkat")
int on_unlink(struct pt_regs *ctx)
{
	__u64 pid = bpf_get_current_pid_tgid() >> 32;

	printk("unlink by %d\n", (__u32)pid);
	bpf_trace_printk("again\n", 7);
	return bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &pid, sizeof(pid));
}

SEC("?tracepoint/syscalls/sys_enter_openat")
int not_loaded(void *ctx)
{
	return bump(2, 1);
}

LICENSE("GPL");
