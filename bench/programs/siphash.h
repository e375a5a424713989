/* SipHash-2-4 of 256 bytes with a fixed key. */
#include "input.h"

#define SIPROUND                                                                                                       \
	do {                                                                                                           \
		v0 += v1;                                                                                              \
		v1 = rotate64(v1, 13) ^ v0;                                                                            \
		v0 = rotate64(v0, 32);                                                                                 \
		v2 += v3;                                                                                              \
		v3 = rotate64(v3, 16) ^ v2;                                                                            \
		v0 += v3;                                                                                              \
		v3 = rotate64(v3, 21) ^ v0;                                                                            \
		v2 += v1;                                                                                              \
		v1 = rotate64(v1, 17) ^ v2;                                                                            \
		v2 = rotate64(v2, 32);                                                                                 \
	} while (0)

ALWAYS_INLINE u64 siphash(const u8 *data, const u8 *end)
{
	const u64 *words = (const u64 *)data;
	u64 k0 = 0x0706050403020100ULL, k1 = 0x0f0e0d0c0b0a0908ULL;
	u64 v0 = k0 ^ 0x736f6d6570736575ULL, v1 = k1 ^ 0x646f72616e646f6dULL;
	u64 v2 = k0 ^ 0x6c7967656e657261ULL, v3 = k1 ^ 0x7465646279746573ULL;

	ROLLED
	for (u32 i = 0; i < 32; i++) {
		u64 word = words[i];

		v3 ^= word;
		SIPROUND;
		SIPROUND;
		v0 ^= word;
	}
	u64 last = 256ULL << 56;
	v3 ^= last;
	SIPROUND;
	SIPROUND;
	v0 ^= last;
	v2 ^= 0xff;
	SIPROUND;
	SIPROUND;
	SIPROUND;
	SIPROUND;
	v0 ^= v1 ^ v2 ^ v3;
	return v0 ^ v0 >> 32;
}
