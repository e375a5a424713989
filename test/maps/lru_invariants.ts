/** Checks a whole LRU hash: every element in exactly one list, and in a chain just when its state says so. */
import {
  HASH_BUCKET,
  HASH_ELEMENT,
  LRU_ELEMENT,
  LRU_LINK,
  LRU_LIST,
  LRU_WRITER,
  LruList,
  LruState,
  MAP,
} from '#shared/layout.js'
import type { MemoryViews } from '#shared/maps/registry.js'
import { LOCK_OWNER_MASK } from '#shared/sync/lock.js'

export interface LruCensus {
  linked: number
  /** In a free list. */
  free: number
  /** In another list, though in no chain: left there by a thread that died, and to be evicted next. */
  left: number
  problems: string[]
}

/** Counts the elements of the LRU hash at `map` while nobody writes to it; `problems` is empty for a whole one. */
export function censusOfLru({ u32 }: MemoryViews, map: number): LruCensus {
  const word = (address: number) => u32[address / 4]!
  const field = (offset: number) => word(map + offset)
  const problems: string[] = []
  const index = (element: number) => (element - field(MAP.elements)) / field(MAP.elementBytes)
  const places = new Map<number, string>()
  const unlocked = (address: number, what: string) => {
    if (word(address) & LOCK_OWNER_MASK) problems.push(`${what} is locked`)
  }
  const walk = (head: number, kind: number, where: string): number => {
    let count = 0
    let link = head
    while (count <= field(MAP.maxEntries)) {
      const next = word(link + LRU_LINK.next)
      if (word(next + LRU_LINK.prev) !== link) problems.push(`${where}: a link does not lead back`)
      if (next === head) return count
      link = next
      const element = link - LRU_ELEMENT.link
      if (places.has(element)) problems.push(`${index(element)} is in ${places.get(element)} and ${where}`)
      if (word(element + LRU_ELEMENT.list) !== kind) problems.push(`${index(element)} does not know of ${where}`)
      places.set(element, where)
      count++
    }
    problems.push(`${where} does not end`)
    return count
  }
  const lists = (list: number, where: string) => {
    unlocked(list + LRU_LIST.lock, where)
    for (const [name, kind] of Object.entries(LruList).slice(0, 3)) {
      const count = walk(list + LRU_LIST.heads + kind * LRU_LINK.$bytes, kind, `${where}'s ${name}`)
      const counted = word(list + LRU_LIST.counts + kind * 4) | 0
      if (kind !== LruList.free && counted !== count) problems.push(`${where}'s ${name}: ${count}, counted ${counted}`)
    }
  }
  lists(field(MAP.lru), 'common')
  for (let writer = 0; writer < field(MAP.writerCount); writer++) {
    const slot = field(MAP.writers) + writer * LRU_WRITER.$bytes
    unlocked(slot + LRU_WRITER.lock, `writer ${writer}`)
    if (word(slot + LRU_WRITER.held)) problems.push(`writer ${writer} holds an element`)
    walk(slot + LRU_WRITER.localFree, LruList.localFree, `writer ${writer}'s free`)
    walk(slot + LRU_WRITER.pending, LruList.pending, `writer ${writer}'s pending`)
    lists(slot + LRU_WRITER.list, `writer ${writer}`)
  }
  if (places.size !== field(MAP.maxEntries)) problems.push(`${places.size} of ${field(MAP.maxEntries)} are in lists`)
  const chained = new Set<number>()
  for (let bucket = 0; bucket <= field(MAP.bucketMask); bucket++) {
    const at = field(MAP.buckets) + bucket * HASH_BUCKET.$bytes
    unlocked(at + HASH_BUCKET.lock, `bucket ${bucket}`)
    let element = word(at + HASH_BUCKET.head)
    while ((element & 1) === 0 && !chained.has(element)) {
      chained.add(element)
      if (word(element + LRU_ELEMENT.bucket) !== bucket) problems.push(`${index(element)} is not in its bucket`)
      element = word(element + HASH_ELEMENT.next)
    }
    if (element !== ((bucket << 1) | 1)) problems.push(`bucket ${bucket} ends wrongly`)
  }
  for (const element of places.keys()) {
    const wanted = chained.has(element) ? LruState.linked : LruState.loose
    const state = word(element + LRU_ELEMENT.state)
    if (state !== wanted) problems.push(`${index(element)} has state ${state} instead of ${wanted}`)
  }
  const kinds = [...places.keys()].map((element) => word(element + LRU_ELEMENT.list))
  const free = kinds.filter((kind) => kind === LruList.free || kind === LruList.localFree).length
  return { linked: chained.size, free, left: places.size - chained.size - free, problems }
}
