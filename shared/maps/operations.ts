/**
 * The compiled operations of a map shape. All parameters and results are i32; a map is its header's address.
 *
 *   lookup(map, key) -> address of the value, for per-CPU maps this CPU's; 0 when there is none
 *   update(map, key, value, flags) -> 0 or -errno; the caller has made sure that the flags' high word is 0
 *   delete(map, key) -> 0 or -errno
 *   nextKey(map, key or 0, out) -> 0, or -ENOENT after the last key
 *   lookupUser(map, key) -> address of CPU 0's value (CPU n's is n * MAP.valueStride further) or of the only one; 0
 *   updateUser(map, key, values, flags) -> as update, with the values of all possible CPUs, each at a multiple of 8
 *   push(map, value, flags) -> 0 or -errno, for maps without keys; the flags' high word is 0, as in update
 *   pop(map, value), peek(map, value) -> 0 and the value at `value`, or -errno
 */
import { MAP_OPS, MapOp } from '../layout.js'
import { type BuildOptions, importEnvironment } from '../sync/environment.js'
import { ENOTSUPP } from '../uapi/errno.js'
import { define, I32, i32 } from '../wasm/dsl.js'
import { ModuleBuilder } from '../wasm/module.js'
import { mapTypeOf } from './registry.js'
import type { MapAttributes, MapOperation } from './types.js'

/** Operations in the order of their slots in the function table. */
export const mapOperations = Object.keys(MapOp) as MapOperation[]

const parameters: Record<MapOperation, number> = {
  lookup: 2,
  update: 4,
  delete: 2,
  nextKey: 3,
  lookupUser: 2,
  updateUser: 4,
  push: 3,
  pop: 2,
  peek: 2,
}

/** What an instance of buildOperations() exports. */
export interface MapExports {
  lookup(map: number, key: number): number
  update(map: number, key: number, value: number, flags: number): number
  delete(map: number, key: number): number
  nextKey(map: number, key: number, out: number): number
  lookupUser(map: number, key: number): number
  updateUser(map: number, key: number, values: number, flags: number): number
  push(map: number, value: number, flags: number): number
  pop(map: number, value: number): number
  peek(map: number, value: number): number
}

/** The module with a shape's operations, exported by name. Imports env.memory, cpu, cpu_area (and fault_point). */
export function buildOperations(attr: MapAttributes, options: BuildOptions = {}): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder()
  const env = importEnvironment(module, options)
  const functions = mapTypeOf(attr.type)!.emit(module, env, attr)
  for (const name of mapOperations) {
    const params = new Array<typeof I32>(parameters[name]).fill(I32)
    const absent = () =>
      define(module, `no_${name}`, params, [I32], () => i32.const(name.startsWith('lookup') ? 0 : -ENOTSUPP))
    module.export(name, functions[name] ?? absent())
  }
  return module.build().bytes
}

if (mapOperations.length !== MAP_OPS) throw new Error('shared/maps/operations.ts: MAP_OPS does not count MapOp')
