/** The element commands of bpf(2) on the main thread: BPF_MAP_LOOKUP_ELEM, UPDATE, DELETE, GET_NEXT_KEY, FREEZE. */
import { MAP } from '../../shared/layout.js'
import {
  BPF_MAP_TYPE_BLOOM_FILTER,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_LRU_PERCPU_HASH,
  BPF_MAP_TYPE_PERCPU_HASH,
  BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  BPF_MAP_TYPE_PROG_ARRAY,
  BPF_MAP_TYPE_QUEUE,
  BPF_MAP_TYPE_STACK,
  BPF_MAP_TYPE_STRUCT_OPS,
} from '../../shared/uapi/bpf.js'
import { BPF_F_LOCK } from '../../shared/uapi/bpf_flags.js'
import { E2BIG, EBADF, EFAULT, EINVAL, ENOENT, ENOTSUPP, EPERM } from '../../shared/uapi/errno.js'
import type { OpenFile } from './files.js'
import type { Kernel } from './kernel.js'
import { MapFile, type MapObject, removeElement } from './map_object.js'
import { PerfEventFile } from './perf_event.js'
import { ProgramFile } from './program_object.js'

/** Values up to this size are copied by a loop, which beats making a view of the memory. */
const LOOP_COPY_BYTES = 64
/** The flags that fit the operations' 32 bits. */
const FLAGS_MAX = 0xffffffff

function copyIn(memory: Uint8Array, address: number, from: Uint8Array, sizeBytes: number): void {
  if (sizeBytes > LOOP_COPY_BYTES) memory.set(from.subarray(0, sizeBytes), address)
  else for (let i = 0; i < sizeBytes; i++) memory[address + i] = from[i]
}

function copyOut(memory: Uint8Array, address: number, to: Uint8Array, sizeBytes: number): void {
  if (sizeBytes > LOOP_COPY_BYTES) to.set(memory.subarray(address, address + sizeBytes))
  else for (let i = 0; i < sizeBytes; i++) to[i] = memory[address + i]
}

/** The map behind `fd`, with the right to read or write it: else -EBADF, -EINVAL (no map), -EPERM. */
export function mapFile(kernel: Kernel, fd: number, right: 'read' | 'write' | 'none'): MapFile | number {
  const file = kernel.files.get(fd)
  if (file === undefined) return -EBADF
  if (!(file instanceof MapFile)) return -EINVAL
  if (right === 'read' && !file.readable) return -EPERM
  if (right === 'write' && !file.writable) return -EPERM
  return file
}

const tooShort = (buffer: Uint8Array | null, sizeBytes: number): boolean => (buffer?.length ?? 0) < sizeBytes

function loadKey(map: MapObject, key: Uint8Array | null): number {
  const { keyBytes } = map.attr
  if (keyBytes === 0) return key === null ? 0 : -EINVAL
  if (key === null || tooShort(key, keyBytes)) return -EFAULT
  copyIn(map.kernel.machine.views.u8, map.keyBuffer, key, keyBytes)
  return 0
}

/**
 * BPF_MAP_LOOKUP_ELEM: copies the value (for per-CPU maps one for each possible CPU, 8-byte stride) into `value`.
 * -ENOENT without such an element, -EFAULT for a buffer too small, -ENOTSUPP where user space cannot read elements.
 */
export function lookupElement(
  kernel: Kernel,
  fd: number,
  key: Uint8Array | null,
  value: Uint8Array | null,
  flags: number,
): number {
  if (flags & ~BPF_F_LOCK || flags > FLAGS_MAX || flags < 0) return -EINVAL
  const file = mapFile(kernel, fd, 'read')
  if (typeof file === 'number') return file
  const { map } = file
  if (flags & BPF_F_LOCK) return -EINVAL
  const error = loadKey(map, key)
  if (error < 0) return error
  if (map.type.type === BPF_MAP_TYPE_BLOOM_FILTER) return askFilter(map, value)
  if (isKeyless(map)) return takeValue(map, 'peek', value)
  if (map.type.type === BPF_MAP_TYPE_PERF_EVENT_ARRAY) return -ENOTSUPP
  const address = map.operations.lookupUser(map.address, map.keyBuffer) >>> 0
  if (address === 0) return -ENOENT
  if (value === null || tooShort(value, map.userValueBytes)) return -EFAULT
  if (map.type.perCpu) copyPerCpu(map, address, value)
  else copyOut(kernel.machine.views.u8, address, value, map.attr.valueBytes)
  return 0
}

/** Maps whose values have no keys: a look-up peeks, an update pushes. */
const isKeyless = ({ type }: MapObject): boolean => type.type === BPF_MAP_TYPE_QUEUE || type.type === BPF_MAP_TYPE_STACK

/** A bloom filter is asked about the value that the caller passes in. */
function askFilter(map: MapObject, value: Uint8Array | null): number {
  if (value === null || tooShort(value, map.attr.valueBytes)) return -EFAULT
  copyIn(map.kernel.machine.views.u8, map.valueBuffer, value, map.attr.valueBytes)
  return map.operations.peek(map.address, map.valueBuffer)
}

/** The value that a map without keys gives back, into `value`. A popped value is gone even if there is no room for it. */
function takeValue(map: MapObject, operation: 'peek' | 'pop', value: Uint8Array | null): number {
  const { valueBytes } = map.attr
  const result = map.operations[operation](map.address, map.valueBuffer)
  if (result < 0) return result
  if (value === null || tooShort(value, valueBytes)) return -EFAULT
  copyOut(map.kernel.machine.views.u8, map.valueBuffer, value, valueBytes)
  return 0
}

/** Gathers the values of all possible CPUs, which lie MAP.valueStride apart, at multiples of 8 bytes. */
function copyPerCpu(map: MapObject, address: number, to: Uint8Array): void {
  const { views, cpusPossible } = map.kernel.machine
  const stride = views.u32[(map.address + MAP.valueStride) >>> 2]
  const eachBytes = map.userValueBytes / cpusPossible
  for (let cpu = 0; cpu < cpusPossible; cpu++) {
    const from = address + cpu * stride
    to.set(views.u8.subarray(from, from + eachBytes), cpu * eachBytes)
  }
}

/** BPF_MAP_UPDATE_ELEM with BPF_ANY, BPF_NOEXIST or BPF_EXIST: 0 or a negative errno. */
export function updateElement(
  kernel: Kernel,
  fd: number,
  key: Uint8Array | null,
  value: Uint8Array | null,
  flags: number,
): number {
  const file = mapFile(kernel, fd, 'write')
  if (typeof file === 'number') return file
  const { map } = file
  if (flags & BPF_F_LOCK) return -EINVAL
  const error = loadKey(map, key)
  if (error < 0) return error
  if (value === null || tooShort(value, map.userValueBytes)) return -EFAULT
  if (holdsFiles(map)) return updateFile(kernel, file, value, flags)
  if (flags > FLAGS_MAX || flags < 0) return -EINVAL
  copyIn(kernel.machine.views.u8, map.valueBuffer, value, map.userValueBytes)
  if (isKeyless(map) || map.type.type === BPF_MAP_TYPE_BLOOM_FILTER)
    return map.operations.push(map.address, map.valueBuffer, flags | 0)
  return map.operations.updateUser(map.address, map.keyBuffer, map.valueBuffer, flags | 0)
}

const holdsFiles = ({ type }: MapObject): boolean =>
  type.type === BPF_MAP_TYPE_PERF_EVENT_ARRAY || type.type === BPF_MAP_TYPE_PROG_ARRAY

/** The file that an element of `map` shall hold, and the word that stands for it in the map; or a negative errno. */
function fileElement(map: MapObject, file: OpenFile | undefined): { file: OpenFile; word: number } | number {
  if (map.type.type === BPF_MAP_TYPE_PERF_EVENT_ARRAY) {
    return file instanceof PerfEventFile ? { file, word: file.ring } : -EBADF
  }
  if (!(file instanceof ProgramFile)) return file === undefined ? -EBADF : -EINVAL
  return map.fitsProgram(file.program.facts.type) ? { file, word: file.program.id } : -EINVAL
}

/**
 * The value is the descriptor of a perf event or a program. The map keeps the file: a perf event until the map's own
 * file goes, a program until the last one does.
 */
function updateFile(kernel: Kernel, owner: MapFile, value: Uint8Array, flags: number): number {
  const { map } = owner
  const { u32, data } = kernel.machine.views
  const index = u32[map.keyBuffer >>> 2]
  if (flags !== 0) return -EINVAL
  if (index >= map.attr.maxEntries) return -E2BIG
  const fd = new DataView(value.buffer, value.byteOffset, 4).getInt32(0, true)
  const element = fileElement(map, kernel.files.get(fd))
  if (typeof element === 'number') return element
  data.setUint32(map.valueBuffer, element.word, true)
  const result = map.operations.update(map.address, map.keyBuffer, map.valueBuffer, 0)
  if (result < 0) return result
  const old = map.elements.get(index)
  map.elements.set(index, { file: element.file.get(), owner })
  if (old) kernel.retire(() => old.file.put())
  kernel.settle()
  return 0
}

/** BPF_MAP_DELETE_ELEM: 0, -ENOENT, -EINVAL for arrays. */
export function deleteElement(kernel: Kernel, fd: number, key: Uint8Array | null): number {
  const file = mapFile(kernel, fd, 'write')
  if (typeof file === 'number') return file
  const { map } = file
  const error = loadKey(map, key)
  if (error < 0) return error
  if (!holdsFiles(map)) return map.operations.delete(map.address, map.keyBuffer)
  const index = kernel.machine.views.u32[map.keyBuffer >>> 2]
  if (index >= map.attr.maxEntries) return -E2BIG
  if (!removeElement(map, index)) return -ENOENT
  kernel.settle()
  return 0
}

/** BPF_MAP_GET_NEXT_KEY: the key after `key`, the first one for null or an unknown key; -ENOENT after the last. */
export function nextKey(kernel: Kernel, fd: number, key: Uint8Array | null, next: Uint8Array | null): number {
  const file = mapFile(kernel, fd, 'read')
  if (typeof file === 'number') return file
  const { map } = file
  if (key !== null) {
    const error = loadKey(map, key)
    if (error < 0) return error
  }
  const result = map.operations.nextKey(map.address, key === null ? 0 : map.keyBuffer, map.nextKeyBuffer)
  if (result < 0) return result
  if (next === null || tooShort(next, map.attr.keyBytes)) return -EFAULT
  copyOut(kernel.machine.views.u8, map.nextKeyBuffer, next, map.attr.keyBytes)
  return 0
}

const lookupAndDeleteTypes = new Set([
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_PERCPU_HASH,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_LRU_PERCPU_HASH,
])

/** BPF_MAP_LOOKUP_AND_DELETE_ELEM: 0, -ENOENT, -ENOTSUPP for maps that cannot. */
export function lookupAndDelete(
  kernel: Kernel,
  fd: number,
  key: Uint8Array | null,
  value: Uint8Array | null,
  flags: number,
): number {
  if (flags & ~BPF_F_LOCK || flags > FLAGS_MAX || flags < 0) return -EINVAL
  const file = mapFile(kernel, fd, 'none')
  if (typeof file === 'number') return file
  if (!file.readable || !file.writable) return -EPERM
  if (flags & BPF_F_LOCK) return -EINVAL
  const error = loadKey(file.map, key)
  if (error < 0) return error
  if (isKeyless(file.map)) return takeValue(file.map, 'pop', value)
  if (!lookupAndDeleteTypes.has(file.map.type.type)) return -ENOTSUPP
  const found = lookupElement(kernel, fd, key, value, 0)
  return found < 0 ? found : deleteElement(kernel, fd, key)
}

/** BPF_MAP_FREEZE: no more writes from user space; -EPERM when it is frozen already. */
export function freezeMap(kernel: Kernel, fd: number): number {
  const file = kernel.files.get(fd)
  if (file === undefined) return -EBADF
  if (!(file instanceof MapFile)) return -EINVAL
  if (file.map.type.type === BPF_MAP_TYPE_STRUCT_OPS) return -ENOTSUPP
  if (!file.writable) return -EPERM
  file.map.frozen = true
  return 0
}
