/** Which maps may stand inside others. */
import {
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_CGROUP_STORAGE,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
  BPF_MAP_TYPE_PROG_ARRAY,
  BPF_MAP_TYPE_STRUCT_OPS,
} from '../uapi/bpf.js'
import { EINVAL, ENOTSUPP } from '../uapi/errno.js'

/** Types that Linux cannot compare with a map of maps' template. */
const NEVER_INNER: ReadonlySet<number> = new Set([
  BPF_MAP_TYPE_PROG_ARRAY,
  BPF_MAP_TYPE_CGROUP_STORAGE,
  BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
  BPF_MAP_TYPE_STRUCT_OPS,
])

export function isMapOfMaps(type: number): boolean {
  return type === BPF_MAP_TYPE_ARRAY_OF_MAPS || type === BPF_MAP_TYPE_HASH_OF_MAPS
}

/** Whether a map of `type` can be inside another: 0, -EINVAL for a map of maps, -ENOTSUPP. */
export function nestsIn(type: number): number {
  if (isMapOfMaps(type)) return -EINVAL
  return NEVER_INNER.has(type) ? -ENOTSUPP : 0
}
