/** Where the parts of a hash table lie, and its state at creation: every element free, every chain empty. */
import {
  CACHE_LINE_BYTES,
  HASH_BUCKET,
  HASH_ELEMENT,
  HASH_WRITER,
  MAP,
  MAP_BYTES,
  PERCPU_HASH_ELEMENT,
} from '../layout.js'
import { alignUp } from '../struct.js'
import type { MapAttributes, MemoryViews } from './types.js'

const VALUE_ALIGN = 8

/** Where things lie in one element. */
export interface ElementGeometry {
  readonly keyOffset: number
  /** Offset of the value in the element; 0 for per-CPU values, which lie elsewhere. */
  readonly valueOffset: number
  readonly elementBytes: number
}

export function elementGeometry(attr: MapAttributes, perCpu: boolean): ElementGeometry {
  const keyOffset = perCpu ? PERCPU_HASH_ELEMENT.key : HASH_ELEMENT.key
  const valueOffset = alignUp(keyOffset + attr.keyBytes, VALUE_ALIGN)
  const elementBytes = perCpu ? valueOffset : valueOffset + alignUp(attr.valueBytes, VALUE_ALIGN)
  return { keyOffset, valueOffset: perCpu ? 0 : valueOffset, elementBytes }
}

/** Where the parts of a table lie, relative to the map's header. */
interface TableGeometry extends ElementGeometry {
  readonly buckets: number
  readonly bucketsOffset: number
  readonly writers: number
  readonly writersOffset: number
  readonly elements: number
  readonly elementsOffset: number
  readonly valuesOffset: number
  /** Bytes from one CPU's values to the next CPU's, on lines of their own. */
  readonly cpuStride: number
  readonly end: number
}

function tableGeometry(attr: MapAttributes, cpus: number, perCpu: boolean): TableGeometry {
  const element = elementGeometry(attr, perCpu)
  let buckets = 1
  while (buckets < attr.maxEntries) buckets *= 2
  const writers = cpus + 1
  const elements = attr.maxEntries + writers
  const bucketsOffset = alignUp(MAP_BYTES, CACHE_LINE_BYTES)
  const writersOffset = alignUp(bucketsOffset + buckets * HASH_BUCKET.$bytes, CACHE_LINE_BYTES)
  const elementsOffset = writersOffset + writers * HASH_WRITER.$bytes
  const valuesOffset = alignUp(elementsOffset + elements * element.elementBytes, CACHE_LINE_BYTES)
  const cpuStride = perCpu ? alignUp(elements * alignUp(attr.valueBytes, VALUE_ALIGN), CACHE_LINE_BYTES) : 0
  const end = valuesOffset + cpus * cpuStride
  return {
    ...element,
    buckets,
    bucketsOffset,
    writers,
    writersOffset,
    elements,
    elementsOffset,
    valuesOffset,
    cpuStride,
    end,
  }
}

export function tableBytes(attr: MapAttributes, cpus: number, perCpu: boolean): number {
  return tableGeometry(attr, cpus, perCpu).end - MAP_BYTES
}

/** Fills the header and links every element into a free list, spread evenly over the writers. */
export function initialiseTable(
  views: MemoryViews,
  address: number,
  attr: MapAttributes,
  cpus: number,
  options: { perCpu: boolean; seed: number },
): void {
  const table = tableGeometry(attr, cpus, options.perCpu)
  const { u32 } = views
  const header = (field: number, value: number) => {
    u32[(address + field) / 4] = value
  }
  header(MAP.seed, options.seed)
  header(MAP.buckets, address + table.bucketsOffset)
  header(MAP.bucketMask, table.buckets - 1)
  header(MAP.writers, address + table.writersOffset)
  header(MAP.writerCount, table.writers)
  header(MAP.elements, address + table.elementsOffset)
  header(MAP.elementBytes, table.elementBytes)
  header(MAP.valueOffset, table.valueOffset)
  header(MAP.valueStride, options.perCpu ? table.cpuStride : alignUp(attr.valueBytes, VALUE_ALIGN))
  header(MAP.end, address + table.end)
  for (let bucket = 0; bucket < table.buckets; bucket++) {
    u32[(address + table.bucketsOffset + bucket * HASH_BUCKET.$bytes + HASH_BUCKET.head) / 4] = endMarker(bucket)
  }
  const elementAt = (index: number) => address + table.elementsOffset + index * table.elementBytes
  for (let writer = 0; writer < table.writers; writer++) {
    const slot = address + table.writersOffset + writer * HASH_WRITER.$bytes
    const first = Math.floor((table.elements * writer) / table.writers)
    const past = Math.floor((table.elements * (writer + 1)) / table.writers)
    u32[(slot + HASH_WRITER.spare) / 4] = elementAt(first)
    u32[(slot + HASH_WRITER.head) / 4] = first + 1 < past ? elementAt(first + 1) : 0
    for (let index = first; index < past; index++) {
      const element = elementAt(index)
      // A reader that strays here must start over: no bucket has this marker.
      u32[(element + HASH_ELEMENT.next) / 4] = NOWHERE
      u32[(element + HASH_ELEMENT.nextFree) / 4] = index > first && index + 1 < past ? elementAt(index + 1) : 0
      if (options.perCpu) {
        const values = address + table.valuesOffset + index * alignUp(attr.valueBytes, VALUE_ALIGN)
        u32[(element + PERCPU_HASH_ELEMENT.values) / 4] = values
      }
    }
  }
}

/** What ends the chain of bucket `index`. */
export function endMarker(index: number): number {
  return ((index << 1) | 1) >>> 0
}

const NOWHERE = 0xffffffff
