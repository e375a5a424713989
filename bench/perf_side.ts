import type { Available } from './peer.js'

/** Our side of one perf row: a loaded program, its rings and consumer. */
export interface PerfSide {
  /** Runs producer and consumer for about `seconds`; events received per second. */
  round(seconds: number): number
  /** What happened in all rounds, in words. */
  note(): string
  close(): void
}

export async function openPerfSide(
  _insns: Uint8Array,
  _sizeBytes: number,
  _wakeup: number,
  _pages: number,
): Promise<Available<PerfSide>> {
  return { reason: 'not there yet' }
}
