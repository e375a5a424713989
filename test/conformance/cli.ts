/**
 * `npm run conformance -- SUITE [--data FILE] [--json]`: judges recorded vectors. Exit 1 when a row differs, 2 when
 * there is no such suite or no data.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { conformanceFolder, readLines } from './data.js'
import { suites } from './suites.js'

function fail(message: string): never {
  console.error(`conformance: ${message}`)
  process.exit(2)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { data: { type: 'string' }, json: { type: 'boolean', default: false } },
})
const suite = suites.find((candidate) => candidate.name === positionals[0])
if (!suite) {
  const list = suites.map(({ name, what }) => `\n  ${name}: ${what}`).join('')
  fail(`${positionals[0] ? `no suite '${positionals[0]}'` : 'no suite named'}; there are:${list}`)
}
// npm runs this from the package's folder: a relative path is the caller's.
const from = process.env.INIT_CWD ?? process.cwd()
const path = values.data === undefined ? join(conformanceFolder, suite.data) : resolve(from, values.data)
if (!existsSync(path)) fail(`no data at ${path}; name a file with --data`)
const report = await suite.run(readLines(path))
if (values.json) console.log(JSON.stringify(report))
else {
  for (const { id, expected, got, cause } of report.differ) {
    console.log(`${id}: expected ${expected}, got ${got} (${cause})`)
  }
  for (const { id, why } of report.skipped) console.log(`${id}: skipped: ${why}`)
  const { agree, differ, skipped, total } = report
  console.log(`${report.suite}: ${agree} of ${total} agree, ${differ.length} differ, ${skipped.length} skipped`)
}
process.exitCode = report.differ.length > 0 ? 1 : 0
