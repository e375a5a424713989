/**
 * BPF_MAP_TYPE_PROG_ARRAY. A slot holds a program's id, 0 while it is empty. Programs reach it only through
 * bpf_tail_call; user space stores file descriptors, which whoever owns them turns into ids before it calls update.
 */
import { MAP } from '../layout.js'
import { BPF_MAP_TYPE_PROG_ARRAY } from '../uapi/bpf.js'
import { E2BIG, EINVAL, ENOENT } from '../uapi/errno.js'
import { define, type Expr, I32, i32, ret, select, seq, set, when } from '../wasm/dsl.js'
import type { ModuleBuilder } from '../wasm/module.js'
import { arrayBytes, emitArrayNextKey, initialiseArray } from './array.js'
import { checkDescriptorArray } from './checks.js'
import type { MapType } from './types.js'

/** A slot is as long as an array's smallest value. */
const SLOT_BYTES = 8

export const progArrayMap: MapType = {
  type: BPF_MAP_TYPE_PROG_ARRAY,
  name: 'prog_array',
  perCpu: false,
  check: checkDescriptorArray,
  storage: (attr) => arrayBytes(attr),
  initialise: (views, address, attr) => initialiseArray(views, address, attr, SLOT_BYTES),
  shape: () => 'prog_array',
  emit(module) {
    return {
      lookupUser: emitLookupUser(module),
      update: emitUpdate(module),
      updateUser: emitUpdate(module, 'update_user'),
      delete: emitDelete(module),
      nextKey: emitArrayNextKey(module),
    }
  },
}

const slot = (map: Expr, index: Expr): Expr => i32.add(i32.load(map, MAP.values), i32.mul(index, SLOT_BYTES))

/** lookup_user(map, key): address of the program's id, 0 for an empty slot. Programs cannot look in. */
function emitLookupUser(module: ModuleBuilder) {
  return define(module, 'lookup_user', [I32, I32], [I32], ([map, key], local) => {
    const at = local(I32)
    return seq(
      when(i32.geU(i32.load(key!), i32.load(map!, MAP.maxEntries)), ret(0)),
      set(at, slot(map!, i32.load(key!))),
      select(i32.atomicLoad(at), at, 0),
    )
  })
}

/** update(map, key, address of a word with the program's id, flags): flags other than BPF_ANY are -EINVAL. */
function emitUpdate(module: ModuleBuilder, name = 'update') {
  return define(module, name, [I32, I32, I32, I32], [I32], ([map, key, value, flags], local) => {
    const index = local(I32)
    return seq(
      when(flags!, ret(-EINVAL)),
      set(index, i32.load(key!)),
      when(i32.geU(index, i32.load(map!, MAP.maxEntries)), ret(-E2BIG)),
      i32.atomicStore(slot(map!, index), i32.load(value!)),
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
      when(i32.eqz(i32.atomicExchange(slot(map!, index), 0)), ret(-ENOENT)),
      i32.const(0),
    )
  })
}
