/* Global variables of every kind: .data, .rodata, .bss, a section of one's own, static and hidden ones. */
#include "smpbpf_helpers.h"

__u64 counter;
__u32 step = 2;
const volatile __u32 limit = 100;
const char greeting[] = "hello";
static __u32 hits;
static volatile __u32 private_step = 3;
struct pair {
	__u32 first, second;
} pair SEC(".data.mine") = { 10, 20 };
__hidden __u64 hidden_counter = 1;
const volatile __u32 table[4] SEC(".rodata.mine") = { 1, 2, 4, 8 };
__u32 scratch[8] SEC(".bss.mine");

/* Returns what the variables add up to after one more step. */
SEC("xdp")
int advance(struct xdp_md *ctx)
{
	hits++;
	hidden_counter *= 2;
	counter += step + private_step;
	if (counter > limit)
		counter = 0;
	scratch[1] = pair.first + table[3];
	pair.second++;
	return counter + hits + scratch[1] + pair.second;
}

SEC("xdp")
int letter(struct xdp_md *ctx)
{
	return greeting[hits & 3];
}

LICENSE("GPL");
