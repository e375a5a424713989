import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { helperName } from '#lib/verifier/helpers.js'
import { decode } from '#shared/isa/decode.js'
import { instructionTable } from '#shared/isa/table.js'
import { assemble, disassemble } from '#shared/isa/text.js'
import { insn } from '#test/jit/assembler.js'

/** Instruction in hex, and its text in the log of Linux 6.18's verifier. */
const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'text.json'), 'utf8')) as Record<string, string>

describe('instruction text', () => {
  it("is the kernel's", () => {
    const wrong: string[] = []
    let compared = 0
    for (const [hex, text] of Object.entries(recorded)) {
      const code = decode(new Uint8Array(Buffer.from(hex, 'hex')))
      // Without a row it is no instruction, and the kernel's text for it means nothing.
      if (code.rows[0] === undefined) continue
      compared++
      const ours = disassemble(code, 0, { helperName })
      if (ours !== text) wrong.push(`${hex}: ${ours}, expected ${text}`)
    }
    expect(compared).toBeGreaterThan(700)
    expect(wrong).toEqual([])
  })

  it.each(instructionTable.map((row) => [row.name, row] as const))('of %s can be read back', (name, row) => {
    const { fields } = row
    const signed = fields.off === 'offset' || fields.off === 'target'
    const bytes = insn(name, {
      dst: fields.dst === 'zero' ? 0 : 3,
      src: fields.src === 'read' || fields.src === 'update' ? 7 : 0,
      off: signed ? -24 : 0,
      imm: fields.imm === 'zero' || fields.imm === 'fixed' ? 0 : -1234567,
    })
    const text = disassemble(decode(bytes), 0)
    // A wide load's text does not tell where its constant came from.
    const expected = row.kind === 'imm64' ? Uint8Array.from(bytes, (byte, n) => (n === 1 ? byte & 15 : byte)) : bytes
    expect(assemble(`12: ${text}   ; R3_w=1`), text).toEqual(expected)
  })

  it('is refused when it is no instruction', () => {
    for (const line of ['', 'r0 = 0', '(b7) r0 + 0', '(bf) r0 = w1', '(87) r1 = -r2', '(8d) call r1']) {
      expect(assemble(line), line).toBeNull()
    }
  })
})
