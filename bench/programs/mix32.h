/* 32-bit mixing: multiply, rotate and xor over the input, with a final avalanche. */
#include "input.h"

ALWAYS_INLINE u64 mix32(const u8 *data, const u8 *end)
{
	const u32 *words = (const u32 *)data;
	u32 hash = 0x9e3779b9;

	ROLLED
	for (u32 i = 0; i < 256; i++) {
		u32 word = rotate32(words[i] * 0xcc9e2d51, 15);

		hash ^= word * 0x1b873593;
		hash = rotate32(hash, 13) * 5 + 0xe6546b64;
	}
	hash ^= hash >> 16;
	hash *= 0x85ebca6b;
	return hash ^ hash >> 13;
}
