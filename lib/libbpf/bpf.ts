/** bpf_*: the low-level functions, one for each command of bpf(2). Descriptors are of the simulated machine. */

import { hasRawTracepoint } from '../../shared/kernel/hooks.js'
import { EINVAL, ENOENT } from '../../shared/uapi/errno.js'
import { currentKernel } from '../syscall/current.js'
import { mapFdById, nextId, objectInfo, programFdById } from '../syscall/info.js'
import { createPerfLink, createRawTracepointLink, detachLink } from '../syscall/link_object.js'
import { createMap } from '../syscall/map_create.js'
import {
  deleteElement,
  freezeMap,
  lookupAndDelete,
  lookupElement,
  nextKey,
  updateElement,
} from '../syscall/map_elements.js'
import { OBJ_NAME_BYTES } from '../syscall/names.js'
import { loadProgram, type ProgLoadAttr } from '../syscall/prog_load.js'
import { type bpf_test_run_opts, testRun, testRunAsync } from '../syscall/test_run.js'
import { intResult } from './errno.js'
import type { Out } from './utils.js'

/** Any view of bytes. */
export type Bytes = ArrayBufferView

export interface bpf_map_create_opts {
  btf_fd?: number
  btf_key_type_id?: number
  btf_value_type_id?: number
  btf_vmlinux_value_type_id?: number
  inner_map_fd?: number
  map_flags?: number
  map_extra?: number | bigint
  numa_node?: number
  map_ifindex?: number
  value_type_btf_obj_fd?: number
  token_fd?: number
}

export interface bpf_prog_load_opts {
  attempts?: number
  expected_attach_type?: number
  prog_flags?: number
  prog_ifindex?: number
  fd_array?: readonly number[] | Int32Array
  log_level?: number
  log_buf?: Uint8Array | null
  /** Out: bytes the whole log has. */
  log_true_size?: number
}

export interface bpf_get_fd_by_id_opts {
  open_flags?: number
  token_fd?: number
}

export interface bpf_link_create_opts {
  flags?: number
  perf_event?: { bpf_cookie: number | bigint }
}

export interface bpf_raw_tp_opts {
  tp_name: string
  cookie?: number | bigint
}

const LOG_LEVEL_MAX = 7

/** A name as the kernel takes it: at most 15 characters, none for null. */
function shortName(name: string | null): string {
  return typeof name === 'string' ? name.slice(0, OBJ_NAME_BYTES - 1) : ''
}

/** A caller's buffer as bytes; null stays null. */
export function bytesOf(view: Bytes | null): Uint8Array | null {
  if (!ArrayBuffer.isView(view)) return null
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

/** BPF_MAP_CREATE: a descriptor or a negative errno. Sizes in bytes; the name is cut to 15 characters. */
export function bpf_map_create(
  map_type: number,
  map_name: string | null,
  key_size: number,
  value_size: number,
  max_entries: number,
  opts: bpf_map_create_opts | null = null,
): number {
  const { token_fd, ...rest } = opts ?? {}
  const name = shortName(map_name)
  const attr = { ...rest, map_token_fd: token_fd, map_type, map_name: name, key_size, value_size, max_entries }
  return intResult(createMap(currentKernel(), attr))
}

/** Copies the value of `key` into `value` (per-CPU maps: one for each possible CPU, 8-byte stride): 0, -ENOENT. */
export function bpf_map_lookup_elem(fd: number, key: Bytes | null, value: Bytes | null): number {
  return intResult(lookupElement(currentKernel(), fd, bytesOf(key), bytesOf(value), 0))
}

/** bpf_map_lookup_elem with flags (BPF_F_LOCK). */
export function bpf_map_lookup_elem_flags(
  fd: number,
  key: Bytes | null,
  value: Bytes | null,
  flags: number | bigint,
): number {
  return intResult(lookupElement(currentKernel(), fd, bytesOf(key), bytesOf(value), Number(flags)))
}

/** flags: BPF_ANY, BPF_NOEXIST (-EEXIST) or BPF_EXIST (-ENOENT). */
export function bpf_map_update_elem(
  fd: number,
  key: Bytes | null,
  value: Bytes | null,
  flags: number | bigint,
): number {
  return intResult(updateElement(currentKernel(), fd, bytesOf(key), bytesOf(value), Number(flags)))
}

/** 0, -ENOENT; -EINVAL for arrays. */
export function bpf_map_delete_elem(fd: number, key: Bytes | null): number {
  return intResult(deleteElement(currentKernel(), fd, bytesOf(key)))
}

/** bpf_map_delete_elem with flags: no map type here takes any. */
export function bpf_map_delete_elem_flags(fd: number, key: Bytes | null, flags: number | bigint): number {
  if (Number(flags) !== 0) return intResult(-EINVAL)
  return bpf_map_delete_elem(fd, key)
}

/** The key after `key` into `next_key`; null asks for the first. -ENOENT after the last. */
export function bpf_map_get_next_key(fd: number, key: Bytes | null, next_key: Bytes | null): number {
  return intResult(nextKey(currentKernel(), fd, bytesOf(key), bytesOf(next_key)))
}

/** 0, -ENOENT; -ENOTSUPP for arrays. */
export function bpf_map_lookup_and_delete_elem(fd: number, key: Bytes | null, value: Bytes | null): number {
  return intResult(lookupAndDelete(currentKernel(), fd, bytesOf(key), bytesOf(value), 0))
}

/** bpf_map_lookup_and_delete_elem with flags (BPF_F_LOCK). */
export function bpf_map_lookup_and_delete_elem_flags(
  fd: number,
  key: Bytes | null,
  value: Bytes | null,
  flags: number | bigint,
): number {
  return intResult(lookupAndDelete(currentKernel(), fd, bytesOf(key), bytesOf(value), Number(flags)))
}

/** No more writes from user space: 0, -EPERM when frozen already. */
export function bpf_map_freeze(fd: number): number {
  return intResult(freezeMap(currentKernel(), fd))
}

/**
 * BPF_PROG_LOAD: a descriptor or a negative errno. `insns` are 8 bytes each (any view). With a log buffer and level 0
 * the log is written after a failure only.
 */
export function bpf_prog_load(
  prog_type: number,
  prog_name: string | null,
  license: string,
  insns: Bytes,
  opts: bpf_prog_load_opts | null = null,
): number {
  const level = opts?.log_level ?? 0
  const log = opts?.log_buf ?? null
  if ((level !== 0 && log === null) || level < 0 || level > LOG_LEVEL_MAX || (opts?.attempts ?? 0) < 0) {
    return intResult(-EINVAL)
  }
  const attr: ProgLoadAttr = {
    prog_type,
    insns: bytesOf(insns) ?? new Uint8Array(0),
    license,
    prog_name: shortName(prog_name),
    prog_flags: opts?.prog_flags,
    prog_ifindex: opts?.prog_ifindex,
    expected_attach_type: opts?.expected_attach_type,
    fd_array: opts?.fd_array,
    log_level: level,
    log_buf: level === 0 ? null : log,
  }
  const kernel = currentKernel()
  let fd = loadProgram(kernel, attr)
  if (fd < 0 && level === 0 && log !== null) {
    attr.log_level = 1
    attr.log_buf = log
    fd = loadProgram(kernel, attr)
  }
  if (opts !== null && typeof opts === 'object') opts.log_true_size = attr.log_true_size ?? 0
  return intResult(fd)
}

/**
 * BPF_PROG_TEST_RUN on a simulated CPU: 0 and data_size_out, ctx_size_out, retval, duration (ns) in `opts`. -ENOTSUPP for
 * types that Linux cannot test-run, -EOPNOTSUPP for live frames, -ENOSPC when an out buffer was too small (as much as
 * fits is in it), -EINTR after a SIGINT, -EFAULT when the program trapped.
 */
export function bpf_prog_test_run_opts(prog_fd: number, opts: bpf_test_run_opts): number {
  if (opts === null || typeof opts !== 'object') return intResult(-EINVAL)
  return intResult(testRun(currentKernel(), prog_fd, opts))
}

/** bpf_prog_test_run_opts that leaves the event loop free; the process stays alive while it is pending. */
export async function bpf_prog_test_run_opts_async(prog_fd: number, opts: bpf_test_run_opts): Promise<number> {
  if (opts === null || typeof opts !== 'object') return intResult(-EINVAL)
  return intResult(await testRunAsync(currentKernel(), prog_fd, opts))
}

/** Fills `info` (a plain object) with the fields of bpf_map_info, bpf_prog_info or bpf_link_info. */
export function bpf_obj_get_info_by_fd(bpf_fd: number, info: object): number {
  return intResult(objectInfo(currentKernel(), bpf_fd, info))
}

export function bpf_map_get_info_by_fd(map_fd: number, info: object): number {
  return bpf_obj_get_info_by_fd(map_fd, info)
}

export function bpf_prog_get_info_by_fd(prog_fd: number, info: object): number {
  return bpf_obj_get_info_by_fd(prog_fd, info)
}

export function bpf_link_get_info_by_fd(link_fd: number, info: object): number {
  return bpf_obj_get_info_by_fd(link_fd, info)
}

/** The smallest map id above `start_id`: 0 or -ENOENT. */
export function bpf_map_get_next_id(start_id: number, next_id: Out): number {
  return intResult(nextId(currentKernel().maps, start_id, next_id))
}

/** The smallest program id above `start_id`: 0 or -ENOENT. */
export function bpf_prog_get_next_id(start_id: number, next_id: Out): number {
  return intResult(nextId(currentKernel().programs, start_id, next_id))
}

/** The smallest link id above `start_id`: 0 or -ENOENT. */
export function bpf_link_get_next_id(start_id: number, next_id: Out): number {
  return intResult(nextId(currentKernel().links, start_id, next_id))
}

/** No BTF object is ever loaded yet: -ENOENT. */
export function bpf_btf_get_next_id(_start_id: number, _next_id: Out): number {
  return intResult(-ENOENT)
}

/** A descriptor of the map with that id: -ENOENT when there is none. */
export function bpf_map_get_fd_by_id_opts(id: number, opts: bpf_get_fd_by_id_opts | null = null): number {
  return intResult(mapFdById(currentKernel(), id, opts?.open_flags ?? 0))
}

export function bpf_map_get_fd_by_id(id: number): number {
  return bpf_map_get_fd_by_id_opts(id, null)
}

/** A descriptor of the program with that id: -ENOENT when there is none. */
export function bpf_prog_get_fd_by_id_opts(id: number, _opts: bpf_get_fd_by_id_opts | null = null): number {
  return intResult(programFdById(currentKernel(), id))
}

export function bpf_prog_get_fd_by_id(id: number): number {
  return bpf_prog_get_fd_by_id_opts(id, null)
}

/** Links a kprobe or tracepoint program to the perf event `target_fd`; other attach types come later: -EOPNOTSUPP. */
export function bpf_link_create(
  prog_fd: number,
  target_fd: number,
  _attach_type: number,
  opts: bpf_link_create_opts | null = null,
): number {
  return intResult(createPerfLink(currentKernel(), prog_fd, target_fd, opts?.perf_event?.bpf_cookie ?? 0))
}

/** -EOPNOTSUPP for kprobes and tracepoints, as in Linux. */
export function bpf_link_detach(link_fd: number): number {
  return intResult(detachLink(currentKernel(), link_fd))
}

/** Attaches a raw tracepoint program: a link's descriptor, or -ENOENT for an unknown tracepoint. */
export function bpf_raw_tracepoint_open_opts(prog_fd: number, opts: bpf_raw_tp_opts): number {
  if (!opts) return intResult(-EINVAL)
  const { tp_name, cookie } = opts
  if (!hasRawTracepoint(tp_name)) return intResult(-ENOENT)
  return intResult(createRawTracepointLink(currentKernel(), prog_fd, `raw_tp:${tp_name}`, cookie ?? 0))
}

export function bpf_raw_tracepoint_open(name: string, prog_fd: number): number {
  return bpf_raw_tracepoint_open_opts(prog_fd, { tp_name: name })
}
