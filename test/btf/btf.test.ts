import { describe, expect, it } from 'vitest'
import type { Btf } from '#lib/btf/btf.js'
import * as k from '#lib/btf/constants.js'
import { parseBtfExt } from '#lib/btf/ext.js'
import { parseBtf } from '#lib/btf/parse.js'
import { alignmentOf, resolveSize, skipModifiers } from '#lib/btf/resolve.js'
import { isFailure } from '#lib/elf/failure.js'
import { type BuiltType, buildBtf } from '#test/btf/build.js'
import { Patient, programBytes, readGood } from '#test/object/support.js'

/** One type of each of the 19 kinds, and a few that combine them. */
const TYPES: readonly BuiltType[] = [
  { name: 'int', kind: k.BTF_KIND_INT, sizeOrType: 4, words: [0x01000020] }, // 1
  { kind: k.BTF_KIND_PTR, sizeOrType: 1 }, // 2
  { kind: k.BTF_KIND_ARRAY, words: [1, 1, 7] }, // 3
  {
    name: 'record',
    kind: k.BTF_KIND_STRUCT,
    vlen: 2,
    sizeOrType: 16,
    words: ['first', 1, 0, 'second', 2, 64],
  }, // 4
  { name: 'choice', kind: k.BTF_KIND_UNION, vlen: 1, flag: true, sizeOrType: 4, words: ['bits', 1, 0x03000005] }, // 5
  { name: 'colour', kind: k.BTF_KIND_ENUM, vlen: 2, sizeOrType: 4, words: ['red', 1, 'blue', 0xffffffff] }, // 6
  { name: 'later', kind: k.BTF_KIND_FWD }, // 7
  { name: 'number', kind: k.BTF_KIND_TYPEDEF, sizeOrType: 10 }, // 8
  { kind: k.BTF_KIND_VOLATILE, sizeOrType: 1 }, // 9
  { kind: k.BTF_KIND_CONST, sizeOrType: 9 }, // 10
  { kind: k.BTF_KIND_RESTRICT, sizeOrType: 2 }, // 11
  { name: 'function', kind: k.BTF_KIND_FUNC, vlen: 1, sizeOrType: 13 }, // 12
  { kind: k.BTF_KIND_FUNC_PROTO, vlen: 1, sizeOrType: 1, words: ['argument', 2] }, // 13
  { name: 'variable', kind: k.BTF_KIND_VAR, sizeOrType: 4, words: [1] }, // 14
  { name: '.bss', kind: k.BTF_KIND_DATASEC, vlen: 1, sizeOrType: 16, words: [14, 0, 16] }, // 15
  { name: 'double', kind: k.BTF_KIND_FLOAT, sizeOrType: 8 }, // 16
  { name: 'tagged', kind: k.BTF_KIND_DECL_TAG, sizeOrType: 4, words: [0xffffffff] }, // 17
  { name: 'user', kind: k.BTF_KIND_TYPE_TAG, sizeOrType: 1 }, // 18
  { name: 'wide', kind: k.BTF_KIND_ENUM64, vlen: 1, sizeOrType: 8, words: ['huge', 1, 2] }, // 19
  { kind: k.BTF_KIND_ARRAY, words: [3, 1, 5] }, // 20
  { name: 'packed', kind: k.BTF_KIND_STRUCT, vlen: 2, sizeOrType: 12, words: ['p', 2, 0, 'i', 1, 64] }, // 21
  { kind: k.BTF_KIND_CONST, sizeOrType: 22 }, // 22, a cycle
  { kind: k.BTF_KIND_ARRAY, words: [3, 1, 0x80000000] }, // 23
]

function parse(bytes: Uint8Array, base: Btf | null = null): Btf {
  const btf = parseBtf(bytes, base)
  if (isFailure(btf)) throw new Error(btf.message)
  return btf
}

describe.each([true, false])('BTF, little endian: %s', (littleEndian) => {
  const btf = parse(buildBtf(TYPES, littleEndian))

  it('knows all 19 kinds', () => {
    expect(btf.typeCount).toBe(TYPES.length + 1)
    expect(TYPES.slice(0, 19).map((_, i) => btf.kind(i + 1))).toEqual(
      Array.from({ length: 19 }, (_, i) => TYPES[i].kind),
    )
    expect(new Set(TYPES.map(({ kind }) => kind)).size).toBe(19)
    expect([btf.kind(0), btf.kind(99)]).toEqual([0, 0])
  })

  it('reads what each kind carries', () => {
    expect(btf.integer(1)).toEqual({ bits: 32, bitOffset: 0, encoding: 1 })
    expect(btf.array(3)).toEqual({ type: 1, indexType: 1, count: 7 })
    expect(btf.member(4, 1)).toMatchObject({ type: 2, bitOffset: 64, bitfieldBits: 0 })
    expect(btf.string(btf.member(4, 1).nameOffset)).toBe('second')
    expect(btf.member(5, 0)).toMatchObject({ type: 1, bitOffset: 5, bitfieldBits: 3 })
    expect(btf.enumerator(6, 1).value).toBe(-1n)
    expect(btf.enumerator(19, 0).value).toBe(0x2_0000_0001n)
    expect(btf.string(btf.parameter(13, 0).nameOffset)).toBe('argument')
    expect(btf.variable(15, 0)).toEqual({ type: 14, offset: 0, sizeBytes: 16 })
    expect(btf.detail(14)).toBe(1)
  })

  it('finds types by name and kind', () => {
    expect(btf.find('record', k.BTF_KIND_STRUCT)).toBe(4)
    expect(btf.find('record', k.BTF_KIND_UNION)).toBe(0)
    expect(btf.find('choice', k.BTF_KIND_STRUCT, k.BTF_KIND_UNION)).toBe(5)
    expect(btf.find('recor', k.BTF_KIND_STRUCT)).toBe(0)
  })

  it('resolves modifiers, sizes and alignments', () => {
    expect(skipModifiers(btf, 8)).toBe(1)
    expect(skipModifiers(btf, 22)).toBe(0)
    const sizes = new Map([
      [1, 4],
      [2, 8],
      [3, 28],
      [4, 16],
      [8, 4],
      [11, 8],
      [14, 16],
      [15, 16],
      [16, 8],
      [18, 4],
      [20, 140],
      [12, -22],
      [0, -22],
      [7, -22],
      [22, -22],
      [23, -7],
    ])
    for (const [id, size] of sizes) expect([id, resolveSize(btf, id)]).toEqual([id, size])
    expect([1, 2, 3, 4, 8, 16, 21, 7, 22].map((id) => alignmentOf(btf, id))).toEqual([4, 8, 4, 8, 4, 8, 1, 0, 0])
  })
})

it('continues a base’s numbers and strings', () => {
  const base = parse(buildBtf(TYPES))
  const start = base.stringEnd
  const raw = buildBtf([{ kind: k.BTF_KIND_PTR, sizeOrType: 4 }])
  // A split blob's own string section may begin with a name.
  const split = parse(raw, base)
  expect(split.firstType).toBe(TYPES.length + 1)
  expect(split.kind(split.firstType)).toBe(k.BTF_KIND_PTR)
  expect(split.name(split.sizeOrType(split.firstType))).toBe('record')
  expect(split.string(start)).toBe('')
  expect(split.find('record', k.BTF_KIND_STRUCT)).toBe(4)
  expect(resolveSize(split, 4)).toBe(16)
})

describe('damaged BTF', () => {
  const good = buildBtf(TYPES)
  const typeAt = (id: number): number => {
    const sizes = TYPES.map(({ words = [] }) => 12 + 4 * words.length)
    return 24 + sizes.slice(0, id - 1).reduce((sum, size) => sum + size, 0)
  }
  const patched = (at: number, value: number): Uint8Array => {
    const bytes = new Uint8Array(good)
    new DataView(bytes.buffer).setUint32(at, value, true)
    return bytes
  }

  it.each([
    ['nothing', new Uint8Array(0), /header not found/],
    ['magic', patched(0, 0x0001ffff), /magic/],
    ['header length', patched(4, 8), /header length/],
    ['type offset', patched(8, 2), /layout|aligned/],
    ['string offset', patched(16, 4), /layout/],
    ['string length', patched(20, 1 << 20), /total size/],
    ['no strings', patched(20, 0), /string section/],
    ['kind', patched(typeAt(2) + 4, 31 << 24), /BTF_KIND:31 of type \[2\]/],
    ['vlen', patched(typeAt(19) + 4, (k.BTF_KIND_ENUM64 << 24) | 0xffff), /type \[19\] is malformed/],
    ['name', patched(typeAt(4), 0xffffff), /\[4\]: invalid type name/],
    ['field name', patched(typeAt(4) + 12, 0xffffff), /\[4\]: invalid field name/],
    ['member type', patched(typeAt(4) + 16, 1000), /\[4\]: invalid referenced type ID 1000/],
    ['array type', patched(typeAt(3) + 12, 1000), /\[3\]: invalid referenced/],
    ['function', patched(typeAt(12) + 8, 1), /\[1\] is not FUNC_PROTO/],
    ['parameter', patched(typeAt(13) + 12, 0xffffff), /param name/],
    ['enumerator', patched(typeAt(6) + 12, 0xffffff), /enumerator name/],
    ['variable', patched(typeAt(15) + 12, 1000), /\[15\]: invalid referenced/],
  ] as const)('%s', (_, bytes, message) => {
    expect(parseBtf(bytes)).toMatchObject({ errno: -22, message: expect.stringMatching(message) })
  })

  it('refuses a foreign byte order with an unknown header', () => {
    const bytes = buildBtf(TYPES, false)
    new DataView(bytes.buffer).setUint32(4, 28, false)
    expect(parseBtf(bytes)).toMatchObject({ errno: -95 })
  })
})

describe('BTF.ext', () => {
  const patient = new Patient(programBytes('subprograms'))
  const ext = patient.elf.data(patient.section('.BTF.ext'))
  const patched = (at: number, value: number): Uint8Array => {
    const bytes = new Uint8Array(ext)
    new DataView(bytes.buffer).setUint32(at, value, true)
    return bytes
  }

  it('has records of functions and lines for each section', () => {
    const parsed = parseBtfExt(ext)
    if (isFailure(parsed)) throw new Error(parsed.message)
    const { btf } = readGood('subprograms')
    const names = parsed.functions.sections.map(({ nameOffset, count }) => [btf!.string(nameOffset), count])
    expect(names).toEqual([
      ['.text', 4],
      ['xdp', 3],
      ['raw_tracepoint/other', 1],
    ])
    expect(parsed.lines.recordBytes).toBe(16)
    expect(parsed.coreRelocations.sections).toEqual([])
  })

  it.each([
    ['magic', patched(0, 0x00010000), -22, /magic/],
    ['version', patched(0, 0x0002eb9f), -95, /version:2/],
    ['flags', patched(0, 0x0101eb9f), -95, /flags:1/],
    ['header length', patched(4, 1 << 20), -22, /header not found/],
    ['no data', ext.subarray(0, 32), -22, /has no data/],
    ['alignment', patched(8, 2), -22, /not aligned/],
    ['length', patched(12, 1 << 20), -22, /beyond the end/],
    ['record size', patched(32, 4), -22, /invalid record size 4/],
    ['record count', patched(40, 0), -22, /incorrect num_records 0/],
    ['many records', patched(40, 1 << 30), -22, /incorrect num_records/],
  ] as const)('damaged: %s', (_, bytes, errno, message) => {
    expect(parseBtfExt(bytes)).toMatchObject({ errno, message: expect.stringMatching(message) })
  })
})
