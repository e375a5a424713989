/** Our side of the perf rows: a program on a CPU of the default machine, its ring read by perf_buffer__poll. */
import {
  bpf_map_create,
  bpf_prog_get_info_by_fd,
  bpf_prog_load,
  perf_buffer__consume,
  perf_buffer__free,
  perf_buffer__new,
  perf_buffer__poll,
} from '#lib/index.js'
import type { perf_buffer } from '#lib/libbpf/perf_buffer_struct.js'
import { defaultMachine, type Machine } from '#lib/machine/index.js'
import { currentKernel } from '#lib/syscall/current.js'
import { pushRun, RunDone } from '#shared/control/events.js'
import { RUN_RESULT } from '#shared/layout.js'
import { type PerfRingCounters, perfRingCounters } from '#shared/rings/perf_ring.js'
import { withMaps } from './assemble.js'
import { pinApart, unpinMain } from './pin.js'

const MAP_TYPE_PERF_EVENT_ARRAY = 4
const PROG_TYPE_SCHED_CLS = 3
/** struct __sk_buff, zeroed: the program does not look at it. */
const CONTEXT_BYTES = 192
/** The only CPU that runs the program. */
const CPU = 0
/** Runs of the first round, long enough for V8 to have compiled everything by its end. */
const FIRST_RUNS = 2_000_000
const RUNS_MAX = 400_000_000
/** Bounds what a round waits for after the last wake-up; the samples until then come by wake-ups. */
const POLL_MS = 1

interface Totals {
  produced: number
  received: number
  wakeups: number
  ms: number
}

/** A loaded program and the perf buffer that it sends to. */
export class PerfSide {
  readonly #machine: Machine
  readonly #program: number
  readonly #context: number
  readonly #pb: perf_buffer
  readonly #descriptors: number[] = []
  readonly #totals: Totals = { produced: 0, received: 0, wakeups: 0, ms: 0 }
  #received = 0
  #wrong = 0
  #runs = FIRST_RUNS
  #pinned = false

  constructor(
    insns: Uint8Array,
    wakeup: number,
    readonly pages: number,
  ) {
    this.#machine = defaultMachine()
    this.#machine.start()
    const map = bpf_map_create(MAP_TYPE_PERF_EVENT_ARRAY, 'events', 4, 4, this.#machine.cpusPossible)
    if (map < 0) throw new Error(`bpf_map_create: ${map}`)
    const log_buf = new Uint8Array(65536)
    const program = bpf_prog_load(PROG_TYPE_SCHED_CLS, 'bench', 'GPL', withMaps(insns, [map]), {
      log_level: 1,
      log_buf,
    })
    if (program < 0) throw new Error(`bpf_prog_load: ${program}\n${new TextDecoder().decode(log_buf)}`)
    const info = { id: 0 }
    if (bpf_prog_get_info_by_fd(program, info) < 0) throw new Error('bpf_prog_get_info_by_fd failed')
    this.#descriptors.push(map, program)
    this.#program = info.id
    const pb = perf_buffer__new(map, pages, this.#onSample, null, null, { sample_period: wakeup })
    if (!pb) throw new Error('perf_buffer__new failed')
    this.#pb = pb
    this.#context = this.#machine.allocator.allocate(CONTEXT_BYTES, 16)
    this.#machine.views.u8.fill(0, this.#context, this.#context + CONTEXT_BYTES)
    this.#run(FIRST_RUNS)
    this.#pinned = pinApart(() => void this.#run(FIRST_RUNS))
  }

  readonly #onSample = (_ctx: unknown, _cpu: number, data: Uint8Array): void => {
    this.#received++
    if (data[0] !== 0x78) this.#wrong++
  }

  /** Fires `runs` runs, receives until the last is over and the ring is empty. Returns the ms that took. */
  #run(runs: number): number {
    const { views } = this.#machine
    const before = this.#counters()
    this.#received = 0
    const startMs = performance.now()
    const request = { program: this.#program, context: this.#context, contextBytes: CONTEXT_BYTES, repeat: runs }
    const result = pushRun(views, CPU, request)
    if (result === 0) throw new Error('the event ring is full')
    const done = (result + RUN_RESULT.done) >>> 2
    while (Atomics.load(views.i32, done) === RunDone.pending) {
      const count = perf_buffer__poll(this.#pb, POLL_MS)
      if (count < 0) throw new Error(`perf_buffer__poll: ${count}`)
    }
    perf_buffer__consume(this.#pb)
    const ms = performance.now() - startMs
    const error = views.i32[(result + RUN_RESULT.error) >>> 2]
    if (error < 0) throw new Error(`the run ended with ${error}`)
    this.#account(runs, ms, before, this.#counters())
    return ms
  }

  /** Each run's sample was received or counted as lost, and what was received is what was sent. */
  #account(runs: number, ms: number, before: PerfRingCounters, after: PerfRingCounters): void {
    const events = (after.events - before.events) >>> 0
    const lost = (after.lost - before.lost) >>> 0
    if (events + lost !== runs || events !== this.#received || this.#wrong > 0) {
      throw new Error(`${runs} runs, ${events} sent, ${lost} lost, ${this.#received} received, ${this.#wrong} wrong`)
    }
    this.#totals.produced += runs
    this.#totals.received += events
    this.#totals.wakeups += (after.wakeups - before.wakeups) >>> 0
    this.#totals.ms += ms
  }

  #counters(): PerfRingCounters {
    return perfRingCounters(this.#machine.views, this.#pb.buffers[CPU].event.ring)
  }

  /** Runs producer and consumer for about `seconds`; samples received per second. */
  round(seconds: number): number {
    const runs = this.#runs
    const ms = this.#run(runs)
    this.#runs = Math.max(FIRST_RUNS / 10, Math.min(RUNS_MAX, Math.round((runs / ms) * seconds * 1000)))
    return (this.#received / ms) * 1000
  }

  /** What happened in all rounds, in words. */
  note(): string {
    const { produced, received, wakeups, ms } = this.#totals
    const lost = ((100 * (produced - received)) / produced).toFixed(1)
    const threads = this.#pinned ? 'threads pinned' : 'threads not pinned'
    return `${this.pages} pages, ${threads}, produced ${Math.round(produced / ms)} k/s, lost ${lost} %, ${wakeups} wake-ups`
  }

  close(): void {
    perf_buffer__free(this.#pb)
    for (const fd of this.#descriptors) currentKernel().close(fd)
    this.#machine.allocator.free(this.#context)
    unpinMain()
  }
}
