/* Sends {pid, cookie} through index 0 of a perf_event_array whenever a task calls write(2).
 *
 * Built twice: as it stands (map defined by BTF), and with a struct bpf_map_def.
 *
 * builds trace_output_legacy.bpf.o: -DLEGACY_MAPS */
typedef unsigned int __u32;
typedef unsigned long long __u64;

#define SEC(name) __attribute__((section(name), used))
#define COOKIE 0x12345678

static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;

#ifdef LEGACY_MAPS
struct bpf_map_def {
	__u32 type, key_size, value_size, max_entries, map_flags;
};

struct bpf_map_def SEC("maps") my_map = {
	.type = 4, /* BPF_MAP_TYPE_PERF_EVENT_ARRAY */
	.key_size = sizeof(int),
	.value_size = sizeof(__u32),
	.max_entries = 2,
};
#else
struct {
	int (*type)[4]; /* BPF_MAP_TYPE_PERF_EVENT_ARRAY */
	int (*key_size)[sizeof(int)];
	int (*value_size)[sizeof(__u32)];
	int (*max_entries)[2];
} my_map SEC(".maps");
#endif

SEC("kprobe/__x64_sys_write")
int on_write(void *ctx)
{
	struct {
		__u64 pid;
		__u64 cookie;
	} event = {
		.pid = bpf_get_current_pid_tgid() >> 32,
		.cookie = COOKIE,
	};

	bpf_perf_event_output(ctx, &my_map, 0, &event, sizeof(event));
	return 0;
}

char _license[] SEC("license") = "GPL";
