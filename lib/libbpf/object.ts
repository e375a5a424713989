/** bpf_object__*: iteration, look-up, attributes, close. */
import { EINVAL, ENOENT, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { intResult, nullResult, zeroResult } from './errno.js'
import { unloadObject } from './load.js'
import { warn } from './print.js'
import { type bpf_map, bpf_object, type bpf_program } from './structs.js'

/** Closes descriptors and frees what the object holds; links of its programs stay. Null is allowed. */
export function bpf_object__close(obj: bpf_object | null): void {
  if (!(obj instanceof bpf_object) || obj.closed) return
  unloadObject(obj)
  obj.closed = true
  // A live view of the machine's memory must not outlive the map.
  for (const map of obj.maps) map.content = null
}

export function bpf_object__name(obj: bpf_object | null): string | null {
  if (!(obj instanceof bpf_object)) return nullResult(EINVAL)
  return obj ? obj.image.name : nullResult(EINVAL)
}

export function bpf_object__kversion(obj: bpf_object | null): number {
  if (!(obj instanceof bpf_object)) return zeroResult(EINVAL)
  return obj ? obj.kernelVersion : 0
}

/** -EINVAL after load. */
export function bpf_object__set_kversion(obj: bpf_object | null, kern_version: number): number {
  if (!(obj instanceof bpf_object)) return intResult(-EINVAL)
  if (obj.loaded) return intResult(-EINVAL)
  obj.kernelVersion = kern_version >>> 0
  return 0
}

function step<T>(all: readonly T[], from: T | null, direction: 1 | -1): T | null {
  if (all.length === 0) return null
  if (!from) return direction === 1 ? all[0] : all[all.length - 1]
  const at = all.indexOf(from)
  if (at < 0) {
    warn('error: program handler or map does not match object')
    return nullResult(EINVAL)
  }
  return all[at + direction] ?? null
}

/** The program after `prog`, the first for null; null after the last. */
export function bpf_object__next_program(obj: bpf_object | null, prog: bpf_program | null): bpf_program | null {
  if (!(obj instanceof bpf_object)) return nullResult(EINVAL)
  return step(obj.programs, prog, 1)
}

/** The program before `prog`, the last for null. */
export function bpf_object__prev_program(obj: bpf_object | null, prog: bpf_program | null): bpf_program | null {
  if (!(obj instanceof bpf_object)) return nullResult(EINVAL)
  return step(obj.programs, prog, -1)
}

/** The map after `map`, the first for null; null after the last. */
export function bpf_object__next_map(obj: bpf_object | null, map: bpf_map | null): bpf_map | null {
  if (!(obj instanceof bpf_object)) return nullResult(EINVAL)
  return step(obj.maps, map, 1)
}

/** The map before `map`, the last for null. */
export function bpf_object__prev_map(obj: bpf_object | null, map: bpf_map | null): bpf_map | null {
  if (!(obj instanceof bpf_object)) return nullResult(EINVAL)
  return step(obj.maps, map, -1)
}

/** Stands for the macro of that name: `for (const prog of bpf_object__for_each_program(obj))`. */
export function bpf_object__for_each_program(obj: bpf_object | null): readonly bpf_program[] {
  if (!(obj instanceof bpf_object)) return []
  return obj.programs
}

/** Stands for the macro of that name: `for (const map of bpf_object__for_each_map(obj))`. */
export function bpf_object__for_each_map(obj: bpf_object | null): readonly bpf_map[] {
  if (!(obj instanceof bpf_object)) return []
  return obj.maps
}

/** null with ENOENT when there is none. */
export function bpf_object__find_program_by_name(obj: bpf_object | null, name: string): bpf_program | null {
  if (!(obj instanceof bpf_object)) return nullResult(EINVAL)
  return obj.programs.find((program) => program.image.name === name) ?? nullResult(ENOENT)
}

/** A name that starts with a dot means the section of global variables. null with ENOENT when there is none. */
export function bpf_object__find_map_by_name(obj: bpf_object | null, name: string): bpf_map | null {
  if (!(obj instanceof bpf_object)) return nullResult(EINVAL)
  if (typeof name !== 'string') return nullResult(EINVAL)
  const found = name.startsWith('.')
    ? obj.maps.find((map) => map.content !== null && map.image.section === name)
    : obj.maps.find((map) => map.image.name === name)
  return found ?? nullResult(ENOENT)
}

/** The descriptor of the map of that name: -ENOENT when there is none, -1 before load. */
export function bpf_object__find_map_fd_by_name(obj: bpf_object | null, name: string): number {
  if (!(obj instanceof bpf_object)) return intResult(-EINVAL)
  const map = bpf_object__find_map_by_name(obj, name)
  return map === null ? -ENOENT : map.fd
}

/** -1: BTF is not loaded into the kernel yet. */
export function bpf_object__btf_fd(_obj: bpf_object | null): number {
  return -1
}

/** -1: tokens come later. */
export function bpf_object__token_fd(_obj: bpf_object | null): number {
  return -1
}

/** Preparing without loading comes later: -EOPNOTSUPP. */
export function bpf_object__prepare(obj: bpf_object | null): number {
  if (!(obj instanceof bpf_object)) return intResult(-EINVAL)
  warn(`object '${obj.image.name}': preparing apart from loading is not supported yet`)
  return intResult(-EOPNOTSUPP)
}
