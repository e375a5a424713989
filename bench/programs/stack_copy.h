/* Copies records between the packet and two buffers on the stack, and reads them back. */
#include "input.h"

struct record {
	u64 words[16];
};

ALWAYS_INLINE u64 stack_copy(const u8 *data, const u8 *end)
{
	const struct record *records = (const struct record *)data;
	struct record first, second;
	u64 result = 0;

	ROLLED
	for (u32 i = 0; i < INPUT_BYTES / sizeof(struct record); i++) {
		first = records[i];
		/* The compiler must not read the copy's source in the copy's place. */
		__asm__ volatile("" : : "r"(&first) : "memory");
		second = first;
		__asm__ volatile("" : : "r"(&second) : "memory");
		result = result * 3 + (second.words[0] ^ second.words[7] ^ second.words[15]);
	}
	return result ^ result >> 32;
}
