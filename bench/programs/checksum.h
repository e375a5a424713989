/* The Internet checksum (RFC 1071) over 256 bytes, 16 bits at a time. */
#include "input.h"

ALWAYS_INLINE u64 checksum(const u8 *data)
{
	const u16 *words = (const u16 *)data;
	u32 sum = 0;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < INPUT_BYTES / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}
