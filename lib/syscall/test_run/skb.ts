/** Test runs on a socket buffer: socket filters, traffic control, cgroup_skb, lightweight tunnels. */
import { SK_BUFF } from '../../../shared/layout.js'
import { alignUp } from '../../../shared/struct.js'
import * as bpf from '../../../shared/uapi/bpf.js'
import { BPF_F_TEST_SKB_CHECKSUM_COMPLETE } from '../../../shared/uapi/bpf_flags.js'
import { EBADMSG, EINVAL, ENODEV } from '../../../shared/uapi/errno.js'
import type { Kernel } from '../kernel.js'
import type { Attributes } from './attributes.js'
import { describePacket, ETHERNET_HEADER_BYTES, isCut, LOOPBACK_IFINDEX, onesSum } from './packet.js'
import {
  allocate,
  anyCpu,
  CONTEXT_ALIGN,
  type Prepare,
  readContext,
  type UserContext,
  writeContext,
  writeData,
} from './prepared.js'

/** What Linux reserves in a page before and after a socket buffer's data. */
export const SKB_HEADROOM_BYTES = 64
export const SKB_TAILROOM_BYTES = 320
const PAGE_BYTES = 4096
const GSO_SIZE_MAX = 65536
const GSO_SEGS_MAX = 65535

/** Types whose packets keep their Ethernet header. */
const withHeader = new Set<number>([bpf.BPF_PROG_TYPE_SCHED_CLS, bpf.BPF_PROG_TYPE_SCHED_ACT])

/** Which fields of __sk_buff may come in; in between, all must be zero. [first byte, past the last]. */
const FORBIDDEN: readonly (readonly [number, number])[] = [
  [SK_BUFF.len, SK_BUFF.mark],
  [SK_BUFF.queueMapping, SK_BUFF.priority],
  [SK_BUFF.tcIndex, SK_BUFF.cb],
  [SK_BUFF.hash, SK_BUFF.tstamp],
  [SK_BUFF.sk, SK_BUFF.gsoSize],
  [SK_BUFF.tstampType, SK_BUFF.hwtstamp],
]

/** Fields that both directions copy as they are: [first byte, past the last]. */
const COPIED_IN: readonly (readonly [number, number])[] = [
  [SK_BUFF.mark, SK_BUFF.queueMapping],
  [SK_BUFF.priority, SK_BUFF.ifindex],
  [SK_BUFF.cb, SK_BUFF.hash],
  [SK_BUFF.tstamp, SK_BUFF.wireLen],
  [SK_BUFF.gsoSegs, SK_BUFF.sk],
  [SK_BUFF.hwtstamp, SK_BUFF.$bytes],
]

/** The rules for what comes in: 0 or a negative errno. `length` is the packet's as the program sees it. */
function checkContext(context: UserContext, length: number): number {
  if (FORBIDDEN.some(([from, to]) => !context.isZero(from, to))) return -EINVAL
  const wireLength = context.u32(SK_BUFF.wireLen)
  if (wireLength !== 0 && (wireLength < length || wireLength > GSO_SIZE_MAX)) return -EINVAL
  return context.u32(SK_BUFF.gsoSegs) > GSO_SEGS_MAX ? -EINVAL : 0
}

/** Fills the program's __sk_buff at `address`. */
function fill(kernel: Kernel, address: number, context: UserContext | null, packet: PacketPlace): void {
  const { u8, data } = kernel.machine.views
  const set = (field: number, value: number) => data.setUint32(address + field, value, true)
  for (const [from, to] of COPIED_IN) if (context) u8.set(context.bytes.subarray(from, to), address + from)
  if (context) data.setUint16(address + SK_BUFF.gsoSize, context.u32(SK_BUFF.gsoSize), true)
  const facts = describePacket(u8.subarray(packet.start, packet.end))
  set(SK_BUFF.len, packet.end - packet.seen)
  set(SK_BUFF.pktType, facts.packetType)
  set(SK_BUFF.protocol, facts.protocol)
  set(SK_BUFF.ifindex, LOOPBACK_IFINDEX)
  // Without a context Linux leaves the length on the wire unset.
  set(SK_BUFF.wireLen, context === null ? 0 : context.u32(SK_BUFF.wireLen) || packet.end - packet.seen)
  set(SK_BUFF.family, facts.family)
  u8.set(facts.localIp4, address + SK_BUFF.localIp4)
  u8.set(facts.remoteIp4, address + SK_BUFF.remoteIp4)
  u8.set(facts.localIp6, address + SK_BUFF.localIp6)
  u8.set(facts.remoteIp6, address + SK_BUFF.remoteIp6)
  set(SK_BUFF.data, packet.seen)
  set(SK_BUFF.dataEnd, packet.end)
  set(SK_BUFF.dataMeta, packet.seen)
}

interface PacketPlace {
  /** First byte, the Ethernet header's; first byte that the program sees; past the last. */
  readonly start: number
  readonly seen: number
  readonly end: number
}

/** What the program may have changed goes back into the user's context; the rest keeps what came in. */
function collect(kernel: Kernel, address: number, context: UserContext | null): void {
  if (context === null) return
  const { u8 } = kernel.machine.views
  const back: readonly (readonly [number, number])[] = [
    ...COPIED_IN,
    [SK_BUFF.ifindex, SK_BUFF.tcIndex],
    [SK_BUFF.wireLen, SK_BUFF.gsoSegs],
  ]
  for (const [from, to] of back) context.bytes.set(u8.subarray(address + from, address + to), from)
}

function checkSizes(attr: Attributes): number {
  if (attr.flags & ~BPF_F_TEST_SKB_CHECKSUM_COMPLETE || attr.cpu !== 0 || attr.batchSize !== 0) return -EINVAL
  const room = PAGE_BYTES - SKB_HEADROOM_BYTES - SKB_TAILROOM_BYTES
  return attr.dataBytes < ETHERNET_HEADER_BYTES || attr.dataBytes > room ? -EINVAL : 0
}

/** Linux: bpf_prog_test_run_skb. */
export const prepareSkb: Prepare = (kernel, program, attr) => {
  const error = checkSizes(attr)
  if (error) return error
  const context = readContext(attr, SK_BUFF.$bytes)
  if (typeof context === 'number') return context
  const header = withHeader.has(program.facts.type)
  const hidden = header ? 0 : ETHERNET_HEADER_BYTES
  if (context !== null && context.u32(SK_BUFF.ifindex) > LOOPBACK_IFINDEX) return -ENODEV
  if (isCut(attr.dataIn as Uint8Array)) return -EINVAL
  const refused = context === null ? 0 : checkContext(context, attr.dataBytes - hidden)
  if (refused) return refused
  const cpu = anyCpu(kernel)
  if (cpu < 0) return cpu
  const before = alignUp(SK_BUFF.$bytes, CONTEXT_ALIGN) + SKB_HEADROOM_BYTES
  const address = allocate(kernel, before + attr.dataBytes)
  if (address < 0) return address
  const start = address + before
  const end = start + attr.dataBytes
  const { u8 } = kernel.machine.views
  u8.set(attr.dataIn as Uint8Array, start)
  fill(kernel, address, context, { start, seen: start + hidden, end })
  const body = u8.subarray(start + ETHERNET_HEADER_BYTES, end)
  const sum = onesSum(body)
  return {
    cpu,
    request: { context: address, contextBytes: SK_BUFF.$bytes, repeat: attr.repeat || 1 },
    memory: address,
    finish: (outcome) => {
      // The header that the program did not see is not given back.
      if (!header) u8.fill(0, start, start + ETHERNET_HEADER_BYTES)
      if (attr.flags & BPF_F_TEST_SKB_CHECKSUM_COMPLETE && onesSum(body) !== sum) return -EBADMSG
      collect(kernel, address, context)
      return writeData(attr, outcome, u8.subarray(start, end)) || writeContext(attr, context)
    },
  }
}
