/**
 * Map types whose requests are judged as Linux 6.18 judges them, though no operation of theirs exists yet. What passes
 * is refused by whoever would create the map.
 */
import {
  BPF_MAP_TYPE_ARENA,
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_CGROUP_ARRAY,
  BPF_MAP_TYPE_CGROUP_STORAGE,
  BPF_MAP_TYPE_CGRP_STORAGE,
  BPF_MAP_TYPE_CPUMAP,
  BPF_MAP_TYPE_DEVMAP,
  BPF_MAP_TYPE_DEVMAP_HASH,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_INODE_STORAGE,
  BPF_MAP_TYPE_LPM_TRIE,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_LRU_PERCPU_HASH,
  BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
  BPF_MAP_TYPE_PROG_ARRAY,
  BPF_MAP_TYPE_REUSEPORT_SOCKARRAY,
  BPF_MAP_TYPE_RINGBUF,
  BPF_MAP_TYPE_SK_STORAGE,
  BPF_MAP_TYPE_SOCKHASH,
  BPF_MAP_TYPE_SOCKMAP,
  BPF_MAP_TYPE_STACK_TRACE,
  BPF_MAP_TYPE_STRUCT_OPS,
  BPF_MAP_TYPE_TASK_STORAGE,
  BPF_MAP_TYPE_USER_RINGBUF,
  BPF_MAP_TYPE_XSKMAP,
} from '../uapi/bpf.js'
import {
  BPF_F_CLONE,
  BPF_F_LINK,
  BPF_F_MMAPABLE,
  BPF_F_NO_PREALLOC,
  BPF_F_NO_USER_CONV,
  BPF_F_NUMA_NODE,
  BPF_F_RDONLY,
  BPF_F_SEGV_ON_FAULT,
  BPF_F_STACK_BUILD_ID,
  BPF_F_VTYPE_BTF_OBJ_FD,
  BPF_F_WRONLY,
} from '../uapi/bpf_flags.js'
import { E2BIG, EINVAL, ERANGE } from '../uapi/errno.js'
import {
  ACCESS_FLAGS,
  ALLOCATION_MAX_BYTES,
  bucketsFor,
  checkArray,
  checkDescriptorArray,
  checkHash,
  ENTRIES_MAX_POWER,
  PERCPU_VALUE_MAX_BYTES,
  programAccessOk,
} from './checks.js'
import type { MapAttributes, MapCreation } from './types.js'

/** Flags of the maps that only user space can be kept from. */
const OBJECT_FLAGS = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY
const PAGE_BYTES = 4096
/** Frames of a stack, unless the sysctl kernel.perf_event_max_stack says otherwise. */
const STACK_FRAMES_MAX = 127
const FRAME_ADDRESS_BYTES = 8
const FRAME_BUILD_ID_BYTES = 32
/** Length in bytes of the key that sockhash allows: a BPF stack. */
const SOCKHASH_KEY_MAX_BYTES = 512
/** More buckets than this overflow a 32-bit table size (16 bytes each). */
const SOCKHASH_BUCKETS_MAX = Math.floor(0xffffffff / 16)
/** CPUs that the kernel was built for. */
const CPUMAP_ENTRIES_MAX = 256
const LOCAL_STORAGE_VALUE_MAX_BYTES = 65407
const CGROUP_STORAGE_KEY_BYTES = [8, 16]
const ARENA_MAX_BYTES = 2 ** 32
/** 4 bytes of prefix length, 1 to 256 of data. */
const LPM_KEY_MIN_BYTES = 5
const LPM_KEY_MAX_BYTES = 260
const LPM_VALUE_MAX_BYTES = ALLOCATION_MAX_BYTES - 280

/** Values that are a descriptor or an interface, or these and something 4 bytes long. */
const isObjectValue = (bytes: number): boolean => bytes === 4 || bytes === 8

function checkStackTrace({ flags, ...attr }: MapAttributes): number {
  if (flags & ~(OBJECT_FLAGS | BPF_F_STACK_BUILD_ID)) return -EINVAL
  const frameBytes = flags & BPF_F_STACK_BUILD_ID ? FRAME_BUILD_ID_BYTES : FRAME_ADDRESS_BYTES
  if (attr.maxEntries === 0 || attr.keyBytes !== 4 || attr.valueBytes < FRAME_ADDRESS_BYTES) return -EINVAL
  if (attr.valueBytes % frameBytes !== 0 || attr.valueBytes / frameBytes > STACK_FRAMES_MAX) return -EINVAL
  return attr.maxEntries > ENTRIES_MAX_POWER ? -E2BIG : 0
}

/** devmap, devmap_hash, sockmap: small indexes of objects. */
function checkObjects(attr: MapAttributes): number {
  if (attr.maxEntries === 0 || attr.keyBytes !== 4 || !isObjectValue(attr.valueBytes)) return -EINVAL
  return attr.flags & ~OBJECT_FLAGS ? -EINVAL : 0
}

function checkDevmapHash(attr: MapAttributes): number {
  return attr.maxEntries > ENTRIES_MAX_POWER ? -EINVAL : checkObjects(attr)
}

function checkCpumap(attr: MapAttributes): number {
  if (attr.maxEntries === 0 || attr.keyBytes !== 4 || !isObjectValue(attr.valueBytes)) return -EINVAL
  if (attr.flags & ~BPF_F_NUMA_NODE) return -EINVAL
  return attr.maxEntries > CPUMAP_ENTRIES_MAX ? -E2BIG : 0
}

function checkXskmap(attr: MapAttributes): number {
  return attr.valueBytes === 4 ? checkObjects(attr) : -EINVAL
}

function checkSockhash(attr: MapAttributes): number {
  if (attr.maxEntries === 0 || attr.keyBytes === 0 || !isObjectValue(attr.valueBytes)) return -EINVAL
  if (attr.flags & ~OBJECT_FLAGS) return -EINVAL
  if (attr.keyBytes > SOCKHASH_KEY_MAX_BYTES) return -E2BIG
  return bucketsFor(attr.maxEntries) > SOCKHASH_BUCKETS_MAX ? -EINVAL : 0
}

function checkReuseport(attr: MapAttributes): number {
  return isObjectValue(attr.valueBytes) ? checkArray(attr, false) : -EINVAL
}

/** cgroup_storage and its per-CPU twin: the size before the flags, and no number of entries. */
function checkCgroupStorage(attr: MapAttributes, perCpu: boolean): number {
  const maxBytes = perCpu ? PERCPU_VALUE_MAX_BYTES : LOCAL_STORAGE_VALUE_MAX_BYTES
  if (!CGROUP_STORAGE_KEY_BYTES.includes(attr.keyBytes) || attr.valueBytes === 0) return -EINVAL
  if (attr.valueBytes > maxBytes) return -E2BIG
  if (attr.flags & ~(BPF_F_NUMA_NODE | ACCESS_FLAGS) || !programAccessOk(attr.flags)) return -EINVAL
  return attr.maxEntries ? -EINVAL : 0
}

/** sk, inode, task and cgrp storage: not allocated in advance, and described by BTF. */
function checkLocalStorage(attr: MapAttributes): number {
  if (attr.flags & ~(BPF_F_NO_PREALLOC | BPF_F_CLONE) || !(attr.flags & BPF_F_NO_PREALLOC)) return -EINVAL
  if (attr.maxEntries || attr.keyBytes !== 4 || attr.valueBytes === 0) return -EINVAL
  if (!attr.btfKeyTypeId || !attr.btfValueTypeId) return -EINVAL
  return attr.valueBytes > LOCAL_STORAGE_VALUE_MAX_BYTES ? -E2BIG : 0
}

/** ringbuf and user_ringbuf: max_entries is the ring's length in bytes, a power of two and whole pages. */
function checkRing(attr: MapAttributes): number {
  const bytes = attr.maxEntries
  if (attr.flags & ~BPF_F_NUMA_NODE || attr.keyBytes || attr.valueBytes) return -EINVAL
  return bytes === 0 || bucketsFor(bytes) !== bytes || bytes % PAGE_BYTES !== 0 ? -EINVAL : 0
}

function checkArena(attr: MapAttributes): number {
  const flags = BPF_F_MMAPABLE | BPF_F_SEGV_ON_FAULT | BPF_F_NO_USER_CONV
  if (attr.keyBytes || attr.valueBytes || attr.maxEntries === 0) return -EINVAL
  if (attr.flags & ~flags || !(attr.flags & BPF_F_MMAPABLE)) return -EINVAL
  const start = BigInt(attr.mapExtra ?? 0)
  if (start % BigInt(PAGE_BYTES) !== 0n) return -EINVAL
  const bytes = attr.maxEntries * PAGE_BYTES
  if (bytes > ARENA_MAX_BYTES) return -E2BIG
  // The upper half of its addresses must not change within an arena.
  return start >> 32n === (start + BigInt(bytes) - 1n) >> 32n ? 0 : -ERANGE
}

function checkStructOps(attr: MapAttributes): number {
  if (attr.keyBytes !== 4 || attr.maxEntries !== 1 || !attr.btfVmlinuxValueTypeId) return -EINVAL
  return attr.flags & ~(BPF_F_LINK | BPF_F_VTYPE_BTF_OBJ_FD) ? -EINVAL : 0
}

function checkLpmTrie(attr: MapAttributes): number {
  const flags = BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | ACCESS_FLAGS
  if (attr.maxEntries === 0 || !(attr.flags & BPF_F_NO_PREALLOC)) return -EINVAL
  if (attr.flags & ~flags || !programAccessOk(attr.flags)) return -EINVAL
  if (attr.keyBytes < LPM_KEY_MIN_BYTES || attr.keyBytes > LPM_KEY_MAX_BYTES) return -EINVAL
  return attr.valueBytes === 0 || attr.valueBytes > LPM_VALUE_MAX_BYTES ? -EINVAL : 0
}

function checkHashOfMaps(attr: MapAttributes): number {
  return attr.valueBytes === 4 ? checkHash(attr, {}) : -EINVAL
}

type Check = MapCreation['check']

const row = (type: number, name: string, check: Check): MapCreation => ({ type, name, check })

/** A type that Linux judges only when it allocates. */
const lateRow = (type: number, name: string, checkLate: Check): MapCreation => ({
  type,
  name,
  check: () => 0,
  checkLate,
})

/** By type number. A registered map type goes before its row here. */
export const creationOnly: readonly MapCreation[] = [
  row(BPF_MAP_TYPE_PROG_ARRAY, 'prog_array', checkDescriptorArray),
  lateRow(BPF_MAP_TYPE_STACK_TRACE, 'stack_trace', checkStackTrace),
  row(BPF_MAP_TYPE_CGROUP_ARRAY, 'cgroup_array', checkDescriptorArray),
  row(BPF_MAP_TYPE_LRU_HASH, 'lru_hash', (attr) => checkHash(attr, { lru: true })),
  row(BPF_MAP_TYPE_LRU_PERCPU_HASH, 'lru_percpu_hash', (attr) => checkHash(attr, { lru: true, perCpu: true })),
  lateRow(BPF_MAP_TYPE_LPM_TRIE, 'lpm_trie', checkLpmTrie),
  row(BPF_MAP_TYPE_ARRAY_OF_MAPS, 'array_of_maps', checkDescriptorArray),
  row(BPF_MAP_TYPE_HASH_OF_MAPS, 'hash_of_maps', checkHashOfMaps),
  row(BPF_MAP_TYPE_DEVMAP, 'devmap', checkObjects),
  lateRow(BPF_MAP_TYPE_SOCKMAP, 'sockmap', checkObjects),
  lateRow(BPF_MAP_TYPE_CPUMAP, 'cpumap', checkCpumap),
  lateRow(BPF_MAP_TYPE_XSKMAP, 'xskmap', checkXskmap),
  lateRow(BPF_MAP_TYPE_SOCKHASH, 'sockhash', checkSockhash),
  lateRow(BPF_MAP_TYPE_CGROUP_STORAGE, 'cgroup_storage', (attr) => checkCgroupStorage(attr, false)),
  row(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 'reuseport_sockarray', checkReuseport),
  lateRow(BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 'percpu_cgroup_storage', (attr) => checkCgroupStorage(attr, true)),
  row(BPF_MAP_TYPE_SK_STORAGE, 'sk_storage', checkLocalStorage),
  row(BPF_MAP_TYPE_DEVMAP_HASH, 'devmap_hash', checkDevmapHash),
  row(BPF_MAP_TYPE_STRUCT_OPS, 'struct_ops', checkStructOps),
  lateRow(BPF_MAP_TYPE_RINGBUF, 'ringbuf', checkRing),
  row(BPF_MAP_TYPE_INODE_STORAGE, 'inode_storage', checkLocalStorage),
  row(BPF_MAP_TYPE_TASK_STORAGE, 'task_storage', checkLocalStorage),
  lateRow(BPF_MAP_TYPE_USER_RINGBUF, 'user_ringbuf', checkRing),
  row(BPF_MAP_TYPE_CGRP_STORAGE, 'cgrp_storage', checkLocalStorage),
  lateRow(BPF_MAP_TYPE_ARENA, 'arena', checkArena),
]
