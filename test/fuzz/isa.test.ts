import { describe, expect, it } from 'vitest'
import { instructionTable } from '#shared/isa/table.js'
import { fuzzIsa, type Tamper } from '#test/fuzz/isa.js'
import { Random, testSeed } from '#test/jit/random.js'

const quiet = { kernel: false, progress: () => {} }

/** A compiler in which one instruction does what another should. */
function broken(name: string, instead: string): Tamper {
  const row = (wanted: string) => instructionTable.find((candidate) => candidate.name === wanted)!
  const [from, to] = [row(name), row(instead)]
  return (insns) => {
    const copy = insns.slice()
    const view = new DataView(copy.buffer)
    for (let at = 0; at < copy.length; at += 8) {
      const selected = from.selector === null || view.getInt16(at + 2, true) === from.selector.value
      if (copy[at] !== from.opcode || !selected) continue
      copy[at] = to.opcode
      if (to.selector?.field === 'off') view.setInt16(at + 2, to.selector.value, true)
    }
    return copy
  }
}

describe('generated programs', () => {
  it('do the same compiled and interpreted, at a fixed seed', async () => {
    const report = await fuzzIsa({ ...quiet, seed: 20, programs: 400 })
    expect(report.differences).toEqual([])
    expect(report).toMatchObject({ suite: 'isa', seed: 20, programs: 400, accepted: 400 })
  })

  const seed = testSeed()
  it(`do the same at a new seed (SEED=${seed})`, async () => {
    expect((await fuzzIsa({ ...quiet, seed, programs: 200 })).differences).toEqual([])
  })

  it.each([
    ['arsh32.reg', 'rsh32.reg'],
    ['smod64.reg', 'mod64.reg'],
    ['jsgt64.imm', 'jgt64.imm'],
  ])('show that %s does %s, in a program of few instructions', async (name, instead) => {
    const report = await fuzzIsa({ ...quiet, seed: 7, programs: 1500, stopAfter: 1 }, broken(name, instead))
    expect(report.differences).toHaveLength(1)
    const [{ text, what, insns, shrunk }] = report.differences
    expect(what).toMatch(/^(checked|direct) against interpreter: /)
    expect(text.length).toBeLessThanOrEqual(15)
    expect(shrunk.length).toBeLessThan(insns.length)
    const opcode = instructionTable.find((row) => row.name === name)!.opcode.toString(16)
    expect(text.some((line) => line.includes(`(${opcode})`))).toBe(true)
  })

  it('depend on nothing but seed and number', async () => {
    const { randomProgram } = await import('#test/fuzz/generate.js')
    expect(randomProgram(new Random(5))).toEqual(randomProgram(new Random(5)))
  })
})
