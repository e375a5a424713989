import { describe, expect, it } from 'vitest'
import { decode, encode, targetOf } from '#shared/isa/decode.js'
import { findRow, instructionTable, isOpcode, rowsOf } from '#shared/isa/table.js'

describe('the instruction table', () => {
  it('has one name and one encoding per row', () => {
    const names = instructionTable.map((row) => row.name)
    expect(new Set(names).size).toBe(names.length)
    const encodings = instructionTable.map((row) => `${row.opcode}:${row.selector?.value ?? ''}`)
    expect(new Set(encodings).size).toBe(encodings.length)
  })

  it('finds each row by its encoding', () => {
    for (const row of instructionTable) {
      const fields = { src: 0, off: 0, imm: 0 }
      if (row.selector) fields[row.selector.field] = row.selector.value
      expect(findRow(row.opcode, fields.src, fields.off, fields.imm)).toBe(row)
      expect(rowsOf(row.opcode)).toContain(row)
    }
  })

  it('knows no other opcodes', () => {
    const known = Array.from({ length: 256 }, (_, opcode) => opcode).filter(isOpcode)
    const arithmetic = 12 * 4 + 2 + 3
    const jumps = 11 * 4 + 5
    const memory = 4 + 4 + 4 + 3 + 4
    const packetAndWide = 6 + 1
    expect(known).toHaveLength(arithmetic + jumps + memory + packetAndWide)
    // callx: RFC 9669 has it, Linux 6.18 does not.
    expect(isOpcode(0x8d)).toBe(false)
  })

  it('says of every field how it is used', () => {
    for (const { name, fields, selector } of instructionTable) {
      for (const field of ['src', 'off', 'imm'] as const) {
        expect(fields[field] === 'fixed', `${name}.${field}`).toBe(selector?.field === field)
      }
    }
  })
})

describe('decode', () => {
  it('splits fields and marks both slots of a wide load', () => {
    const bytes = new Uint8Array(
      Buffer.concat([
        encode(0x18, 3, 1, 0, 77),
        encode(0, 0, 0, 0, -1),
        encode(0x7b, 10, 4, -16, 0),
        encode(0x06, 0, 0, 0, -70000),
        encode(0xff, 15, 15, -32768, -2147483648),
      ]),
    )
    const code = decode(bytes)
    expect(code.rows.map((row) => row?.name)).toEqual(['imm64.mapFd', undefined, 'stxdw', 'gotol', undefined])
    expect([...code.wide]).toEqual([1, 2, 0, 0, 0])
    expect([code.dst[2], code.src[2], code.off[2]]).toEqual([10, 4, -16])
    expect([code.dst[4], code.src[4], code.off[4], code.imm[4]]).toEqual([15, 15, -32768, -2147483648])
    expect(targetOf(code, 3)).toBe(4 - 70000)
  })
})
