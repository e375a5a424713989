/** btf__*: looking at BTF. Building, de-duplication and dumping come later. */
import { readFileSync } from 'node:fs'
import { EINVAL, ENOENT } from '../../shared/uapi/errno.js'
import type { Btf } from '../btf/btf.js'
import { parseBtf } from '../btf/parse.js'
import { resolveSize, skipModifiers } from '../btf/resolve.js'
import { isFailure } from '../elf/failure.js'
import { type Bytes, bytesOf } from './bpf.js'
import { intResult, nullResult, zeroResult } from './errno.js'
import { debug, warn } from './print.js'
import { bpf_object } from './structs.js'

const POINTER_BYTES = 8

/** BTF of an object, or of bytes of one's own. */
export class btf {
  /** @internal */
  constructor(readonly parsed: Btf) {}
}

/** What is inside; null for everything that is no BTF. */
function parsedOf(it: unknown): Btf | null {
  return it instanceof btf ? it.parsed : null
}

const ofObject = new WeakMap<bpf_object, btf>()

/** The object's BTF; null when it has none. It belongs to the object. */
export function bpf_object__btf(obj: bpf_object | null): btf | null {
  if (!(obj instanceof bpf_object) || !obj.image.btf) return null
  let found = ofObject.get(obj)
  if (!found) {
    found = new btf(obj.image.btf)
    ofObject.set(obj, found)
  }
  return found
}

/** BTF from raw bytes, which are copied. null: EINVAL for damaged ones. */
export function btf__new(data: Bytes): btf | null {
  const bytes = bytesOf(data)
  if (bytes === null || bytes.length === 0) return nullResult(EINVAL)
  const parsed = parseBtf(bytes.slice())
  if (!isFailure(parsed)) return new btf(parsed)
  debug(parsed.message)
  return nullResult(parsed.errno)
}

/** BTF from a file of raw bytes. */
export function btf__parse_raw(path: string): btf | null {
  if (typeof path !== 'string') return nullResult(EINVAL)
  try {
    return btf__new(readFileSync(path))
  } catch {
    warn(`failed to read BTF from '${path}'`)
    return nullResult(ENOENT)
  }
}

/** Nothing to free: the object goes with its last reference. */
export function btf__free(_btf: btf | null): void {}

/** One past the last type id. */
export function btf__type_cnt(btf: btf | null): number {
  return parsedOf(btf)?.typeCount ?? zeroResult(EINVAL)
}

/** The string at an offset; null with EINVAL when it lies outside. */
export function btf__name_by_offset(btf: btf | null, offset: number): string | null {
  return parsedOf(btf)?.string(Number(offset)) ?? nullResult(EINVAL)
}

/** Id of the first type of that name, 0 for "void"; -ENOENT. */
export function btf__find_by_name(btf: btf | null, type_name: string): number {
  return type_name === 'void' ? 0 : findNamed(btf, type_name, -1)
}

/** Id of the first type of that name and kind (BTF_KIND_*): -ENOENT. */
export function btf__find_by_name_kind(btf: btf | null, type_name: string, kind: number): number {
  return kind === 0 || type_name === 'void' ? 0 : findNamed(btf, type_name, kind)
}

function findNamed(btf: btf | null, name: string, kind: number): number {
  const parsed = parsedOf(btf)
  if (parsed === null) return intResult(-EINVAL)
  for (let id = 1; id < parsed.typeCount; id++) {
    if ((kind < 0 || parsed.kind(id) === kind) && parsed.name(id) === name) return id
  }
  return intResult(-ENOENT)
}

/** Size of a type in bytes as bigint, through typedefs, qualifiers and arrays; a negative errno. */
export function btf__resolve_size(btf: btf | null, type_id: number): bigint {
  const parsed = parsedOf(btf)
  return BigInt(intResult(parsed?.has(type_id) ? resolveSize(parsed, type_id) : -EINVAL))
}

/** The type behind typedefs and qualifiers: -EINVAL for an unknown id. */
export function btf__resolve_type(btf: btf | null, type_id: number): number {
  const parsed = parsedOf(btf)
  return intResult(parsed?.has(type_id) ? skipModifiers(parsed, type_id) : -EINVAL)
}

/** The raw bytes. */
export function btf__raw_data(btf: btf | null): Uint8Array | null {
  return parsedOf(btf)?.bytes ?? nullResult(EINVAL)
}

/** The name btf__raw_data had before. */
export const btf__get_raw_data = btf__raw_data

/** -1: not loaded into the kernel. */
export function btf__fd(_btf: btf | null): number {
  return -1
}

/** BPF's pointers have 8 bytes. */
export function btf__pointer_size(_btf: btf | null): number {
  return POINTER_BYTES
}
