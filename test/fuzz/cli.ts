/**
 * `npm run fuzz -- SUITE [--seconds N] [--seed S] [--programs N] [--no-kernel] [--json]`: exit 1 on a difference, which
 * is saved in .fuzz/ with its smallest form.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fuzzSuites } from './suites.js'

const FOLDER = '.fuzz'
const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    seconds: { type: 'string' },
    seed: { type: 'string' },
    programs: { type: 'string' },
    kernel: { type: 'boolean', default: true },
    json: { type: 'boolean', default: false },
  },
})
const suite = fuzzSuites.find((candidate) => candidate.name === positionals[0])
if (!suite) {
  console.error(`fuzz: name a suite:${fuzzSuites.map(({ name, what }) => `\n  ${name}: ${what}`).join('')}`)
  process.exit(2)
}
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
console.error(`${suite.name} (seed ${seed})`)
const report = await suite.run({
  seed,
  programs: values.programs === undefined ? suite.defaultPrograms : Number(values.programs),
  seconds: values.seconds === undefined ? undefined : Number(values.seconds),
  kernel: values.kernel,
  progress: (text) => process.stderr.write(`  ${text}\n`),
})
for (const found of report.differences) {
  mkdirSync(FOLDER, { recursive: true })
  const path = join(FOLDER, `${report.suite}-${report.seed}-${found.index}.json`)
  writeFileSync(path, `${JSON.stringify({ suite: report.suite, seed: report.seed, ...found }, null, 2)}\n`)
  console.error(`${path}: ${found.what}\n  ${found.text.join('\n  ')}`)
}
const { suite: name, programs, accepted, kernel, differences } = report
console.log(JSON.stringify({ suite: name, seed, programs, accepted, differences: differences.length, kernel }))
process.exitCode = differences.length > 0 ? 1 : 0
