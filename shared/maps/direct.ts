/** Where keys and values lie, for a compiler that finds them without a call. */
import { CACHE_LINE_BYTES, HASH_ELEMENT, LRU_ELEMENT, PERCPU_HASH_ELEMENT } from '../layout.js'
import { alignUp } from '../struct.js'
import {
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_LRU_HASH,
  BPF_MAP_TYPE_LRU_PERCPU_HASH,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE_PERCPU_HASH,
} from '../uapi/bpf.js'

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

/** An element in a chain of a hash table (HASH_ELEMENT.next leads on). */
export interface ChainElement {
  readonly keyOffset: number
  /** The values lie at PERCPU_HASH_ELEMENT.values, else MAP.valueOffset behind the element's start. */
  readonly perCpu: boolean
}

const chainElements: ReadonlyMap<number, ChainElement> = new Map([
  [BPF_MAP_TYPE_HASH, { keyOffset: HASH_ELEMENT.key, perCpu: false }],
  [BPF_MAP_TYPE_PERCPU_HASH, { keyOffset: PERCPU_HASH_ELEMENT.key, perCpu: true }],
  [BPF_MAP_TYPE_LRU_HASH, { keyOffset: LRU_ELEMENT.key, perCpu: false }],
  [BPF_MAP_TYPE_LRU_PERCPU_HASH, { keyOffset: LRU_ELEMENT.key, perCpu: true }],
])

/** The elements of a hash table of this type, or undefined when it is none. */
export function chainElement(type: number): ChainElement | undefined {
  return chainElements.get(type)
}
