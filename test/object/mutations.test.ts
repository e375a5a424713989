/** A short run of test/stress/elf.ts. */
import { expect, it } from 'vitest'
import { Random } from '#test/maps/random.js'
import { runElfMutations } from '#test/stress/elf.js'

it('1,500 mutated objects: no throw, an errno and a message for each refusal, memory in proportion', () => {
  const { seed } = new Random()
  console.log(`elf mutations: seed ${seed}`)
  const figures = runElfMutations({ count: 1500, seed })
  const refused = Object.values(figures.errnos).reduce((sum, times) => sum + times, 0)
  // Mutations that never, or always, damage the file would test nothing.
  expect(figures.accepted).toBeGreaterThan(150)
  expect(refused).toBeGreaterThan(150)
  expect(figures.linked).toBeGreaterThan(150)
})
