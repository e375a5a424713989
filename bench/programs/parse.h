/* Packet parsing. The input is 48 frames of 64 bytes: Ethernet, sometimes a VLAN tag, IPv4 or IPv6, TCP or UDP. */
#ifndef PARSE_H
#define PARSE_H
#include "input.h"

#define FRAME_BYTES 64

ALWAYS_INLINE u32 be16(const u8 *at)
{
	return at[0] << 8 | at[1];
}

/* Address pair, ports and protocol folded into one word; 0 for a frame that is not understood. */
ALWAYS_INLINE u32 parse_frame(const u8 *frame, const u8 *end)
{
	const u8 *network = frame + 14;
	u32 flow, protocol;
	const u8 *transport;

	if (frame + 14 > end)
		return 0;
	u32 type = be16(frame + 12);
	if (type == 0x8100) {
		if (frame + 18 > end)
			return 0;
		type = be16(frame + 16);
		network = frame + 18;
	}
	if (type == 0x0800) {
		if (network + 20 > end)
			return 0;
		u32 header = (network[0] & 15) * 4;
		if (network[0] >> 4 != 4 || header < 20)
			return 0;
		protocol = network[9];
		flow = *(const u32 *)(network + 12) ^ rotate32(*(const u32 *)(network + 16), 7);
		transport = network + header;
	} else if (type == 0x86dd) {
		if (network + 40 > end)
			return 0;
		protocol = network[6];
		flow = *(const u32 *)(network + 20) ^ rotate32(*(const u32 *)(network + 36), 7);
		transport = network + 40;
	} else {
		return 0;
	}
	if (transport + 4 > end || (protocol != 6 && protocol != 17))
		return flow;
	return flow * 31 + be16(transport) * 17 + be16(transport + 2) + protocol;
}

/* One frame: a short program. */
ALWAYS_INLINE u64 parse_one(const u8 *data, const u8 *end)
{
	return parse_frame(data, end);
}

/* All frames, one after the other. */
ALWAYS_INLINE u64 parse_short(const u8 *data, const u8 *end)
{
	u32 result = 0;

	ROLLED
	for (u32 i = 0; i < INPUT_BYTES / FRAME_BYTES; i++)
		result = result * 5 + parse_frame(data + i * FRAME_BYTES, end);
	return result;
}

/* A chain of type-length-value items at changing places, each checked against the end: options, TLS extensions. */
ALWAYS_INLINE u64 parse_long(const u8 *data, const u8 *end)
{
	u32 offset = 0, result = 0;

	ROLLED
	for (u32 i = 0; i < 64; i++) {
		const u8 *item = data + offset;

		if (item + 8 > end)
			break;
		u32 kind = item[1] & 7;
		u32 length = 8 + (item[3] & 7);

		if (kind < 3)
			result += be16(item + 4) * length;
		else if (kind == 3)
			result ^= *(const u32 *)(item + 4);
		else if (kind < 6)
			result = rotate32(result, 5) + item[5];
		else
			result += kind;
		offset = (offset + length) & 0x3ff;
	}
	return result + offset;
}
#endif
