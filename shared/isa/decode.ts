import { INSN_BYTES, InsnClass, MemoryMode, MemorySize } from './opcodes.js'
import { findRow, type InstructionRow } from './table.js'

export const OPCODE_IMM64 = InsnClass.ld | MemoryMode.imm | MemorySize.dw

/**
 * A program's instructions, field by field. The second slot of an ld_imm64 has row undefined and `wide` 2, its first
 * slot `wide` 1.
 */
export interface Code {
  readonly count: number
  readonly opcode: Uint8Array
  readonly dst: Uint8Array
  readonly src: Uint8Array
  readonly off: Int16Array
  readonly imm: Int32Array
  readonly wide: Uint8Array
  /** undefined: no such instruction, or the second slot of an ld_imm64. */
  readonly rows: readonly (InstructionRow | undefined)[]
}

/** Splits `insns` (8 bytes each, little-endian; RFC 9669, section 3) into fields. Trailing bytes are ignored. */
export function decode(insns: Uint8Array): Code {
  const count = Math.floor(insns.length / INSN_BYTES)
  const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength)
  const opcode = new Uint8Array(count)
  const dst = new Uint8Array(count)
  const src = new Uint8Array(count)
  const off = new Int16Array(count)
  const imm = new Int32Array(count)
  const wide = new Uint8Array(count)
  const rows: (InstructionRow | undefined)[] = new Array(count)
  for (let i = 0, at = 0; i < count; i++, at += INSN_BYTES) {
    const code = insns[at]
    opcode[i] = code
    dst[i] = insns[at + 1] & 15
    src[i] = insns[at + 1] >> 4
    off[i] = view.getInt16(at + 2, true)
    imm[i] = view.getInt32(at + 4, true)
    if (i > 0 && wide[i - 1] === 1) {
      wide[i] = 2
      rows[i] = undefined
      continue
    }
    if (code === OPCODE_IMM64) wide[i] = 1
    rows[i] = findRow(code, src[i], off[i], imm[i])
  }
  return { count, opcode, dst, src, off, imm, wide, rows }
}

/** Index of the instruction that a jump, branch or local call at `i` names; its row says which field holds it. */
export function targetOf(code: Code, i: number): number {
  const row = code.rows[i]
  return i + 1 + (row?.fields.imm === 'target' ? code.imm[i] : code.off[i])
}

/** Encodes one instruction. */
export function encode(opcode: number, dst: number, src: number, off: number, imm: number): Uint8Array {
  const bytes = new Uint8Array(INSN_BYTES)
  const view = new DataView(bytes.buffer)
  bytes[0] = opcode
  bytes[1] = (src << 4) | dst
  view.setInt16(2, off, true)
  view.setInt32(4, imm, true)
  return bytes
}

/** The fields of one instruction; `high` is the second slot's immediate of an ld_imm64. */
export interface InsnFields {
  readonly opcode: number
  readonly dst: number
  readonly src: number
  readonly off: number
  readonly imm: number
  readonly high: number
}

/** Encodes one instruction, in two slots when it is wide. */
export function encodeFields(fields: InsnFields, wide: boolean): Uint8Array {
  const first = encode(fields.opcode, fields.dst, fields.src, fields.off, fields.imm)
  if (!wide) return first
  const both = new Uint8Array(2 * INSN_BYTES)
  both.set(first)
  both.set(encode(0, 0, 0, 0, fields.high), INSN_BYTES)
  return both
}
