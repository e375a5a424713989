/** bpf_map__*_elem: element calls that check the caller's sizes first. Buffers know their sizes, so C's are folded. */

import { mapTypeOf } from '../../shared/maps/registry.js'
import { EINVAL, ENOENT } from '../../shared/uapi/errno.js'
import type { Kernel } from '../syscall/kernel.js'
import * as low from '../syscall/map_elements.js'
import { type Bytes, bytesOf } from './bpf.js'
import { intResult } from './errno.js'
import { warn } from './print.js'
import { bpf_map } from './structs.js'

/** libbpf's checks: 0, -ENOENT for a map not created, -EINVAL for other sizes than the map's. */
function validate(map: bpf_map, key: Uint8Array | null, value: Uint8Array | null, checkValue: boolean): number {
  const { name } = map.image
  if (map.fd < 0) return -ENOENT
  if ((key?.length ?? 0) !== map.keyBytes) {
    warn(`map '${name}': unexpected key size ${key?.length ?? 0} provided, expected ${map.keyBytes}`)
    return -EINVAL
  }
  if (!checkValue) return 0
  const size = value?.length ?? 0
  if (mapTypeOf(map.type)?.perCpu) {
    const cpus = kernelOf(map).machine.cpusPossible
    const eachBytes = Math.ceil(map.valueBytes / 8) * 8
    if (size === cpus * eachBytes) return 0
    const expected = `expected ${cpus} * ${eachBytes} = ${cpus * eachBytes}`
    warn(`map '${name}': unexpected value size ${size} provided for per-CPU map, ${expected}`)
    return -EINVAL
  }
  if (size === map.valueBytes) return 0
  warn(`map '${name}': unexpected value size ${size} provided, expected ${map.valueBytes}`)
  return -EINVAL
}

function kernelOf(map: bpf_map): Kernel {
  return map.object.kernel as Kernel
}

/** Copies the value of `key` into `value`: 0, -ENOENT, -EINVAL for wrong sizes. */
export function bpf_map__lookup_elem(map: bpf_map | null, key: Bytes, value: Bytes, flags: number | bigint): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  const [k, v] = [bytesOf(key), bytesOf(value)]
  return intResult(validate(map, k, v, true) || low.lookupElement(kernelOf(map), map.fd, k, v, Number(flags)))
}

/** flags: BPF_ANY, BPF_NOEXIST (-EEXIST) or BPF_EXIST (-ENOENT). */
export function bpf_map__update_elem(map: bpf_map | null, key: Bytes, value: Bytes, flags: number | bigint): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  const [k, v] = [bytesOf(key), bytesOf(value)]
  return intResult(validate(map, k, v, true) || low.updateElement(kernelOf(map), map.fd, k, v, Number(flags)))
}

/** 0, -ENOENT; -EINVAL for arrays and wrong sizes. */
export function bpf_map__delete_elem(map: bpf_map | null, key: Bytes, flags: number | bigint): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  const k = bytesOf(key)
  const error = validate(map, k, null, false) || (Number(flags) !== 0 ? -EINVAL : 0)
  return intResult(error || low.deleteElement(kernelOf(map), map.fd, k))
}

/** 0, -ENOENT; -ENOTSUPP for arrays. */
export function bpf_map__lookup_and_delete_elem(
  map: bpf_map | null,
  key: Bytes,
  value: Bytes,
  flags: number | bigint,
): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  const [k, v] = [bytesOf(key), bytesOf(value)]
  return intResult(validate(map, k, v, true) || low.lookupAndDelete(kernelOf(map), map.fd, k, v, Number(flags)))
}

/** The key after `cur_key`, the first for null, into `next_key`: 0, -ENOENT after the last. */
export function bpf_map__get_next_key(map: bpf_map | null, cur_key: Bytes | null, next_key: Bytes): number {
  if (!(map instanceof bpf_map)) return intResult(-EINVAL)
  const next = bytesOf(next_key)
  return intResult(validate(map, next, null, false) || low.nextKey(kernelOf(map), map.fd, bytesOf(cur_key), next))
}
