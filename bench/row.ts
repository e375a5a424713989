import type { Summary } from './measure.js'

/** One line of the report. A ratio above 1 means this project is better; null means not measurable here. */
export interface Row {
  bench: string
  unit: string
  ours: number | null
  kernel: number | null
  native: number | null
  ratio_kernel: number | null
  ratio_native: number | null
}

/** What a benchmark hands back: a summary for each side that could be measured, and remarks on how. */
export interface Outcome {
  ours?: Summary
  kernel?: Summary
  native?: Summary
  notes?: string[]
}

export interface BenchContext {
  /** Seconds of measured time for each side of a row, over all rounds. */
  seconds: number
  rounds: number
  /** Prints progress to standard error. */
  progress(text: string): void
}

/** One row to be measured. */
export interface Bench {
  name: string
  unit: string
  /** Which direction is better: rates are 'higher', times and sizes 'lower'. */
  better: 'higher' | 'lower'
  measure(context: BenchContext): Promise<Outcome>
}

/** A family of rows, loaded only when one of them is asked for. */
export interface Suite {
  name: string
  load(): Promise<Bench[]>
}

function ratio(ours: number | null, theirs: number | null, better: Bench['better']): number | null {
  if (ours === null || theirs === null) return null
  const value = better === 'higher' ? ours / theirs : theirs / ours
  return Number.isFinite(value) ? value : null
}

/** The row of a finished benchmark: medians and ratios, rounded to 4 significant digits. */
export function toRow(bench: Bench, outcome: Outcome): Row {
  const ours = outcome.ours?.median ?? null
  const kernel = outcome.kernel?.median ?? null
  const native = outcome.native?.median ?? null
  return {
    bench: bench.name,
    unit: bench.unit,
    ours: round(ours),
    kernel: round(kernel),
    native: round(native),
    ratio_kernel: round(ratio(ours, kernel, bench.better)),
    ratio_native: round(ratio(ours, native, bench.better)),
  }
}

function round(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4))
}
