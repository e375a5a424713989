/** `for await (const event of pb.events())`: samples of a perf buffer as an async iteration. */
import type { perf_buffer } from './perf_buffer_struct.js'

export interface PerfEvent {
  readonly cpu: number
  /** A copy of the sample, padding included. */
  readonly data: Uint8Array
}

const QUEUE_MAX = 1024
const WAIT_MS = 1000

export class PerfEvents implements AsyncIterableIterator<PerfEvent> {
  readonly #pb: perf_buffer
  readonly #queueMax: number
  #queue: PerfEvent[] = []
  #next = 0
  #lost = 0
  #done = false
  /** The ring to read first next time, so that a busy CPU does not starve the others. */
  #turn = 0

  constructor(pb: perf_buffer, queueMax = QUEUE_MAX) {
    this.#pb = pb
    this.#queueMax = queueMax
  }

  /** Samples lost because a ring was full, as reported by the PERF_RECORD_LOST read so far. */
  get lost(): number {
    return this.#lost
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<PerfEvent, undefined>> {
    const ready: number[] = []
    while (this.#next >= this.#queue.length) {
      if (this.#done || this.#pb.freed || this.#pb.set.kernel.closed) return this.#end()
      this.#fill()
      if (this.#queue.length > 0) break
      const count = await this.#pb.set.epoll.waitAsync(ready, this.#pb.buffers.length, WAIT_MS)
      if (count < 0) return this.#end()
    }
    return { done: false, value: this.#queue[this.#next++] }
  }

  async return(): Promise<IteratorResult<PerfEvent, undefined>> {
    return this.#end()
  }

  #end(): IteratorResult<PerfEvent, undefined> {
    this.#done = true
    this.#queue = []
    return { done: true, value: undefined }
  }

  /** Takes at most queueMax records from the rings. */
  #fill(): void {
    this.#queue = []
    this.#next = 0
    const { buffers } = this.#pb
    for (let i = 0; i < buffers.length && this.#queue.length < this.#queueMax; i++) {
      const { cpu, reader } = buffers[(this.#turn + i) % buffers.length]
      const onSample = (data: Uint8Array): void => {
        this.#queue.push({ cpu, data: data.slice() })
      }
      const onLost = (count: number): void => {
        this.#lost += count
      }
      reader.read(onSample, onLost, this.#queueMax - this.#queue.length)
    }
    this.#turn++
  }
}
