import { describe, expect, it } from 'vitest'
import { Random } from '#test/maps/random.js'
import { runTable, TABLE_SHAPES } from '#test/stress/maps.js'

const ROUNDS = 100_000

describe('eight writers on one hash table', () => {
  const { seed } = new Random()
  console.log(`seed ${seed}`)
  it.each(TABLE_SHAPES)('map type $type, values of $valueBytes bytes in $chains chains', async (shape) => {
    expect((await runTable(shape, ROUNDS, seed)).linked).toBeGreaterThan(0)
  })
})
