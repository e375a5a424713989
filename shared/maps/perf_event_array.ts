/**
 * BPF_MAP_TYPE_PERF_EVENT_ARRAY. A slot holds the address of a PERF_RING, 0 while it is empty. Programs reach it only
 * through bpf_perf_event_output and its kin; user space stores file descriptors, which whoever owns the descriptors
 * turns into addresses before it calls update.
 */
import { MAP } from '../layout.js'
import { BPF_MAP_TYPE_PERF_EVENT_ARRAY } from '../uapi/bpf.js'
import { E2BIG, EINVAL, ENOENT } from '../uapi/errno.js'
import { define, type Expr, I32, i32, ret, seq, set, when } from '../wasm/dsl.js'
import type { ModuleBuilder } from '../wasm/module.js'
import { arrayBytes, emitArrayNextKey, initialiseArray } from './array.js'
import { checkDescriptorArray } from './checks.js'
import type { MapType } from './types.js'

/** A slot is as long as an array's smallest value. */
const SLOT_BYTES = 8

export const perfEventArrayMap: MapType = {
  type: BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  name: 'perf_event_array',
  perCpu: false,
  check: checkDescriptorArray,
  storage: (attr) => arrayBytes(attr),
  initialise: (views, address, attr) => initialiseArray(views, address, attr, SLOT_BYTES),
  shape: () => 'perf_event_array',
  emit(module) {
    return {
      update: emitUpdate(module),
      updateUser: emitUpdate(module, 'update_user'),
      delete: emitDelete(module),
      nextKey: emitArrayNextKey(module),
    }
  },
}

/** Address of slot `index` of the perf_event_array at `map`. */
export function perfSlot(map: Expr, index: Expr): Expr {
  return i32.add(i32.load(map, MAP.values), i32.mul(index, SLOT_BYTES))
}

/** update(map, key, address of a word with the PERF_RING's address, flags): flags other than BPF_ANY are -EINVAL. */
function emitUpdate(module: ModuleBuilder, name = 'update') {
  return define(module, name, [I32, I32, I32, I32], [I32], ([map, key, value, flags], local) => {
    const index = local(I32)
    return seq(
      when(flags!, ret(-EINVAL)),
      set(index, i32.load(key!)),
      when(i32.geU(index, i32.load(map!, MAP.maxEntries)), ret(-E2BIG)),
      i32.atomicStore(perfSlot(map!, index), i32.load(value!)),
      i32.const(0),
    )
  })
}

/** delete(map, key): -E2BIG out of range, -ENOENT for a slot that is empty already. */
function emitDelete(module: ModuleBuilder) {
  return define(module, 'delete', [I32, I32], [I32], ([map, key], local) => {
    const index = local(I32)
    return seq(
      set(index, i32.load(key!)),
      when(i32.geU(index, i32.load(map!, MAP.maxEntries)), ret(-E2BIG)),
      when(i32.eqz(i32.atomicExchange(perfSlot(map!, index), 0)), ret(-ENOENT)),
      i32.const(0),
    )
  })
}
