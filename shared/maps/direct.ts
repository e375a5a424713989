/** Where the values of arrays lie, for a compiler that finds them without a call. */
import { CACHE_LINE_BYTES } from '../layout.js'
import { alignUp } from '../struct.js'
import { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY } from '../uapi/bpf.js'

/** Value `index` of CPU `cpu` is at MAP.values + index * strideBytes + cpu * cpuStrideBytes. */
export interface DirectValues {
  readonly strideBytes: number
  /** 0 for a map that all CPUs share. */
  readonly cpuStrideBytes: number
}

interface DirectAttributes {
  readonly type: number
  readonly valueBytes: number
  readonly maxEntries: number
}

/** Bytes from one value to the next in an array. */
export function arrayStride(valueBytes: number): number {
  return alignUp(valueBytes, 8)
}

/** Bytes from one CPU's array to the next CPU's. */
export function percpuArrayStride(valueBytes: number, maxEntries: number): number {
  return alignUp(arrayStride(valueBytes) * maxEntries, CACHE_LINE_BYTES)
}

/** How the values of a map lie, or null when an index does not lead to them. */
export function directValues({ type, valueBytes, maxEntries }: DirectAttributes): DirectValues | null {
  const strideBytes = arrayStride(valueBytes)
  if (type === BPF_MAP_TYPE_ARRAY) return { strideBytes, cpuStrideBytes: 0 }
  if (type !== BPF_MAP_TYPE_PERCPU_ARRAY) return null
  return { strideBytes, cpuStrideBytes: percpuArrayStride(valueBytes, maxEntries) }
}
