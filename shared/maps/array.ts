/** BPF_MAP_TYPE_ARRAY: values side by side, each on a multiple of 8 bytes. */
import { CACHE_LINE_BYTES, MAP, MAP_BYTES } from '../layout.js'
import { alignUp } from '../struct.js'
import { BPF_MAP_TYPE_ARRAY } from '../uapi/bpf.js'
import { BPF_EXIST, BPF_NOEXIST } from '../uapi/bpf_flags.js'
import { E2BIG, EEXIST, EINVAL, ENOENT } from '../uapi/errno.js'
import { define, type Expr, I32, i32, ret, type Statement, seq, set, when } from '../wasm/dsl.js'
import type { FunctionBuilder, Local } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'
import { copyBytes } from './bytes.js'
import { checkArray } from './checks.js'
import { arrayStride } from './direct.js'
import type { MapAttributes, MapType, MemoryViews } from './types.js'

export const arrayMap: MapType = {
  type: BPF_MAP_TYPE_ARRAY,
  name: 'array',
  perCpu: false,
  check: (attr) => checkArray(attr, false),
  storage: (attr) => arrayBytes(attr),
  initialise: (views, address, attr) => initialiseArray(views, address, attr, arrayStride(attr.valueBytes)),
  shape: (attr) => `array:v${attr.valueBytes}`,
  emit(module, _env, attr) {
    const lookup = emitArrayLookup(module, (index, map) => arrayValue(attr, index, map))
    const update = emitArrayUpdate(module, (index, map, value) =>
      copyBytes(arrayValue(attr, index, map), value, attr.valueBytes),
    )
    return {
      lookup,
      update,
      delete: emitArrayDelete(module),
      nextKey: emitArrayNextKey(module),
      lookupUser: lookup,
      updateUser: update,
    }
  },
}

const VALUES_OFFSET = alignUp(MAP_BYTES, CACHE_LINE_BYTES)

const valueBytesOf = (attr: MapAttributes) => arrayStride(attr.valueBytes) * attr.maxEntries

/** Bytes after the header of an array whose values take `bytes`. */
export function arrayBytes(attr: MapAttributes, bytes = valueBytesOf(attr)): number {
  return VALUES_OFFSET - MAP_BYTES + bytes
}

/** Fills an array's header: `stride` is MAP.valueStride, `bytes` what all values take. */
export function initialiseArray(
  views: MemoryViews,
  address: number,
  attr: MapAttributes,
  stride: number,
  bytes = valueBytesOf(attr),
): void {
  views.u32[(address + MAP.values) / 4] = address + VALUES_OFFSET
  views.u32[(address + MAP.valueStride) / 4] = stride
  views.u32[(address + MAP.end) / 4] = address + VALUES_OFFSET + bytes
}

/** Address of value `index`; the index is below max_entries. */
export function arrayValue(attr: MapAttributes, index: Expr, map: Expr): Expr {
  return i32.add(i32.load(map, MAP.values), i32.mul(index, arrayStride(attr.valueBytes)))
}

/** lookup(map, key): `value` makes the result from the index; 0 when that is out of range. */
export function emitArrayLookup(
  module: ModuleBuilder,
  value: (index: Local, map: Expr) => Expr,
  name = 'lookup',
): FunctionBuilder {
  return define(module, name, [I32, I32], [I32], ([map, key], local) => {
    const index = local(I32)
    return seq(
      set(index, i32.load(key!)),
      when(i32.geU(index, i32.load(map!, MAP.maxEntries)), ret(0)),
      value(index, map!) as Statement,
    )
  })
}

/** update(map, key, value, flags): `write` stores the value in place. */
export function emitArrayUpdate(
  module: ModuleBuilder,
  write: (index: Local, map: Expr, value: Local, local: () => Local) => Statement,
  name = 'update',
): FunctionBuilder {
  return define(module, name, [I32, I32, I32, I32], [I32], ([map, key, value, flags], local) => {
    const index = local(I32)
    return seq(
      when(i32.gtU(flags!, BPF_EXIST), ret(-EINVAL)),
      set(index, i32.load(key!)),
      when(i32.geU(index, i32.load(map!, MAP.maxEntries)), ret(-E2BIG)),
      when(i32.eq(flags!, BPF_NOEXIST), ret(-EEXIST)),
      write(index, map!, value!, () => local(I32)),
      i32.const(0),
    )
  })
}

/** delete(map, key): an array's elements exist as long as the array does. */
export function emitArrayDelete(module: ModuleBuilder): FunctionBuilder {
  return define(module, 'delete', [I32, I32], [I32], () => i32.const(-EINVAL))
}

/** nextKey(map, key or 0, out): the index after `key`; 0 when that is NULL or out of range. */
export function emitArrayNextKey(module: ModuleBuilder): FunctionBuilder {
  return define(module, 'next_key', [I32, I32, I32], [I32], ([map, key, out], local) => {
    const next = local(I32)
    const entries = i32.load(map!, MAP.maxEntries)
    return seq(
      when(
        key!,
        when(
          i32.ltU(i32.load(key!), entries),
          seq(set(next, i32.add(i32.load(key!), 1)), when(i32.geU(next, entries), ret(-ENOENT))),
        ),
      ),
      i32.store(out!, next),
      i32.const(0),
    )
  })
}
