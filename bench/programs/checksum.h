/* The Internet checksum (RFC 1071) over the input, 64 bits at a time with an end-around carry. */
#include "input.h"

ALWAYS_INLINE u64 checksum(const u8 *data, const u8 *end)
{
	const u64 *words = (const u64 *)data;
	u64 sum = 0;

	ROLLED
	for (u32 i = 0; i < INPUT_BYTES / 8; i++) {
		sum += words[i];
		sum += sum < words[i];
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}
