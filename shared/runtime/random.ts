/**
 * bpf_get_prandom_u32: L'Ecuyer's combined Tausworthe generator of four components, period about 2^113 ("Tables of
 * maximally equidistributed combined LFSR generators", 1999). State per CPU, in CPU.prandom.
 */
import { CPU } from '../layout.js'
import { define, I32, I64, i32, i64, ret, seq, set } from '../wasm/dsl.js'
import type { RuntimeEnvironment } from './environment.js'

/** Each component: its shifts q and s, its mask, and the least value its state may be seeded with. */
export const PRANDOM_COMPONENTS = [
  { q: 6, k: 13, mask: 0xfffffffe, s: 18, least: 2 },
  { q: 2, k: 27, mask: 0xfffffff8, s: 2, least: 8 },
  { q: 13, k: 21, mask: 0xfffffff0, s: 7, least: 16 },
  { q: 3, k: 12, mask: 0xffffff80, s: 13, least: 128 },
] as const

const WORD_BYTES = 4

export function emitRandom(env: RuntimeEnvironment): void {
  const name = 'bpf_get_prandom_u32'
  const f = define(env.module, name, [], [I64], (_, local) => {
    const z = local(I32)
    const sum = local(I32)
    const step = PRANDOM_COMPONENTS.map(({ q, k, mask, s }, i) => {
      const offset = CPU.prandom + i * WORD_BYTES
      return seq(
        set(z, i32.load(env.area, offset)),
        set(z, i32.xor(i32.shl(i32.and(z, mask | 0), s), i32.shrU(i32.xor(i32.shl(z, q), z), k))),
        i32.store(env.area, z, offset),
        set(sum, i32.xor(sum, z)),
      )
    })
    return seq(...step, ret(i64.extendU(sum)), (body) => body.i64Const(0, 0))
  })
  env.module.export(name, f)
}

/**
 * Seeds the generator of the CPU whose area starts at `area`. With state 0 it would stay 0 for ever.
 * `words`: four random 32-bit numbers.
 */
export function seedPrandom(u32: Uint32Array, area: number, words: ArrayLike<number>): void {
  PRANDOM_COMPONENTS.forEach(({ least }, i) => {
    const word = words[i] >>> 0
    u32[(area + CPU.prandom) / WORD_BYTES + i] = word < least ? word + least : word
  })
}
