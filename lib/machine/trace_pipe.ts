import { TraceReader } from '../../shared/rings/trace.js'
import { defaultMachine } from './default.js'
import type { Machine } from './machine.js'

export interface TracePipeOptions {
  /** How long to wait for each line before the iteration ends; negative, the default, is for ever. */
  timeoutMs?: number
  /** Whose trace_pipe; the default machine's when absent. */
  machine?: Machine
}

/** A machine's trace_pipe has one reader, since reading takes lines away. */
const readers = new WeakMap<Machine, TraceReader>()

function readerOf(machine: Machine): TraceReader {
  let reader = readers.get(machine)
  if (!reader) {
    reader = new TraceReader(machine.views)
    readers.set(machine, reader)
  }
  return reader
}

/**
 * The lines that bpf_trace_printk writes, as reading /sys/kernel/tracing/trace_pipe gives them, without their newlines:
 * a text that ends with a newline is followed by an empty line. Iterating with `for` blocks, with `for await` it does
 * not. The iteration ends at the timeout, at a SIGINT, or with the machine.
 */
export function trace_pipe(options: TracePipeOptions = {}): Iterable<string> & AsyncIterable<string> {
  const { machine = defaultMachine(), timeoutMs = -1 } = options
  return {
    [Symbol.iterator]: () => blocking(machine, timeoutMs),
    [Symbol.asyncIterator]: () => waiting(machine, timeoutMs),
  }
}

/** All text that is in trace_pipe now, '' when there is none. Never blocks. */
export function trace_pipe_text(machine: Machine = defaultMachine()): string {
  return readerOf(machine).read()
}

function deadline(timeoutMs: number): number {
  return timeoutMs < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs
}

/** What is left until `deadlineMs`, as the doorbell takes it: negative is for ever. */
function left(deadlineMs: number): number {
  return deadlineMs === Number.POSITIVE_INFINITY ? -1 : Math.max(0, deadlineMs - performance.now())
}

function* blocking(machine: Machine, timeoutMs: number): Generator<string> {
  const reader = readerOf(machine)
  for (;;) {
    const deadlineMs = deadline(timeoutMs)
    while (!reader.ready) {
      const seen = machine.prepareWait()
      try {
        if (!reader.ready && machine.waitDoorbell(seen, left(deadlineMs)) !== 'rung') return
      } finally {
        machine.finishWait()
      }
    }
    yield* reader.lines()
  }
}

async function* waiting(machine: Machine, timeoutMs: number): AsyncGenerator<string> {
  const reader = readerOf(machine)
  for (;;) {
    const deadlineMs = deadline(timeoutMs)
    while (!reader.ready) {
      const seen = machine.prepareWait()
      try {
        if (!reader.ready && (await machine.waitDoorbellAsync(seen, left(deadlineMs))) !== 'rung') return
      } finally {
        machine.finishWait()
      }
    }
    yield* reader.lines()
  }
}
