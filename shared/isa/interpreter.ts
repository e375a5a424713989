/**
 * A plain interpreter: the second opinion on what an instruction does, and the engine of single stepping. Registers are
 * bigints from 0 to 2^64-1; it is slow, and means to be obvious. Semantics: RFC 9669, section 4 and 5.
 */
import { type Code, decode, targetOf } from './decode.js'
import { FRAME_REGISTER, PseudoSource, REGISTERS } from './opcodes.js'
import type { AluName, AtomicName, ConditionName, InstructionRow, Kind } from './table.js'

/** What lies outside the registers. Addresses and values are unsigned 64-bit; values are zero-extended. */
export interface InterpreterHost {
  read(address: bigint, bytes: number): bigint
  write(address: bigint, bytes: number, value: bigint): void
  /** Replaces a value by change(old) in one step, and returns the old one; without it, a read and a write do. */
  update?(address: bigint, bytes: number, change: (old: bigint) => bigint): bigint
  /** Calls helper `id` with r1 to r5; returns r0. */
  helper(id: number, args: readonly bigint[], callbacks: Callbacks): bigint
  /** The value of an ld_imm64 with a pseudo source. */
  constant(insn: number, source: number, low: number, high: number): bigint
  /** For LD_ABS and LD_IND: the value in host order, or null outside the packet. */
  packet(offset: number, bytes: number): bigint | null
}

/** Lets a helper call the program's functions. */
export interface Callbacks {
  /** Calls the function that a register's `value` stands for (ld_imm64 of a function); returns its r0. */
  callFunction(value: bigint, args: readonly bigint[]): bigint
}

interface Frame {
  readonly returnTo: number
  /** r6 to r9 and r10 of the caller. */
  readonly saved: readonly bigint[]
}

/** Why run() came back. */
export type Stop = 'exit' | 'limit' | 'breakpoint'

const MASK64 = (1n << 64n) - 1n
const MASK32 = (1n << 32n) - 1n
const FIRST_SAVED = 6
const CALL_DEPTH_MAX = 8
const MAY_GOTO_LIMIT = 8 * 1024 * 1024

function signed(value: bigint, width: 32 | 64): bigint {
  return BigInt.asIntN(width, value)
}

/** One arithmetic operation on operands that are already cut to `width`; the result may exceed it. */
function compute(name: AluName, a: bigint, b: bigint, width: 32 | 64): bigint {
  const shift = b & BigInt(width - 1)
  switch (name) {
    case 'add':
      return a + b
    case 'sub':
      return a - b
    case 'mul':
      return a * b
    case 'div':
      return b === 0n ? 0n : a / b
    case 'sdiv':
      return b === 0n ? 0n : signed(a, width) / signed(b, width)
    case 'mod':
      return b === 0n ? a : a % b
    case 'smod':
      return b === 0n ? a : signed(a, width) % signed(b, width)
    case 'or':
      return a | b
    case 'and':
      return a & b
    case 'xor':
      return a ^ b
    case 'lsh':
      return a << shift
    case 'rsh':
      return a >> shift
    case 'arsh':
      return signed(a, width) >> shift
  }
}

function holds(name: ConditionName, a: bigint, b: bigint, width: 32 | 64): boolean {
  const sa = signed(a, width)
  const sb = signed(b, width)
  switch (name) {
    case 'eq':
      return a === b
    case 'ne':
      return a !== b
    case 'gt':
      return a > b
    case 'ge':
      return a >= b
    case 'lt':
      return a < b
    case 'le':
      return a <= b
    case 'set':
      return (a & b) !== 0n
    case 'sgt':
      return sa > sb
    case 'sge':
      return sa >= sb
    case 'slt':
      return sa < sb
    case 'sle':
      return sa <= sb
  }
}

/** What an atomic leaves in memory, given what was there. */
function combine(name: AtomicName, old: bigint, operand: bigint, expected: bigint): bigint {
  switch (name) {
    case 'add':
      return old + operand
    case 'or':
      return old | operand
    case 'and':
      return old & operand
    case 'xor':
      return old ^ operand
    case 'xchg':
      return operand
    case 'cmpxchg':
      return old === expected ? operand : old
  }
}

function reverse(value: bigint, bytes: number): bigint {
  let result = 0n
  for (let n = 0n; n < BigInt(bytes); n++) result = (result << 8n) | ((value >> (8n * n)) & 0xffn)
  return result
}

type Execute = (row: InstructionRow, i: number) => void

/** One run of one program. */
export class Interpreter {
  readonly code: Code
  readonly registers: bigint[] = new Array(REGISTERS).fill(0n)
  /** Index of the next instruction. */
  pc = 0
  exited = false
  /** Instructions executed. */
  steps = 0
  readonly breakpoints = new Set<number>()
  readonly #frames: Frame[] = []
  #loopBudget = MAY_GOTO_LIMIT

  /** `stackTop` is r10 of the main program; each call's frame lies `frameBytes` above its caller's. */
  constructor(
    insns: Uint8Array,
    readonly host: InterpreterHost,
    context: bigint,
    stackTop: bigint,
    readonly frameBytes: bigint,
  ) {
    this.code = decode(insns)
    this.registers[1] = context
    this.registers[FRAME_REGISTER] = stackTop
  }

  /** How many calls deep the program is; 0 in the main program. */
  get depth(): number {
    return this.#frames.length
  }

  /** Calls under way, the outermost first: where each returns to, and the r10 it returns to. */
  get calls(): { returnTo: number; frame: bigint }[] {
    return this.#frames.map(({ returnTo, saved }) => ({ returnTo, frame: saved[saved.length - 1] }))
  }

  /** Runs until the program exits, a breakpoint is next, or `limit` instructions are done. */
  run(limit = Number.POSITIVE_INFINITY): Stop {
    for (let n = 0; n < limit; n++) {
      if (this.exited) return 'exit'
      if (n > 0 && this.breakpoints.has(this.pc)) return 'breakpoint'
      this.step()
    }
    return this.exited ? 'exit' : 'limit'
  }

  /** Executes one instruction. */
  step(): void {
    const i = this.pc
    const row = this.code.rows[i]
    if (!row) throw new Error(`insn ${i}: no such instruction`)
    this.pc = i + (this.code.wide[i] === 1 ? 2 : 1)
    this.steps++
    this.#execute[row.kind](row, i)
  }

  #operand(row: InstructionRow, i: number): bigint {
    const value = row.operand === 'imm' ? BigInt(this.code.imm[i]) : this.registers[this.code.src[i]]
    return row.width === 64 ? value & MASK64 : value & MASK32
  }

  #read(register: number, width: 32 | 64): bigint {
    return width === 64 ? this.registers[register] : this.registers[register] & MASK32
  }

  /** Writes a result, cut to the width: 32-bit results clear the upper half. */
  #write(register: number, value: bigint, width: 32 | 64): void {
    this.registers[register] = width === 64 ? value & MASK64 : value & MASK32
  }

  #address(register: number, i: number): bigint {
    return (this.registers[register] + BigInt(this.code.off[i])) & MASK64
  }

  readonly #execute: Record<Kind, Execute> = {
    alu: (row, i) => {
      const dst = this.code.dst[i]
      const name = row.operation as AluName
      this.#write(dst, compute(name, this.#read(dst, row.width), this.#operand(row, i), row.width), row.width)
    },
    mov: (row, i) => this.#write(this.code.dst[i], this.#operand(row, i), row.width),
    movsx: (row, i) => {
      const value = BigInt.asIntN(row.bytes * 8, this.registers[this.code.src[i]])
      this.#write(this.code.dst[i], value, row.width)
    },
    neg: (row, i) => this.#write(this.code.dst[i], -this.#read(this.code.dst[i], row.width), row.width),
    swap: (row, i) => {
      const dst = this.code.dst[i]
      const value = BigInt.asUintN(row.bytes * 8, this.registers[dst])
      this.registers[dst] = row.operation === 'le' ? value : reverse(value, row.bytes)
    },
    load: (row, i) => {
      this.registers[this.code.dst[i]] = this.host.read(this.#address(this.code.src[i], i), row.bytes)
    },
    loadSigned: (row, i) => {
      const value = this.host.read(this.#address(this.code.src[i], i), row.bytes)
      this.#write(this.code.dst[i], BigInt.asIntN(row.bytes * 8, value), 64)
    },
    store: (row, i) => this.#store(row, i, this.registers[this.code.src[i]]),
    storeImm: (row, i) => this.#store(row, i, BigInt(this.code.imm[i])),
    atomic: (row, i) => this.#atomic(row, i),
    loadAcquire: (row, i) => this.#execute.load(row, i),
    storeRelease: (row, i) => this.#execute.store(row, i),
    packetLoad: (row, i) => {
      const index = row.operand === 'reg' ? Number(this.registers[this.code.src[i]] & MASK32) : 0
      const value = this.host.packet((index + this.code.imm[i]) >>> 0, row.bytes)
      this.registers[0] = value ?? 0n
      if (value === null) this.exited = true
    },
    imm64: (_row, i) => {
      const { src, imm, dst } = this.code
      const plain = (BigInt(imm[i + 1]) << 32n) | (BigInt(imm[i]) & MASK32)
      if (src[i] === PseudoSource.function) {
        this.registers[dst[i]] = BigInt(i + 1 + imm[i])
        return
      }
      const isPlain = src[i] === PseudoSource.value
      this.registers[dst[i]] = (isPlain ? plain : this.host.constant(i, src[i], imm[i], imm[i + 1])) & MASK64
    },
    jump: (_row, i) => {
      this.pc = targetOf(this.code, i)
    },
    branch: (row, i) => {
      const a = this.#read(this.code.dst[i], row.width)
      if (holds(row.operation as ConditionName, a, this.#operand(row, i), row.width)) this.pc = targetOf(this.code, i)
    },
    mayGoto: (_row, i) => {
      if (this.#loopBudget === 0) this.pc = targetOf(this.code, i)
      else this.#loopBudget--
    },
    callHelper: (_row, i) => {
      this.#helper(this.code.imm[i])
    },
    callRegister: (_row, i) => {
      this.#helper(Number(this.registers[this.code.dst[i]]))
    },
    callLocal: (_row, i) => this.#call(i),
    callKfunc: (_row, i) => {
      throw new Error(`insn ${i}: kernel functions are not available`)
    },
    exit: () => this.#exit(),
  }

  #store(row: InstructionRow, i: number, value: bigint): void {
    this.host.write(this.#address(this.code.dst[i], i), row.bytes, BigInt.asUintN(row.bytes * 8, value))
  }

  #atomic(row: InstructionRow, i: number): void {
    const { src, dst } = this.code
    const name = row.operation as AtomicName
    const address = this.#address(dst[i], i)
    const operand = this.#read(src[i], row.width)
    const expected = this.#read(0, row.width)
    const change = (before: bigint) => BigInt.asUintN(row.bytes * 8, combine(name, before, operand, expected))
    const old = this.host.update?.(address, row.bytes, change) ?? this.#update(address, row.bytes, change)
    if (name === 'cmpxchg') this.registers[0] = old
    else if (row.fetch) this.registers[src[i]] = old
  }

  #update(address: bigint, bytes: number, change: (old: bigint) => bigint): bigint {
    const old = this.host.read(address, bytes)
    this.host.write(address, bytes, change(old))
    return old
  }

  #helper(id: number): void {
    const after = this.pc
    this.registers[0] = this.host.helper(id, this.registers.slice(1, FIRST_SAVED), this) & MASK64
    this.pc = after
  }

  #call(i: number): void {
    this.#enter(targetOf(this.code, i), i)
  }

  #enter(target: number, i: number): void {
    if (this.#frames.length + 1 >= CALL_DEPTH_MAX) throw new Error(`insn ${i}: the call stack is too deep`)
    this.#frames.push({ returnTo: this.pc, saved: this.registers.slice(FIRST_SAVED) })
    this.registers[FRAME_REGISTER] += this.frameBytes
    this.pc = target
  }

  /** For helpers: runs the function that `value` stands for until it returns. */
  callFunction(value: bigint, args: readonly bigint[]): bigint {
    const depth = this.#frames.length
    this.#enter(Number(value), this.pc)
    for (const [n, arg] of args.entries()) this.registers[n + 1] = arg & MASK64
    while (this.#frames.length > depth) this.step()
    return this.registers[0]
  }

  #exit(): void {
    const frame = this.#frames.pop()
    if (!frame) {
      this.exited = true
      return
    }
    for (let r = FIRST_SAVED; r < REGISTERS; r++) this.registers[r] = frame.saved[r - FIRST_SAVED]
    this.pc = frame.returnTo
  }
}
