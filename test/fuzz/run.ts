/** What a fuzzing suite is given, and what it reports. */

export interface FuzzOptions {
  readonly seed: number
  /** How many programs to try, at most. */
  readonly programs: number
  /** Number of the first program. Default 0. */
  readonly first?: number
  /** Stops after this long. */
  readonly seconds?: number
  /** Ask the real kernel where one can be asked. */
  readonly kernel: boolean
  /** Stops at this many differences: a run with more has one cause for all. Default 10. */
  readonly stopAfter?: number
  readonly progress: (text: string) => void
}

export interface FoundDifference {
  /** Which program of the run it was. */
  readonly index: number
  readonly what: string
  /** The program as generated, and shrunk. */
  readonly insns: string
  readonly shrunk: string
  /** The shrunk program's instructions as text. */
  readonly text: readonly string[]
}

export interface FuzzReport {
  readonly suite: string
  readonly seed: number
  readonly programs: number
  /** Programs that were accepted by everybody who had to run them. */
  readonly accepted: number
  readonly differences: readonly FoundDifference[]
  /** Programs compared with the real kernel, and those of them that it accepted. */
  readonly kernel: { readonly programs: number; readonly accepted: number }
}

export interface FuzzSuite {
  readonly name: string
  readonly what: string
  /** Programs of a run that names no number. */
  readonly defaultPrograms: number
  /** How many programs one process tries: the engine keeps the code of dead modules for too long to try them all. */
  readonly perProcess: number
  run(options: FuzzOptions): Promise<FuzzReport>
}

/** A seed for the program of number `index`: programs do not depend on those before them. */
export function programSeed(seed: number, index: number): number {
  let mixed = (seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b) >>> 0
  return (mixed ^ (mixed >>> 13)) >>> 0 || 1
}

/** True from the moment that `seconds` are over; never without them. */
export function deadline(seconds: number | undefined): () => boolean {
  if (seconds === undefined) return () => false
  const end = performance.now() + seconds * 1000
  return () => performance.now() > end
}
