/* Every program of the jit rows as a sched_cls program: clang -O2 -g -target bpf -mcpu=v3 -c jit.bpf.c */
#include <linux/bpf.h>

#include "checksum.h"
#include "mix32.h"

#define PROGRAM(name)                                                                                                  \
	__attribute__((section("tc/" #name), used)) int tc_##name(struct __sk_buff *skb)                               \
	{                                                                                                              \
		const u8 *data = (const u8 *)(long)skb->data;                                                          \
		const u8 *end = (const u8 *)(long)skb->data_end;                                                       \
                                                                                                                       \
		if (data + INPUT_BYTES > end)                                                                          \
			return -1;                                                                                     \
		return name(data);                                                                                     \
	}

/* What a run costs around the program: subtract it. */
__attribute__((section("tc/empty"), used)) int tc_empty(struct __sk_buff *skb)
{
	(void)skb;
	return 0;
}

PROGRAM(checksum)
PROGRAM(mix32)

char gpl[] __attribute__((section("license"), used)) = "GPL";
