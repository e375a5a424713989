import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { conformanceFolder, readLines } from '#test/conformance/data.js'
import { mapCreateSuite } from '#test/conformance/map_create.js'

describe('the map-create suite', () => {
  it('judges each row once, tells what differs, and counts by answer', async () => {
    const report = await mapCreateSuite.run([
      'S\t1\t4\t8\t16\t0\t0',
      'S\t1\t4\t8\t16\t0\t-7',
      'S\t1\t0\t8\t16\t0\t-22',
      'S\t27\t0\t0\t4096\t0\t0',
      'S\t27\t0\t0',
    ])
    expect(report).toMatchObject({ suite: 'map-create', total: 5, agree: 3 })
    expect(report.differ).toEqual([{ id: '2: S 1 4 8 16 0', expected: '-E2BIG', got: '0', cause: 'map type 1' }])
    expect(report.skipped).toEqual([{ id: '5: S 27 0', why: '4 columns instead of 7' }])
    expect(report).toMatchObject({
      by_answer: {
        '0': { agree: 2, total: 2 },
        '-E2BIG': { agree: 0, total: 1 },
        '-EINVAL': { agree: 1, total: 1 },
      },
    })
  })

  const whole = join(conformanceFolder, mapCreateSuite.data)
  it.runIf(existsSync(whole))('agrees wholly', async () => {
    const report = await mapCreateSuite.run(readLines(whole))
    expect(report.differ).toEqual([])
    expect(report.agree).toBe(report.total)
    expect(report.total).toBeGreaterThan(30_000)
  })
})
