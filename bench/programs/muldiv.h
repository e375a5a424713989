/* Multiplication, division and remainder, 32 and 64 bits wide, by numbers known and unknown. */
#include "input.h"

ALWAYS_INLINE u64 muldiv(const u8 *data, const u8 *end)
{
	const u32 *words = (const u32 *)data;
	u64 wide = 0x123456789abcdefULL;
	u32 narrow = 1;

	ROLLED
	for (u32 i = 0; i < 32; i++) {
		u32 divisor = words[i] | 1;

		narrow = narrow * 1103515245 + words[i];
		narrow += narrow / divisor + narrow % 1000;
		wide = wide * 6364136223846793005ULL + narrow;
		wide += wide / (divisor + 3ULL) + wide % 1000003;
	}
	return narrow ^ wide ^ wide >> 32;
}
