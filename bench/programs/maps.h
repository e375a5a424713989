/*
 * Counters: in arrays, one for each byte of the input that is looked at, and in a hash table by 32-bit keys. The hash table
 * has no like in plain C: others may change it meanwhile.
 */
#ifndef MAPS_H
#define MAPS_H
#include "input.h"

ARRAY_MAP(counters, MAP_ARRAY, u64, 256);
ARRAY_MAP(cpu_counters, MAP_PERCPU_ARRAY, u64, 256);

#ifdef __bpf__
ARRAY_MAP(flows, MAP_HASH, u64, 4096);
#endif

#define COUNT(map)                                                                                                     \
	u64 found = 0;                                                                                                 \
                                                                                                                       \
	ROLLED                                                                                                         \
	for (u32 i = 0; i < 128; i++) {                                                                                \
		u32 key = data[i] + (data[i + 128] & 15);                                                              \
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

#ifdef __bpf__
ALWAYS_INLINE u64 map_hash(const u8 *data, const u8 *end)
{
	u64 found = 0;

	ROLLED
	for (u32 i = 0; i < 16; i++) {
		u32 key = *(const u32 *)(data + i * 8) & 0xffff00ff;
		u64 one = 1, *value = LOOKUP(flows, key);

		if (value)
			*value += 1;
		else
			map_update(&flows, &key, &one, 0);
		found += key;
	}
	return found;
}
#endif
#endif
