/**
 * Loads, stores and atomics. Every access to memory goes through `address`, the one place that a checked or a
 * resumable build changes.
 */
import { FRAME_REGISTER } from '../../shared/isa/opcodes.js'
import type { AtomicName, InstructionRow } from '../../shared/isa/table.js'
import { FRAME_BYTES } from '../../shared/layout.js'
import type { FunctionBuilder } from '../../shared/wasm/function.js'
import { Atomic, Op } from '../../shared/wasm/opcodes.js'
import type { Sum } from './derivations.js'
import type { FunctionEmitter } from './function.js'
import { emitStoredWord, storedWord } from './lookup.js'
import { Known } from './values.js'

export type Access = 'read' | 'write' | 'atomic'

/** Pushes a call of a check over the i64 on the stack; leaves the address as i32. */
export function callCheck(e: FunctionEmitter, check: FunctionBuilder, bytes: number | (() => void)): void {
  const { f } = e
  if (typeof bytes === 'number') f.i32Const(bytes)
  else bytes()
  f.get(e.frame)
  f.get(e.context)
  f.get(e.contextBytes)
  f.call(check.index)
}

/**
 * Pushes the i32 base of an access of `bytes` bytes at register+offset, and returns the static offset that goes into
 * the instruction. Accesses within the own frame need no check.
 */
export function address(e: FunctionEmitter, register: number, offset: number, bytes: number, access: Access): number {
  const { f } = e
  const inFrame = e.facts.stackOffset(register)
  if (inFrame !== null) {
    const at = FRAME_BYTES + inFrame + offset
    const aligned = access !== 'atomic' || at % bytes === 0
    if (at >= 0 && at + bytes <= FRAME_BYTES && (aligned || !e.checked)) {
      f.get(e.frame)
      return at
    }
  }
  if (e.checked) {
    e.push64(register)
    if (offset !== 0) {
      f.i64Const(offset, offset >> 31)
      f.op(Op.i64_add)
    }
    callCheck(e, e.module.checks[access], bytes)
    return 0
  }
  const sum = e.derived.sum(register, offset)
  if (sum !== null) return pushSum(e, sum)
  e.push32(register)
  if (offset >= 0 && register !== FRAME_REGISTER) return offset
  f.i32Const(offset)
  f.op(Op.i32_add)
  return 0
}

/** Added as 32-bit numbers, an address needs no cut to 32 bits. */
function pushSum(e: FunctionEmitter, { left, right, offset }: Sum): number {
  const { f } = e
  e.push32(left)
  e.push32(right)
  f.op(Op.i32_add)
  if (offset >= 0) return offset
  f.i32Const(offset)
  f.op(Op.i32_add)
  return 0
}

const LOAD = { 1: Op.i64_load8_u, 2: Op.i64_load16_u, 4: Op.i64_load32_u, 8: Op.i64_load } as const
const LOAD_SIGNED = { 1: Op.i64_load8_s, 2: Op.i64_load16_s, 4: Op.i64_load32_s } as const
const STORE = { 1: Op.i64_store8, 2: Op.i64_store16, 4: Op.i64_store32, 8: Op.i64_store } as const

/** Loads from a value that never changes what stands there now. */
function emitConstant(e: FunctionEmitter, row: InstructionRow, i: number): boolean {
  const { code, f, facts, module } = e
  if (facts.kind[code.src[i]] !== Known.mapValue) return false
  const source = facts.value[code.src[i]]
  const value = module.mapAt(source).frozenValue
  const at = (code.imm[source + 1] >>> 0) + code.off[i]
  if (!value || at < 0 || at + row.bytes > value.length) return false
  // As if the value were followed by zeros, then cut and extended.
  const word = (offset: number) => [0, 1, 2, 3].reduce((sum, n) => sum | ((value[at + offset + n] ?? 0) << (8 * n)), 0)
  const spare = 32 - 8 * Math.min(row.bytes, 4)
  const low = row.kind === 'load' ? (word(0) << spare) >>> spare : (word(0) << spare) >> spare
  f.i64Const(low | 0, row.bytes === 8 ? word(4) : row.kind === 'load' ? 0 : low >> 31)
  e.set64(code.dst[i])
  return true
}

export function emitLoad(e: FunctionEmitter, row: InstructionRow, i: number): void {
  if (emitConstant(e, row, i) || emitStoredWord(e, row, i)) return
  const at = address(e, e.code.src[i], e.code.off[i], row.bytes, 'read')
  const opcode = row.kind === 'load' ? LOAD[row.bytes as 8] : LOAD_SIGNED[row.bytes as 4]
  e.f.memory(opcode, at)
  e.set64(e.code.dst[i])
}

export function emitStore(e: FunctionEmitter, row: InstructionRow, i: number): void {
  const { code, f } = e
  const at = address(e, code.dst[i], code.off[i], row.bytes, 'write')
  if (row.kind === 'storeImm') f.i64Const(code.imm[i], code.imm[i] >> 31)
  else e.push64(code.src[i])
  f.memory(STORE[row.bytes as 8], at)
  e.storedWord = storedWord(e, row, i)
}

const RMW: Record<Exclude<AtomicName, 'cmpxchg'>, readonly [number, number]> = {
  add: [Atomic.i64_add, Atomic.i32_add],
  or: [Atomic.i64_or, Atomic.i32_or],
  and: [Atomic.i64_and, Atomic.i32_and],
  xor: [Atomic.i64_xor, Atomic.i32_xor],
  xchg: [Atomic.i64_xchg, Atomic.i32_xchg],
}

export function emitAtomic(e: FunctionEmitter, row: InstructionRow, i: number): void {
  const { code, f } = e
  const name = row.operation as AtomicName
  const wide = row.width === 64
  const alignLog2 = wide ? 3 : 2
  const at = address(e, code.dst[i], code.off[i], row.bytes, 'atomic')
  const push = (register: number) => (wide ? e.push64(register) : e.push32(register))
  e.storedWord = null
  const opcodes = name === 'cmpxchg' ? [Atomic.i64_cmpxchg, Atomic.i32_cmpxchg] : RMW[name]
  if (name === 'cmpxchg') push(0)
  push(code.src[i])
  f.atomic(opcodes[wide ? 0 : 1], at, alignLog2)
  if (!row.fetch) {
    f.op(Op.drop)
    return
  }
  const result = name === 'cmpxchg' ? 0 : code.src[i]
  if (wide) e.set64(result)
  else e.set32(result)
}

const ACQUIRE = { 1: Atomic.i32_load8_u, 2: Atomic.i32_load16_u, 4: Atomic.i32_load, 8: Atomic.i64_load } as const
const RELEASE = { 1: Atomic.i32_store8, 2: Atomic.i32_store16, 4: Atomic.i32_store, 8: Atomic.i64_store } as const
const ALIGN_LOG2 = { 1: 0, 2: 1, 4: 2, 8: 3 } as const

export function emitLoadAcquire(e: FunctionEmitter, row: InstructionRow, i: number): void {
  const bytes = row.bytes as 1 | 2 | 4 | 8
  const at = address(e, e.code.src[i], e.code.off[i], bytes, 'atomic')
  e.f.atomic(ACQUIRE[bytes], at, ALIGN_LOG2[bytes])
  if (bytes === 8) e.set64(e.code.dst[i])
  else e.set32(e.code.dst[i])
}

export function emitStoreRelease(e: FunctionEmitter, row: InstructionRow, i: number): void {
  const bytes = row.bytes as 1 | 2 | 4 | 8
  const at = address(e, e.code.dst[i], e.code.off[i], bytes, 'atomic')
  if (bytes === 8) e.push64(e.code.src[i])
  else e.push32(e.code.src[i])
  e.storedWord = null
  e.f.atomic(RELEASE[bytes], at, ALIGN_LOG2[bytes])
}
