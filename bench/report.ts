import type { Summary } from './measure.js'
import type { Outcome, Row } from './row.js'

/** 1234567 as "1.235 M"; small figures with 4 significant digits. */
export function human(value: number | null): string {
  if (value === null) return '-'
  const size = Math.abs(value)
  if (size >= 1e9) return `${(value / 1e9).toPrecision(4)} G`
  if (size >= 1e6) return `${(value / 1e6).toPrecision(4)} M`
  if (size >= 1e4) return `${(value / 1e3).toPrecision(4)} k`
  return String(Number(value.toPrecision(4)))
}

/** The rows as a table for people, with a line at its end on how to read it. */
export function reportTable(rows: readonly Row[]): string {
  const head = ['bench', 'unit', 'ours', 'kernel', 'native', 'vs kernel', 'vs native']
  const cells = rows.map((row) => [
    row.bench,
    row.unit,
    human(row.ours),
    human(row.kernel),
    human(row.native),
    row.ratio_kernel === null ? '-' : `${row.ratio_kernel.toFixed(2)} x`,
    row.ratio_native === null ? '-' : `${row.ratio_native.toFixed(2)} x`,
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((cell) => cell[column].length)))
  const line = (cell: string[]): string =>
    cell
      .map((text, column) => (column < 2 ? text.padEnd(widths[column]) : text.padStart(widths[column])))
      .join('  ')
      .trimEnd()
  return `${[line(head), ...cells.map(line)].join('\n')}\n`
}

/** Minimum, median and maximum of each side, one line each. */
export function spread(outcome: Outcome): string[] {
  const sides: [string, Summary | undefined][] = [
    ['ours', outcome.ours],
    ['kernel', outcome.kernel],
    ['native', outcome.native],
  ]
  const lines: string[] = []
  for (const [name, summary] of sides) {
    if (!summary) continue
    const { min, median, max, rounds } = summary
    lines.push(`${name.padEnd(6)} min ${human(min)}, median ${human(median)}, max ${human(max)} (${rounds} rounds)`)
  }
  return lines
}
