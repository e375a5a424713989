/* A chain of tail calls: 32 steps of two programs in turn, whose state lies in the packet's context. */
#ifndef TAIL_H
#define TAIL_H
#include "input.h"

/* The packet's bounds and scratch words, where struct __sk_buff has them. */
struct packet_context {
	u32 before[12];
	u32 scratch[5];
	u32 between[2];
	u32 data;
	u32 data_end;
};

#define TAIL_STEPS 32

#ifdef __bpf__
struct {
	MEMBER(type, 3);
	MEMBER(key_size, 4);
	MEMBER(value_size, 4);
	MEMBER(max_entries, 2);
} chain __attribute__((section(".maps"), used));

static long (*tail_call)(void *context, void *map, u32 index) = (void *)12;
#define NEXT(context, index)                                                                                           \
	tail_call(context, &chain, index);                                                                             \
	return 0
#else
typedef int (*tail_program)(struct packet_context *context);
static const volatile tail_program chain[2];
#define NEXT(context, index) return chain[index](context)
#endif

ALWAYS_INLINE int tail_begin(struct packet_context *context)
{
	context->scratch[0] = 0x9e3779b9;
	context->scratch[1] = 0;
	NEXT(context, 0);
}

ALWAYS_INLINE int tail_even(struct packet_context *context)
{
	context->scratch[0] = rotate32(context->scratch[0], 5) * 31;
	context->scratch[1]++;
	NEXT(context, 1);
}

ALWAYS_INLINE int tail_odd(struct packet_context *context)
{
	context->scratch[0] = (context->scratch[0] ^ context->scratch[0] >> 15) + context->scratch[1];
	if (++context->scratch[1] >= TAIL_STEPS)
		return context->scratch[0];
	NEXT(context, 0);
}
#endif
