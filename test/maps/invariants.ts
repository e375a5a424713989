/** Checks a whole hash table: every element is in exactly one place, every chain is a bucket's own. */
import { HASH_BUCKET, HASH_ELEMENT, HASH_WRITER, MAP } from '#shared/layout.js'
import type { MemoryViews } from '#shared/maps/registry.js'
import { LOCK_OWNER_MASK } from '#shared/sync/lock.js'

export interface HashCensus {
  /** Elements in chains, and by place. */
  linked: number
  free: number
  spare: number
  problems: string[]
}

/** Counts the elements of the hash table at `map` while nobody writes to it; `problems` is empty for a whole table. */
export function censusOfHash(views: MemoryViews, map: number): HashCensus {
  const word = (address: number) => views.u32[address / 4]!
  const field = (offset: number) => word(map + offset)
  const writerCount = field(MAP.writerCount)
  const elements = field(MAP.maxEntries) + writerCount
  const first = field(MAP.elements)
  const size = field(MAP.elementBytes)
  const census: HashCensus = { linked: 0, free: 0, spare: 0, problems: [] }
  const places = new Map<number, string>()
  const place = (element: number, where: string): boolean => {
    const index = (element - first) / size
    if (!Number.isInteger(index) || index < 0 || index >= elements) {
      census.problems.push(`${where}: ${element} is no element`)
      return false
    }
    const before = places.get(element)
    if (before !== undefined) {
      census.problems.push(`element ${index} is in ${before} and in ${where}`)
      return false
    }
    places.set(element, where)
    return true
  }
  const unlocked = (address: number, what: string) => {
    if (word(address) & LOCK_OWNER_MASK) census.problems.push(`${what} is locked by ${word(address).toString(16)}`)
  }
  for (let bucket = 0; bucket <= field(MAP.bucketMask); bucket++) {
    const at = field(MAP.buckets) + bucket * HASH_BUCKET.$bytes
    unlocked(at + HASH_BUCKET.lock, `bucket ${bucket}`)
    let element = word(at + HASH_BUCKET.head)
    while ((element & 1) === 0 && place(element, `bucket ${bucket}`)) {
      census.linked++
      element = word(element + HASH_ELEMENT.next)
    }
    if (element & 1 && element !== ((bucket << 1) | 1)) {
      census.problems.push(`bucket ${bucket} ends in the marker of ${element >>> 1}`)
    }
  }
  for (let writer = 0; writer < writerCount; writer++) {
    const slot = field(MAP.writers) + writer * HASH_WRITER.$bytes
    unlocked(slot + HASH_WRITER.lock, `free list ${writer}`)
    if (place(word(slot + HASH_WRITER.spare), `spare ${writer}`)) census.spare++
    for (let element = word(slot + HASH_WRITER.head); element !== 0; element = word(element + HASH_ELEMENT.nextFree)) {
      if (!place(element, `free list ${writer}`)) break
      census.free++
    }
  }
  if (places.size !== elements) census.problems.push(`${elements - places.size} of ${elements} elements are nowhere`)
  return census
}
