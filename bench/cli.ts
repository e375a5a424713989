/**
 * npm run bench -- [FILTER...] [--json] [--seconds N] [--rounds N] [--verbose] [--list] [--save]
 *
 * FILTER is the beginning of a row's name, or a suite's name. Progress goes to standard error.
 */
import { parseArgs } from 'node:util'
import { reportTable, spread } from './report.js'
import { type Bench, type BenchContext, type Outcome, type Row, toRow } from './row.js'
import { save } from './save.js'
import { suites } from './suites.js'

interface Chosen {
  suite: string
  bench: Bench
}

async function choose(filters: string[]): Promise<Chosen[]> {
  const chosen: Chosen[] = []
  for (const suite of suites) {
    const whole = filters.length === 0 || filters.includes(suite.name)
    for (const bench of await suite.load()) {
      if (whole || filters.some((filter) => bench.name.startsWith(filter))) chosen.push({ suite: suite.name, bench })
    }
  }
  return chosen
}

async function measure(bench: Bench, context: BenchContext, verbose: boolean): Promise<{ row: Row; outcome: Outcome }> {
  context.progress(`${bench.name} ...`)
  let outcome: Outcome
  try {
    outcome = await bench.measure(context)
  } catch (error) {
    // One broken row must not take the others with it; it shows as null and in the exit status.
    process.exitCode = 1
    outcome = { notes: [`failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`] }
  }
  if (verbose) for (const line of spread(outcome)) context.progress(`  ${line}`)
  for (const note of outcome.notes ?? []) context.progress(`  ${note}`)
  return { row: toRow(bench, outcome), outcome }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '7' },
      verbose: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  })
  const seconds = Number(values.seconds)
  const rounds = Number(values.rounds)
  if (!(seconds > 0) || !(rounds >= 1)) throw new Error('--seconds and --rounds want positive numbers')
  const progress = (text: string): void => void process.stderr.write(`${text}\n`)
  const chosen = await choose(positionals)
  if (chosen.length === 0) throw new Error(`no row begins with ${positionals.join(' or ')}`)
  if (values.list) {
    process.stdout.write(`${chosen.map(({ bench }) => bench.name).join('\n')}\n`)
    return
  }
  const context: BenchContext = { seconds, rounds: Math.floor(rounds), progress }
  const rows: Row[] = []
  const bySuite = new Map<string, { row: Row; outcome: Outcome }[]>()
  for (const { suite, bench } of chosen) {
    const measured = await measure(bench, context, values.verbose)
    rows.push(measured.row)
    bySuite.set(suite, [...(bySuite.get(suite) ?? []), measured])
  }
  process.stdout.write(values.json ? `${JSON.stringify(rows, null, 2)}\n` : reportTable(rows))
  if (values.save) for (const [suite, measured] of bySuite) progress(`saved ${save(suite, measured)}`)
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
})
