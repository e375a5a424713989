import { describe, expect, it } from 'vitest'
import { Allocator } from '#lib/machine/allocator.js'
import { Random } from '#test/maps/random.js'

const START = 4096
const END = START + (1 << 20)

describe('the allocator', () => {
  it('hands out aligned blocks that never overlap, and merges what comes back', () => {
    const random = new Random()
    const allocator = new Allocator(START, END)
    const blocks = new Map<number, number>()
    const owner = new Uint32Array(END >> 4)
    const wrong: string[] = []
    for (let step = 0; step < 20_000; step++) {
      if (random.below(100) < 55) {
        const bytes = random.below(2 ** random.below(15))
        const align = 2 ** random.below(13)
        const address = allocator.allocate(bytes, align)
        if (address === 0) continue
        const last = address + Math.max(bytes, 1) - 1
        if (address % align !== 0 || address < START || last >= END) wrong.push(`${address} for ${bytes}, ${align}`)
        // Blocks are multiples of 16 bytes: each such grain may belong to one block only.
        for (let grain = address >> 4; grain <= last >> 4; grain++) {
          if (owner[grain] !== 0) wrong.push(`${address} is in ${owner[grain]}`)
          owner[grain] = address
        }
        blocks.set(address, bytes)
      } else if (blocks.size > 0) {
        const address = [...blocks.keys()][random.below(blocks.size)]
        allocator.free(address)
        const last = address + Math.max(blocks.get(address)!, 1) - 1
        owner.fill(0, address >> 4, (last >> 4) + 1)
        blocks.delete(address)
      }
    }
    expect(wrong, `seed ${random.seed}`).toEqual([])
    for (const address of blocks.keys()) allocator.free(address)
    expect(allocator.usedBytes).toBe(0)
    expect(allocator.blocks).toBe(0)
    // Only if every neighbour has merged is there one block as large as the whole heap.
    expect(allocator.allocate(END - START)).toBe(START)
  })

  it('returns 0 when there is no room, and for sizes that are none', () => {
    const allocator = new Allocator(START, END)
    expect(allocator.allocate(END - START + 1)).toBe(0)
    expect(allocator.allocate(Number.NaN)).toBe(0)
    expect(allocator.allocate(-1)).toBe(0)
    expect(allocator.allocate(Number.POSITIVE_INFINITY)).toBe(0)
    const all = allocator.allocate(END - START)
    expect(allocator.allocate(1)).toBe(0)
    allocator.free(all)
    expect(allocator.allocate(1)).not.toBe(0)
  })

  it('throws for what is not allocated', () => {
    const allocator = new Allocator(START, END)
    const address = allocator.allocate(100)
    expect(() => allocator.free(address + 16)).toThrow('not allocated')
    allocator.free(address)
    expect(() => allocator.free(address)).toThrow('not allocated')
    expect(() => allocator.free(0)).toThrow('not allocated')
  })

  it('uses freed room before it touches more of the heap', () => {
    const allocator = new Allocator(START, END)
    for (let i = 0; i < 1000; i++) allocator.free(allocator.allocate(5000))
    expect(allocator.highWater).toBeLessThanOrEqual(START + 5008)
  })
})
