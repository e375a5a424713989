/** Test runs of netfilter programs: the context points to a hook's state and to the packet's buffer. */
import { NF_CONTEXT, NF_HOOK_STATE } from '../../../shared/layout.js'
import { EINVAL, EPROTO } from '../../../shared/uapi/errno.js'
import { AF_INET, AF_INET6, describePacket, ETHERNET_HEADER_BYTES, isCut } from './packet.js'
import { allocate, anyCpu, type Prepare, readContext, type UserContext, writeResults } from './prepared.js'
import { SKB_HEADROOM_BYTES, SKB_TAILROOM_BYTES } from './skb.js'

const PAGE_BYTES = 4096
const IPV4_HEADER_BYTES = 20
/** The protocol families have the numbers of the address families. */
const NFPROTO_IPV4 = 2
const NFPROTO_IPV6 = 10
const NF_INET_LOCAL_OUT = 3
/** What lies behind the pointer to the buffer: nothing that programs may read by offsets of their own. */
const OPAQUE_BYTES = 256

/** Protocol family and hook that came in; a negative errno when something else did, too. */
function stateOf(user: UserContext | null): { pf: number; hook: number } | number {
  if (user === null) return { pf: NFPROTO_IPV4, hook: NF_INET_LOCAL_OUT }
  if (!user.isZero(NF_HOOK_STATE.in, NF_HOOK_STATE.$bytes)) return -EINVAL
  const pf = user.bytes[NF_HOOK_STATE.pf]
  return pf === NFPROTO_IPV4 || pf === NFPROTO_IPV6 ? { pf, hook: user.bytes[NF_HOOK_STATE.hook] } : -EINVAL
}

/** At every hook but the one for packets of this machine, the packet has an Ethernet header of the state's family. */
function checkPacket(packet: Uint8Array, { pf, hook }: { pf: number; hook: number }): number {
  if (hook === NF_INET_LOCAL_OUT) return 0
  if (packet.length < ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES) return -EINVAL
  const { family } = describePacket(packet)
  if (family !== AF_INET && family !== AF_INET6) return -EPROTO
  return isCut(packet) || family !== pf ? -EINVAL : 0
}

/** Linux: bpf_prog_test_run_nf. Only r0 and the duration come out. */
export const prepareNetfilter: Prepare = (kernel, _program, attr) => {
  if (attr.special || attr.dataBytes < IPV4_HEADER_BYTES) return -EINVAL
  if (attr.dataBytes > PAGE_BYTES - SKB_HEADROOM_BYTES - SKB_TAILROOM_BYTES) return -EINVAL
  const user = readContext(attr, NF_HOOK_STATE.$bytes)
  if (typeof user === 'number') return user
  const hook = stateOf(user)
  if (typeof hook === 'number') return hook
  const refused = checkPacket(attr.dataIn as Uint8Array, hook)
  if (refused) return refused
  const cpu = anyCpu(kernel)
  if (cpu < 0) return cpu
  const contextBytes = NF_CONTEXT.$bytes + NF_HOOK_STATE.$bytes + OPAQUE_BYTES
  const context = allocate(kernel, contextBytes)
  if (context < 0) return context
  const { u8, data } = kernel.machine.views
  const state = context + NF_CONTEXT.$bytes
  data.setUint32(context + NF_CONTEXT.state, state, true)
  data.setUint32(context + NF_CONTEXT.skb, state + NF_HOOK_STATE.$bytes, true)
  u8[state + NF_HOOK_STATE.hook] = hook.hook
  u8[state + NF_HOOK_STATE.pf] = hook.pf
  return {
    cpu,
    request: { context, contextBytes, repeat: attr.repeat || 1 },
    memory: context,
    finish: (outcome) => {
      writeResults(attr, outcome, 0)
      return 0
    },
  }
}
