import { describe, expect, it } from 'vitest'
import { countBrokenAtomics, runAtomics } from '#test/litmus/atomics.js'
import { litmusTests, runLitmus } from '#test/litmus/litmus.js'

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))

describe('atomics of eight CPUs on one word', () => {
  it('lose no update', async () => {
    const { kinds, operationsOfEach } = await runAtomics({ operations: 50_000 })
    expect(kinds).toBe(20)
    expect(operationsOfEach).toBe(50_000)
  })

  it('would be caught if they were a load and a store', async () => {
    // Two threads must meet between a load and its store: tried until they do.
    let errors = 0
    for (let tries = 0; tries < 20 && errors === 0; tries++) errors = await countBrokenAtomics(100_000)
    expect(errors).toBeGreaterThan(0)
  })
})

describe(`memory order (SEED=${SEED})`, () => {
  it('shows nothing that the model forbids', async () => {
    const { results } = await runLitmus({ rounds: 100_000, parts: 4, seed: SEED })
    expect(results.map(({ name }) => name)).toEqual(litmusTests.map(({ name }) => name))
    expect(results.filter(({ weak, seen }) => weak === 'forbidden' && seen > 0)).toEqual([])
  })

  it('is judged right: each kind of contradiction is counted in notes that have it', () => {
    const notes = (first: number[], second: number[] = first.map(() => 0)) => {
      return { first: Uint32Array.from(first), second: Uint32Array.from(second) }
    }
    const count = (name: string, ...all: ReturnType<typeof notes>[]) =>
      litmusTests.find((test) => test.name.startsWith(name))?.count(all)
    const none = notes([0, 0, 0])
    expect(count('message', none, notes([0, 2, 2], [0, 2, 1]))).toBe(1)
    expect(count('message', none, notes([0, 1, 2], [0, 1, 5]))).toBe(0)
    // Round 1 of each read 0: neither saw the other's write.
    expect(count('store', notes([0, 0, 2]), notes([0, 0, 2]))).toBe(1)
    expect(count('store', notes([0, 0, 1]), notes([0, 1, 2]))).toBe(0)
    expect(count('load', notes([0, 1, 1]), notes([0, 1, 1]))).toBe(1)
    expect(count('load', notes([0, 0, 1]), notes([0, 0, 1]))).toBe(0)
    expect(count('coherence', none, notes([0, 3, 2], [0, 3, 2]))).toBe(1)
    expect(count('coherence', none, notes([0, 1, 2], [0, 2, 2]))).toBe(0)
    expect(count('independent', none, none, notes([0, 1], [0, 0]), notes([0, 1], [0, 0]))).toBe(1)
    expect(count('independent', none, none, notes([0, 1], [0, 1]), notes([0, 1], [0, 0]))).toBe(0)
  })
})
