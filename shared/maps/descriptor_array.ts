/**
 * What the arrays have in common whose user-space values are file descriptors: a slot holds what the descriptor stands
 * for (an address or an id), 0 while it is empty. Whoever owns the descriptors translates them before it calls update.
 */
import { MAP } from '../layout.js'
import { E2BIG, EINVAL, ENOENT } from '../uapi/errno.js'
import { define, type Expr, I32, i32, ret, seq, set, when } from '../wasm/dsl.js'
import type { ModuleBuilder } from '../wasm/module.js'
import { arrayBytes, emitArrayNextKey, initialiseArray } from './array.js'
import { checkDescriptorArray } from './checks.js'
import type { MapType } from './types.js'

/** A slot is as long as an array's smallest value. */
const SLOT_BYTES = 8

/** Address of slot `index` of the array at `map`. */
export function descriptorSlot(map: Expr, index: Expr): Expr {
  return i32.add(i32.load(map, MAP.values), i32.mul(index, SLOT_BYTES))
}

/** The part of a MapType that is the same for all of them. */
export const descriptorArray: Pick<MapType, 'perCpu' | 'check' | 'storage' | 'initialise'> = {
  perCpu: false,
  check: checkDescriptorArray,
  storage: (attr) => arrayBytes(attr),
  initialise: (views, address, attr) => initialiseArray(views, address, attr, SLOT_BYTES),
}

/** The operations that are the same for all of them. */
export function emitDescriptorArray(module: ModuleBuilder) {
  return {
    update: emitUpdate(module, 'update'),
    updateUser: emitUpdate(module, 'update_user'),
    delete: emitDelete(module),
    nextKey: emitArrayNextKey(module),
  }
}

/** update(map, key, address of a word with the slot's new content, flags): flags other than BPF_ANY are -EINVAL. */
function emitUpdate(module: ModuleBuilder, name: string) {
  return define(module, name, [I32, I32, I32, I32], [I32], ([map, key, value, flags], local) => {
    const index = local(I32)
    return seq(
      when(flags!, ret(-EINVAL)),
      set(index, i32.load(key!)),
      when(i32.geU(index, i32.load(map!, MAP.maxEntries)), ret(-E2BIG)),
      i32.atomicStore(descriptorSlot(map!, index), i32.load(value!)),
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
      when(i32.eqz(i32.atomicExchange(descriptorSlot(map!, index), 0)), ret(-ENOENT)),
      i32.const(0),
    )
  })
}
