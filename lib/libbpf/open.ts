/** bpf_object__open and its forms: from a file or bytes to an object that can still be changed. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { EINVAL, EIO, errnoTable } from '../../shared/uapi/errno.js'
import { LIBBPF_ERRNO__LIBELF } from '../../shared/uapi/libbpf_errno.js'
import { isFailure } from '../elf/failure.js'
import { readObject } from '../object/read.js'
import { OBJ_NAME_BYTES } from '../syscall/names.js'
import { errstr, nullResult } from './errno.js'
import { info, warn } from './print.js'
import { bpf_object } from './structs.js'

/** struct bpf_object_open_opts, and what this implementation adds. */
export interface bpf_object_open_opts {
  /** Default: the file's name up to the first dot. */
  object_name?: string | null
  relaxed_maps?: boolean
  pin_root_path?: string | null
  kconfig?: string | null
  btf_custom_path?: string | null
  /** Receives the verifier's log of programs without a buffer of their own. */
  kernel_log_buf?: Uint8Array | null
  kernel_log_level?: number
  bpf_token_path?: string | null
  /**
   * Not in libbpf: whether maps of `struct bpf_map_def SEC("maps")` are accepted (default), which libbpf 1.x refuses.
   * With false, opening such an object gives null with EOPNOTSUPP, as there.
   */
  legacy_maps?: boolean
}

const LOG_LEVEL_MAX = 7

function objectNameOf(path: string, opts: bpf_object_open_opts | null): string {
  const name = opts?.object_name ?? basename(path).split('.')[0]
  return name.slice(0, OBJ_NAME_BYTES - 1)
}

function open(bytes: Uint8Array, path: string, name: string, opts: bpf_object_open_opts | null): bpf_object | null {
  if ((opts?.kernel_log_level ?? 0) > LOG_LEVEL_MAX) return nullResult(EINVAL)
  if (opts?.kernel_log_level && !opts.kernel_log_buf) return nullResult(EINVAL)
  const image = readObject(bytes, { name, legacyMaps: opts?.legacy_maps ?? true })
  if (isFailure(image)) {
    warn(image.message)
    return nullResult(image.errno)
  }
  for (const line of image.log) (line.level === 'warn' ? warn : info)(line.text)
  const object = new bpf_object(image, path)
  object.logBuf = opts?.kernel_log_buf ?? null
  object.logLevel = opts?.kernel_log_level ?? 0
  return object
}

function systemError(error: unknown): number {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (code === 'EISDIR') return LIBBPF_ERRNO__LIBELF
  return code in errnoTable ? errnoTable[code as keyof typeof errnoTable][0] : EIO
}

/** Opens a BPF object file. null: EINVAL, the file's error, or what the damaged file deserves (LIBBPF_ERRNO__*). */
export function bpf_object__open_file(path: string, opts: bpf_object_open_opts | null = null): bpf_object | null {
  if (typeof path !== 'string' || path === '') return nullResult(EINVAL)
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    const number = systemError(error)
    warn(`elf: failed to open ${path}: ${errstr(number)}`)
    return nullResult(number)
  }
  return open(bytes, path, objectNameOf(path, opts), opts)
}

/** bpf_object__open_file without options. */
export function bpf_object__open(path: string): bpf_object | null {
  return bpf_object__open_file(path, null)
}

/** Opens a BPF object from its bytes, which are copied. null: EINVAL, or as bpf_object__open_file. */
export function bpf_object__open_mem(obj_buf: Uint8Array, opts: bpf_object_open_opts | null = null): bpf_object | null {
  if (!(obj_buf instanceof Uint8Array) || obj_buf.length === 0) return nullResult(EINVAL)
  // libbpf names such an object by the buffer's address and size; an address would differ from run to run.
  const path = opts?.object_name ?? `0-${obj_buf.length.toString(16)}`
  return open(obj_buf, path, path.slice(0, OBJ_NAME_BYTES - 1), opts)
}
