/**
 * Many CPUs send events of 1 to 4,000 bytes through small rings to a reader that stalls at random. Every event is
 * accounted for: per CPU, sent = received + lost, in rising order, with every byte as foretold.
 */
import {
  bpf_link__destroy,
  bpf_map_lookup_elem,
  bpf_object__close,
  bpf_object__find_map_fd_by_name,
  bpf_object__find_program_by_name,
  bpf_object__load,
  bpf_object__open_file,
  bpf_program__attach,
  LIBBPF_PERF_EVENT_CONT,
  libbpf_num_possible_cpus,
  type perf_buffer,
  perf_buffer__consume,
  perf_buffer__free,
  perf_buffer__new,
  perf_buffer__new_raw,
  perf_buffer__poll,
  perf_buffer__poll_async,
} from '#lib/index.js'
import { bootDefault, shutdown, spawn } from '#lib/machine/index.js'
import * as perf from '#shared/uapi/perf_event.js'
import { programPath } from '../paths.js'
import { check, randomSource, type StressOptions } from './run.js'

export const MODES = ['poll', 'poll_async', 'consume', 'raw'] as const
export type Mode = (typeof MODES)[number]

const PAGES = 8
const HEADER_BYTES = 16
const COUNTERS_BYTES = 32
/** Calls between two naps: a third of the events finds room. */
const BURST = 16
const STALL_MAX_MS = 12
const STALL_ONE_IN = 40
const FULL_MIX = 0x7fb5d329728ea185n
const U64 = (1n << 64n) - 1n

/** What the reader of one CPU's ring has seen. */
class Channel {
  received = 0
  lost = 0
  last = -1n
  small = 0

  constructor(readonly cpu: number) {}

  sample(data: Uint8Array): void {
    this.received++
    const padded = data.length
    // 4 + size is padded to a multiple of 8, so a sample below the header's size arrives as 4 or 12 bytes.
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    const size = padded < HEADER_BYTES + 4 ? 0 : view.getUint32(8, true)
    if (size < HEADER_BYTES || padded !== Math.ceil((size + 4) / 8) * 8 - 4) {
      this.#small(data)
      return
    }
    const sequence = view.getBigUint64(0, true)
    check(sequence > this.last, `CPU ${this.cpu}: sequence ${sequence} after ${this.last}`)
    this.last = sequence
    this.#checksum(view, size, sequence)
  }

  /** An event without room for a header repeats one byte. */
  #small(data: Uint8Array): void {
    this.small++
    check(data.length <= HEADER_BYTES + 4, `CPU ${this.cpu}: ${data.length} bytes without a header`)
    // The last event of that kind may be padded with up to 7 bytes of whatever lay there.
    const sure = Math.max(1, data.length - 7)
    for (let i = 1; i < sure; i++) check(data[i] === data[0], `CPU ${this.cpu}: a small event is torn`)
  }

  #checksum(view: DataView, size: number, sequence: bigint): void {
    let random = (sequence + 1n) ^ ((sequence + 1n) >> 31n)
    random = (random * FULL_MIX) & U64
    random ^= random >> 27n
    const randomLow = Number(random & 0xffffffffn)
    const randomHigh = Number(random >> 32n)
    let sum = size
    for (let i = 2; i * 8 < size; i++) {
      // (random * i) as 64 bits, by words.
      const low = randomLow * i
      const wordLow = low >>> 0
      const wordHigh = (Math.floor(low / 2 ** 32) + randomHigh * i) >>> 0
      if (i * 8 + 8 <= size) {
        check(
          view.getUint32(i * 8, true) === wordLow && view.getUint32(i * 8 + 4, true) === wordHigh,
          `CPU ${this.cpu}: event ${sequence} has a wrong word ${i} of ${size} bytes`,
        )
      }
      sum = (Math.imul(sum, 31) + wordHigh) >>> 0
    }
    check(view.getUint32(12, true) === sum, `CPU ${this.cpu}: event ${sequence} has a wrong checksum`)
  }
}

function openBuffer(map_fd: number, mode: Mode, channels: Channel[]): perf_buffer | null {
  if (mode !== 'raw') {
    return perf_buffer__new(
      map_fd,
      PAGES,
      (_ctx, cpu, data) => channels[cpu].sample(data),
      (_ctx, cpu, count) => {
        channels[cpu].lost += Number(count)
      },
    )
  }
  const attr = {
    type: perf.PERF_TYPE_SOFTWARE,
    config: perf.PERF_COUNT_SW_BPF_OUTPUT,
    sample_type: perf.PERF_SAMPLE_RAW,
    sample_period: 1,
    wakeup_events: 1,
  }
  return perf_buffer__new_raw(map_fd, PAGES, attr, (_ctx, cpu, record) => {
    const view = new DataView(record.buffer, record.byteOffset, record.byteLength)
    check(view.getUint16(6, true) === record.length, `CPU ${cpu}: a record's size is not its length`)
    const type = view.getUint32(0, true)
    if (type === perf.PERF_RECORD_LOST) channels[cpu].lost += Number(view.getBigUint64(16, true))
    else {
      check(type === perf.PERF_RECORD_SAMPLE, `CPU ${cpu}: a record of type ${type}`)
      const size = view.getUint32(8, true)
      check(size === record.length - 12, `CPU ${cpu}: raw size ${size} in a record of ${record.length}`)
      channels[cpu].sample(record.subarray(12))
    }
    return LIBBPF_PERF_EVENT_CONT
  })
}

/** Reads until `running` says that nobody sends any more, then what is left. */
async function read(pb: perf_buffer, mode: Mode, running: () => boolean, random: () => number): Promise<void> {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  while (running()) {
    let result = 0
    if (mode === 'poll_async') result = await perf_buffer__poll_async(pb, 20)
    else if (mode === 'consume') result = perf_buffer__consume(pb)
    else result = perf_buffer__poll(pb, 20)
    check(result >= 0, `${mode} returned ${result}`)
    if (random() % STALL_ONE_IN === 0) Atomics.wait(pause, 0, 0, random() % STALL_MAX_MS)
  }
  check(perf_buffer__consume(pb) === 0, 'the last consume failed')
}

export interface EventFigures {
  sent: number
  received: number
  lost: number
  pending: number
}

/** One mode: `events` events over `cpus` CPUs. */
export async function runMode(mode: Mode, cpus: number, events: number, seed: number): Promise<EventFigures> {
  bootDefault({ cpus })
  const random = randomSource(seed)
  const figures: EventFigures = { sent: 0, received: 0, lost: 0, pending: 0 }
  try {
    const obj = bpf_object__open_file(programPath('stress_events.bpf.o'), null)
    check(obj !== null && bpf_object__load(obj) === 0, 'the program does not load')
    const channels = Array.from({ length: cpus }, (_, cpu) => new Channel(cpu))
    const pb = openBuffer(bpf_object__find_map_fd_by_name(obj, 'events'), mode, channels)
    check(pb !== null, 'no perf buffer')
    const link = bpf_program__attach(bpf_object__find_program_by_name(obj, 'send')!)
    check(link !== null, 'the program does not attach')
    const url = new URL('../workloads/caller.js', import.meta.url)
    const calls = Math.ceil(events / cpus)
    const tasks = channels.map(({ cpu }) => spawn(url, { cpu, args: [String(calls), String(BURST)] }))
    await read(pb, mode, () => tasks.some((task) => task.running), random)
    for (const task of tasks) check(task.exitCode === 0, `a task ended with ${task.exitCode}`)
    bpf_link__destroy(link)

    const counters = new Uint8Array(COUNTERS_BYTES * libbpf_num_possible_cpus())
    const fd = bpf_object__find_map_fd_by_name(obj, 'counters')
    check(bpf_map_lookup_elem(fd, Uint32Array.of(0), counters) === 0, 'no counters')
    const words = new BigUint64Array(counters.buffer)
    for (const { cpu, received, lost } of channels) {
      const [sequence, sent, full, failed] = Array.from(words.subarray(cpu * 4, cpu * 4 + 4), Number)
      const pending = pb.statistics()[cpu].lostPending
      check(failed === 0, `CPU ${cpu}: ${failed} sends failed otherwise than by a full ring`)
      check(sequence >= calls, `CPU ${cpu}: only ${sequence} runs for ${calls} calls`)
      check(sequence === sent + full, `CPU ${cpu}: ${sequence} runs, ${sent} sent, ${full} refused`)
      check(sent === received, `CPU ${cpu}: ${sent} sent, ${received} received`)
      check(full === lost + pending, `CPU ${cpu}: ${full} refused, ${lost} reported lost, ${pending} pending`)
      figures.sent += sequence
      figures.received += received
      figures.lost += lost
      figures.pending += pending
    }
    perf_buffer__free(pb)
    bpf_object__close(obj)
  } finally {
    await shutdown()
  }
  return figures
}

/** All four ways to read, a quarter of the events each. */
export async function runEvents(options: StressOptions & { cpus?: number; events?: number }): Promise<object> {
  const { seed, progress, cpus = 8, events = 1_200_000 } = options
  const result: Record<string, EventFigures> = {}
  for (const mode of MODES) {
    result[mode] = await runMode(mode, cpus, Math.ceil(events / MODES.length), seed)
    progress(`${mode}: ${JSON.stringify(result[mode])}`)
  }
  return result
}
