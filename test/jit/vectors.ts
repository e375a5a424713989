/**
 * One program for each instruction that computes, loads, stores or branches: it folds the results for many operands
 * into r0. What Linux answers is recorded in vectors.json.
 */

import { type InstructionRow, instructionTable } from '#shared/isa/table.js'
import { insn, program } from '#test/jit/assembler.js'

/** As [low, high] words. */
const OPERANDS: readonly (readonly [number, number])[] = [
  [0, 0],
  [1, 0],
  [7, 0],
  [-1, -1],
  [-1, 0],
  [0, -0x80000000],
  [-0x80000000, 0],
  [-0x80000000, -1],
  [0x7fffffff, 0],
  [-1, 0x7fffffff],
  [0x89abcdef | 0, 0x01234567],
  [0x12345678, 0xfedcba98 | 0],
  [33, 0],
  [0x8080, 0x80],
]
const IMMEDIATES = [0, 1, 7, -1, 31, 0x7fffffff, -0x80000000, 0x12345678, -129]
const PRIME = 0x01000193

function imm64(dst: number, [low, high]: readonly [number, number]): Uint8Array {
  const wide = insn('imm64.value', { dst, imm: low })
  new DataView(wide.buffer, wide.byteOffset).setInt32(12, high, true)
  return wide
}

/** r6 = r6 * PRIME + r2 */
const fold = () => [insn('mul64.imm', { dst: 6, imm: PRIME }), insn('add64.reg', { dst: 6, src: 2 })]

/** r0 = both halves of r6 */
const finish = () => [
  insn('mov64.reg', { dst: 0, src: 6 }),
  insn('rsh64.imm', { dst: 0, imm: 32 }),
  insn('xor64.reg', { dst: 0, src: 6 }),
  insn('exit'),
]

function immediatesOf(row: InstructionRow): readonly number[] {
  if (row.fields.imm === 'shift') return [0, 1, row.width - 1, 13]
  if (row.fields.imm === 'divisor') return IMMEDIATES.filter((imm) => imm !== 0)
  return row.fields.imm === 'value' ? IMMEDIATES : [0]
}

/** Arithmetic on r2, with r3 or a constant. */
function computes(row: InstructionRow): Uint8Array[] {
  const code: Uint8Array[] = []
  for (const a of OPERANDS) {
    const seconds = row.operand === 'reg' ? OPERANDS : [[0, 0] as const]
    for (const b of seconds) {
      for (const imm of immediatesOf(row)) {
        code.push(
          imm64(2, a),
          imm64(3, b),
          insn(row.name, { dst: 2, src: row.operand === 'reg' ? 3 : 0, imm }),
          ...fold(),
        )
      }
    }
  }
  return code
}

/** A branch over an addition. */
function branches(row: InstructionRow): Uint8Array[] {
  const code: Uint8Array[] = []
  let id = 1
  for (const a of OPERANDS) {
    const seconds = row.operand === 'reg' ? OPERANDS : [[0, 0] as const]
    for (const b of seconds) {
      for (const imm of immediatesOf(row)) {
        const src = row.operand === 'reg' ? 3 : 0
        code.push(imm64(2, a), imm64(3, b), insn(row.name, { dst: 2, src, off: 1, imm }))
        code.push(insn('add64.imm', { dst: 6, imm: id }), insn('mul64.imm', { dst: 6, imm: PRIME }))
        id = (id * 7 + 1) & 0xffff
      }
    }
  }
  return code
}

const BUFFER = -16

/** Memory and atomics at r10-16, whose 16 bytes are set before and folded after. */
function touches(row: InstructionRow): Uint8Array[] {
  const code: Uint8Array[] = []
  const isLoad = row.kind === 'load' || row.kind === 'loadSigned' || row.kind === 'loadAcquire'
  for (const a of OPERANDS) {
    for (const b of OPERANDS) {
      code.push(
        imm64(2, a),
        insn('stxdw', { dst: 10, src: 2, off: BUFFER }),
        insn('stdw', { dst: 10, off: BUFFER + 8 }),
      )
      code.push(imm64(2, b), insn('mov64.reg', { dst: 0, src: 2 }))
      // cmpxchg: half of the time r0 is what memory holds.
      if (row.operation === 'cmpxchg' && a[0] < b[0]) code.push(imm64(0, a))
      const fields = isLoad ? { dst: 2, src: 10 } : { dst: 10, src: row.operand === 'imm' ? 0 : 2 }
      code.push(
        insn(row.name, { ...fields, off: BUFFER, imm: row.kind === 'storeImm' ? b[0] : 0 }),
        ...fold(),
        insn('mov64.reg', { dst: 2, src: 0 }),
      )
      code.push(...fold(), insn('ldxdw', { dst: 2, src: 10, off: BUFFER }), ...fold())
    }
  }
  return code
}

const BUILDERS: Partial<Record<InstructionRow['kind'], (row: InstructionRow) => Uint8Array[]>> = {
  alu: computes,
  mov: computes,
  movsx: computes,
  neg: computes,
  swap: computes,
  branch: branches,
  load: touches,
  loadSigned: touches,
  store: touches,
  storeImm: touches,
  atomic: touches,
  loadAcquire: touches,
  storeRelease: touches,
}

/** Name of the row and its program. */
export function vectors(): [string, Uint8Array][] {
  const result: [string, Uint8Array][] = []
  for (const row of instructionTable) {
    const body = BUILDERS[row.kind]?.(row)
    if (body)
      result.push([
        row.name,
        program(insn('mov64.imm', { dst: 6 }), insn('mov64.imm', { dst: 0 }), ...body, ...finish()),
      ])
  }
  return result
}
