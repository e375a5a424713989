import { describe, expect, it } from 'vitest'
import { op, program, toHex, withMaps } from '#bench/assemble.js'
import { alternate, summarise } from '#bench/measure.js'
import { human, reportTable } from '#bench/report.js'
import { type Bench, toRow } from '#bench/row.js'

const bench = (better: Bench['better']): Bench => ({ name: 'x/y', unit: 'u', better, measure: async () => ({}) })

describe('rows', () => {
  const ours = summarise([30])
  const kernel = summarise([10])

  it('have ratios above 1 when this project is better, whichever direction that is', () => {
    expect(toRow(bench('higher'), { ours, kernel }).ratio_kernel).toBe(3)
    expect(toRow(bench('lower'), { ours, kernel }).ratio_kernel).toBeCloseTo(1 / 3, 3)
  })

  it('say null for what was not measured', () => {
    expect(toRow(bench('higher'), { kernel })).toEqual({
      bench: 'x/y',
      unit: 'u',
      ours: null,
      kernel: 10,
      native: null,
      ratio_kernel: null,
      ratio_native: null,
    })
    expect(toRow(bench('lower'), { ours: summarise([0]), kernel }).ratio_kernel).toBeNull()
  })

  it('print as an aligned table', () => {
    const lines = reportTable([toRow(bench('higher'), { ours: summarise([12_345_678]), kernel })]).split('\n')
    expect(lines[0]).toMatch(/^bench {2}unit +ours +kernel +native +vs kernel +vs native$/)
    expect(lines[1]).toContain('12.35 M')
    expect(human(null)).toBe('-')
  })
})

describe('measuring', () => {
  it('takes the median, of an even number the mean of the middle two', () => {
    expect(summarise([5, 1, 3])).toEqual({ min: 1, median: 3, max: 5, rounds: 3 })
    expect(summarise([4, 1, 2, 9]).median).toBe(3)
  })

  it('alternates its sides and drops one that has no figure', async () => {
    const order: string[] = []
    const side = (name: string, answer: (round: number) => number | null) => (round: number) => {
      order.push(name + round)
      return answer(round)
    }
    const result = await alternate(
      { a: side('a', (round) => round), b: side('b', () => 7), c: side('c', () => null), d: null },
      3,
    )
    expect(order).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'a2', 'b2'])
    expect(result).toEqual({
      a: { min: 0, median: 1, max: 2, rounds: 3 },
      b: { min: 7, median: 7, max: 7, rounds: 3 },
    })
  })
})

describe('assembling', () => {
  it('encodes as RFC 9669 says', () => {
    expect(toHex(op.movImm(0, -1))).toBe('b7000000ffffffff')
    expect(toHex(op.storeImm64(10, -8, 0x12345678))).toBe('7a0af8ff78563412')
    expect(toHex(op.loadMap(2, 1))).toBe('18120000010000000000000000000000')
    expect(toHex(op.loadImm64(3, 0xffffffff))).toBe('18030000ffffffff0000000000000000')
  })

  it('puts descriptors where maps are numbered, and nowhere else', () => {
    // The second half of the first wide load looks like one itself.
    const insns = program(op.loadImm64(1, 5, 0x18), op.loadMap(2, 1), op.loadMap(3, 0), op.exit())
    const patched = program(op.loadImm64(1, 5, 0x18), op.loadMap(2, 44), op.loadMap(3, 33), op.exit())
    expect(toHex(withMaps(insns, [33, 44]))).toBe(toHex(patched))
    expect(insns).not.toEqual(patched)
  })
})
