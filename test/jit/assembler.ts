/** Short names for the instructions that the tests write by hand. */
import { encode } from '#shared/isa/decode.js'
import { instructionTable } from '#shared/isa/table.js'

const opcodeByName = new Map(instructionTable.map((row) => [row.name, row]))

export interface Fields {
  dst?: number
  src?: number
  off?: number
  imm?: number
}

/** One instruction by its row's name in the instruction table, the selecting field filled in. */
export function insn(name: string, fields: Fields = {}): Uint8Array {
  const row = opcodeByName.get(name)
  if (!row) throw new Error(`no instruction ${name}`)
  const { dst = 0, src = 0, off = 0, imm = 0 } = fields
  const all = { dst, src, off, imm }
  if (row.selector) all[row.selector.field] = row.selector.value
  const first = encode(row.opcode, all.dst, all.src, all.off, all.imm)
  return row.kind === 'imm64' ? program(first, encode(0, 0, 0, 0, imm < 0 && all.src === 0 ? -1 : 0)) : first
}

/** Instructions, or lists of them, one after the other. */
export function program(...parts: (Uint8Array | Uint8Array[])[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.flat()))
}
