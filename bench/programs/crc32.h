/* CRC-32 over 128 bytes through a constant table of 16 words, half a byte at a time. */
#include "input.h"

static const u32 crc_table[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

ALWAYS_INLINE u64 crc32(const u8 *data, const u8 *end)
{
	u32 crc = 0xffffffff;

	ROLLED
	for (u32 i = 0; i < 128; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ crc_table[crc & 15];
		crc = crc >> 4 ^ crc_table[crc & 15];
	}
	return (u32)~crc;
}
