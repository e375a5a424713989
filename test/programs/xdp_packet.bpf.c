/* Reads packets: drops IPv4 UDP to port 7, sends frames for its own address back, passes the rest, counts by protocol. */
#include "smpbpf_helpers.h"

#define ETH_P_IP 0x0800
#define IPPROTO_UDP 17

struct ethhdr {
	__u8 dest[6], source[6];
	__u16 proto;
} __attribute__((packed));

struct iphdr {
	__u8 version_ihl, tos;
	__u16 tot_len, id, frag_off;
	__u8 ttl, protocol;
	__u16 check;
	__u32 saddr, daddr;
};

struct udphdr {
	__u16 source, dest, len, check;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} protocols SEC(".maps");

static __always_inline __u16 swap16(__u16 x)
{
	return __builtin_bswap16(x);
}

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return XDP_ABORTED;
	if (eth->proto != swap16(ETH_P_IP))
		return XDP_PASS;

	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end)
		return XDP_DROP;

	__u32 protocol = ip->protocol;
	__u64 *count = bpf_map_lookup_elem(&protocols, &protocol);

	if (count)
		__sync_fetch_and_add(count, 1);
	if (ip->daddr == ip->saddr) {
		__u8 byte = eth->dest[0];

		eth->dest[0] = eth->source[0];
		eth->source[0] = byte;
		return XDP_TX;
	}
	if (protocol != IPPROTO_UDP)
		return XDP_PASS;

	struct udphdr *udp = (void *)(ip + 1);

	if ((void *)(udp + 1) > end)
		return XDP_DROP;
	return udp->dest == swap16(7) ? XDP_DROP : XDP_PASS;
}

/* Sum of the packet's first 64 bytes at most. */
SEC("xdp")
int checksum(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 sum = 0;

	for (int i = 0; i < 64; i++) {
		if (data + i + 1 > end)
			break;
		sum += data[i];
	}
	return sum;
}

LICENSE("GPL");
