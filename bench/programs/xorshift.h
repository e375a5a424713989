/* 64-bit shifts, xors and additions with no memory at all: a generator of random numbers and a count of its bits. */
#include "input.h"

ALWAYS_INLINE u64 xorshift(const u8 *data, const u8 *end)
{
	u64 state = *(const u64 *)data | 1, count = 0;

	ROLLED
	for (u32 i = 0; i < 96; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		u64 bits = state - (state >> 1 & 0x5555555555555555ULL);
		bits = (bits & 0x3333333333333333ULL) + (bits >> 2 & 0x3333333333333333ULL);
		bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
		count += bits * 0x0101010101010101ULL >> 56;
	}
	return count ^ state;
}
