/* Every program of the jit rows as a sched_cls program. */
#include "list.h"

#define SCHED_CLS_PROGRAM(name)                                                                                        \
	__attribute__((section("tc"), used)) int tc_##name(struct packet_context *context)                             \
	{                                                                                                              \
		const u8 *data = (const u8 *)(long)context->data;                                                      \
		const u8 *end = (const u8 *)(long)context->data_end;                                                   \
                                                                                                                       \
		if (data + INPUT_BYTES > end)                                                                          \
			return -1;                                                                                     \
		return name(data, end);                                                                                \
	}

/* What a run costs around the program: subtract it. */
__attribute__((section("tc"), used)) int tc_empty(struct packet_context *context)
{
	(void)context;
	return 0;
}

EACH_PROGRAM(SCHED_CLS_PROGRAM)

#define TAIL_PROGRAM(name, function)                                                                                   \
	__attribute__((section("tc"), used)) int name(struct packet_context *context)                                  \
	{                                                                                                              \
		return function(context);                                                                              \
	}

TAIL_PROGRAM(tc_tail_calls, tail_begin)
TAIL_PROGRAM(chain_0, tail_even)
TAIL_PROGRAM(chain_1, tail_odd)

EACH_BPF_PROGRAM(SCHED_CLS_PROGRAM)

char gpl[] __attribute__((section("license"), used)) = "GPL";
