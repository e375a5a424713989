/** The reading side of trace_pipe: records into lines, as tracefs prints them. */
import { COMM_BYTES, HEADER, TRACE, TRACE_PADDING_CPU, TRACE_RECORD, TRACE_RING_BYTES } from '../layout.js'
import {
  BPF_PROG_TYPE_KPROBE,
  BPF_PROG_TYPE_PERF_EVENT,
  BPF_PROG_TYPE_RAW_TRACEPOINT,
  BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
  BPF_PROG_TYPE_TRACEPOINT,
  BPF_PROG_TYPE_TRACING,
} from '../uapi/bpf.js'
import { type Views, word } from '../views.js'

/** Bits of a record's flags (linux/trace_events.h). */
export const TraceFlag = { irqsOff: 1, needResched: 4, hardIrq: 8, softIrq: 16, nmi: 64, bhOff: 128 } as const

interface Preemption {
  readonly flags: number
  /** Preemption depth in the low half byte, migration disabled in the high one. */
  readonly preempt: number
}

const PROBE: Preemption = { flags: 0, preempt: 0x12 }
const RAW: Preemption = { flags: 0, preempt: 0x02 }
const PACKET: Preemption = { flags: TraceFlag.bhOff, preempt: 0x11 }

const byProgramType = new Map<number, Preemption>([
  [BPF_PROG_TYPE_KPROBE, PROBE],
  [BPF_PROG_TYPE_TRACEPOINT, PROBE],
  [BPF_PROG_TYPE_PERF_EVENT, PROBE],
  [BPF_PROG_TYPE_RAW_TRACEPOINT, RAW],
  [BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, RAW],
  [BPF_PROG_TYPE_TRACING, RAW],
])

/** In what state the kernel runs programs of a type: what the five flag columns of a line show. */
export function traceFlags(programType: number): Preemption {
  return byProgramType.get(programType) ?? PACKET
}

/** One event of trace_pipe. */
export interface TraceEvent {
  comm: string
  pid: number
  cpu: number
  flags: number
  preempt: number
  /** CLOCK_MONOTONIC in ns. */
  timeNs: number
  text: string
}

const COMM_COLUMN = 16
const PID_COLUMN = 7
const CPU_DIGITS = 3
const SECONDS_COLUMN = 5
const NS_PER_US = 1000
const US_PER_S = 1_000_000

const depth = (value: number) => (value === 0 ? '.' : Math.min(value, 15).toString(16))

/** The five columns: irqs or bottom halves off, rescheduling, interrupt, preemption depth, migration. */
function latencyColumns(flags: number, preempt: number): string {
  const irqs = flags & TraceFlag.irqsOff
  const bottom = flags & TraceFlag.bhOff
  const first = irqs && bottom ? 'D' : irqs ? 'd' : bottom ? 'b' : '.'
  const hard = flags & TraceFlag.hardIrq
  const soft = flags & TraceFlag.softIrq
  const interrupt = flags & TraceFlag.nmi ? (hard ? 'Z' : 'z') : hard ? (soft ? 'H' : 'h') : soft ? 's' : '.'
  const resched = flags & TraceFlag.needResched ? 'n' : '.'
  return `${first}${resched}${interrupt}${depth(preempt & 15)}${depth(preempt >> 4)}`
}

/** An event as trace_pipe prints it, without the newline that ends it. The text's own newlines stay. */
export function formatTraceEvent(event: TraceEvent): string {
  const us = Math.floor((event.timeNs + NS_PER_US / 2) / NS_PER_US)
  const seconds = `${Math.floor(us / US_PER_S)}`.padStart(SECONDS_COLUMN)
  const fraction = `${us % US_PER_S}`.padStart(6, '0')
  const task = `${event.comm.padStart(COMM_COLUMN)}-${`${event.pid}`.padEnd(PID_COLUMN)}`
  const cpu = `[${`${event.cpu}`.padStart(CPU_DIGITS, '0')}]`
  const columns = latencyColumns(event.flags, event.preempt)
  return `${task} ${cpu} ${columns} ${seconds}.${fraction}: bpf_trace_printk: ${event.text}`
}

/** The one consumer of a machine's trace_pipe. Reading takes events away, as reading the file does. */
export class TraceReader {
  readonly #views: Views
  readonly #ring: number
  #partial = ''

  constructor(views: Views) {
    this.#views = views
    this.#ring = views.u32[word(HEADER.trace)]
  }

  /** Lines lost because the ring was full. */
  get dropped(): number {
    return Atomics.load(this.#views.u32, word(this.#ring + TRACE.dropped))
  }

  /** True when an event can be read. */
  get ready(): boolean {
    const { u32 } = this.#views
    const tail = u32[word(this.#ring + TRACE.tail)]
    return this.#partial !== '' || Atomics.load(u32, word(this.#ring + TRACE.head)) !== tail
  }

  /** The next event, or undefined when there is none yet. */
  next(): TraceEvent | undefined {
    const { u32, data } = this.#views
    const tailWord = word(this.#ring + TRACE.tail)
    for (;;) {
      const tail = u32[tailWord]
      if (Atomics.load(u32, word(this.#ring + TRACE.head)) === tail) return undefined
      const record = this.#ring + TRACE.data + (tail & (TRACE_RING_BYTES - 1))
      const bytes = u32[word(record + TRACE_RECORD.bytes)]
      const padding = data.getUint16(record + TRACE_RECORD.cpu, true) === TRACE_PADDING_CPU
      const event = padding ? undefined : this.#event(record)
      Atomics.store(u32, tailWord, (tail + bytes) >>> 0)
      if (event) return event
    }
  }

  #event(record: number): TraceEvent {
    const { u32, u8, data } = this.#views
    const text = record + TRACE_RECORD.$bytes
    const textBytes = u32[word(record + TRACE_RECORD.textBytes)]
    const comm = Buffer.from(u8.slice(record + TRACE_RECORD.comm, record + TRACE_RECORD.comm + COMM_BYTES))
    const end = comm.indexOf(0)
    return {
      comm: comm.toString('utf8', 0, end < 0 ? COMM_BYTES : end),
      pid: u32[word(record + TRACE_RECORD.pid)],
      cpu: data.getUint16(record + TRACE_RECORD.cpu, true),
      flags: u8[record + TRACE_RECORD.flags],
      preempt: u8[record + TRACE_RECORD.preempt],
      timeNs: Number(data.getBigUint64(record + TRACE_RECORD.timeNs, true)),
      text: Buffer.from(u8.slice(text, text + textBytes)).toString(),
    }
  }

  /** Everything there is, as reading trace_pipe would give it: '' when nothing is there. */
  read(): string {
    let all = this.#partial
    this.#partial = ''
    for (let event = this.next(); event; event = this.next()) all += `${formatTraceEvent(event)}\n`
    return all
  }

  /** The next line without its newline, or undefined. A text that ends with a newline is followed by an empty line. */
  readLine(): string | undefined {
    if (this.#partial === '') {
      const event = this.next()
      if (!event) return undefined
      this.#partial = `${formatTraceEvent(event)}\n`
    }
    const end = this.#partial.indexOf('\n')
    const line = this.#partial.slice(0, end)
    this.#partial = this.#partial.slice(end + 1)
    return line
  }

  /** The lines that are there now. */
  *lines(): Generator<string> {
    for (let line = this.readLine(); line !== undefined; line = this.readLine()) yield line
  }
}
