import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { shutdown } from '#lib/machine/index.js'
import { type TestRunCase, testRunCases } from '#test/libbpf/test_run/cases.js'
import { ANSWERS, askTestRuns, type TestRunAnswer } from '#test/libbpf/test_run/kernel.js'
import { differs, Replay } from '#test/libbpf/test_run/replay.js'

const CASES_MIN = 2000

function recorded(): [TestRunCase, TestRunAnswer][] {
  const lines = gunzipSync(readFileSync(ANSWERS)).toString().split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as [TestRunCase, TestRunAnswer])
}

afterAll(shutdown)

describe('bpf_prog_test_run_opts', () => {
  it('answers every recorded call as the kernel did', () => {
    const replay = new Replay()
    const all = recorded()
    const wrong = all.flatMap(([one, theirs]) => differs(one, replay.answer(one), theirs) ?? [])
    replay.close()
    expect(all.length).toBeGreaterThan(CASES_MIN)
    expect(wrong).toEqual([])
  })

  it('has the answers of the kernel that runs here, if one does', (context) => {
    // Every seventh case: the recording is for all, this for the kernel's being still the same.
    const cases = testRunCases().filter((_, n) => n % 7 === 0)
    const answers = askTestRuns(cases)
    if (answers === null) return context.skip(`${cases.length} cases skipped: no kernel answers here`)
    const replay = new Replay()
    const wrong = cases.flatMap((one, n) => {
      // What the kernel's verifier refuses cannot be run there.
      return answers[n].load === undefined ? (differs(one, replay.answer(one), answers[n]) ?? []) : []
    })
    replay.close()
    expect(wrong).toEqual([])
  })
})
