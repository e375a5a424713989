/** bpf_map__*: what a map of an object is, and what can be changed before it is created. Sizes in bytes. */
import { EBADF, EBUSY, EINVAL, ENOENT, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { currentKernel } from '../syscall/current.js'
import { MapFile } from '../syscall/map_object.js'
import { toU64 } from '../syscall/numbers.js'
import { intResult, nullResult, zeroResult } from './errno.js'
import { warn } from './print.js'
import { type bpf_link, bpf_map } from './structs.js'

const isCreated = (map: bpf_map): boolean => map.object.loaded || map.fd >= 0

/** The map's name; for `.data` and the like libbpf's "<object>.data". */
export function bpf_map__name(map: bpf_map | null): string | null {
  if (!(map instanceof bpf_map)) return nullResult(EINVAL)
  return map ? map.image.name : null
}

/** The map's descriptor; a negative errno (-EINVAL for null, -1 before load as in C). */
export function bpf_map__fd(map: bpf_map | null): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  return map.fd
}

/** BPF_MAP_TYPE_*. */
export function bpf_map__type(map: bpf_map | null): number {
  if (!(map instanceof bpf_map)) return zeroResult(EINVAL)
  return map.type
}

export function bpf_map__key_size(map: bpf_map | null): number {
  if (!(map instanceof bpf_map)) return zeroResult(EINVAL)
  return map.keyBytes
}

export function bpf_map__value_size(map: bpf_map | null): number {
  if (!(map instanceof bpf_map)) return zeroResult(EINVAL)
  return map.valueBytes
}

export function bpf_map__max_entries(map: bpf_map | null): number {
  if (!(map instanceof bpf_map)) return zeroResult(EINVAL)
  return map.maxEntries
}

export function bpf_map__map_flags(map: bpf_map | null): number {
  if (!(map instanceof bpf_map)) return zeroResult(EINVAL)
  return map.flags
}

export function bpf_map__numa_node(map: bpf_map | null): number {
  if (!(map instanceof bpf_map)) return zeroResult(EINVAL)
  return map.numaNode
}

export function bpf_map__map_extra(map: bpf_map | null): bigint {
  if (!(map instanceof bpf_map)) return 0n
  return map.mapExtra
}

export function bpf_map__ifindex(map: bpf_map | null): number {
  if (!(map instanceof bpf_map)) return zeroResult(EINVAL)
  return map.ifindex
}

/** BTF type of the key; 0 for none. */
export function bpf_map__btf_key_type_id(map: bpf_map | null): number {
  if (!(map instanceof bpf_map)) return zeroResult(EINVAL)
  return map ? map.image.keyTypeId : 0
}

/** BTF type of the value; 0 for none. */
export function bpf_map__btf_value_type_id(map: bpf_map | null): number {
  if (!(map instanceof bpf_map)) return zeroResult(EINVAL)
  return map ? map.image.valueTypeId : 0
}

/** Whether libbpf made it for global variables (.data, .rodata, .bss). */
export function bpf_map__is_internal(map: bpf_map | null): boolean {
  if (!(map instanceof bpf_map)) return false
  return map.content !== null
}

/** Whether bpf_object__load creates it. */
export function bpf_map__autocreate(map: bpf_map | null): boolean {
  if (!(map instanceof bpf_map)) return false
  return map.autocreate
}

/** -EBUSY once created. */
export function bpf_map__set_autocreate(map: bpf_map | null, autocreate: boolean): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  return change(map, () => {
    map.autocreate = autocreate
  })
}

export function bpf_map__autoattach(map: bpf_map | null): boolean {
  if (!(map instanceof bpf_map)) return false
  return map.autoattach
}

export function bpf_map__set_autoattach(map: bpf_map | null, autoattach: boolean): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  map.autoattach = autoattach
  return 0
}

function change(map: bpf_map, apply: () => void): number {
  if (isCreated(map)) return intResult(-EBUSY)
  apply()
  return 0
}

/** -EBUSY once created. */
export function bpf_map__set_type(map: bpf_map | null, type: number): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  return change(map, () => {
    map.type = type
  })
}

/** -EBUSY once created. */
export function bpf_map__set_key_size(map: bpf_map | null, size: number): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  return change(map, () => {
    map.keyBytes = size >>> 0
  })
}

/**
 * -EBUSY once created. The map of a section of global variables can be resized (its content is kept and zero-filled),
 * but loses its BTF type with it.
 */
export function bpf_map__set_value_size(map: bpf_map | null, size: number): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  return change(map, () => {
    map.valueBytes = size >>> 0
    if (map.content === null) return
    const content = new Uint8Array(size >>> 0)
    content.set(map.content.subarray(0, content.length))
    map.content = content
  })
}

/** -EBUSY once created. */
export function bpf_map__set_max_entries(map: bpf_map | null, max_entries: number): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  return change(map, () => {
    map.maxEntries = max_entries >>> 0
  })
}

/** -EBUSY once created. */
export function bpf_map__set_map_flags(map: bpf_map | null, flags: number): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  return change(map, () => {
    map.flags = flags >>> 0
  })
}

/** -EBUSY once created. */
export function bpf_map__set_numa_node(map: bpf_map | null, numa_node: number): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  return change(map, () => {
    map.numaNode = numa_node >>> 0
  })
}

/** -EBUSY once created. */
export function bpf_map__set_map_extra(map: bpf_map | null, map_extra: number | bigint): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  return change(map, () => {
    map.mapExtra = toU64(map_extra)
  })
}

/** -EBUSY once created. */
export function bpf_map__set_ifindex(map: bpf_map | null, ifindex: number): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  return change(map, () => {
    map.ifindex = ifindex >>> 0
  })
}

/**
 * The initial value of a map of global variables, to be read and, before load, changed in place; null for other maps
 * and after bpf_object__close.
 */
export function bpf_map__initial_value(map: bpf_map | null): Uint8Array | null {
  if (!(map instanceof bpf_map)) return nullResult(EINVAL)
  return map.content
}

/** Sets the whole initial value: -EBUSY once loaded, -EINVAL for another size or another kind of map. */
export function bpf_map__set_initial_value(map: bpf_map | null, data: Uint8Array): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  if (isCreated(map)) return intResult(-EBUSY)
  if (map.content === null || data?.length !== map.valueBytes) return intResult(-EINVAL)
  map.content.set(data)
  return 0
}

/** The inner map's definition: maps in maps come later, so null with EINVAL as for every other type. */
export function bpf_map__inner_map(map: bpf_map | null): bpf_map | null {
  if (!(map instanceof bpf_map)) return nullResult(EINVAL)
  if (map.image.inner !== null) warn(`map '${map.image.name}': maps in maps are not supported yet`)
  return nullResult(EINVAL)
}

/** -EINVAL: no map of an object takes an inner map yet. */
export function bpf_map__set_inner_map_fd(_map: bpf_map | null, _fd: number): number {
  return intResult(-EINVAL)
}

/** -EINVAL for everything but struct_ops maps, which come later. */
export function bpf_map__attach_struct_ops(map: bpf_map | null): bpf_link | null {
  if (!(map instanceof bpf_map)) return nullResult(EINVAL)
  if (map.fd < 0) return nullResult(EINVAL)
  warn(`map '${map.image.name}': can't attach non-struct_ops map`)
  return nullResult(EINVAL)
}

export function bpf_map__pin_path(map: bpf_map | null): string | null {
  if (!(map instanceof bpf_map)) return nullResult(EINVAL)
  return map.pinPath
}

/** The name bpf_map__pin_path had before. */
export const bpf_map__get_pin_path = bpf_map__pin_path

export function bpf_map__set_pin_path(map: bpf_map | null, path: string | null): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  map.pinPath = path
  return 0
}

export function bpf_map__is_pinned(_map: bpf_map | null): boolean {
  return false
}

/** bpffs comes later: -EOPNOTSUPP. */
export function bpf_map__pin(map: bpf_map | null, _path: string | null): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  warn(`map '${map.image.name}': pinning is not supported yet`)
  return intResult(-EOPNOTSUPP)
}

/** -ENOENT: nothing can be pinned yet. */
export function bpf_map__unpin(map: bpf_map | null, _path: string | null): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  return intResult(map ? -ENOENT : -EINVAL)
}

/**
 * Puts the map behind `fd` in the place of this one, which load then does not create: its own descriptor, its
 * attributes. -EBUSY once created, -EBADF, -EINVAL for what is no map.
 */
export function bpf_map__reuse_fd(map: bpf_map | null, fd: number): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  if (isCreated(map)) return intResult(-EBUSY)
  const kernel = currentKernel()
  const file = kernel.files.get(fd)
  if (file === undefined) return intResult(-EBADF)
  if (!(file instanceof MapFile)) return intResult(-EINVAL)
  const { attr } = file.map
  map.fd = kernel.files.install(file.get())
  map.reused = true
  map.object.kernel = kernel
  map.type = attr.type
  map.keyBytes = attr.keyBytes
  map.valueBytes = attr.valueBytes
  map.maxEntries = attr.maxEntries
  map.flags = attr.flags
  return 0
}
