/* Every program of the jit rows as a sched_cls program. */
#include "list.h"

/* The packet's bounds, where struct __sk_buff has them. */
struct packet_context {
	u32 before[19];
	u32 data;
	u32 data_end;
};

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
EACH_BPF_PROGRAM(SCHED_CLS_PROGRAM)

char gpl[] __attribute__((section("license"), used)) = "GPL";
