/** The real kernel's answers to test run cases, where it can be asked: root and python3. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { TestRunCase } from './cases.js'

const folder = join(dirname(createRequire(import.meta.url).resolve('smpbpf/package.json')), 'test/libbpf/test_run')
/** The recorded answers: [case, answer] a line. */
export const ANSWERS = join(folder, 'answers.jsonl.gz')

export interface TestRunAnswer {
  /** Errno of the load; the rest is absent then. */
  readonly load?: number
  readonly error?: number
  readonly retval?: number
  readonly data_size_out?: number
  readonly ctx_size_out?: number
  readonly data_out?: string
  readonly ctx_out?: string
  /** What became of ctx_in, when it changed. */
  readonly ctx_in?: string
}

/** Asks all cases; null when no kernel answers here. */
export function askTestRuns(cases: readonly TestRunCase[]): TestRunAnswer[] | null {
  const input = cases.map((one) => `${JSON.stringify(one)}\n`).join('')
  const run = spawnSync('python3', [join(folder, 'kernel.py')], { input, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (run.error || run.status !== 0) return null
  const answers = run.stdout.split('\n').filter(Boolean)
  if (answers.length !== cases.length) return null
  const parsed = answers.map((line) => JSON.parse(line) as TestRunAnswer)
  return parsed.every(({ load }) => load !== undefined) ? null : parsed
}
