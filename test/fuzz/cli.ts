/**
 * `npm run fuzz -- SUITE [--seconds N] [--seed S] [--programs N] [--first N] [--no-kernel]`: exit 1 on a difference,
 * which is saved in .fuzz/ with its smallest form.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { FuzzReport, FuzzSuite } from './run.js'
import { fuzzSuites } from './suites.js'

const FOLDER = '.fuzz'
const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    seconds: { type: 'string' },
    seed: { type: 'string' },
    programs: { type: 'string' },
    first: { type: 'string', default: '0' },
    kernel: { type: 'boolean', default: true },
    json: { type: 'boolean', default: false },
    /** One process of several: prints its whole report. */
    part: { type: 'boolean', default: false },
  },
})

interface Range {
  readonly first: number
  readonly programs: number
  readonly seconds: number | undefined
}

function runHere(suite: FuzzSuite, seed: number, range: Range): Promise<FuzzReport> {
  const progress = (text: string) => process.stderr.write(`  ${text}\n`)
  return suite.run({ seed, ...range, kernel: values.kernel, progress })
}

/** Runs a range in a process of its own. */
function runApart(suite: FuzzSuite, seed: number, { first, programs, seconds }: Range): Promise<FuzzReport> {
  const options = { seed, first, programs, ...(seconds === undefined ? {} : { seconds }) }
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
  if (!values.kernel) args.push('--no-kernel')
  const child = spawn(process.execPath, [import.meta.filename, suite.name, '--part', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (text === '')
        reject(new Error(`programs ${first} to ${first + programs - 1}: the process ended with ${signal ?? code}`))
      else resolve(JSON.parse(text) as FuzzReport)
    })
  })
}

function merge(a: FuzzReport, b: FuzzReport): FuzzReport {
  return {
    ...a,
    programs: a.programs + b.programs,
    accepted: a.accepted + b.accepted,
    differences: [...a.differences, ...b.differences],
    kernel: { programs: a.kernel.programs + b.kernel.programs, accepted: a.kernel.accepted + b.kernel.accepted },
  }
}

async function runAll(suite: FuzzSuite, seed: number): Promise<FuzzReport> {
  const programs = values.programs === undefined ? suite.defaultPrograms : Number(values.programs)
  const first = Number(values.first)
  const endMs =
    values.seconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + Number(values.seconds) * 1000
  const left = () => (endMs === Number.POSITIVE_INFINITY ? undefined : Math.max(0, (endMs - performance.now()) / 1000))
  if (programs <= suite.perProcess) return runHere(suite, seed, { first, programs, seconds: left() })
  let all: FuzzReport | undefined
  for (let done = 0; done < programs && performance.now() < endMs; done += suite.perProcess) {
    const range = { first: first + done, programs: Math.min(suite.perProcess, programs - done), seconds: left() }
    const part = await runApart(suite, seed, range)
    all = all ? merge(all, part) : part
    if (all.differences.length > 0) break
  }
  return all as FuzzReport
}

function save(report: FuzzReport): void {
  for (const found of report.differences) {
    mkdirSync(FOLDER, { recursive: true })
    const path = join(FOLDER, `${report.suite}-${report.seed}-${found.index}.json`)
    writeFileSync(path, `${JSON.stringify({ suite: report.suite, seed: report.seed, ...found }, null, 2)}\n`)
    console.error(`${path}: ${found.what}\n  ${found.text.join('\n  ')}`)
  }
}

const suite = fuzzSuites.find((candidate) => candidate.name === positionals[0])
if (!suite) {
  console.error(`fuzz: name a suite:${fuzzSuites.map(({ name, what }) => `\n  ${name}: ${what}`).join('')}`)
  process.exit(2)
}
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
if (!values.part) console.error(`${suite.name} (seed ${seed})`)
const report = await runAll(suite, seed)
if (values.part) console.log(JSON.stringify(report))
else {
  save(report)
  const { suite: name, programs, accepted, kernel, differences } = report
  console.log(JSON.stringify({ suite: name, seed, programs, accepted, differences: differences.length, kernel }))
}
process.exitCode = report.differences.length > 0 ? 1 : 0
