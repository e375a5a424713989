/**
 * The places, between the shared stores of locked sections and ring reservations, where a build with fault points
 * calls env.fault_point(id). A test makes one of them stop the thread and then checks what recovery leaves behind.
 */
const names = [
  'lock.taken',
  'lock.released',
  'hash.insert.intent',
  'hash.insert.popped',
  'hash.insert.linked',
  'hash.insert.spare',
  'hash.insert.done',
  'hash.insert.innerReleased',
  'hash.replace.intent',
  'hash.replace.linked',
  'hash.replace.spare',
  'hash.replace.done',
  'hash.delete.intent',
  'hash.delete.unlinked',
  'hash.delete.nextFree',
  'hash.delete.pushed',
  'hash.delete.done',
  'hash.delete.released',
  'percpuHash.copied',
  'queue.filled',
  'queue.moved',
  'perf.intent',
  'perf.lostRecord',
  'perf.record',
  'perf.published',
  'perf.lostReported',
  'perf.counted',
  'perf.wakeup',
  'perf.ready',
  'perf.refused',
  'recover.repaired',
  'recover.settled',
  'recover.innerFreed',
  'recover.freed',
  'trace.record',
  'trace.published',
] as const

export type FaultPointName = (typeof names)[number]

const ids = new Map<FaultPointName, number>(names.map((name, index) => [name, index + 1]))

/** Number of a fault point, as passed to env.fault_point; from 1. */
export function faultPointId(name: FaultPointName): number {
  return ids.get(name)!
}

/** Name of the fault point `id`, or undefined. */
export function faultPointName(id: number): FaultPointName | undefined {
  return names[id - 1]
}

export const FAULT_POINTS = names.length
