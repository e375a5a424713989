/** Test runs of socket lookup programs: no packet, only the addresses of a struct bpf_sk_lookup. */
import { SK_LOOKUP } from '../../../shared/layout.js'
import { EAFNOSUPPORT, EINVAL, ERANGE } from '../../../shared/uapi/errno.js'
import { AF_INET, AF_INET6 } from './packet.js'
import { allocate, anyCpu, type Prepare, readContext, writeContext, writeResults } from './prepared.js'

const PORT_MAX = 0xffff
const WORD_BYTES = 4

/** What the program sees of the fields that came in, by address family. */
const seen: Record<number, readonly (readonly [number, number])[]> = {
  [AF_INET]: [
    [SK_LOOKUP.remoteIp4, SK_LOOKUP.remoteIp4 + WORD_BYTES],
    [SK_LOOKUP.localIp4, SK_LOOKUP.localIp4 + WORD_BYTES],
  ],
  [AF_INET6]: [
    [SK_LOOKUP.remoteIp6, SK_LOOKUP.remotePort],
    [SK_LOOKUP.localIp6, SK_LOOKUP.localPort],
  ],
}

/** Linux: bpf_prog_test_run_sk_lookup. r0 becomes SK_PASS or SK_DROP. */
export const prepareSkLookup: Prepare = (kernel, _program, attr) => {
  if (attr.special || attr.dataIn !== null || attr.dataOut !== null) return -EINVAL
  const user = readContext(attr, SK_LOOKUP.$bytes)
  if (typeof user === 'number') return user
  if (user === null || !user.isZero(SK_LOOKUP.sk, SK_LOOKUP.family)) return -EINVAL
  if (!user.isZero(SK_LOOKUP.ingressIfindex, SK_LOOKUP.$bytes)) return -EINVAL
  if (user.u32(SK_LOOKUP.localPort) > PORT_MAX) return -ERANGE
  const family = user.u32(SK_LOOKUP.family) & 0xffff
  const addresses = seen[family]
  if (addresses === undefined) return -EAFNOSUPPORT
  const cpu = anyCpu(kernel)
  if (cpu < 0) return cpu
  const context = allocate(kernel, SK_LOOKUP.$bytes)
  if (context < 0) return context
  const { u8, data } = kernel.machine.views
  for (const [from, to] of addresses) u8.set(user.bytes.subarray(from, to), context + from)
  data.setUint32(context + SK_LOOKUP.family, family, true)
  data.setUint32(context + SK_LOOKUP.protocol, user.u32(SK_LOOKUP.protocol) & 0xffff, true)
  data.setUint16(context + SK_LOOKUP.remotePort, user.view.getUint16(SK_LOOKUP.remotePort, true), true)
  data.setUint32(context + SK_LOOKUP.localPort, user.u32(SK_LOOKUP.localPort), true)
  return {
    cpu,
    request: { context, contextBytes: SK_LOOKUP.$bytes, repeat: attr.repeat || 1 },
    memory: context,
    finish: (outcome) => {
      writeResults(attr, { ...outcome, retval: outcome.retval === 0 ? 0 : 1 }, 0)
      return writeContext(attr, user)
    },
  }
}
