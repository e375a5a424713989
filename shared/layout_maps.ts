/** Offsets of the maps, part of layout.ts: nothing imports this file but it. */
import { blob, type Field, layout, U32 } from './struct.js'

export const CACHE_LINE_BYTES = 64

const line = (field: Field): Field => ({ bytes: field.bytes, align: CACHE_LINE_BYTES })
const word8 = (field: Field): Field => ({ bytes: field.bytes, align: 8 })

/** A map's header: what a BPF register holds for it. Common fields first, then what each type keeps. */
export const MAP = layout({
  type: U32,
  keyBytes: U32,
  valueBytes: U32,
  maxEntries: U32,
  flags: U32,
  id: U32,
  /** First slot of this map's operations in every thread's function table: see MapOp. */
  operations: U32,
  /** Bytes from one value to the next; for per-CPU maps, from one CPU's value to the next CPU's. */
  valueStride: U32,
  /** First value (arrays), or 0. */
  values: U32,
  /** Past the last byte of this map's storage. */
  end: U32,
  // Hash tables:
  seed: U32,
  buckets: U32,
  bucketMask: U32,
  elements: U32,
  elementBytes: U32,
  /** One HASH_WRITER per possible CPU and one for the main thread. */
  writers: U32,
  writerCount: U32,
  valueOffset: U32,
})
export const MAP_BYTES = 128

/** A bucket of a hash table. `head` is an element's address, or an end marker: (bucket index << 1) | 1. */
export const HASH_BUCKET = layout({ head: U32, lock: U32 })
/** What a writer (a CPU or the main thread) has in a hash table: a free list that others may steal from, a spare. */
export const HASH_WRITER = layout({
  lock: line(U32),
  /** First free element, 0 when there is none. */
  head: U32,
  /** The element that this writer's next update will fill: never reachable from a bucket or a free list. */
  spare: U32,
})
/**
 * An element of a hash table; its key follows. `next` keeps its value while the element is free, so that a reader
 * standing on it finds its way back to a chain.
 */
export const HASH_ELEMENT = layout({ next: word8(U32), nextFree: U32, key: blob(0, 8) })
/** As HASH_ELEMENT, for per-CPU values: `values` is the address of CPU 0's, MAP.valueStride leads to the next CPU's. */
export const PERCPU_HASH_ELEMENT = layout({ next: word8(U32), nextFree: U32, values: U32, key: blob(0, 8) })

/** Slots of a map's operations in the function table, from MAP.operations. Signatures in shared/maps/operations.ts. */
export const MapOp = {
  lookup: 0,
  update: 1,
  delete: 2,
  nextKey: 3,
  lookupUser: 4,
  updateUser: 5,
  push: 6,
  pop: 7,
  peek: 8,
} as const
export const MAP_OPS = 9

/**
 * What follows the header of a queue or stack. Slots are numbered from 0 to MAP.maxEntries, one more than fit: `head` is
 * the slot to fill next, `tail` the oldest one. One 64-bit store changes both.
 */
export const QUEUE = layout({ head: word8(U32), tail: U32, lock: line(U32) })
