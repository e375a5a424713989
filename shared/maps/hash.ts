/** BPF_MAP_TYPE_HASH. */
import { HASH_ELEMENT, HASH_WRITER } from '../layout.js'
import { BPF_MAP_TYPE_HASH } from '../uapi/bpf.js'
import { BPF_EXIST, BPF_F_ZERO_SEED } from '../uapi/bpf_flags.js'
import { EINVAL, ENOENT } from '../uapi/errno.js'
import { define, type Expr, I32, i32, ret, seq, set, when } from '../wasm/dsl.js'
import type { FunctionBuilder } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'
import { copyBytes } from './bytes.js'
import { checkHash, randomSeed } from './checks.js'
import { initialiseTable, tableBytes } from './hash_storage.js'
import { TableCode, type TableModule, tableModule } from './hash_table.js'
import type { MapAttributes, MapType } from './types.js'

export const hashMap: MapType = {
  type: BPF_MAP_TYPE_HASH,
  name: 'hash',
  perCpu: false,
  check: (attr) => checkHash(attr, {}),
  storage: (attr, cpus) => tableBytes(attr, cpus, false),
  initialise: (views, address, attr, cpus) =>
    initialiseTable(views, address, attr, cpus, { perCpu: false, seed: seedOf(attr) }),
  shape: (attr) => `hash:k${attr.keyBytes}:v${attr.valueBytes}`,
  emit(module, env, attr) {
    const table = tableModule(module, env, attr, false)
    const { valueOffset } = table.geometry
    const lookup = emitLookup(module, table, (element) => i32.add(element, valueOffset))
    const update = emitUpdate(module, table, attr)
    return {
      lookup,
      update,
      delete: emitDelete(module, table),
      nextKey: emitNextKey(module, table),
      lookupUser: lookup,
      updateUser: update,
    }
  },
}

/** The seed of a map's hash: random, unless BPF_F_ZERO_SEED asks for reproducible chains. */
export function seedOf(attr: MapAttributes): number {
  return attr.flags & BPF_F_ZERO_SEED ? 0 : randomSeed()
}

/** lookup(map, key): `value` makes the result from the element's address; 0 when the key is absent. */
export function emitLookup(
  module: ModuleBuilder,
  table: TableModule,
  value: (element: Expr, map: Expr) => Expr,
  name = 'lookup',
): FunctionBuilder {
  return define(module, name, [I32, I32], [I32], ([map, key], local) => {
    const code = new TableCode(table, local)
    return seq(code.findBucket(map!, key!), code.search(key!, ret(value(code.element, map!))), i32.const(0))
  })
}

/** update(map, key, value, flags): the whole element is exchanged, so that no reader sees half a value. */
function emitUpdate(module: ModuleBuilder, table: TableModule, attr: MapAttributes): FunctionBuilder {
  const { keyOffset, valueOffset } = table.geometry
  return define(module, 'update', [I32, I32, I32, I32], [I32], ([map, key, value, flags], local) => {
    const code = new TableCode(table, local)
    const spare = local(I32)
    return seq(
      when(i32.gtU(flags!, BPF_EXIST), ret(-EINVAL)),
      code.findSlot(map!),
      set(spare, i32.load(code.slot, HASH_WRITER.spare)),
      table.copyKey(i32.add(spare, keyOffset), key!),
      copyBytes(i32.add(spare, valueOffset), value!, attr.valueBytes),
      code.findBucket(map!, key!),
      code.lockBucket(),
      code.searchLink(key!),
      code.checkFlags(flags!),
      when(i32.and(code.element, 1), code.insert(map!, spare), code.replace(map!, spare)),
      (f) => f.i32Const(0),
    )
  })
}

/** delete(map, key). */
export function emitDelete(module: ModuleBuilder, table: TableModule): FunctionBuilder {
  return define(module, 'delete', [I32, I32], [I32], ([map, key], local) => {
    const code = new TableCode(table, local)
    return seq(
      code.findBucket(map!, key!),
      code.findSlot(map!),
      code.lockBucket(),
      code.searchLink(key!),
      when(i32.and(code.element, 1), code.leave(-ENOENT)),
      code.remove(map!),
      i32.const(0),
    )
  })
}

/** nextKey(map, key or 0, out): the key after `key`, or the first one when `key` is NULL or absent. */
export function emitNextKey(module: ModuleBuilder, table: TableModule): FunctionBuilder {
  return define(module, 'next_key', [I32, I32, I32], [I32], ([map, key, out], local) => {
    const code = new TableCode(table, local)
    const following = seq(
      set(code.element, i32.load(code.element, HASH_ELEMENT.next)),
      when(i32.eqz(i32.and(code.element, 1)), code.returnKey(out!)),
      // The chain ended: go on in the bucket after the one its marker names.
      set(code.hash, i32.add(i32.shrU(code.element, 1), 1)),
      code.scan(map!, out!),
    )
    return seq(
      when(key!, seq(code.findBucket(map!, key!), code.search(key!, following))),
      set(code.hash, 0),
      code.scan(map!, out!),
      i32.const(0),
    )
  })
}
