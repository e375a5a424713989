import { writeSync } from 'node:fs'
import { InjectedFault } from './faults.js'

const STDERR_FD = 2

/** Says on standard error why a CPU ends; a fault that a test asked for is no news. */
export function obituary(cpu: number, error: unknown): void {
  if (error instanceof InjectedFault) return
  write(`cpu ${cpu}`, error)
}

/** The same for the supervisor. */
export function supervisorObituary(error: unknown): void {
  write('the supervisor', error)
}

function write(who: string, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  writeSync(STDERR_FD, `smpbpf: ${who} died: ${text}\n`)
}
