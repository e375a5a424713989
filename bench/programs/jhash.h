/* A hash of 32-bit words with three-word rounds of subtract, rotate and add (Jenkins's lookup3 in outline). */
#include "input.h"

ALWAYS_INLINE u64 jhash(const u8 *data, const u8 *end)
{
	const u32 *words = (const u32 *)data;
	u32 a = 0xdeadbeef + 480, b = a, c = a;

	ROLLED
	for (u32 i = 0; i < 120; i += 3) {
		a += words[i];
		b += words[i + 1];
		c += words[i + 2];
		a = (a - c) ^ rotate32(c, 4);
		c += b;
		b = (b - a) ^ rotate32(a, 6);
		a += c;
		c = (c - b) ^ rotate32(b, 8);
		b += a;
		a = (a - c) ^ rotate32(c, 16);
		c += b;
		b = (b - a) ^ rotate32(a, 19);
		a += c;
		c = (c - b) ^ rotate32(b, 4);
		b += a;
	}
	c = (c ^ b) - rotate32(b, 14);
	a = (a ^ c) - rotate32(c, 11);
	b = (b ^ a) - rotate32(a, 25);
	c = (c ^ b) - rotate32(b, 16);
	a = (a ^ c) - rotate32(c, 4);
	b = (b ^ a) - rotate32(a, 14);
	return (c ^ b) - rotate32(b, 24);
}
