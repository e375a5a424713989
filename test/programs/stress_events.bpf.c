/* Sends events of 1 to 4,000 bytes with a sequence number, their size and a checksum, and counts what each send
 * answered. The size follows from the sequence number, so that a reader can foretell every byte. */
typedef unsigned char __u8;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef long long __s64;

#define SEC(name) __attribute__((section(name), used))
#define EVENT_BYTES_MAX 4000
#define HEADER_BYTES 16
#define BPF_F_CURRENT_CPU 0xffffffffULL
#define ENOSPC 28

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;

struct counters {
	__u64 sequence;
	__u64 sent;
	__u64 full;
	__u64 failed;
};

struct event {
	__u64 words[512];
};

struct {
	int (*type)[6]; /* BPF_MAP_TYPE_PERCPU_ARRAY */
	__u32 *key;
	struct counters *value;
	int (*max_entries)[1];
} counters SEC(".maps");

struct {
	int (*type)[6]; /* BPF_MAP_TYPE_PERCPU_ARRAY */
	__u32 *key;
	struct event *value;
	int (*max_entries)[1];
} scratch SEC(".maps");

struct {
	int (*type)[4]; /* BPF_MAP_TYPE_PERF_EVENT_ARRAY */
	int (*key_size)[sizeof(__u32)];
	int (*value_size)[sizeof(__u32)];
	int (*max_entries)[64];
} events SEC(".maps");

static __u64 mix(__u64 x)
{
	x ^= x >> 31;
	x *= 0x7fb5d329728ea185ULL;
	x ^= x >> 27;
	return x;
}

SEC("raw_tracepoint/sys_enter")
int send(void *ctx)
{
	__u32 zero = 0;
	struct counters *counts = bpf_map_lookup_elem(&counters, &zero);
	struct event *event = bpf_map_lookup_elem(&scratch, &zero);

	if (!counts || !event)
		return 1;

	__u64 sequence = counts->sequence++;
	__u64 random = mix(sequence + 1);
	/* Half of the events are small, as in life; the rest goes up to the largest. */
	__u32 size = random & 1 ? 1 + (random >> 8) % 64 : 1 + (random >> 8) % EVENT_BYTES_MAX;

	if (size < HEADER_BYTES) {
		event->words[0] = (sequence & 0xff) * 0x0101010101010101ULL;
		event->words[1] = event->words[0];
	} else {
		__u32 sum = size;

		for (__u32 i = 2; i < EVENT_BYTES_MAX / 8 + 1; i++) {
			if (i * 8 >= size)
				break;
			__u64 word = random * i;
			event->words[i] = word;
			sum = sum * 31 + (__u32)(word >> 32);
		}
		event->words[0] = sequence;
		event->words[1] = (__u64)sum << 32 | size;
	}

	/* Says again what the verifier has lost sight of. */
	asm volatile("%[size] &= 4095" : [size] "+r"(size));
	long error = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, event, size);

	if (!error)
		counts->sent++;
	else if (error == -ENOSPC)
		counts->full++;
	else
		counts->failed++;
	return 0;
}

char _license[] SEC("license") = "GPL";
