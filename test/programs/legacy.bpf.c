/* Maps of the old style. The struct has 20, 28 or 36 bytes, as in libbpf, the kernel's samples and iproute2.
 *
 * builds legacy28.bpf.o: -DEXTRA_WORDS=2
 * builds legacy36.bpf.o: -DEXTRA_WORDS=4
 * builds legacy_nonzero.bpf.o: -DEXTRA_WORDS=2 -DEXTRA_VALUE=5
 * builds legacy_nobtf.bpf.o: -g0 */
#include "smpbpf_helpers.h"

struct bpf_map_def {
	__u32 type, key_size, value_size, max_entries, map_flags;
#ifdef EXTRA_WORDS
	__u32 extra[EXTRA_WORDS];
#endif
};

struct bpf_map_def SEC("maps") counts = {
	.type = BPF_MAP_TYPE_HASH,
	.key_size = sizeof(__u32),
	.value_size = sizeof(__u64),
	.max_entries = 64,
	.map_flags = BPF_F_NO_PREALLOC,
};

struct bpf_map_def SEC("maps") events = {
	.type = BPF_MAP_TYPE_PERF_EVENT_ARRAY,
	.key_size = sizeof(__u32),
	.value_size = sizeof(__u32),
	.max_entries = 2,
#ifdef EXTRA_VALUE
	.extra = { EXTRA_VALUE },
#endif
};

SEC("kprobe/__x64_sys_write")
int on_write(struct pt_regs *ctx)
{
	__u32 key = bpf_get_current_pid_tgid() >> 32;
	__u64 one = 1, *count = bpf_map_lookup_elem(&counts, &key);

	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
	bpf_perf_event_output(ctx, &events, 0, &one, sizeof(one));
	return 0;
}

LICENSE("GPL");
__u32 _version SEC("version") = 0x61200;
