/** BPF_MAP_CREATE, with the checks of Linux 6.18 in its order (bpf(2); kernel behaviour asked). */
import { MAP } from '../../shared/layout.js'
import { isMapOfMaps, nestsIn } from '../../shared/maps/nesting.js'
import { buildOperations, type MapExports } from '../../shared/maps/operations.js'
import { checkEarly, checkLate, initialiseMap, MAP_ALIGN, mapShape, mapTypeOf } from '../../shared/maps/registry.js'
import type { MapAttributes } from '../../shared/maps/types.js'
import { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH } from '../../shared/uapi/bpf.js'
import { BPF_F_RDONLY, BPF_F_TOKEN_FD, BPF_F_WRONLY } from '../../shared/uapi/bpf_flags.js'
import { EBADF, EINVAL, ENOMEM, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import type { FileTable } from './files.js'
import type { Kernel } from './kernel.js'
import { MapFile, MapObject, mapMemoryBytes } from './map_object.js'
import { objectName } from './names.js'

/** The fields of union bpf_attr for BPF_MAP_CREATE, by the header's names; absent means 0. */
export interface MapCreateAttr {
  map_type: number
  key_size?: number
  value_size?: number
  max_entries?: number
  map_flags?: number
  inner_map_fd?: number
  numa_node?: number
  map_name?: string
  map_ifindex?: number
  btf_fd?: number
  btf_key_type_id?: number
  btf_value_type_id?: number
  btf_vmlinux_value_type_id?: number
  map_extra?: number | bigint
  value_type_btf_obj_fd?: number
  map_token_fd?: number
}

/** Interface 1 is the loopback device, which takes no map; there is no other. */
const LOOPBACK_IFINDEX = 1

const u32 = (value: number | undefined): number => Number(value ?? 0) >>> 0

function attributes(attr: MapCreateAttr): MapAttributes {
  return {
    type: u32(attr.map_type),
    keyBytes: u32(attr.key_size),
    valueBytes: u32(attr.value_size),
    maxEntries: u32(attr.max_entries),
    flags: (u32(attr.map_flags) & ~BPF_F_TOKEN_FD) >>> 0,
    mapExtra: attr.map_extra ?? 0,
    numaNode: u32(attr.numa_node),
    btfKeyTypeId: u32(attr.btf_key_type_id),
    btfValueTypeId: u32(attr.btf_value_type_id),
    btfVmlinuxValueTypeId: u32(attr.btf_vmlinux_value_type_id),
  }
}

/** What a descriptor leads to that is not what the call wants: -EINVAL, or -EBADF when it leads nowhere. */
function wrongFile(files: FileTable, fd: number): number {
  return files.isOpen(fd) ? -EINVAL : -EBADF
}

/** Maps on devices: hash and array could be, but no device takes one. */
function checkDevice(attr: MapAttributes, ifindex: number): number {
  if (attr.type !== BPF_MAP_TYPE_ARRAY && attr.type !== BPF_MAP_TYPE_HASH) return -EINVAL
  return ifindex === LOOPBACK_IFINDEX ? -EOPNOTSUPP : -EINVAL
}

/** The inner map that a map of maps is made after: 0, -EBADF, -EINVAL (no map, a map of maps), -ENOTSUPP. */
function checkInnerMap(files: FileTable, fd: number): number {
  const file = files.get(fd)
  if (!(file instanceof MapFile)) return wrongFile(files, fd)
  return nestsIn(file.map.attr.type)
}

/** Everything BPF_MAP_CREATE checks before it allocates, in Linux's order: 0 or a negative errno. */
export function checkCreation(files: FileTable, request: MapCreateAttr): number {
  const attr = attributes(request)
  const refused = checkEarly(attr)
  if (refused < 0) return refused
  // There are no tokens: whatever the descriptor is, it is none.
  if (u32(request.map_flags) & BPF_F_TOKEN_FD) return wrongFile(files, u32(request.map_token_fd))
  if (request.map_ifindex) return checkDevice(attr, u32(request.map_ifindex))
  const late = checkLate(attr)
  if (late < 0) return late
  if (isMapOfMaps(attr.type)) {
    const inner = checkInnerMap(files, u32(request.inner_map_fd))
    if (inner < 0) return inner
  }
  return objectName(request.map_name ?? '') === null ? -EINVAL : 0
}

/** A new map without a file: its address comes from the machine's allocator. A negative errno otherwise. */
function allocateMap(kernel: Kernel, attr: MapAttributes, name: string): MapObject | number {
  const { machine } = kernel
  const sizeBytes = mapMemoryBytes(attr, machine.cpusPossible)
  if (!(sizeBytes < machine.views.u8.length)) return -ENOMEM
  const address = machine.allocator.allocate(sizeBytes, MAP_ALIGN)
  if (address === 0) return -ENOMEM
  const shape = mapShape(attr)
  const { faultPoints } = machine
  const { slot, operations } = machine.installShape(shape, () => buildOperations(attr, { faultPoints }))
  initialiseMap(machine.views, address, attr, machine.cpusPossible)
  machine.views.u32[(address + MAP.operations) >>> 2] = slot
  return new MapObject(kernel, attr, name, shape, operations as unknown as MapExports, address, sizeBytes)
}

/** BPF_MAP_CREATE: a descriptor, or a negative errno; -EOPNOTSUPP for what Linux has and this machine has not yet. */
export function createMap(kernel: Kernel, request: MapCreateAttr): number {
  const refused = checkCreation(kernel.files, request)
  if (refused < 0) return refused
  const attr = attributes(request)
  if (mapTypeOf(attr.type) === undefined) return -EOPNOTSUPP
  const map = allocateMap(kernel, attr, request.map_name ?? '')
  if (typeof map === 'number') return map
  return kernel.files.install(new MapFile(map.getUser(), attr.flags & (BPF_F_RDONLY | BPF_F_WRONLY)))
}
