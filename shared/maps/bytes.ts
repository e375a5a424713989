/** Code for keys and values of a size known at build time: hash, comparison and copy. */
import {
  brIf,
  call,
  copyStraight,
  define,
  type Emit,
  type Expr,
  I32,
  I64,
  i32,
  i64,
  loop,
  memoryCopy,
  memoryFill,
  ret,
  type Statement,
  seq,
  set,
  when,
} from '../wasm/dsl.js'
import type { FunctionBuilder, Local } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'

/** Up to here code is unrolled; beyond, loops and memory.copy are faster than the code is to fetch. */
const UNROLLED_BYTES = 128
const WORD_BYTES = 8

// Odd 64-bit multipliers: the fractional digits of the golden ratio and of the square roots of 3 and 2.
const MIX = i64.const(0x7f4a7c15, 0x9e3779b9 | 0)
const FINISH = i64.const(0x84caa73b | 0, 0xbb67ae85 | 0)
const SPREAD_SEED = i64.const(0xf3bcc909 | 0, 0x6a09e667)

/** The `bytes` (1 to 8) bytes at `address` + offset as a number: equal numbers mean equal bytes. */
function word(address: Expr, offset: number, bytes: number): Emit {
  if (bytes === 8) return i64.load(address, offset)
  if (bytes === 4) return i64.load32U(address, offset)
  if (bytes === 2) return i64.load16U(address, offset)
  if (bytes === 1) return i64.load8U(address, offset)
  // 3, 5, 6, 7: a large part, and the rest above it.
  const low = bytes > 4 ? 4 : 2
  return i64.or(word(address, offset, low), i64.shl(word(address, offset + low, bytes - low), i64.const(low * 8)))
}

/** [offset, bytes] of each word of a key. */
function words(bytes: number): [number, number][] {
  const parts: [number, number][] = []
  for (let at = 0; at < bytes; at += WORD_BYTES) parts.push([at, Math.min(WORD_BYTES, bytes - at)])
  return parts
}

const fold = (value: Expr): Emit => i64.xor(value, i64.shrU(value, i64.const(32)))
const high = (value: Expr): Emit => i32.wrap(i64.shrU(i64.mul(value, FINISH), i64.const(32)))

export interface KeyCode {
  /** The key's hash, 32 bits (i32); `state` is an i64 local it may use. */
  hash(key: Expr, seed: Expr, state: Local): Emit
  /** 1 when the keys are equal. */
  equal(a: Expr, b: Expr): Emit
}

/** Code for keys of `bytes` bytes. */
export function keyCode(module: ModuleBuilder, bytes: number): KeyCode {
  const hash = bytes > UNROLLED_BYTES ? emitHash(module, bytes) : undefined
  const equal = bytes > UNROLLED_BYTES ? emitEqual(module, bytes) : undefined
  return {
    hash: (key, seed, state) => (hash ? call(hash, key, seed) : hashUnrolled(key, seed, bytes, state)),
    equal: (a, b) => (equal ? call(equal, a, b) : equalUnrolled(a, b, bytes)),
  }
}

function equalUnrolled(a: Expr, b: Expr, bytes: number): Emit {
  if (bytes === 4) return i32.eq(i32.load(a), i32.load(b))
  const parts = words(bytes).map(([at, width]) => i64.eq(word(a, at, width), word(b, at, width)))
  // The first difference decides: keys that share a bucket mostly differ early.
  return parts.reduceRight((rest, part) => when(part, rest, i32.const(0), I32))
}

function emitEqual(module: ModuleBuilder, bytes: number): FunctionBuilder {
  const tail = bytes % WORD_BYTES
  return define(module, 'key_equal', [I32, I32], [I32], ([a, b], local) => {
    const end = local(I32)
    return seq(
      set(end, i32.add(a!, bytes - tail)),
      loop((leave) =>
        seq(
          brIf(leave, i32.eq(a!, end)),
          when(i64.ne(i64.load(a!), i64.load(b!)), ret(0)),
          set(a!, i32.add(a!, WORD_BYTES)),
          set(b!, i32.add(b!, WORD_BYTES)),
        ),
      ),
      tail === 0 ? i32.const(1) : i64.eq(word(a!, 0, tail), word(b!, 0, tail)),
    )
  })
}

const startHash = (seed: Expr, bytes: number): Emit =>
  i64.mul(i64.add(i64.extendU(seed), i64.const(bytes)), SPREAD_SEED)

const mixWord = (state: Local, value: Expr): Statement =>
  seq(set(state, i64.mul(i64.xor(state, value), MIX)), set(state, fold(state)))

function hashUnrolled(key: Expr, seed: Expr, bytes: number, state: Local): Emit {
  return seq(
    set(state, startHash(seed, bytes)),
    ...words(bytes).map(([at, width]) => mixWord(state, word(key, at, width))),
    high(state),
  )
}

function emitHash(module: ModuleBuilder, bytes: number): FunctionBuilder {
  const tail = bytes % WORD_BYTES
  return define(module, 'key_hash', [I32, I32], [I32], ([key, seed], local) => {
    const state = local(I64)
    const end = local(I32)
    return seq(
      set(state, startHash(seed!, bytes)),
      set(end, i32.add(key!, bytes - tail)),
      loop((leave) =>
        seq(brIf(leave, i32.eq(key!, end)), mixWord(state, i64.load(key!)), set(key!, i32.add(key!, WORD_BYTES))),
      ),
      tail === 0 ? seq() : mixWord(state, word(key!, 0, tail)),
      high(state),
    )
  })
}

/** Copies `bytes` bytes without a loop: a thread is never killed within. */
export function copyBytes(to: Expr, from: Expr, bytes: number): Statement {
  return bytes <= UNROLLED_BYTES ? copyStraight(to, from, bytes) : memoryCopy(to, from, bytes)
}

/** Zeroes `bytes` bytes, a multiple of 8, without a loop. */
export function zeroBytes(to: Expr, bytes: number): Statement {
  if (bytes > UNROLLED_BYTES) return memoryFill(to, 0, bytes)
  return seq(...words(bytes).map(([at]) => i64.store(to, i64.const(0), at)))
}
