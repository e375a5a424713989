/* Maps in maps and a program array, with initial contents. */
#include "smpbpf_helpers.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { [1] = &inner_a, [3] = &inner_b },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__uint(pinning, 1);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(max_entries, 9);
		__type(key, __u64);
		__type(value, __u16);
	});
} by_name SEC(".maps");

int tail(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, int(void *));
} jumps SEC(".maps") = {
	.values = { [1] = (void *)&tail },
};

SEC("xdp")
int tail(struct xdp_md *ctx)
{
	return XDP_TX;
}

SEC("xdp")
int main_program(struct xdp_md *ctx)
{
	__u32 one = 1;
	void *map = bpf_map_lookup_elem(&outer, &one);

	return map ? bpf_map_lookup_elem(map, &one) != 0 : XDP_DROP;
}

LICENSE("GPL");
