/** 64-bit operations that are more than they seem: parts of a rotation, of an extension, of an address. */
import type { AluName, InstructionRow } from '../../shared/isa/table.js'
import { Op } from '../../shared/wasm/opcodes.js'
import type { FunctionEmitter } from './function.js'

/** Sign extension by a shift left and one right, by the bits of each. */
const SIGN_EXTENSION: Record<number, number> = { 32: Op.i64_extend32_s, 48: Op.i64_extend16_s, 56: Op.i64_extend8_s }

/** Emits operation `i` if it is one that this file knows; otherwise answers false and emits nothing. */
export function emitDerived(e: FunctionEmitter, row: InstructionRow, i: number, name: AluName): boolean {
  const { code } = e
  const dst = code.dst[i]
  if (row.operand === 'reg') {
    if (name === 'or') return emitRotation(e, dst, code.src[i])
    return name === 'add' && emitSum(e, dst, code.src[i])
  }
  const imm = code.imm[i]
  if (name === 'add') return emitSumWith(e, dst, imm)
  if (imm <= 0 || imm > 63) return false
  if (name === 'lsh') emitLeft(e, dst, imm)
  else if (name === 'rsh') emitRight(e, dst, imm)
  else return name === 'arsh' && emitSignExtension(e, dst, imm)
  return true
}

function emitLeft(e: FunctionEmitter, dst: number, bits: number): void {
  const { f, derived } = e
  const version = derived.version(dst)
  e.push64(dst)
  f.tee(e.unshifted(dst))
  f.i64Const(bits, 0)
  f.op(Op.i64_shl)
  e.set64(dst)
  derived.shifted(dst, version, 'left', bits)
}

/** Left and right again by as many bits leaves the low ones. */
function emitRight(e: FunctionEmitter, dst: number, bits: number): void {
  const { f, derived } = e
  if (derived.leftShift(dst) === bits) {
    f.get(e.unshifted(dst))
    if (bits === 32) {
      f.op(Op.i32_wrap_i64)
      f.op(Op.i64_extend_i32_u)
    } else {
      const kept = 64 - bits
      f.i64Const(kept >= 32 ? -1 : (1 << kept) - 1, kept <= 32 ? 0 : (1 << (kept - 32)) - 1)
      f.op(Op.i64_and)
    }
    e.set64(dst)
    return
  }
  const version = derived.version(dst)
  e.push64(dst)
  f.i64Const(bits, 0)
  f.op(Op.i64_shr_u)
  e.set64(dst)
  derived.shifted(dst, version, 'right', bits)
}

function emitSignExtension(e: FunctionEmitter, dst: number, bits: number): boolean {
  const opcode = SIGN_EXTENSION[bits]
  if (opcode === undefined || e.derived.leftShift(dst) !== bits) return false
  e.f.get(e.unshifted(dst))
  e.f.op(opcode)
  e.set64(dst)
  return true
}

/** Two shifts of one value, joined. */
function emitRotation(e: FunctionEmitter, dst: number, src: number): boolean {
  const shiftedLeft = e.derived.rotation(dst, src) > 0 ? dst : src
  const bits = shiftedLeft === dst ? e.derived.rotation(dst, src) : e.derived.rotation(src, dst)
  if (bits === 0) return false
  e.f.get(e.unshifted(shiftedLeft))
  e.f.i64Const(bits, 0)
  e.f.op(Op.i64_rotl)
  e.set64(dst)
  return true
}

function emitSum(e: FunctionEmitter, dst: number, src: number): boolean {
  const sum = e.derived.sumOf(dst, src)
  if (sum === null) return false
  e.push64(dst)
  e.push64(src)
  e.f.op(Op.i64_add)
  e.set64(dst)
  e.derived.added(dst, sum)
  return true
}

function emitSumWith(e: FunctionEmitter, dst: number, imm: number): boolean {
  const sum = e.derived.sum(dst, imm)
  if (sum === null) return false
  e.push64(dst)
  e.f.i64Const(imm, imm >> 31)
  e.f.op(Op.i64_add)
  e.set64(dst)
  e.derived.added(dst, sum)
  return true
}
