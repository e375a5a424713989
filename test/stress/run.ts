/** What a stress run is given, and what it may say. A failure is an exception. */
export interface StressOptions {
  seed: number
  /** Bound of runs that have one; others run a fixed amount of work. */
  seconds?: number
  progress: (text: string) => void
}

export interface StressRun {
  name: string
  what: string
  /** Returns the figures to report. */
  run: (options: StressOptions) => Promise<object> | object
}

/** A small seeded generator (mulberry32): integers in [0, 2^32). */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}

export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}
