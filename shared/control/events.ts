/**
 * The event ring of one CPU: commands from the main thread without a message per event. The main thread alone
 * appends, the CPU alone consumes. An entry's RUN_RESULT belongs to the ring, so that a late write after a CPU's death
 * can never hit memory that means something else by then.
 */
import { CPU, cpuArea, EVENT, EVENT_RING_ENTRIES, EventKind, RUN_RESULT } from '../layout.js'
import { type Views, word } from '../views.js'

export const RunDone = { pending: 0, finished: 1, died: 2 } as const

export interface RunRequest {
  /** Id of a published program. */
  program: number
  /** Address of the context; 0 with contextBytes 0 for none. */
  context: number
  contextBytes: number
  /** Times to run it, at least 1. */
  repeat: number
}

function entryAt(area: number, position: number): number {
  return area + CPU.events + (position % EVENT_RING_ENTRIES) * EVENT.$bytes
}

function resultAt(area: number, position: number): number {
  return area + CPU.results + (position % EVENT_RING_ENTRIES) * RUN_RESULT.$bytes
}

/** Appends a `run` event and rings the CPU's doorbell. Returns the address of its RUN_RESULT, or 0 when full. */
export function pushRun(views: Views, cpu: number, request: RunRequest): number {
  const { i32, u32 } = views
  const area = cpuArea(cpu)
  const head = u32[word(area + CPU.eventHead)]
  if ((head - Atomics.load(u32, word(area + CPU.eventTail))) >>> 0 >= EVENT_RING_ENTRIES) return 0
  const result = resultAt(area, head)
  u32.fill(0, word(result), word(result + RUN_RESULT.$bytes))
  const entry = entryAt(area, head)
  u32[word(entry + EVENT.kind)] = EventKind.run
  u32[word(entry + EVENT.program)] = request.program
  u32[word(entry + EVENT.context)] = request.context
  u32[word(entry + EVENT.contextBytes)] = request.contextBytes
  u32[word(entry + EVENT.repeat)] = request.repeat
  u32[word(entry + EVENT.result)] = result
  Atomics.store(u32, word(area + CPU.eventHead), (head + 1) >>> 0)
  ringCpu(i32, cpu)
  return result
}

/** Address of the oldest entry not yet consumed, or 0. */
export function peekEvent(views: Views, area: number): number {
  const { u32 } = views
  const tail = u32[word(area + CPU.eventTail)]
  return Atomics.load(u32, word(area + CPU.eventHead)) === tail ? 0 : entryAt(area, tail)
}

/** Sets the outcome of the oldest entry, wakes who waits for it and frees its place. */
export function finishEvent(views: Views, area: number, done: number): void {
  const { i32, u32 } = views
  const tail = u32[word(area + CPU.eventTail)]
  const result = word(u32[word(entryAt(area, tail) + EVENT.result)] + RUN_RESULT.done)
  Atomics.compareExchange(i32, result, RunDone.pending, done)
  Atomics.store(u32, word(area + CPU.eventTail), (tail + 1) >>> 0)
  Atomics.notify(i32, result)
}

/** Ends every event that a dead CPU was given. Returns how many; those that come meanwhile are its successor's. */
export function failEvents(views: Views, area: number): number {
  const { u32 } = views
  const pending = (Atomics.load(u32, word(area + CPU.eventHead)) - u32[word(area + CPU.eventTail)]) >>> 0
  for (let i = 0; i < pending; i++) finishEvent(views, area, RunDone.died)
  return pending
}

/** Wakes CPU `cpu`, or keeps it from falling asleep. */
export function ringCpu(i32: Int32Array, cpu: number): void {
  const area = cpuArea(cpu)
  Atomics.add(i32, word(area + CPU.doorbell), 1)
  if (Atomics.load(i32, word(area + CPU.sleeping)) !== 0) Atomics.notify(i32, word(area + CPU.doorbell))
}
