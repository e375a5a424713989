/* bpf_perf_event_output in its forms; each program returns what the helper answered. */
#include "smpbpf_helpers.h"

struct event {
	__u64 sequence;
	__u32 cpu;
	__u32 size;
	__u8 payload[48];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(max_entries, 8);
} events SEC(".maps");

__u64 sequence;

static __always_inline long send(void *ctx, __u64 flags, __u32 size)
{
	struct event event = { .sequence = sequence++, .cpu = bpf_get_smp_processor_id(), .size = size };

	for (int i = 0; i < sizeof(event.payload); i++)
		event.payload[i] = i;
	return bpf_perf_event_output(ctx, &events, flags, &event, size);
}

SEC("xdp")
int xdp_current(struct xdp_md *ctx)
{
	return send(ctx, BPF_F_CURRENT_CPU, sizeof(struct event));
}

SEC("xdp")
int xdp_small(struct xdp_md *ctx)
{
	return send(ctx, BPF_F_CURRENT_CPU, 8);
}

/* Appends 14 bytes of the packet. */
SEC("xdp")
int xdp_with_packet(struct xdp_md *ctx)
{
	return send(ctx, BPF_F_CURRENT_CPU | 14ULL << 32, 16);
}

SEC("raw_tracepoint/perf_output")
int tp_current(void *ctx)
{
	return send(ctx, BPF_F_CURRENT_CPU, sizeof(struct event));
}

SEC("raw_tracepoint/perf_output")
int tp_index_zero(void *ctx)
{
	return send(ctx, 0, 16);
}

SEC("raw_tracepoint/perf_output")
int tp_index_large(void *ctx)
{
	return send(ctx, 8, 16);
}

/* Raw tracepoints have no packet to append. */
SEC("raw_tracepoint/perf_output")
int tp_with_context(void *ctx)
{
	return send(ctx, BPF_F_CURRENT_CPU | 8ULL << 32, 16);
}

LICENSE("GPL");
