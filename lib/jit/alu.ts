/** Arithmetic, moves, byte swaps and comparisons. 32-bit operations run on i32 and zero-extend (RFC 9669, 4.1). */
import type { AluName, ConditionName, InstructionRow } from '../../shared/isa/table.js'
import { I32, I64 } from '../../shared/wasm/dsl.js'
import { Op } from '../../shared/wasm/opcodes.js'
import { emitDerived } from './derive.js'
import type { FunctionEmitter } from './function.js'

const OPS64: Record<AluName, number> = {
  add: Op.i64_add,
  sub: Op.i64_sub,
  mul: Op.i64_mul,
  div: Op.i64_div_u,
  sdiv: Op.i64_div_s,
  or: Op.i64_or,
  and: Op.i64_and,
  lsh: Op.i64_shl,
  rsh: Op.i64_shr_u,
  mod: Op.i64_rem_u,
  smod: Op.i64_rem_s,
  xor: Op.i64_xor,
  arsh: Op.i64_shr_s,
}

const OPS32: Record<AluName, number> = {
  add: Op.i32_add,
  sub: Op.i32_sub,
  mul: Op.i32_mul,
  div: Op.i32_div_u,
  sdiv: Op.i32_div_s,
  or: Op.i32_or,
  and: Op.i32_and,
  lsh: Op.i32_shl,
  rsh: Op.i32_shr_u,
  mod: Op.i32_rem_u,
  smod: Op.i32_rem_s,
  xor: Op.i32_xor,
  arsh: Op.i32_shr_s,
}

/** Pushes a register in the row's width. */
function pushRegister(e: FunctionEmitter, width: 32 | 64, register: number): void {
  if (width === 64) e.push64(register)
  else e.push32(register)
}

/** Pushes a number in the row's width, sign-extended. */
function pushNumber(e: FunctionEmitter, width: 32 | 64, value: number): void {
  if (width === 64) e.f.i64Const(value, value >> 31)
  else e.f.i32Const(value)
}

function pushOperand(e: FunctionEmitter, row: InstructionRow, i: number): void {
  if (row.operand === 'imm') pushNumber(e, row.width, e.code.imm[i])
  else pushRegister(e, row.width, e.code.src[i])
}

function setRegister(e: FunctionEmitter, width: 32 | 64, register: number): void {
  if (width === 64) e.set64(register)
  else e.set32(register)
}

export function emitAlu(e: FunctionEmitter, row: InstructionRow, i: number): void {
  const name = row.operation as AluName
  if (name === 'div' || name === 'sdiv' || name === 'mod' || name === 'smod') {
    emitDivision(e, row, i, name)
    return
  }
  if (row.width === 64 && emitDerived(e, row, i, name)) return
  pushRegister(e, row.width, e.code.dst[i])
  // WebAssembly masks shift counts by the width, as BPF does.
  pushOperand(e, row, i)
  e.f.op(row.width === 64 ? OPS64[name] : OPS32[name])
  setRegister(e, row.width, e.code.dst[i])
}

type Division = 'div' | 'sdiv' | 'mod' | 'smod'

function emitDivision(e: FunctionEmitter, row: InstructionRow, i: number, name: Division): void {
  const { f, code } = e
  const dst = code.dst[i]
  if (row.operand === 'imm') divideByNumber(e, row.width, dst, code.imm[i], name)
  else {
    pushRegister(e, row.width, code.src[i])
    f.op(row.width === 64 ? Op.i64_eqz : Op.i32_eqz)
    f.if_(row.width === 64 ? I64 : I32)
    divideByZero(e, row.width, dst, name)
    f.else_()
    if (name === 'sdiv') divideSigned(e, row, i)
    else {
      pushRegister(e, row.width, dst)
      pushRegister(e, row.width, code.src[i])
      f.op(row.width === 64 ? OPS64[name] : OPS32[name])
    }
    f.end()
  }
  setRegister(e, row.width, dst)
}

/** x / 0 is 0 and x % 0 is x. */
function divideByZero(e: FunctionEmitter, width: 32 | 64, dst: number, name: Division): void {
  if (name === 'mod' || name === 'smod') pushRegister(e, width, dst)
  else pushNumber(e, width, 0)
}

function negate(e: FunctionEmitter, width: 32 | 64, dst: number): void {
  pushNumber(e, width, 0)
  pushRegister(e, width, dst)
  e.f.op(width === 64 ? Op.i64_sub : Op.i32_sub)
}

/** The least number divided by -1 is itself in BPF and a trap in WebAssembly; its remainder is 0 in both. */
function divideSigned(e: FunctionEmitter, row: InstructionRow, i: number): void {
  const { f, code } = e
  const wide = row.width === 64
  pushRegister(e, row.width, code.src[i])
  pushNumber(e, row.width, -1)
  f.op(wide ? Op.i64_eq : Op.i32_eq)
  f.if_(wide ? I64 : I32)
  negate(e, row.width, code.dst[i])
  f.else_()
  pushRegister(e, row.width, code.dst[i])
  pushRegister(e, row.width, code.src[i])
  f.op(wide ? Op.i64_div_s : Op.i32_div_s)
  f.end()
}

function divideByNumber(e: FunctionEmitter, width: 32 | 64, dst: number, by: number, name: Division): void {
  if (by === 0) divideByZero(e, width, dst, name)
  else if (by === -1 && name === 'sdiv') negate(e, width, dst)
  else {
    pushRegister(e, width, dst)
    pushNumber(e, width, by)
    e.f.op(width === 64 ? OPS64[name] : OPS32[name])
  }
}

export function emitMov(e: FunctionEmitter, row: InstructionRow, i: number): void {
  const { f, code } = e
  if (row.operand === 'imm') {
    // A 32-bit move leaves the upper half zero.
    f.i64Const(code.imm[i], row.width === 64 ? code.imm[i] >> 31 : 0)
    e.set64(code.dst[i])
  } else {
    pushRegister(e, row.width, code.src[i])
    setRegister(e, row.width, code.dst[i])
    if (row.width === 64) e.derived.copied(code.dst[i], code.src[i])
  }
}

const EXTEND64 = { 1: Op.i64_extend8_s, 2: Op.i64_extend16_s, 4: Op.i64_extend32_s } as const
const EXTEND32 = { 1: Op.i32_extend8_s, 2: Op.i32_extend16_s } as const

export function emitMovSigned(e: FunctionEmitter, row: InstructionRow, i: number): void {
  pushRegister(e, row.width, e.code.src[i])
  e.f.op(row.width === 64 ? EXTEND64[row.bytes as 1 | 2 | 4] : EXTEND32[row.bytes as 1 | 2])
  setRegister(e, row.width, e.code.dst[i])
}

export function emitNeg(e: FunctionEmitter, row: InstructionRow, i: number): void {
  negate(e, row.width, e.code.dst[i])
  setRegister(e, row.width, e.code.dst[i])
}

export function emitSwap(e: FunctionEmitter, row: InstructionRow, i: number): void {
  const dst = e.code.dst[i]
  if (row.operation === 'le') truncate(e, row.bytes, dst)
  else emitSwapOf(e, row.bytes, dst)
}

/** Reverses the low `bytes` bytes of a register and clears the others. */
export function emitSwapOf(e: FunctionEmitter, bytes: number, dst: number): void {
  if (bytes === 2) swap16(e, dst)
  else if (bytes === 4) swap32(e, dst)
  else if (bytes === 8) swap64(e, dst)
}

function truncate(e: FunctionEmitter, bytes: number, dst: number): void {
  if (bytes === 8) return
  e.push32(dst)
  if (bytes === 2) {
    e.f.i32Const(0xffff)
    e.f.op(Op.i32_and)
  }
  e.set32(dst)
}

function swap16(e: FunctionEmitter, dst: number): void {
  const { f } = e
  e.push32(dst)
  f.i32Const(8)
  f.op(Op.i32_shl)
  f.i32Const(0xff00)
  f.op(Op.i32_and)
  e.push32(dst)
  f.i32Const(8)
  f.op(Op.i32_shr_u)
  f.i32Const(0xff)
  f.op(Op.i32_and)
  f.op(Op.i32_or)
  e.set32(dst)
}

/** Odd bytes rotated one way, even bytes the other. */
function swap32(e: FunctionEmitter, dst: number): void {
  const { f } = e
  e.push32(dst)
  f.i32Const(8)
  f.op(Op.i32_rotl)
  f.i32Const(0x00ff00ff)
  f.op(Op.i32_and)
  e.push32(dst)
  f.i32Const(8)
  f.op(Op.i32_rotr)
  f.i32Const(0xff00ff00)
  f.op(Op.i32_and)
  f.op(Op.i32_or)
  e.set32(dst)
}

/** One step: neighbouring groups of `bits` bits change places. */
function exchange64(e: FunctionEmitter, dst: number, bits: number, maskLow: number, maskHigh: number): void {
  const { f } = e
  e.push64(dst)
  f.i64Const(bits, 0)
  f.op(Op.i64_shr_u)
  f.i64Const(maskLow, maskHigh)
  f.op(Op.i64_and)
  e.push64(dst)
  f.i64Const(maskLow, maskHigh)
  f.op(Op.i64_and)
  f.i64Const(bits, 0)
  f.op(Op.i64_shl)
  f.op(Op.i64_or)
}

function swap64(e: FunctionEmitter, dst: number): void {
  exchange64(e, dst, 8, 0x00ff00ff, 0x00ff00ff)
  e.set64(dst)
  exchange64(e, dst, 16, 0x0000ffff, 0x0000ffff)
  e.f.i64Const(32, 0)
  e.f.op(Op.i64_rotl)
  e.set64(dst)
}

type Compare = readonly [number, number]
/** i64 and i32 comparison per condition; `set` is not a comparison. */
const COMPARE: Record<Exclude<ConditionName, 'set'>, Compare> = {
  eq: [Op.i64_eq, Op.i32_eq],
  ne: [Op.i64_ne, Op.i32_ne],
  gt: [Op.i64_gt_u, Op.i32_gt_u],
  ge: [Op.i64_ge_u, Op.i32_ge_u],
  lt: [Op.i64_lt_u, Op.i32_lt_u],
  le: [Op.i64_le_u, Op.i32_le_u],
  sgt: [Op.i64_gt_s, Op.i32_gt_s],
  sge: [Op.i64_ge_s, Op.i32_ge_s],
  slt: [Op.i64_lt_s, Op.i32_lt_s],
  sle: [Op.i64_le_s, Op.i32_le_s],
}

const OPPOSITE: Record<Exclude<ConditionName, 'set'>, Exclude<ConditionName, 'set'>> = {
  eq: 'ne',
  ne: 'eq',
  gt: 'le',
  le: 'gt',
  ge: 'lt',
  lt: 'ge',
  sgt: 'sle',
  sle: 'sgt',
  sge: 'slt',
  slt: 'sge',
}

/** Leaves an i32: not 0 when branch `i` is taken, or, negated, when it is not. */
export function emitCondition(e: FunctionEmitter, row: InstructionRow, i: number, negated: boolean): void {
  const { f } = e
  const name = row.operation as ConditionName
  const wide = row.width === 64
  pushRegister(e, row.width, e.code.dst[i])
  const againstZero = row.operand === 'imm' && e.code.imm[i] === 0
  if (againstZero && (name === 'eq' || name === 'ne')) {
    const wantsZero = (name === 'eq') !== negated
    if (wantsZero) f.op(wide ? Op.i64_eqz : Op.i32_eqz)
    else if (wide) {
      f.i64Const(0, 0)
      f.op(Op.i64_ne)
    }
    return
  }
  pushOperand(e, row, i)
  if (name !== 'set') {
    f.op(COMPARE[negated ? OPPOSITE[name] : name][wide ? 0 : 1])
    return
  }
  f.op(wide ? Op.i64_and : Op.i32_and)
  if (negated) f.op(wide ? Op.i64_eqz : Op.i32_eqz)
  else if (wide) {
    f.i64Const(0, 0)
    f.op(Op.i64_ne)
  }
}
