/* Bubble sort of 28 words in a map's value: comparisons that nothing predicts, loads and stores that depend on them. */
#include "input.h"

#define SORT_WORDS 28

struct sort_space {
	u32 words[SORT_WORDS];
};

ARRAY_MAP(sort_spaces, MAP_ARRAY, struct sort_space, 1);

ALWAYS_INLINE u64 sort(const u8 *data, const u8 *end)
{
	const u32 *words = (const u32 *)data;
	u32 key = 0, result = 0;
	struct sort_space *space = LOOKUP(sort_spaces, key);

	if (!space)
		return 0;
	u32 *sorted = space->words;
	ROLLED
	for (u32 i = 0; i < SORT_WORDS; i++)
		sorted[i] = words[i];
	ROLLED
	for (u32 last = SORT_WORDS - 1; last > 0; last--) {
		ROLLED
		for (u32 i = 0; i < last; i++) {
			u32 left = sorted[i], right = sorted[i + 1];

			if (left > right) {
				sorted[i] = right;
				sorted[i + 1] = left;
			}
		}
	}
	ROLLED
	for (u32 i = 0; i < SORT_WORDS; i++)
		result = result * 31 + sorted[i];
	return result;
}
