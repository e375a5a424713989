/** Linux 6.18's checks at map creation that several types share. */

import { alignUp } from '../struct.js'
import {
  BPF_MAP_TYPE_ARENA,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_BLOOM_FILTER,
  BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  BPF_MAP_TYPE_STRUCT_OPS,
} from '../uapi/bpf.js'
import {
  BPF_F_INNER_MAP,
  BPF_F_MMAPABLE,
  BPF_F_NO_COMMON_LRU,
  BPF_F_NO_PREALLOC,
  BPF_F_NUMA_NODE,
  BPF_F_PRESERVE_ELEMS,
  BPF_F_RDONLY,
  BPF_F_RDONLY_PROG,
  BPF_F_WRONLY,
  BPF_F_WRONLY_PROG,
  BPF_F_ZERO_SEED,
} from '../uapi/bpf_flags.js'
import { E2BIG, EINVAL, ENOTSUPP } from '../uapi/errno.js'
import type { MapAttributes } from './types.js'

export const ACCESS_FLAGS = BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG
const HASH_FLAGS = BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU | BPF_F_NUMA_NODE | ACCESS_FLAGS | BPF_F_ZERO_SEED
const ARRAY_FLAGS = BPF_F_NUMA_NODE | BPF_F_MMAPABLE | ACCESS_FLAGS | BPF_F_PRESERVE_ELEMS | BPF_F_INNER_MAP
/** A per-CPU value may be at most this long (PCPU_MIN_UNIT_SIZE). */
export const PERCPU_VALUE_MAX_BYTES = 32768
/** KMALLOC_MAX_SIZE: no single allocation of the kernel's is longer. */
export const ALLOCATION_MAX_BYTES = 4 * 1024 * 1024
/** The kernel's element header comes on top: key and value together stay below. */
const HASH_ELEMENT_MAX_BYTES = ALLOCATION_MAX_BYTES - 48
const NUMA_NO_NODE = 0xffffffff
const INT_MAX = 0x7fffffff
/** More buckets than this overflow the kernel's 32-bit table size (16 bytes each). */
const HASH_BUCKETS_MAX = Math.floor(0xffffffff / 16)
/** More entries than this have no power of two above them in 32 bits. */
export const ENTRIES_MAX_POWER = 2 ** 31

/** A random 32-bit seed. */
export function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 32)
}

/** NUMA_NO_NODE beside the flag means the same as no flag. */
const asksForNode = (attr: MapAttributes): boolean =>
  (attr.flags & BPF_F_NUMA_NODE) !== 0 && attr.numaNode !== NUMA_NO_NODE

export const both = (flags: number, mask: number): boolean => (flags & mask) === mask

/** Programs may be kept from reading or from writing, not from both. */
export const programAccessOk = (flags: number): boolean => !both(flags, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)

/** Of the type ids: only struct_ops takes a kernel type, and a key's type wants a value's. */
function checkTypeIds(attr: MapAttributes): number {
  if (attr.btfVmlinuxValueTypeId) {
    const bare = !attr.btfKeyTypeId && !attr.btfValueTypeId
    return attr.type === BPF_MAP_TYPE_STRUCT_OPS && bare ? 0 : -EINVAL
  }
  return attr.btfKeyTypeId && !attr.btfValueTypeId ? -EINVAL : 0
}

/** What BPF_MAP_CREATE checks for every type, before the type's own checks. */
export function checkCommon(attr: MapAttributes): number {
  const error = checkTypeIds(attr)
  if (error < 0) return error
  const takesExtra = attr.type === BPF_MAP_TYPE_BLOOM_FILTER || attr.type === BPF_MAP_TYPE_ARENA
  if (attr.mapExtra && !takesExtra) return -EINVAL
  if (both(attr.flags, BPF_F_RDONLY | BPF_F_WRONLY)) return -EINVAL
  // One memory node: the simulated machine has node 0 only.
  if (asksForNode(attr) && attr.numaNode) return -EINVAL
  return 0
}

/** Which of the hash tables is to be checked. */
export interface HashKind {
  readonly perCpu?: boolean
  readonly lru?: boolean
}

/** The hash tables: -EINVAL, -ENOTSUPP for an LRU not allocated in advance, -E2BIG for sizes no allocation serves. */
export function checkHash(attr: MapAttributes, { perCpu, lru }: HashKind): number {
  const { flags } = attr
  const ownLists = (flags & BPF_F_NO_COMMON_LRU) !== 0
  if (flags & ~HASH_FLAGS || !programAccessOk(flags)) return -EINVAL
  if (ownLists && !lru) return -EINVAL
  if (lru && flags & BPF_F_NO_PREALLOC) return -ENOTSUPP
  if ((perCpu || ownLists) && asksForNode(attr)) return -EINVAL
  if (attr.maxEntries === 0 || attr.keyBytes === 0 || attr.valueBytes === 0) return -EINVAL
  if (attr.keyBytes + attr.valueBytes >= HASH_ELEMENT_MAX_BYTES) return -E2BIG
  if (perCpu && alignUp(attr.valueBytes, 8) > PERCPU_VALUE_MAX_BYTES) return -E2BIG
  if (attr.maxEntries > ENTRIES_MAX_POWER) return -E2BIG
  return bucketsFor(attr.maxEntries) > HASH_BUCKETS_MAX ? -E2BIG : 0
}

export function bucketsFor(entries: number): number {
  let buckets = 1
  while (buckets < entries) buckets *= 2
  return buckets
}

/** array, percpu_array and the arrays of file descriptors. */
export function checkArray(attr: MapAttributes, perCpu: boolean): number {
  const { flags } = attr
  if (attr.maxEntries === 0 || attr.keyBytes !== 4 || attr.valueBytes === 0) return -EINVAL
  if (flags & ~ARRAY_FLAGS || !programAccessOk(flags)) return -EINVAL
  if (perCpu && asksForNode(attr)) return -EINVAL
  if (attr.type !== BPF_MAP_TYPE_ARRAY && flags & (BPF_F_MMAPABLE | BPF_F_INNER_MAP)) return -EINVAL
  if (attr.type !== BPF_MAP_TYPE_PERF_EVENT_ARRAY && flags & BPF_F_PRESERVE_ELEMS) return -EINVAL
  if (attr.valueBytes > INT_MAX) return -E2BIG
  if (perCpu && alignUp(attr.valueBytes, 8) > PERCPU_VALUE_MAX_BYTES) return -E2BIG
  return 0
}

/** Arrays whose values are file descriptors: 4 bytes each, and programs cannot be kept from them. */
export function checkDescriptorArray(attr: MapAttributes): number {
  if (attr.valueBytes !== 4) return -EINVAL
  if (attr.flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) return -EINVAL
  return checkArray(attr, false)
}
