/** BPF_OBJ_GET_INFO_BY_FD, next ids and descriptors by id. Structures are plain objects with the header's names. */
import {
  BPF_LINK_TYPE_RAW_TRACEPOINT,
  BPF_PERF_EVENT_KPROBE,
  BPF_PERF_EVENT_KRETPROBE,
  BPF_PERF_EVENT_TRACEPOINT,
} from '../../shared/uapi/bpf.js'
import { EBADF, EFAULT, EINVAL, ENOENT } from '../../shared/uapi/errno.js'
import type { IdTable } from './ids.js'
import type { Kernel } from './kernel.js'
import { LinkFile, type LinkObject } from './link_object.js'
import { MapFile, type MapObject } from './map_object.js'
import { ProgramFile, type ProgramObject } from './program_object.js'

/** struct bpf_map_info. */
export interface bpf_map_info {
  type: number
  id: number
  key_size: number
  value_size: number
  max_entries: number
  map_flags: number
  name: string
  ifindex: number
  btf_vmlinux_value_type_id: number
  netns_dev: bigint
  netns_ino: bigint
  btf_id: number
  btf_key_type_id: number
  btf_value_type_id: number
  map_extra: bigint
}

/** The fields of struct bpf_prog_info that exist so far. */
export interface bpf_prog_info {
  type: number
  id: number
  xlated_prog_len: number
  load_time: bigint
  created_by_uid: number
  nr_map_ids: number
  map_ids: number[]
  name: string
  ifindex: number
  gpl_compatible: number
}

/** The fields of struct bpf_link_info that exist so far; of the union, the members of the link's type. */
export interface bpf_link_info {
  type: number
  id: number
  prog_id: number
  raw_tracepoint?: { tp_name: string }
  perf_event?: {
    type: number
    kprobe?: { func_name: string; offset: number; addr: bigint; cookie: bigint }
    tracepoint?: { tp_name: string; cookie: bigint }
  }
}

export function mapInfo(map: MapObject): bpf_map_info {
  const { attr } = map
  return {
    type: attr.type,
    id: map.id,
    key_size: attr.keyBytes,
    value_size: attr.valueBytes,
    max_entries: attr.maxEntries,
    map_flags: attr.flags,
    name: map.name,
    ifindex: 0,
    btf_vmlinux_value_type_id: 0,
    netns_dev: 0n,
    netns_ino: 0n,
    btf_id: 0,
    btf_key_type_id: 0,
    btf_value_type_id: 0,
    map_extra: BigInt(attr.mapExtra ?? 0),
  }
}

export function programInfo(program: ProgramObject): bpf_prog_info {
  const { facts } = program
  return {
    type: facts.type,
    id: program.id,
    xlated_prog_len: facts.insns.length,
    load_time: BigInt(facts.loadTimeNs),
    created_by_uid: 0,
    nr_map_ids: facts.maps.length,
    map_ids: facts.maps.map((map) => map.id),
    name: facts.name,
    ifindex: 0,
    gpl_compatible: facts.gplCompatible ? 1 : 0,
  }
}

export function linkInfo(link: LinkObject): bpf_link_info {
  const info = { type: link.type, id: link.id, prog_id: link.program.id }
  const colon = link.hook.indexOf(':')
  const target = link.hook.slice(colon + 1)
  if (link.type === BPF_LINK_TYPE_RAW_TRACEPOINT) return { ...info, raw_tracepoint: { tp_name: target } }
  const cookie = BigInt(link.cookie[0]) + (BigInt(link.cookie[1]) << 32n)
  const kind = link.hook.slice(0, colon)
  if (kind === 'tracepoint') {
    const tracepoint = { tp_name: target.slice(target.indexOf('/') + 1), cookie }
    return { ...info, perf_event: { type: BPF_PERF_EVENT_TRACEPOINT, tracepoint } }
  }
  const type = kind === 'kretprobe' ? BPF_PERF_EVENT_KRETPROBE : BPF_PERF_EVENT_KPROBE
  return { ...info, perf_event: { type, kprobe: { func_name: target, offset: 0, addr: 0n, cookie } } }
}

/** Fills `info` from what `fd` refers to: 0, -EBADF, or -EINVAL for a descriptor of something else. */
export function objectInfo(kernel: Kernel, fd: number, info: object): number {
  const file = kernel.files.get(fd)
  if (file === undefined) return -EBADF
  if (typeof info !== 'object' || info === null) return -EFAULT
  if (file instanceof MapFile) Object.assign(info, mapInfo(file.map))
  else if (file instanceof ProgramFile) Object.assign(info, programInfo(file.program))
  else if (file instanceof LinkFile) Object.assign(info, linkInfo(file.link))
  else return -EINVAL
  return 0
}

/** The smallest id above `start` into next[0]: 0 or -ENOENT. */
export function nextId(table: IdTable<unknown>, start: number, next: { [index: number]: number }): number {
  if (typeof next !== 'object' || next === null) return -EFAULT
  const id = table.next(Number(start) >>> 0)
  if (id === 0) return -ENOENT
  next[0] = id
  return 0
}

/** A new descriptor of the map with that id; -ENOENT. */
export function mapFdById(kernel: Kernel, id: number, flags: number): number {
  const map = kernel.maps.get(id)
  return map === undefined ? -ENOENT : kernel.files.install(new MapFile(map.getUser(), flags))
}

/** A new descriptor of the program with that id; -ENOENT. */
export function programFdById(kernel: Kernel, id: number): number {
  const program = kernel.programs.get(id)
  return program === undefined ? -ENOENT : kernel.files.install(new ProgramFile(program))
}
