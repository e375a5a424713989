/* Counters in each basic kind of map. Each program returns the count after its own step, or a negative errno. */
#include "smpbpf_helpers.h"

struct key {
	__u32 cpu;
	__u32 kind;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 128);
	__type(key, struct key);
	__type(value, __u64);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u64);
} percpu_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 24);
} percpu_array SEC(".maps");

SEC("xdp")
int count_hash(struct xdp_md *ctx)
{
	struct key key = { .cpu = bpf_get_smp_processor_id(), .kind = 7 };
	__u64 one = 1, *count = bpf_map_lookup_elem(&hash, &key);

	if (!count)
		return bpf_map_update_elem(&hash, &key, &one, BPF_NOEXIST) ?: 1;
	return __sync_add_and_fetch(count, 1);
}

SEC("xdp")
int count_array(struct xdp_md *ctx)
{
	__u32 index = 3;
	__u64 *count = bpf_map_lookup_elem(&array, &index);

	if (!count)
		return -1;
	*count += 1;
	return *count;
}

SEC("xdp")
int count_percpu_hash(struct xdp_md *ctx)
{
	__u32 key = 0xcafe;
	__u64 one = 1, *count = bpf_map_lookup_elem(&percpu_hash, &key);

	if (!count)
		return bpf_map_update_elem(&percpu_hash, &key, &one, BPF_ANY) ?: 1;
	*count += 1;
	return *count;
}

SEC("xdp")
int count_percpu_array(struct xdp_md *ctx)
{
	__u32 index = 0;
	__u64 *counts = bpf_map_lookup_elem(&percpu_array, &index);

	if (!counts)
		return -1;
	counts[2] += 1;
	return counts[2];
}

SEC("xdp")
int delete_hash(struct xdp_md *ctx)
{
	struct key key = { .cpu = bpf_get_smp_processor_id(), .kind = 7 };

	return bpf_map_delete_elem(&hash, &key);
}

LICENSE("GPL");
