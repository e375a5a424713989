/** `node dist/test/libbpf/test_run/record.js`: asks the kernel every case and writes answers.jsonl.gz. */
import { writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { testRunCases } from './cases.js'
import { ANSWERS, askTestRuns } from './kernel.js'

const cases = testRunCases()
const answers = askTestRuns(cases)
if (answers === null) throw new Error('no kernel answers here')
// Programs that the kernel's verifier refuses have no runs to compare.
const lines = cases.flatMap((one, n) => (answers[n].load === undefined ? [JSON.stringify([one, answers[n]])] : []))
writeFileSync(ANSWERS, gzipSync(`${lines.join('\n')}\n`, { level: 9 }))
console.log(`${cases.length} cases, ${lines.length} recorded`)
