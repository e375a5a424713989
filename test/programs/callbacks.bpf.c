/* Functions passed by address: static callbacks of bpf_loop and bpf_for_each_map_elem. */
#include "smpbpf_helpers.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

static __noinline __u64 twice(__u64 x)
{
	asm volatile("" : "+r"(x));
	return 2 * x;
}

static long add_element(void *map, __u32 *key, __u64 *value, __u64 *sum)
{
	*sum += twice(*value);
	return 0;
}

static long add_index(__u32 index, __u64 *sum)
{
	*sum += index;
	return index == 9;
}

SEC("xdp")
int sum_map(struct xdp_md *ctx)
{
	__u64 sum = 0;

	bpf_for_each_map_elem(&numbers, add_element, &sum, 0);
	return sum;
}

SEC("xdp")
int sum_loop(struct xdp_md *ctx)
{
	__u64 sum = 0;

	bpf_loop(100, add_index, &sum, 0);
	return sum;
}

LICENSE("GPL");
