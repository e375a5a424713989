/** Test runs of XDP programs. */
import { XDP_MD } from '../../../shared/layout.js'
import { alignUp } from '../../../shared/struct.js'
import { BPF_XDP_CPUMAP, BPF_XDP_DEVMAP } from '../../../shared/uapi/bpf.js'
import { BPF_F_TEST_XDP_LIVE_FRAMES } from '../../../shared/uapi/bpf_flags.js'
import { E2BIG, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP } from '../../../shared/uapi/errno.js'
import type { Kernel } from '../kernel.js'
import type { Attributes } from './attributes.js'
import { ETHERNET_HEADER_BYTES, LOOPBACK_IFINDEX, LOOPBACK_QUEUES } from './packet.js'
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

const PAGE_BYTES = 4096
/** XDP_PACKET_HEADROOM of Linux, and what follows the data in its page. */
const HEADROOM_BYTES = 256
const TAILROOM_BYTES = 320
/** What live frames keep before the headroom. */
const LIVE_HEAD_BYTES = 192
const FRAGMENTS_MAX = 17
/** The headroom must keep a frame's description of 40 bytes. */
const METADATA_MAX = HEADROOM_BYTES - 40
const LIVE_BATCH_MAX = 256

interface Sizes {
  /** Bytes of metadata before the packet, part of what came in. */
  readonly metadata: number
  /** Bytes that the program sees; the others are in fragments. */
  readonly linear: number
}

function isLive(attr: Attributes): boolean {
  return (attr.flags & BPF_F_TEST_XDP_LIVE_FRAMES) !== 0
}

function checkCall(attr: Attributes, attachType: number): number {
  if (attachType === BPF_XDP_DEVMAP || attachType === BPF_XDP_CPUMAP) return -EINVAL
  if (attr.flags & ~BPF_F_TEST_XDP_LIVE_FRAMES) return -EINVAL
  if (isLive(attr)) return attr.batchSize > LIVE_BATCH_MAX ? -E2BIG : 0
  return attr.batchSize === 0 ? 0 : -EINVAL
}

/** The rules for data, data_meta and data_end of the context that comes in: metadata bytes, or a negative errno. */
function metadataOf(context: UserContext, attr: Attributes): number {
  const data = context.u32(XDP_MD.data)
  const end = context.u32(XDP_MD.dataEnd)
  if (context.u32(XDP_MD.dataMeta) !== 0 || end > attr.dataBytes || data > end) return -EINVAL
  if (data + ETHERNET_HEADER_BYTES > attr.dataBytes) return -EINVAL
  if (data % 4 !== 0 || data > METADATA_MAX) return -EINVAL
  return isLive(attr) && (attr.dataOut !== null || attr.contextOut !== null) ? -EINVAL : data
}

function sizesOf(context: UserContext | null, attr: Attributes): Sizes | number {
  const metadata = context === null ? 0 : metadataOf(context, attr)
  if (metadata < 0) return metadata
  const headroom = HEADROOM_BYTES + (isLive(attr) ? LIVE_HEAD_BYTES : 0) - metadata
  const room = PAGE_BYTES - headroom - TAILROOM_BYTES
  if (attr.dataBytes < ETHERNET_HEADER_BYTES || (attr.dataBytes > room && isLive(attr))) return -EINVAL
  const wanted = context === null ? attr.dataBytes : context.u32(XDP_MD.dataEnd)
  return { metadata, linear: Math.min(wanted, room) }
}

/** The rules for the device a packet pretends to come from. */
function checkDevice(context: UserContext): number {
  if (context.u32(XDP_MD.egressIfindex) !== 0) return -EINVAL
  const ifindex = context.u32(XDP_MD.ingressIfindex)
  const queue = context.u32(XDP_MD.rxQueueIndex)
  if (ifindex === 0) return queue === 0 ? 0 : -EINVAL
  if (ifindex !== LOOPBACK_IFINDEX) return -ENODEV
  return queue < LOOPBACK_QUEUES ? 0 : -EINVAL
}

/** Places context and packet in the machine's memory; the address of the context, or -ENOMEM. */
function place(kernel: Kernel, attr: Attributes, { metadata, linear }: Sizes): number {
  const { u8, data } = kernel.machine.views
  const before = alignUp(XDP_MD.$bytes, CONTEXT_ALIGN) + HEADROOM_BYTES
  const context = allocate(kernel, before + attr.dataBytes + TAILROOM_BYTES)
  if (context < 0) return context
  const start = context + before
  u8.set(attr.dataIn as Uint8Array, start)
  data.setUint32(context + XDP_MD.dataMeta, start, true)
  data.setUint32(context + XDP_MD.data, start + metadata, true)
  data.setUint32(context + XDP_MD.dataEnd, start + linear, true)
  data.setUint32(context + XDP_MD.ingressIfindex, LOOPBACK_IFINDEX, true)
  return context
}

/** Linux: bpf_prog_test_run_xdp. Packets longer than a page lie in fragments, which programs do not see. */
export const prepareXdp: Prepare = (kernel, program, attr) => {
  const error = checkCall(attr, program.facts.expectedAttachType)
  if (error) return error
  const user = readContext(attr, XDP_MD.$bytes)
  if (typeof user === 'number') return user
  const sizes = sizesOf(user, attr)
  if (typeof sizes === 'number') return sizes
  const refused = user === null ? 0 : checkDevice(user)
  if (refused) return refused
  const fragmentBytes = attr.dataBytes - sizes.linear
  if (fragmentBytes > FRAGMENTS_MAX * PAGE_BYTES) return -ENOMEM
  if (isLive(attr)) return -EOPNOTSUPP
  const cpu = anyCpu(kernel)
  if (cpu < 0) return cpu
  const context = place(kernel, attr, sizes)
  if (context < 0) return context
  const { u8, data } = kernel.machine.views
  const pointer = (field: number) => data.getUint32(context + field, true)
  return {
    cpu,
    request: { context, contextBytes: XDP_MD.$bytes, repeat: attr.repeat || 1 },
    memory: context,
    finish: (outcome) => {
      const start = pointer(XDP_MD.dataMeta)
      const end = pointer(XDP_MD.dataEnd)
      user?.setU32(XDP_MD.data, pointer(XDP_MD.data) - start)
      user?.setU32(XDP_MD.dataEnd, end - start)
      const result = writeData(attr, outcome, u8.subarray(start, end + fragmentBytes), fragmentBytes)
      return result || writeContext(attr, user)
    },
  }
}
