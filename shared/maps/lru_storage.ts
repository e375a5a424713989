/** Where the parts of an LRU hash lie, and its state at creation: every chain empty, every element free. */
import {
  CACHE_LINE_BYTES,
  HASH_BUCKET,
  HASH_ELEMENT,
  LRU_ELEMENT,
  LRU_LINK,
  LRU_LIST,
  LRU_WRITER,
  LruList,
  MAP,
  MAP_BYTES,
  PERCPU_HASH_ELEMENT,
} from '../layout.js'
import { alignUp } from '../struct.js'
import { BPF_F_NO_COMMON_LRU } from '../uapi/bpf_flags.js'
import { bucketsFor } from './checks.js'
import { type ElementGeometry, endMarker } from './hash_storage.js'
import type { MapAttributes, MemoryViews } from './types.js'

const VALUE_ALIGN = 8
/** Elements that a writer's local list takes from the common one at once: at most, and of a small map. */
const TARGET_MAX = 128
const OWN_TARGET = 4

export const hasOwnLists = (attr: MapAttributes): boolean => (attr.flags & BPF_F_NO_COMMON_LRU) !== 0

/** With lists of its own each CPU gets as many entries as any other. */
export function lruAttributes(attr: MapAttributes, cpus: number): MapAttributes {
  return hasOwnLists(attr) ? { ...attr, maxEntries: alignUp(attr.maxEntries, cpus) } : attr
}

export function lruGeometry(attr: MapAttributes, perCpu: boolean): ElementGeometry {
  const keyOffset = LRU_ELEMENT.key
  const valueOffset = alignUp(keyOffset + attr.keyBytes, VALUE_ALIGN)
  const elementBytes = perCpu ? valueOffset : valueOffset + alignUp(attr.valueBytes, VALUE_ALIGN)
  return { keyOffset, valueOffset: perCpu ? 0 : valueOffset, elementBytes }
}

/** Offsets from the map's header. */
function places(attr: MapAttributes, cpus: number, perCpu: boolean) {
  const { elementBytes } = lruGeometry(attr, perCpu)
  const buckets = bucketsFor(attr.maxEntries)
  const bucketsAt = alignUp(MAP_BYTES, CACHE_LINE_BYTES)
  const common = alignUp(bucketsAt + buckets * HASH_BUCKET.$bytes, CACHE_LINE_BYTES)
  const writers = common + LRU_LIST.$bytes
  const elements = writers + (cpus + 1) * LRU_WRITER.$bytes
  const values = alignUp(elements + attr.maxEntries * elementBytes, CACHE_LINE_BYTES)
  const stride = alignUp(attr.valueBytes, VALUE_ALIGN)
  const cpuStride = perCpu ? alignUp(attr.maxEntries * stride, CACHE_LINE_BYTES) : 0
  return { buckets, bucketsAt, common, writers, elements, elementBytes, values, stride, cpuStride }
}

export function lruBytes(attr: MapAttributes, cpus: number, perCpu: boolean): number {
  const { values, cpuStride } = places(attr, cpus, perCpu)
  return values + cpus * cpuStride - MAP_BYTES
}

/** Stores words at offsets from an address. */
type Put = (address: number, field: number, value: number) => void

function initialiseList(put: Put, list: number): void {
  for (const kind of [LruList.active, LruList.inactive, LruList.free]) {
    emptyList(put, list + LRU_LIST.heads + kind * LRU_LINK.$bytes)
  }
  put(list, LRU_LIST.rotation, list + LRU_LIST.heads + LruList.inactive * LRU_LINK.$bytes)
}

function emptyList(put: Put, head: number): void {
  put(head, LRU_LINK.next, head)
  put(head, LRU_LINK.prev, head)
}

/** Fills the header and every list of a zeroed map. `seed` is the hash's. */
export function initialiseLru(
  { u32 }: MemoryViews,
  address: number,
  attr: MapAttributes,
  cpus: number,
  { perCpu, seed }: { perCpu: boolean; seed: number },
): void {
  const at = places(attr, cpus, perCpu)
  const put: Put = (base, field, value) => {
    u32[(base + field) / 4] = value
  }
  const target = Math.floor(Math.floor(attr.maxEntries / cpus) / 2)
  const header: [number, number][] = [
    [MAP.seed, seed],
    [MAP.buckets, address + at.bucketsAt],
    [MAP.bucketMask, at.buckets - 1],
    [MAP.writers, address + at.writers],
    [MAP.writerCount, cpus + 1],
    [MAP.elements, address + at.elements],
    [MAP.elementBytes, at.elementBytes],
    [MAP.valueOffset, lruGeometry(attr, perCpu).valueOffset],
    [MAP.valueStride, perCpu ? at.cpuStride : at.stride],
    [MAP.end, address + at.values + cpus * at.cpuStride],
    [MAP.lru, address + at.common],
    [MAP.lruTarget, hasOwnLists(attr) ? OWN_TARGET : Math.min(Math.max(target, 1), TARGET_MAX)],
  ]
  for (const [field, value] of header) put(address, field, value)
  for (let bucket = 0; bucket < at.buckets; bucket++) {
    put(address + at.bucketsAt + bucket * HASH_BUCKET.$bytes, HASH_BUCKET.head, endMarker(bucket))
  }
  initialiseList(put, address + at.common)
  const writerAt = (index: number) => address + at.writers + index * LRU_WRITER.$bytes
  for (let writer = 0; writer <= cpus; writer++) {
    emptyList(put, writerAt(writer) + LRU_WRITER.localFree)
    emptyList(put, writerAt(writer) + LRU_WRITER.pending)
    put(writerAt(writer), LRU_WRITER.nextSteal, writer)
    initialiseList(put, writerAt(writer) + LRU_WRITER.list)
  }
  const share = Math.floor(attr.maxEntries / cpus)
  for (let index = 0; index < attr.maxEntries; index++) {
    const element = address + at.elements + index * at.elementBytes
    const owner = hasOwnLists(attr) ? Math.floor(index / share) : 0
    const list = hasOwnLists(attr) ? writerAt(owner) + LRU_WRITER.list : address + at.common
    // A reader that strays here must start over: no bucket has this marker.
    put(element, HASH_ELEMENT.next, NOWHERE)
    put(element, LRU_ELEMENT.list, LruList.free)
    put(element, LRU_ELEMENT.writer, owner)
    if (perCpu) put(element, PERCPU_HASH_ELEMENT.values, address + at.values + index * at.stride)
    insertFirst(u32, put, list + LRU_LIST.heads + LruList.free * LRU_LINK.$bytes, element + LRU_ELEMENT.link)
  }
}

const NOWHERE = 0xffffffff

function insertFirst(u32: Uint32Array, put: Put, head: number, link: number): void {
  const first = u32[(head + LRU_LINK.next) / 4]
  put(link, LRU_LINK.next, first)
  put(link, LRU_LINK.prev, head)
  put(first, LRU_LINK.prev, link)
  put(head, LRU_LINK.next, link)
}
