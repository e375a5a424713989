/*
 * A chain of tail calls: 32 steps of two programs in turn, as the stages of a packet's way. Each looks at a header of
 * 32 bytes; their state lies in the packet's context.
 */
#ifndef TAIL_H
#define TAIL_H
#include "input.h"

#ifdef __bpf__
#define POINTER_IN_CONTEXT u32
#else
#define POINTER_IN_CONTEXT const u8 *
#endif

/* The packet's bounds and scratch words, where struct __sk_buff has them; natively they are whole pointers. */
struct packet_context {
	u32 before[12];
	u32 scratch[5];
	u32 between[2];
	POINTER_IN_CONTEXT data;
	POINTER_IN_CONTEXT data_end;
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

/* What a stage makes of its header. */
ALWAYS_INLINE u32 stage(const struct packet_context *context, u32 header, u32 hash)
{
	const u8 *data = (const u8 *)(long)context->data;
	const u8 *end = (const u8 *)(long)context->data_end;

	if (data + header + 32 > end)
		return 0;
	const u32 *words = (const u32 *)(data + header);
	ROLLED
	for (u32 i = 0; i < 8; i++)
		hash = (rotate32(hash, 5) ^ words[i]) * 0x9e3779b1;
	return hash;
}

ALWAYS_INLINE int tail_begin(struct packet_context *context)
{
	context->scratch[0] = 0x9e3779b9;
	context->scratch[1] = 0;
	NEXT(context, 0);
}

ALWAYS_INLINE int tail_even(struct packet_context *context)
{
	context->scratch[0] = stage(context, 0, context->scratch[0]);
	context->scratch[1]++;
	NEXT(context, 1);
}

ALWAYS_INLINE int tail_odd(struct packet_context *context)
{
	context->scratch[0] = stage(context, 64, context->scratch[0]) + context->scratch[1];
	if (++context->scratch[1] >= TAIL_STEPS)
		return context->scratch[0];
	NEXT(context, 0);
}
#endif
