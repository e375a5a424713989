import { describe, expect, it } from 'vitest'
import { attempt, isFailure, refuse } from '#lib/elf/failure.js'
import { type ElfFile, parseElf } from '#lib/elf/parse.js'
import { StringTable } from '#lib/elf/strings.js'
import { buildElf, code } from '#test/object/builder.js'
import { programBytes } from '#test/object/support.js'

function parse(bytes: Uint8Array): ElfFile {
  const file = parseElf(bytes)
  if (isFailure(file)) throw new Error(file.message)
  return file
}

describe('ELF files', () => {
  it('reads sections, symbols and relocations of a built file', () => {
    const rela = new Uint8Array(24)
    const view = new DataView(rela.buffer)
    view.setBigUint64(0, 8n, true)
    view.setUint32(8, 10, true)
    view.setUint32(12, 1, true)
    view.setBigInt64(16, -4n, true)
    const bytes = buildElf(
      [
        { name: 'code', type: 1, flags: 4, data: code([0x95, 0, 0, 0], [0x95, 0, 0, 0]) },
        { name: '.relacode', type: 4, data: rela, link: 3, info: 1, entryBytes: 24 },
      ],
      [{ name: 'entry', info: 0x12, section: 1, value: 8, sizeBytes: 8 }],
    )
    const file = parse(bytes)
    expect(file.sections.slice(1).map((section) => file.sectionName(section))).toEqual([
      'code',
      '.relacode',
      '.symtab',
      '.strtab',
    ])
    const symtab = file.sections[3]
    expect(file.symbolCount(symtab)).toBe(2)
    expect(file.symbol(symtab, 1)).toMatchObject({ type: 2, binding: 1, section: 1, value: 8, sizeBytes: 8 })
    expect(file.symbol(symtab, 2)).toBeNull()
    expect(file.symbol(symtab, -1)).toBeNull()
    expect(file.relocationCount(file.sections[2])).toBe(1)
    expect(file.relocation(file.sections[2], 0)).toEqual({ offset: 8, symbol: 1, type: 10, addend: -4 })
  })

  it('reads the other byte order', () => {
    const [little, big] = [parse(programBytes('subprograms')), parse(programBytes('big_endian'))]
    expect(big.littleEndian).toBe(false)
    const names = (file: ElfFile) => file.sections.slice(1).map((section) => file.sectionName(section))
    expect(names(big)).toEqual(names(little))
    const symtab = (file: ElfFile) => file.sections.find(({ type }) => type === 2)!
    const symbols = (file: ElfFile) =>
      Array.from({ length: file.symbolCount(symtab(file)) }, (_, i) => file.symbol(symtab(file), i))
    expect(symbols(big)).toEqual(symbols(little))
  })

  it('takes section counts and name tables too large for the header from section 0', () => {
    const bytes = buildElf([{ name: 'x', type: 1, data: new Uint8Array(1) }], [])
    const view = new DataView(bytes.buffer)
    const table = Number(view.getBigUint64(40, true))
    view.setBigUint64(table + 32, BigInt(view.getUint16(60, true)), true)
    view.setUint32(table + 40, view.getUint16(62, true), true)
    view.setUint16(60, 0, true)
    view.setUint16(62, 0xffff, true)
    const file = parse(bytes)
    expect(file.sectionName(file.sections[1])).toBe('x')
  })

  it('works on a view into a larger buffer', () => {
    const bytes = programBytes('maps')
    const larger = new Uint8Array(bytes.length + 100)
    larger.set(bytes, 33)
    const file = parse(larger.subarray(33, 33 + bytes.length))
    expect(file.sections.length).toBe(parse(bytes).sections.length)
  })
})

describe('string tables', () => {
  const table = new StringTable(new TextEncoder().encode('\0one\0zwölf\0open'))

  it('answers null outside and for strings without an end', () => {
    expect([0, 1, 2, 5].map((at) => table.at(at))).toEqual(['', 'one', 'ne', 'zwölf'])
    expect(table.at(12)).toBeNull()
    expect(table.at(1000)).toBeNull()
    expect(table.at(-1)).toBeNull()
  })

  it('compares without decoding', () => {
    const one = new TextEncoder().encode('one')
    expect(table.equals(1, one)).toBe(true)
    expect(table.equals(1, one.subarray(0, 2))).toBe(false)
    expect(table.equals(12, new TextEncoder().encode('open'))).toBe(false)
  })
})

describe('refusals', () => {
  it('become values; other errors pass', () => {
    expect(attempt(() => refuse(22, 'no'))).toEqual({ errno: -22, message: 'no' })
    expect(() =>
      attempt(() => {
        throw new TypeError('defect')
      }),
    ).toThrow('defect')
  })
})
