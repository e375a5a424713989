/** A perf ring's control block, from JavaScript: creation, mapping, counters. */
import { PAGE_BYTES, PERF_MMAP_PAGE, PERF_RING } from '../layout.js'
import type { MemoryViews } from '../maps/types.js'

/** What perf_event_open(2) says about the event behind a ring. */
export interface PerfRingOptions {
  readonly id: number
  /** The CPU whose programs may write. */
  readonly cpu: number
  /** PERF_COUNT_SW_BPF_OUTPUT, or bpf_perf_event_output answers -EINVAL. */
  readonly config: number
  readonly sampleType: number
  /** Samples per wake-up; 0: only the watermark wakes. */
  readonly wakeupEvents: number
  readonly enabled: boolean
}

/** Makes the control block of a ring without pages; programs that write to it get -ENOSPC. */
export function initialisePerfRing(views: MemoryViews, ring: number, options: PerfRingOptions): void {
  views.u8.fill(0, ring, ring + PERF_RING.$bytes)
  const put = (field: number, value: number) => {
    views.u32[(ring + field) >>> 2] = value
  }
  put(PERF_RING.id, options.id)
  put(PERF_RING.cpu, options.cpu)
  put(PERF_RING.config, options.config)
  put(PERF_RING.sampleType, options.sampleType)
  put(PERF_RING.wakeupEvents, options.wakeupEvents)
  put(PERF_RING.enabled, options.enabled ? 1 : 0)
}

/**
 * Gives a ring its pages: a perf_event_mmap_page at `page` and `dataBytes` (a power of two) after it. Without a
 * watermark of its own a ring wakes its reader, too, each time half of it has been written.
 */
export function mapPerfRing(
  views: MemoryViews,
  ring: number,
  page: number,
  dataBytes: number,
  watermarkBytes = dataBytes / 2,
): void {
  views.u8.fill(0, page, page + PAGE_BYTES + dataBytes)
  views.u32[(page + PERF_MMAP_PAGE.dataOffset) >>> 2] = PAGE_BYTES
  views.u32[(page + PERF_MMAP_PAGE.dataSize) >>> 2] = dataBytes
  const put = (field: number, value: number) => {
    views.u32[(ring + field) >>> 2] = value
  }
  put(PERF_RING.dataBytes, dataBytes)
  put(PERF_RING.watermarkBytes, watermarkBytes)
  put(PERF_RING.wakeupAt, 0)
  put(PERF_RING.eventsHead, 0)
  Atomics.store(views.u32, (ring + PERF_RING.page) >>> 2, page)
}

export interface PerfRingCounters {
  /** Samples published. */
  readonly events: number
  /** Samples refused because the ring was full, and how many of them no PERF_RECORD_LOST has reported yet. */
  readonly lost: number
  readonly lostPending: number
  readonly wakeups: number
}

/** The ring's counters (each modulo 2^32) since its creation. */
export function perfRingCounters(views: MemoryViews, ring: number): PerfRingCounters {
  const get = (field: number) => Atomics.load(views.u32, (ring + field) >>> 2)
  const reported = get(PERF_RING.lostReported)
  const lost = get(PERF_RING.lostTotal)
  return {
    events: get(PERF_RING.events),
    lost,
    lostPending: (lost - reported) >>> 0,
    wakeups: get(PERF_RING.wakeups),
  }
}

/** Takes the readiness that epoll would report: true once after each wake-up. Call before reading the ring. */
export function takePerfReady(views: MemoryViews, ring: number): boolean {
  const ready = (ring + PERF_RING.ready) >>> 2
  // A reader that spins must not take the word's cache line from the producer before there is something to take.
  return Atomics.load(views.u32, ready) !== 0 && Atomics.exchange(views.u32, ready, 0) !== 0
}
