/** Objects that no compiler writes: each would cost a careless reader time or memory out of proportion. */
import { describe, expect, it } from 'vitest'
import { isFailure } from '#lib/elf/failure.js'
import { linkProgram } from '#lib/object/link.js'
import { readObject } from '#lib/object/read.js'
import { type BuiltSymbol, buildElf, code, relocations } from '#test/object/builder.js'

const PROGBITS = 1
const EXECUTABLE = 4
const GLOBAL_FUNCTION = 0x12
const EXIT = [0x95, 0, 0, 0] as const
const callTo = (immediate: number) => [0x85, 0x10, 0, immediate] as const

const text = (data: Uint8Array) => ({ name: '.text', type: PROGBITS, flags: EXECUTABLE, data })
const program = (data: Uint8Array) => ({ name: 'xdp', type: PROGBITS, flags: EXECUTABLE, data })

function read(bytes: Uint8Array) {
  const image = readObject(bytes, { name: 'extreme' })
  if (isFailure(image)) throw new Error(image.message)
  return image
}

describe('extreme objects', () => {
  it('links a chain of 5,000 subprograms without recursion', () => {
    const count = 5000
    // Function i calls function i + 1; the last one only exits.
    const chain = code(
      ...Array.from({ length: count }, (_, i) => (i < count - 1 ? [callTo(1), EXIT] : [EXIT, EXIT])).flat(),
    )
    const symbols: BuiltSymbol[] = Array.from({ length: count }, (_, i) => ({
      name: `f${i}`,
      info: GLOBAL_FUNCTION,
      section: 1,
      value: 16 * i,
      sizeBytes: 16,
    }))
    symbols.push({ name: 'entry', info: GLOBAL_FUNCTION, section: 2, value: 0, sizeBytes: 16 })
    const bytes = buildElf(
      [
        text(chain),
        program(code(callTo(-1), EXIT)),
        { name: '.relxdp', type: 9, data: relocations([0, 1]), link: 3, info: 2, entryBytes: 16 },
      ],
      symbols,
    )
    const image = read(bytes)
    const linked = linkProgram(image, image.programs[0])
    if (isFailure(linked)) throw new Error(linked.message)
    expect(linked.insns.length).toBe(8 * (2 * count + 2))
    expect(linked.subprograms.length).toBe(count + 1)
    expect(linked.subprograms.at(-1)).toEqual([2 * count, `f${count - 1}`])
  })

  it('refuses functions that overlap in .text instead of copying each', () => {
    const count = 2000
    const symbols: BuiltSymbol[] = Array.from({ length: count }, (_, i) => ({
      name: `f${i}`,
      info: GLOBAL_FUNCTION,
      section: 1,
      value: 8 * i,
      sizeBytes: 8 * (count + 1 - i),
    }))
    symbols.push({ name: 'entry', info: GLOBAL_FUNCTION, section: 2, value: 0, sizeBytes: 8 * (count + 1) })
    const calls = Array.from({ length: count }, () => callTo(-1))
    const entries = Array.from({ length: count }, (_, i) => [8 * i, i + 1] as const)
    const bytes = buildElf(
      [
        text(code(...Array.from({ length: count + 1 }, () => EXIT))),
        program(code(...calls, EXIT)),
        { name: '.relxdp', type: 9, data: relocations(...entries), link: 3, info: 2, entryBytes: 16 },
      ],
      symbols,
    )
    const image = read(bytes)
    expect(linkProgram(image, image.programs[0])).toMatchObject({
      errno: -4005,
      message: expect.stringMatching(/overlap/),
    })
  })

  it('refuses symbol names that share one long tail', () => {
    const length = 60_000
    const symbols: BuiltSymbol[] = Array.from({ length: 3000 }, (_, i) => ({
      name: 1 + i,
      info: GLOBAL_FUNCTION,
      section: 1,
      value: 0,
      sizeBytes: 8,
    }))
    const bytes = buildElf([program(code(EXIT))], symbols, `${'n'.repeat(length)}\0`)
    const result = readObject(bytes)
    expect(result).toMatchObject({ errno: -4001, message: expect.stringMatching(/failed to get symbol name/) })
  })

  it('reads 20,000 empty sections', () => {
    const sections = Array.from({ length: 20_000 }, () => ({ name: 'x', type: PROGBITS, data: new Uint8Array(0) }))
    const image = read(buildElf(sections, []))
    expect(image.programs).toEqual([])
    expect(image.sectionNames.length).toBe(20_003)
  })

  it('refuses an ldimm64 relocation on the last instruction of a function', () => {
    const bytes = buildElf(
      [
        program(code(EXIT, [0x18, 0, 0, 0])),
        { name: 'maps', type: PROGBITS, data: new Uint8Array(20) },
        { name: '.relxdp', type: 9, data: relocations([8, 2]), link: 4, info: 1, entryBytes: 16 },
      ],
      [
        { name: 'entry', info: GLOBAL_FUNCTION, section: 1, value: 0, sizeBytes: 16 },
        { name: 'map', info: 0x11, section: 2, value: 0, sizeBytes: 20 },
      ],
    )
    expect(readObject(bytes)).toMatchObject({ errno: -4005, message: expect.stringMatching(/without its second half/) })
  })
})
