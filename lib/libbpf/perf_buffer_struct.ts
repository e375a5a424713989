import { type PerfRingCounters, perfRingCounters } from '../../shared/rings/perf_ring.js'
import { type PerfEvent, PerfEvents } from './perf_buffer_events.js'
import type { BufferSet, CpuBuffer } from './perf_buffer_open.js'

/** Rings of a BPF_MAP_TYPE_PERF_EVENT_ARRAY, from perf_buffer__new to perf_buffer__free. */
export class perf_buffer {
  /** @internal */ freed = false
  /** @internal Indexes of woken rings: refilled by each poll. */ readonly ready: number[] = []

  /** @internal */
  constructor(
    readonly set: BufferSet,
    /** @internal */ readonly mmapBytes: number,
  ) {}

  /** @internal */
  get buffers(): readonly CpuBuffer[] {
    return this.set.buffers
  }

  /** What each ring has counted since it was opened: samples sent, lost (and not reported yet), wake-ups. */
  statistics(): ({ cpu: number } & PerfRingCounters)[] {
    const { views } = this.set.kernel.machine
    return this.buffers.map(({ cpu, event }) => ({ cpu, ...perfRingCounters(views, event.ring) }))
  }

  /**
   * The samples as an endless async iteration, each with a copy of its data; ends with perf_buffer__free. It takes the
   * place of the callbacks: records go to whoever reads first. At most `queue_max` (1,024) samples are taken from the
   * rings at a time; what a slow loop leaves in them until they overflow counts in `lost`.
   */
  events(options: { queue_max?: number } = {}): PerfEvents {
    return new PerfEvents(this, options.queue_max)
  }
}

export type { PerfEvent }
