/** Test runs of flow dissectors: they read a packet and describe its flow in a bpf_flow_keys. */
import { FLOW_KEYS, SK_BUFF } from '../../../shared/layout.js'
import { EINVAL } from '../../../shared/uapi/errno.js'
import { ETHERNET_HEADER_BYTES } from './packet.js'
import { allocate, anyCpu, type Prepare, readContext, writeContext, writeData } from './prepared.js'

const PAGE_BYTES = 4096

/** Linux: bpf_prog_test_run_flow_dissector. Of the context, only `flags` may come in. */
export const prepareFlowDissector: Prepare = (kernel, _program, attr) => {
  if (attr.special || attr.dataBytes < ETHERNET_HEADER_BYTES || attr.dataBytes > PAGE_BYTES) return -EINVAL
  const input = attr.dataIn as Uint8Array
  const user = readContext(attr, FLOW_KEYS.$bytes)
  if (typeof user === 'number') return user
  const fits = user === null || (user.isZero(0, FLOW_KEYS.flags) && user.isZero(FLOW_KEYS.flowLabel, FLOW_KEYS.$bytes))
  if (!fits) return -EINVAL
  const cpu = anyCpu(kernel)
  if (cpu < 0) return cpu
  // The keys follow the context, and count as part of it.
  const contextBytes = SK_BUFF.$bytes + FLOW_KEYS.$bytes
  const context = allocate(kernel, contextBytes + input.length)
  if (context < 0) return context
  const { u8, data } = kernel.machine.views
  const keys = context + SK_BUFF.$bytes
  const packet = context + contextBytes
  u8.set(input, packet)
  data.setUint32(context + SK_BUFF.data, packet, true)
  data.setUint32(context + SK_BUFF.dataEnd, packet + input.length, true)
  data.setUint32(context + SK_BUFF.flowKeys, keys, true)
  const refresh = () => {
    u8.fill(0, keys, keys + FLOW_KEYS.$bytes)
    data.setUint16(keys + FLOW_KEYS.nhoff, ETHERNET_HEADER_BYTES, true)
    data.setUint16(keys + FLOW_KEYS.thoff, ETHERNET_HEADER_BYTES, true)
    u8.copyWithin(keys + FLOW_KEYS.nProto, packet + ETHERNET_HEADER_BYTES - 2, packet + ETHERNET_HEADER_BYTES)
    if (user !== null) data.setUint32(keys + FLOW_KEYS.flags, user.u32(FLOW_KEYS.flags), true)
  }
  refresh()
  const clamp = (field: number, low: number): number => {
    const value = Math.min(Math.max(data.getUint16(keys + field, true), low), input.length)
    data.setUint16(keys + field, value, true)
    return value
  }
  return {
    cpu,
    request: { context, contextBytes, repeat: attr.repeat || 1 },
    memory: context,
    refresh,
    finish: (outcome) => {
      clamp(FLOW_KEYS.thoff, clamp(FLOW_KEYS.nhoff, ETHERNET_HEADER_BYTES))
      return writeData(attr, outcome, u8.subarray(keys, keys + FLOW_KEYS.$bytes)) || writeContext(attr, user)
    },
  }
}
