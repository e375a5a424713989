import { writeSync } from 'node:fs'
import { InjectedFault } from './faults.js'

const STDERR_FD = 2

/** Says on standard error why a CPU ends; a fault that a test asked for is no news. */
export function obituary(cpu: number, error: unknown): void {
  if (error instanceof InjectedFault) return
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  writeSync(STDERR_FD, `smpbpf: cpu ${cpu} died: ${text}\n`)
}
