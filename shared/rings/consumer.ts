/**
 * The reader of a perf ring, for the main thread. Between data_tail and data_head lie whole records, each a multiple of
 * 8 bytes; the tail is stored once per batch. Callbacks get views of the ring itself, made once per place and size.
 */
import { PAGE_BYTES, PERF_LOST, PERF_MMAP_PAGE, PERF_RING, PERF_SAMPLE } from '../layout.js'
import type { MemoryViews } from '../maps/types.js'
import { PERF_EVENT_HEADER_BYTES, PERF_RECORD_LOST, PERF_RECORD_SAMPLE } from '../uapi/perf_event.js'

/** Gets a sample's raw bytes, padding included; valid only during the call. */
export type SampleCallback = (data: Uint8Array) => void
/** Gets the number of samples that a PERF_RECORD_LOST reports. */
export type LostCallback = (count: number) => void
/** Gets a whole record, header included, valid only during the call, and its type; anything but 0 stops the reading. */
export type RecordCallback = (record: Uint8Array, type: number) => number

/** No record is longer: its size is a 16-bit field. */
const RECORD_MAX_BYTES = 65536
/** Records start at multiples of this. */
const PLACE_BYTES = 8
/** Views that one cache keeps; beyond that a view is made for each call. */
const VIEWS_MAX = 65536
/** Records from this size on lie in cache lines of their own, and how many records ahead the next ones are fetched. */
const FETCH_MIN_BYTES = 128
const FETCH_AHEAD = 4
/** Samples up to this size are copied out: cheaper than a view for each place of the ring. */
const COPY_MAX_BYTES = 64

/** Views of one buffer by size and 8-byte slot. */
class ViewCache {
  readonly #bySize = new Map<number, (Uint8Array | undefined)[]>()
  #lastSize = -1
  #last: (Uint8Array | undefined)[] = []
  #count = 0

  constructor(
    readonly buffer: ArrayBufferLike,
    readonly base: number,
    /** Places a view may start at. */
    readonly slots: number,
  ) {}

  /** The view of `size` bytes at base + slot * 8 + skip; `skip` is the same in every call of one cache. */
  view(slot: number, skip: number, size: number): Uint8Array {
    if (size !== this.#lastSize) this.#select(size)
    return this.#last[slot] ?? this.#make(slot, skip, size)
  }

  #select(size: number): void {
    let views = this.#bySize.get(size)
    if (!views) {
      // Filled from the start: a first store far behind the end would make a slow, sparse array of it.
      views = new Array<Uint8Array | undefined>(this.slots).fill(undefined)
      this.#bySize.set(size, views)
    }
    this.#lastSize = size
    this.#last = views
  }

  #make(slot: number, skip: number, size: number): Uint8Array {
    const view = new Uint8Array(this.buffer, this.base + slot * 8 + skip, size)
    if (this.#count < VIEWS_MAX) {
      this.#count++
      this.#last[slot] = view
    }
    return view
  }
}

/** Reads one ring that has its pages. Used by one thread. */
export class PerfReader {
  readonly #u32: Uint32Array
  readonly #head: number
  readonly #tail: number
  /** Index of the first data word. */
  readonly #data: number
  readonly #mask: number
  readonly #samples: ViewCache
  readonly #records: ViewCache
  readonly #scratch = new Uint32Array(RECORD_MAX_BYTES / 4)
  readonly #scratchSamples: ViewCache
  readonly #scratchRecords: ViewCache
  /** @internal What read() fetched ahead: kept only so that the loads are not optimised away. */
  fetched = 0

  constructor(
    views: MemoryViews,
    readonly ring: number,
  ) {
    const page = views.u32[(ring + PERF_RING.page) >>> 2]!
    if (page === 0) throw new Error('this perf ring has no pages')
    this.#u32 = views.u32
    this.#head = (page + PERF_MMAP_PAGE.dataHead) >>> 2
    this.#tail = (page + PERF_MMAP_PAGE.dataTail) >>> 2
    this.#data = (page + PAGE_BYTES) >>> 2
    this.#mask = views.u32[(ring + PERF_RING.dataBytes) >>> 2]! - 1
    const slots = Math.floor(this.#mask / PLACE_BYTES) + 1
    this.#samples = new ViewCache(views.u8.buffer, page + PAGE_BYTES, slots)
    this.#records = new ViewCache(views.u8.buffer, page + PAGE_BYTES, slots)
    this.#scratchSamples = new ViewCache(this.#scratch.buffer, 0, 1)
    this.#scratchRecords = new ViewCache(this.#scratch.buffer, 0, 1)
  }

  /** Bytes written and not yet read. */
  get pendingBytes(): number {
    return (Atomics.load(this.#u32, this.#head) - this.#u32[this.#tail]!) >>> 0
  }

  /**
   * Hands every record published so far, at most `max`, to the callbacks, and frees their room. Returns the number of
   * records. Records of other types are skipped. What a callback throws is passed on, its record counts as read.
   */
  read(onSample: SampleCallback, onLost: LostCallback, max = Infinity): number {
    const u32 = this.#u32
    const data = this.#data
    const mask = this.#mask
    const head = Atomics.load(u32, this.#head)
    let tail = u32[this.#tail]!
    let count = 0
    let fetched = 0
    try {
      while (tail !== head && count < max) {
        const at = tail & mask
        const word = data + (at >>> 2)
        const type = u32[word]!
        const size = u32[word + 1]! >>> 16
        if (this.#broken(size, head, tail)) {
          tail = head
          break
        }
        // A record says where the next one starts, so each would wait for its own cache miss. Records tend to be alike.
        if (size >= FETCH_MIN_BYTES) fetched ^= u32[data + (((at + FETCH_AHEAD * size) & mask) >>> 2)]!
        tail = (tail + size) >>> 0
        count++
        if (type === PERF_RECORD_SAMPLE) {
          if (at + size <= mask + 1 && size > COPY_MAX_BYTES) {
            onSample(this.#samples.view(at >>> 3, PERF_SAMPLE.raw, u32[word + (PERF_SAMPLE.rawBytes >>> 2)]!))
          } else onSample(this.#copiedSample(at, size))
        } else if (type === PERF_RECORD_LOST) {
          onLost(u32[data + (((at + PERF_LOST.lost) & mask) >>> 2)]!)
        }
      }
    } finally {
      this.fetched = fetched
      if (count > 0) Atomics.store(u32, this.#tail, tail)
    }
    return count
  }

  /** As read(), with whole records of every type, until `onRecord` returns something else than 0. */
  readRecords(onRecord: RecordCallback, max = Infinity): number {
    const u32 = this.#u32
    const mask = this.#mask
    const head = Atomics.load(u32, this.#head)
    let tail = u32[this.#tail]!
    let count = 0
    let goOn = true
    try {
      while (tail !== head && count < max && goOn) {
        const at = tail & mask
        const word = this.#data + (at >>> 2)
        const size = u32[word + 1]! >>> 16
        if (this.#broken(size, head, tail)) {
          tail = head
          break
        }
        tail = (tail + size) >>> 0
        count++
        const record = at + size <= mask + 1 ? this.#records.view(at >>> 3, 0, size) : this.#wrappedRecord(at, size)
        goOn = onRecord(record, u32[word]!) === 0
      }
    } finally {
      if (count > 0) Atomics.store(u32, this.#tail, tail)
    }
    return count
  }

  /** A size no producer writes: somebody else wrote to the ring. What is left of it is dropped, or reading never ends. */
  #broken(size: number, head: number, tail: number): boolean {
    return size < PERF_EVENT_HEADER_BYTES || (size & 7) !== 0 || size > (head - tail) >>> 0
  }

  /** Copies a record to the scratch buffer, around the ring's end if need be. */
  #linearise(at: number, size: number): void {
    const words = size >>> 2
    const wordMask = this.#mask >>> 2
    const first = at >>> 2
    for (let i = 0; i < words; i++) this.#scratch[i] = this.#u32[this.#data + ((first + i) & wordMask)]!
  }

  #copiedSample(at: number, size: number): Uint8Array {
    this.#linearise(at, size)
    return this.#scratchSamples.view(0, PERF_SAMPLE.raw, this.#scratch[PERF_SAMPLE.rawBytes >>> 2]!)
  }

  #wrappedRecord(at: number, size: number): Uint8Array {
    this.#linearise(at, size)
    return this.#scratchRecords.view(0, 0, size)
  }
}
