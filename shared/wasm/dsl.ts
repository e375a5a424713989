/**
 * Expressions and statements over FunctionBuilder, for the data structures written by hand (maps, rings, locks).
 * An expression is a function that emits code leaving one value; a number stands for an i32 constant and a Local for
 * its value. A statement leaves nothing.
 */
import { FunctionBuilder, type Label, Local } from './function.js'
import type { ModuleBuilder } from './module.js'
import { Atomic, BLOCK_EMPTY, Op, ValType } from './opcodes.js'

export type Emit = (f: FunctionBuilder) => void
export type Expr = Emit | Local | number
export type Statement = Emit

export const I32 = ValType.i32
export const I64 = ValType.i64
export const F64 = ValType.f64

/** Emits `expr`, leaving its value on the stack. */
export function push(f: FunctionBuilder, expr: Expr): void {
  if (typeof expr === 'number') f.i32Const(expr)
  else if (expr instanceof Local) f.get(expr)
  else expr(f)
}

const unary =
  (opcode: number) =>
  (a: Expr): Emit =>
  (f) => {
    push(f, a)
    f.op(opcode)
  }

const binary =
  (opcode: number) =>
  (a: Expr, b: Expr): Emit =>
  (f) => {
    push(f, a)
    push(f, b)
    f.op(opcode)
  }

const load =
  (opcode: number) =>
  (address: Expr, offset = 0): Emit =>
  (f) => {
    push(f, address)
    f.memory(opcode, offset)
  }

const store =
  (opcode: number) =>
  (address: Expr, value: Expr, offset = 0): Statement =>
  (f) => {
    push(f, address)
    push(f, value)
    f.memory(opcode, offset)
  }

const atomicLoad =
  (opcode: number, alignLog2: number) =>
  (address: Expr, offset = 0): Emit =>
  (f) => {
    push(f, address)
    f.atomic(opcode, offset, alignLog2)
  }

const atomicStore =
  (opcode: number, alignLog2: number) =>
  (address: Expr, value: Expr, offset = 0): Statement =>
  (f) => {
    push(f, address)
    push(f, value)
    f.atomic(opcode, offset, alignLog2)
  }

/** Read-modify-write: leaves the old value. */
const atomicRmw =
  (opcode: number, alignLog2: number) =>
  (address: Expr, value: Expr, offset = 0): Emit =>
  (f) => {
    push(f, address)
    push(f, value)
    f.atomic(opcode, offset, alignLog2)
  }

const compareExchange =
  (opcode: number, alignLog2: number) =>
  (address: Expr, expected: Expr, replacement: Expr, offset = 0): Emit =>
  (f) => {
    push(f, address)
    push(f, expected)
    push(f, replacement)
    f.atomic(opcode, offset, alignLog2)
  }

export const i32 = {
  const:
    (value: number): Emit =>
    (f) =>
      f.i32Const(value),
  eqz: unary(Op.i32_eqz),
  clz: unary(Op.i32_clz),
  ctz: unary(Op.i32_ctz),
  popcnt: unary(Op.i32_popcnt),
  eq: binary(Op.i32_eq),
  ne: binary(Op.i32_ne),
  ltS: binary(Op.i32_lt_s),
  ltU: binary(Op.i32_lt_u),
  gtS: binary(Op.i32_gt_s),
  gtU: binary(Op.i32_gt_u),
  leS: binary(Op.i32_le_s),
  leU: binary(Op.i32_le_u),
  geS: binary(Op.i32_ge_s),
  geU: binary(Op.i32_ge_u),
  add: binary(Op.i32_add),
  sub: binary(Op.i32_sub),
  mul: binary(Op.i32_mul),
  divU: binary(Op.i32_div_u),
  remU: binary(Op.i32_rem_u),
  and: binary(Op.i32_and),
  or: binary(Op.i32_or),
  xor: binary(Op.i32_xor),
  shl: binary(Op.i32_shl),
  shrS: binary(Op.i32_shr_s),
  shrU: binary(Op.i32_shr_u),
  rotl: binary(Op.i32_rotl),
  wrap: unary(Op.i32_wrap_i64),
  load: load(Op.i32_load),
  load8U: load(Op.i32_load8_u),
  load16U: load(Op.i32_load16_u),
  store: store(Op.i32_store),
  store8: store(Op.i32_store8),
  store16: store(Op.i32_store16),
  atomicLoad: atomicLoad(Atomic.i32_load, 2),
  atomicStore: atomicStore(Atomic.i32_store, 2),
  atomicAdd: atomicRmw(Atomic.i32_add, 2),
  atomicSub: atomicRmw(Atomic.i32_sub, 2),
  atomicAnd: atomicRmw(Atomic.i32_and, 2),
  atomicOr: atomicRmw(Atomic.i32_or, 2),
  atomicExchange: atomicRmw(Atomic.i32_xchg, 2),
  compareExchange: compareExchange(Atomic.i32_cmpxchg, 2),
}

export const i64 = {
  /** A constant from a signed 32-bit value, or from two words. */
  const:
    (low: number, high = low >> 31): Emit =>
    (f) =>
      f.i64Const(low, high),
  eqz: unary(Op.i64_eqz),
  eq: binary(Op.i64_eq),
  ne: binary(Op.i64_ne),
  ltU: binary(Op.i64_lt_u),
  gtU: binary(Op.i64_gt_u),
  leU: binary(Op.i64_le_u),
  geU: binary(Op.i64_ge_u),
  add: binary(Op.i64_add),
  sub: binary(Op.i64_sub),
  mul: binary(Op.i64_mul),
  and: binary(Op.i64_and),
  or: binary(Op.i64_or),
  xor: binary(Op.i64_xor),
  shl: binary(Op.i64_shl),
  shrU: binary(Op.i64_shr_u),
  shrS: binary(Op.i64_shr_s),
  rotl: binary(Op.i64_rotl),
  extendS: unary(Op.i64_extend_i32_s),
  extendU: unary(Op.i64_extend_i32_u),
  truncF64: unary(Op.i64_trunc_f64_s),
  load: load(Op.i64_load),
  load8U: load(Op.i64_load8_u),
  load16U: load(Op.i64_load16_u),
  load32U: load(Op.i64_load32_u),
  store: store(Op.i64_store),
  atomicLoad: atomicLoad(Atomic.i64_load, 3),
  atomicStore: atomicStore(Atomic.i64_store, 3),
  atomicAdd: atomicRmw(Atomic.i64_add, 3),
  atomicExchange: atomicRmw(Atomic.i64_xchg, 3),
  compareExchange: compareExchange(Atomic.i64_cmpxchg, 3),
}

export function set(local: Local, value: Expr): Statement {
  return (f) => {
    push(f, value)
    f.set(local)
  }
}

/** Assigns and leaves the value. */
export function tee(local: Local, value: Expr): Emit {
  return (f) => {
    push(f, value)
    f.tee(local)
  }
}

export function seq(...statements: Statement[]): Statement {
  return (f) => {
    for (const statement of statements) statement(f)
  }
}

export function drop(value: Expr): Statement {
  return (f) => {
    push(f, value)
    f.op(Op.drop)
  }
}

/** condition ? a : b, both evaluated. */
export function select(condition: Expr, a: Expr, b: Expr): Emit {
  return (f) => {
    push(f, a)
    push(f, b)
    push(f, condition)
    f.op(Op.select)
  }
}

/** Runs `then` when the condition is not 0; with a `type`, both arms leave a value of it. */
export function when(condition: Expr, then: Statement, otherwise?: Statement, type?: ValType): Statement {
  return (f) => {
    push(f, condition)
    f.if_(type ?? BLOCK_EMPTY)
    then(f)
    if (otherwise) {
      f.else_()
      otherwise(f)
    }
    f.end()
  }
}

/** block … end: `body` gets a label whose branch leaves the block. */
export function block(body: (leave: Label) => Statement): Statement {
  return (f) => {
    const label = f.block()
    body(label)(f)
    f.end()
  }
}

/** An endless loop: leave by `br(leave)`, start over by `br(again)`; falling off the end starts over too. */
export function loop(body: (leave: Label, again: Label) => Statement): Statement {
  return (f) => {
    const leave = f.block()
    const again = f.loop()
    body(leave, again)(f)
    f.br(again)
    f.end()
    f.end()
  }
}

export function br(label: Label): Statement {
  return (f) => f.br(label)
}

export function brIf(label: Label, condition: Expr): Statement {
  return (f) => {
    push(f, condition)
    f.brIf(label)
  }
}

export function ret(value?: Expr): Statement {
  return (f) => {
    if (value !== undefined) push(f, value)
    f.op(Op.return)
  }
}

export function unreachable(): Statement {
  return (f) => f.op(Op.unreachable)
}

/** A direct call by function index or builder. */
export function call(target: number | FunctionBuilder, ...args: Expr[]): Emit {
  return (f) => {
    for (const arg of args) push(f, arg)
    f.call(target instanceof FunctionBuilder ? target.index : target)
  }
}

export function callIndirect(typeIndex: number, slot: Expr, ...args: Expr[]): Emit {
  return (f) => {
    for (const arg of args) push(f, arg)
    push(f, slot)
    f.callIndirect(typeIndex)
  }
}

export function globalGet(index: number): Emit {
  return (f) => f.globalGet(index)
}

export function memoryCopy(to: Expr, from: Expr, bytes: Expr): Statement {
  return (f) => {
    push(f, to)
    push(f, from)
    push(f, bytes)
    f.memoryCopy()
  }
}

export function memoryFill(to: Expr, value: Expr, bytes: Expr): Statement {
  return (f) => {
    push(f, to)
    push(f, value)
    push(f, bytes)
    f.memoryFill()
  }
}

/** futex wake: leaves the number of threads woken. */
export function notify(address: Expr, count: Expr, offset = 0): Emit {
  return (f) => {
    push(f, address)
    push(f, count)
    f.atomic(Atomic.notify, offset, 2)
  }
}

/** futex wait for at most `timeoutNs` (i64): leaves 0 woken, 1 not equal, 2 timed out. */
export function wait32(address: Expr, expected: Expr, timeoutNs: Expr, offset = 0): Emit {
  return (f) => {
    push(f, address)
    push(f, expected)
    push(f, timeoutNs)
    f.atomic(Atomic.wait32, offset, 2)
  }
}

/** Copies a constant number of bytes in straight-line code: no loop and no call. */
export function copyStraight(to: Expr, from: Expr, bytes: number): Statement {
  return (f) => {
    let at = 0
    const step = (width: number, loadOp: number, storeOp: number) => {
      while (at + width <= bytes) {
        push(f, to)
        push(f, from)
        f.memory(loadOp, at)
        f.memory(storeOp, at)
        at += width
      }
    }
    step(8, Op.i64_load, Op.i64_store)
    step(4, Op.i32_load, Op.i32_store)
    step(2, Op.i32_load16_u, Op.i32_store16)
    step(1, Op.i32_load8_u, Op.i32_store8)
  }
}

/** Defines an exported function: `body` gets the parameters and a maker of locals, and returns its statements. */
export function define(
  module: ModuleBuilder,
  name: string,
  params: readonly ValType[],
  results: readonly ValType[],
  body: (params: readonly Local[], local: (type: ValType) => Local) => Statement,
): FunctionBuilder {
  const f = module.function(name, params, results)
  body(f.params, (type) => f.local(type))(f)
  return f
}
