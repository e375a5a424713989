/** Offsets of the maps, part of layout.ts: nothing imports this file but it. */
import { array, blob, type Field, layout, U32 } from './struct.js'

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
  /** LRU hashes: the LRU_LIST that all share. */
  lru: U32,
  /** Elements that one refill takes. */
  lruTarget: U32,
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

/** A link in a doubly linked list that leads around through the list's own head: addresses of the neighbours' links. */
export const LRU_LINK = layout({ next: U32, prev: U32 })
/** Which list an element of an LRU hash is in. */
export const LruList = { active: 0, inactive: 1, free: 2, localFree: 3, pending: 4 } as const
/**
 * Whether its chain has it. `held` elements are a writer's (LRU_WRITER.held), on their way into a chain or out of one;
 * `loose` ones are nobody's: free, or left behind.
 */
export const LruState = { loose: 0, linked: 1, held: 2 } as const
/** An element of an LRU hash: begins as PERCPU_HASH_ELEMENT does, and `bucket` is the number of its bucket. */
export const LRU_ELEMENT = layout({
  next: word8(U32),
  bucket: U32,
  values: U32,
  link: blob(LRU_LINK.$bytes, 4),
  list: U32,
  /** Which LRU_WRITER's lists it is in, when it is in a writer's. */
  writer: U32,
  referenced: U32,
  state: U32,
  key: blob(0, 8),
})
/** The lists whose elements are shared: heads by LruList, one after the other; how many are in each. */
export const LRU_LIST = layout({
  lock: line(U32),
  heads: array(blob(LRU_LINK.$bytes, 4), 3),
  counts: array(U32, 3),
  /** The link that the next rotation of the inactive list begins with. */
  rotation: U32,
})
/** What a writer (a CPU or the main thread) has in an LRU hash. */
export const LRU_WRITER = layout({
  lock: line(U32),
  localFree: blob(LRU_LINK.$bytes, 4),
  pending: blob(LRU_LINK.$bytes, 4),
  /** The writer to steal from first when all is used up. */
  nextSteal: U32,
  /** The element that this writer is about to link, or has just unlinked; 0 for none. */
  held: U32,
  /** With BPF_F_NO_COMMON_LRU: the CPU's own lists. */
  list: line(blob(LRU_LIST.$bytes, LRU_LIST.$align)),
})

/** What follows the header of a trie of prefixes. */
export const LPM_TRIE = layout({
  lock: line(U32),
  root: U32,
  entries: U32,
  /** First node that was never used; freed nodes wait in a queue until there is none. */
  fresh: U32,
  freeHead: U32,
  freeTail: U32,
})
/** A node: a prefix, as its key's data has it (MAP.valueOffset leads to the value). */
export const LPM_NODE = layout({
  /** By the first bit after the prefix. */
  children: blob(8, 8),
  prefixBits: U32,
  /** 1 when it is no entry, and only holds two children. */
  intermediate: U32,
  nextFree: U32,
  data: blob(0, 4),
})
