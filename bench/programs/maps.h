/* Counters in array maps, one for each byte of the input that is looked at. */
#ifndef MAPS_H
#define MAPS_H
#include "input.h"

ARRAY_MAP(counters, MAP_ARRAY, u64, 256);
ARRAY_MAP(cpu_counters, MAP_PERCPU_ARRAY, u64, 256);

#define COUNT(map)                                                                                                     \
	u64 found = 0;                                                                                                 \
                                                                                                                       \
	ROLLED                                                                                                         \
	for (u32 i = 0; i < 64; i++) {                                                                                 \
		u32 key = data[i] + (data[i + 64] & 15);                                                               \
		u64 *value = LOOKUP(map, key);                                                                         \
                                                                                                                       \
		if (!value)                                                                                            \
			continue;                                                                                      \
		*value += key;                                                                                         \
		found += key + 1;                                                                                      \
	}                                                                                                              \
	return found;

ALWAYS_INLINE u64 map_counters(const u8 *data, const u8 *end)
{
	COUNT(counters)
}

ALWAYS_INLINE u64 map_percpu(const u8 *data, const u8 *end)
{
	COUNT(cpu_counters)
}
#endif
