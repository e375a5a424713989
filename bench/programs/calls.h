/* Functions of the program calling one another: two levels, 32 times. */
#include "input.h"

NOINLINE u64 fold(u64 left, u64 right)
{
	return (left ^ right >> 29) * 0xbf58476d1ce4e5b9ULL + right;
}

NOINLINE u64 blend(u64 sum, u64 word, u64 turn)
{
	if (word & 1)
		return fold(sum, word + turn);
	return fold(word, sum) ^ turn;
}

ALWAYS_INLINE u64 calls(const u8 *data, const u8 *end)
{
	const u64 *words = (const u64 *)data;
	u64 sum = 0;

	ROLLED
	for (u32 i = 0; i < 32; i++)
		sum = blend(sum, words[i], i);
	return sum ^ sum >> 32;
}
