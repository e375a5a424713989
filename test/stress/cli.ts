/** `npm run stress -- [FILTER] [--seconds N] [--seed S]`: the long runs, one after another; exit 1 if one fails. */
import { parseArgs } from 'node:util'
import { stressRuns } from './runs.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, json: { type: 'boolean', default: false } },
})
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
const seconds = values.seconds === undefined ? undefined : Number(values.seconds)
const chosen = stressRuns.filter((run) => run.name.startsWith(positionals[0] ?? ''))
if (chosen.length === 0) {
  console.error(`stress: nothing is called '${positionals[0]}'; there are: ${stressRuns.map((r) => r.name).join(' ')}`)
  process.exit(2)
}

const results: object[] = []
let failures = 0
for (const { name, what, run } of chosen) {
  const start = performance.now()
  console.error(`${name} (seed ${seed}): ${what}`)
  try {
    const figures = await run({ seed, seconds, progress: (text) => process.stderr.write(`  ${text}\n`) })
    const took = ((performance.now() - start) / 1000).toFixed(1)
    results.push({ name, seed, ok: true, ...figures })
    if (!values.json) console.log(`${name}: ok in ${took} s ${JSON.stringify(figures)}`)
  } catch (error) {
    failures++
    results.push({ name, seed, ok: false, error: String(error) })
    if (!values.json) console.log(`${name}: FAILED with seed ${seed}: ${error instanceof Error ? error.stack : error}`)
  }
}
if (values.json) console.log(JSON.stringify(results))
process.exitCode = failures > 0 ? 1 : 0
