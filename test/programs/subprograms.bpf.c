/* Functions that call functions: static and global ones in .text, shared by several programs of one section.
 *
 * builds big_endian.bpf.o: -target bpfeb */
#include "smpbpf_helpers.h"

static __noinline __u32 square(__u32 x)
{
	asm volatile("" : "+r"(x));
	return x * x;
}

static __noinline __u32 sum_of_squares(__u32 x, __u32 y)
{
	return square(x) + square(y);
}

__noinline __u32 global_triple(__u32 x)
{
	asm volatile("" : "+r"(x));
	return 3 * x;
}

__noinline __u32 never_called(__u32 x)
{
	return square(x) + 1;
}

SEC("xdp")
int pythagoras(struct xdp_md *ctx)
{
	return sum_of_squares(3, 4);
}

SEC("xdp")
int triple_square(struct xdp_md *ctx)
{
	return global_triple(square(5));
}

SEC("xdp")
int no_calls(struct xdp_md *ctx)
{
	return 42;
}

SEC("raw_tracepoint/other")
int other_section(void *ctx)
{
	return global_triple(sum_of_squares(1, 2));
}

LICENSE("Dual BSD/GPL");
