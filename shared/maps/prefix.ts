/** How far two prefixes agree. */
import { LPM_NODE } from '../layout.js'
import { define, type Emit, type Expr, I32, i32, ret, select, seq, set, when } from '../wasm/dsl.js'
import type { FunctionBuilder } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'

const PREFIX_BYTES = 4
const WORD_BYTES = 4
const BITS_PER_BYTE = 8
const WORD_BITS = 32

/** The `bytes` (1 to 4) bytes at `address` + offset, the first one lowest. */
function word(address: Expr, offset: number, bytes: number): Emit {
  if (bytes === WORD_BYTES) return i32.load(address, offset)
  if (bytes === 1) return i32.load8U(address, offset)
  const low = i32.load16U(address, offset)
  return bytes === 2 ? low : i32.or(low, i32.shl(i32.load8U(address, offset + 2), 16))
}

/**
 * match(node, key) -> number of leading bits that the node's prefix (LPM_NODE) and the key's (its length, then data) have
 * in common: at most the shorter one's length. Bits count from each byte's highest.
 */
export function emitPrefixMatch(module: ModuleBuilder, dataBytes: number): FunctionBuilder {
  return define(module, 'prefix_match', [I32, I32], [I32], ([node, key], local) => {
    const limit = local(I32)
    const different = local(I32)
    const byte = local(I32)
    const bits = local(I32)
    const nodeBits = i32.load(node!, LPM_NODE.prefixBits)
    const keyBits = i32.load(key!)
    const atMost = (value: Expr): Emit => select(i32.ltU(value, limit), value, limit)
    const compare = (at: number, bytes: number) =>
      seq(
        set(different, i32.xor(word(node!, LPM_NODE.data + at, bytes), word(key!, PREFIX_BYTES + at, bytes))),
        when(
          different,
          seq(
            // The first byte that differs, and the first bit in it.
            set(byte, i32.and(i32.ctz(different), WORD_BITS - BITS_PER_BYTE)),
            set(bits, i32.clz(i32.and(i32.shrU(different, byte), 0xff))),
            set(bits, i32.add(i32.add(byte, bits), at * BITS_PER_BYTE - (WORD_BITS - BITS_PER_BYTE))),
            ret(atMost(bits)),
          ),
        ),
        when(i32.leU(limit, (at + bytes) * BITS_PER_BYTE), ret(limit)),
      )
    const words = Array.from({ length: Math.ceil(dataBytes / WORD_BYTES) }, (_, index) => index * WORD_BYTES)
    return seq(
      set(limit, select(i32.ltU(nodeBits, keyBits), nodeBits, keyBits)),
      ...words.map((at) => compare(at, Math.min(WORD_BYTES, dataBytes - at))),
      (f) => f.get(limit),
    )
  })
}
