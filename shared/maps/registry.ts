/** The map types, one line each, and what can be asked of any map. */
import { CACHE_LINE_BYTES, MAP, MAP_BYTES } from '../layout.js'
import { EINVAL } from '../uapi/errno.js'
import { arrayMap } from './array.js'
import { bloomFilterMap } from './bloom_filter.js'
import { checkCommon } from './checks.js'
import { creationOnly } from './creation_only.js'
import { hashMap } from './hash.js'
import { percpuArrayMap } from './percpu_array.js'
import { percpuHashMap } from './percpu_hash.js'
import { perfEventArrayMap } from './perf_event_array.js'
import { progArrayMap } from './prog_array.js'
import { queueMap, stackMap } from './queue.js'
import type { MapAttributes, MapCreation, MapType, MemoryViews } from './types.js'

export { buildOperations, type MapExports } from './operations.js'
export type { MapAttributes, MapType, MemoryViews } from './types.js'

const types: MapType[] = []

/** Adds a map type; its number must be free. */
export function registerMapType(type: MapType): void {
  if (mapTypeOf(type.type)) throw new Error(`map type ${type.type} is registered twice`)
  types.push(type)
}

registerMapType(hashMap)
registerMapType(arrayMap)
registerMapType(percpuHashMap)
registerMapType(percpuArrayMap)
registerMapType(perfEventArrayMap)
registerMapType(progArrayMap)
registerMapType(queueMap)
registerMapType(stackMap)
registerMapType(bloomFilterMap)

/** Every registered map type. */
export const mapTypes: readonly MapType[] = types

/** The map type of a number (BPF_MAP_TYPE_*), or undefined. */
export function mapTypeOf(type: number): MapType | undefined {
  return types.find((candidate) => candidate.type === type)
}

/** A map's address must be a multiple of this. */
export const MAP_ALIGN = CACHE_LINE_BYTES

/** How requests for maps of a type are judged; types that 6.18 has and nothing here runs yet have it, too. */
function creationOf(type: number): MapCreation | undefined {
  return mapTypeOf(type) ?? creationOnly.find((candidate) => candidate.type === type)
}

/** Linux's first checks at creation: 0 or a negative errno; -EINVAL for a type that 6.18 does not have. */
export function checkEarly(attr: MapAttributes): number {
  return checkCommon(attr) || (creationOf(attr.type)?.check(attr) ?? -EINVAL)
}

/** The checks that Linux makes when it allocates. */
export function checkLate(attr: MapAttributes): number {
  return creationOf(attr.type)?.checkLate?.(attr) ?? 0
}

/** All of them. */
export function checkMap(attr: MapAttributes): number {
  return checkEarly(attr) || checkLate(attr)
}

/** Bytes of header and storage for a machine of `cpus` possible CPUs; may exceed any memory (-ENOMEM then). */
export function mapBytes(attr: MapAttributes, cpus: number): number {
  return MAP_BYTES + mapTypeOf(attr.type)!.storage(attr, cpus)
}

/** Makes a map of mapBytes(attr, cpus) bytes at `address`; MAP.id and MAP.operations stay 0 for the caller to fill. */
export function initialiseMap(views: MemoryViews, address: number, attr: MapAttributes, cpus: number): void {
  views.u8.fill(0, address, address + mapBytes(attr, cpus))
  const header = (field: number, value: number) => {
    views.u32[(address + field) / 4] = value
  }
  header(MAP.type, attr.type)
  header(MAP.keyBytes, attr.keyBytes)
  header(MAP.valueBytes, attr.valueBytes)
  header(MAP.maxEntries, attr.maxEntries)
  header(MAP.flags, attr.flags)
  mapTypeOf(attr.type)!.initialise(views, address, attr, cpus)
}

/** Key of the compiled operations that a map uses. */
export function mapShape(attr: MapAttributes): string {
  return mapTypeOf(attr.type)!.shape(attr)
}
