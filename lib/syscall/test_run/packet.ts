/** What Linux finds out about a packet before a program sees it. */

export const ETHERNET_HEADER_BYTES = 14
/** The only network device of a machine is its loopback device, whose address is all zeros. */
export const LOOPBACK_IFINDEX = 1
export const LOOPBACK_QUEUES = 1

const MAC_BYTES = 6
/** EtherTypes, as they lie in the packet when read little-endian. */
const PROTOCOL_IP = 0x0008
const PROTOCOL_IPV6 = 0xdd86
const PROTOCOL_802_3 = 0x0100
const PROTOCOL_802_2 = 0x0400
/** Smaller numbers in the place of an EtherType are a length. */
const ETHERTYPE_MIN = 0x600
const RAW_802_3 = 0xffff
/** linux/if_packet.h */
const PacketType = { host: 0, broadcast: 1, multicast: 2, otherHost: 3 } as const
export const AF_INET = 2
export const AF_INET6 = 10
const IPV4 = { bytes: 20, source: 12, destination: 16, address: 4 }
const IPV6 = { bytes: 40, source: 8, destination: 24, address: 16 }
const NOTHING = new Uint8Array(0)

export interface PacketFacts {
  /** __sk_buff.protocol: the EtherType in network byte order. */
  readonly protocol: number
  readonly packetType: number
  /** Of the socket that the packet belongs to; addresses in network byte order, empty when there are none. */
  readonly family: number
  readonly localIp4: Uint8Array
  readonly remoteIp4: Uint8Array
  readonly localIp6: Uint8Array
  readonly remoteIp6: Uint8Array
}

function protocolOf(packet: Uint8Array): number {
  const type = packet[12] | (packet[13] << 8)
  if (((packet[12] << 8) | packet[13]) >= ETHERTYPE_MIN) return type
  if (packet.length < ETHERNET_HEADER_BYTES + 2) return PROTOCOL_802_2
  const first = packet[ETHERNET_HEADER_BYTES] | (packet[ETHERNET_HEADER_BYTES + 1] << 8)
  return first === RAW_802_3 ? PROTOCOL_802_3 : PROTOCOL_802_2
}

/** Whether an IP packet ends within its header. */
export function isCut(packet: Uint8Array): boolean {
  const protocol = protocolOf(packet)
  const bodyBytes = packet.length - ETHERNET_HEADER_BYTES
  return (protocol === PROTOCOL_IP && bodyBytes < IPV4.bytes) || (protocol === PROTOCOL_IPV6 && bodyBytes < IPV6.bytes)
}

/** By the destination: the device's own address and its broadcast address are both all zeros. */
function packetTypeOf(packet: Uint8Array): number {
  if (packet.subarray(0, MAC_BYTES).every((byte) => byte === 0)) return PacketType.host
  return packet[0] & 1 ? PacketType.multicast : PacketType.otherHost
}

/** A packet with its Ethernet header, on its way through the loopback device. */
export function describePacket(packet: Uint8Array): PacketFacts {
  const protocol = protocolOf(packet)
  const body = packet.subarray(ETHERNET_HEADER_BYTES)
  const addresses = ({ source, destination, address }: typeof IPV4) => [
    body.slice(source, source + address),
    body.slice(destination, destination + address),
  ]
  const [local4, remote4] = protocol === PROTOCOL_IP ? addresses(IPV4) : [NOTHING, NOTHING]
  const [local6, remote6] = protocol === PROTOCOL_IPV6 ? addresses(IPV6) : [NOTHING, NOTHING]
  return {
    protocol,
    packetType: packetTypeOf(packet),
    family: protocol === PROTOCOL_IP ? AF_INET : protocol === PROTOCOL_IPV6 ? AF_INET6 : 0,
    localIp4: local4,
    remoteIp4: remote4,
    localIp6: local6,
    remoteIp6: remote6,
  }
}

/** The ones' complement sum of 16-bit words that internet checksums are made of. */
export function onesSum(bytes: Uint8Array): number {
  let sum = 0
  for (let n = 0; n < bytes.length; n++) sum += n & 1 ? bytes[n] << 8 : bytes[n]
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return sum
}
