/** BPF_MAP_CREATE, with the checks of Linux 6.18 in its order (bpf(2); kernel behaviour asked). */
import { MAP } from '../../shared/layout.js'
import { buildOperations, type MapExports } from '../../shared/maps/operations.js'
import { checkMap, initialiseMap, MAP_ALIGN, mapShape, mapTypeOf } from '../../shared/maps/registry.js'
import type { MapAttributes } from '../../shared/maps/types.js'
import { BPF_MAP_TYPE_INSN_ARRAY, BPF_MAP_TYPE_STRUCT_OPS } from '../../shared/uapi/bpf.js'
import { BPF_F_RDONLY, BPF_F_TOKEN_FD, BPF_F_WRONLY } from '../../shared/uapi/bpf_flags.js'
import { EINVAL, ENOMEM, EOPNOTSUPP } from '../../shared/uapi/errno.js'
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

/** Types from here on are known to newer headers only: 6.18 answers as for any unknown number. */
const FIRST_UNKNOWN_TYPE = BPF_MAP_TYPE_INSN_ARRAY

const u32 = (value: number | undefined): number => Number(value ?? 0) >>> 0

function attributes(attr: MapCreateAttr): MapAttributes {
  return {
    type: u32(attr.map_type),
    keyBytes: u32(attr.key_size),
    valueBytes: u32(attr.value_size),
    maxEntries: u32(attr.max_entries),
    flags: (u32(attr.map_flags) & ~BPF_F_TOKEN_FD) >>> 0,
    mapExtra: Number(attr.map_extra ?? 0),
    numaNode: u32(attr.numa_node),
  }
}

/** What BPF_MAP_CREATE checks of the BTF fields before anything else: 0 or a negative errno. */
function checkTypeIds(attr: MapCreateAttr): number {
  if (attr.btf_vmlinux_value_type_id) {
    const bare = !attr.btf_key_type_id && !attr.btf_value_type_id
    return attr.map_type === BPF_MAP_TYPE_STRUCT_OPS && bare ? 0 : -EINVAL
  }
  return attr.btf_key_type_id && !attr.btf_value_type_id ? -EINVAL : 0
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

/** BPF_MAP_CREATE: a descriptor, or a negative errno. */
export function createMap(kernel: Kernel, request: MapCreateAttr): number {
  const attr = attributes(request)
  const error = checkTypeIds(request)
  if (error < 0) return error
  const isKnown = attr.type !== 0 && attr.type < FIRST_UNKNOWN_TYPE
  if (isKnown && mapTypeOf(attr.type) === undefined) return -EOPNOTSUPP
  const refused = checkMap(attr)
  if (refused < 0) return refused
  const name = request.map_name ?? ''
  if (objectName(name) === null) return -EINVAL
  if (request.map_ifindex || u32(request.map_flags) & BPF_F_TOKEN_FD || request.btf_vmlinux_value_type_id) {
    return -EOPNOTSUPP
  }
  const map = allocateMap(kernel, attr, name)
  if (typeof map === 'number') return map
  return kernel.files.install(new MapFile(map.getUser(), attr.flags & (BPF_F_RDONLY | BPF_F_WRONLY)))
}
