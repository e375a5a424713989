/** Jenkins' lookup3 hash (public domain), as Linux uses it: what a map with a zero seed must agree on. */
import { brIf, define, type Emit, type Expr, I32, i32, loop, type Statement, seq, set } from '../wasm/dsl.js'
import type { FunctionBuilder, Local } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'

const BLOCK_BYTES = 12
const WORD_BYTES = 4
const START = 0xdeadbeef | 0
/** What each step of the mixing of a block, and of the last one, rotates by. */
const MIX = [4, 6, 8, 16, 19, 4]
const LAST = [14, 11, 25, 16, 4, 14, 24]

type State = readonly [Local, Local, Local]

/** x = (x - z) ^ rotl(z, by); z += y, with the three names moving on by one each step. */
function mix(state: State): Statement {
  return seq(
    ...MIX.map((by, step) => {
      const [x, y, z] = [state[step % 3]!, state[(step + 1) % 3]!, state[(step + 2) % 3]!]
      return seq(set(x, i32.xor(i32.sub(x, z), i32.rotl(z, by))), set(z, i32.add(z, y)))
    }),
  )
}

/** x = (x ^ y) - rotl(y, by), from the third word on. */
function finish(state: State): Statement {
  return seq(
    ...LAST.map((by, step) => {
      const [x, y] = [state[(step + 2) % 3]!, state[(step + 1) % 3]!]
      return set(x, i32.sub(i32.xor(x, y), i32.rotl(y, by)))
    }),
  )
}

/** The `bytes` (1 to 4) bytes at `address` + offset, as a number. */
function word(address: Expr, offset: number, bytes: number): Emit {
  if (bytes === WORD_BYTES) return i32.load(address, offset)
  if (bytes === 1) return i32.load8U(address, offset)
  const low = i32.load16U(address, offset)
  return bytes === 2 ? low : i32.or(low, i32.shl(i32.load8U(address, offset + 2), 16))
}

/** Adds up to 12 bytes at `address` to the state, as words. */
function absorb(state: State, address: Expr, bytes: number): Statement {
  const words = Math.ceil(bytes / WORD_BYTES)
  return seq(
    ...state.slice(0, words).map((local, index) => {
      const at = index * WORD_BYTES
      return set(local, i32.add(local, word(address, at, Math.min(WORD_BYTES, bytes - at))))
    }),
  )
}

/** jhash(address, seed) -> 32 bits, for `bytes` (at least 1) bytes. */
export function emitJhash(module: ModuleBuilder, bytes: number): FunctionBuilder {
  const blocks = Math.ceil(bytes / BLOCK_BYTES) - 1
  return define(module, 'jhash', [I32, I32], [I32], ([address, seed], local) => {
    const state: State = [local(I32), local(I32), local(I32)]
    const end = local(I32)
    return seq(
      set(state[0], i32.add(seed!, (START + bytes) | 0)),
      set(state[1], state[0]),
      set(state[2], state[0]),
      set(end, i32.add(address!, blocks * BLOCK_BYTES)),
      loop((leave) =>
        seq(
          brIf(leave, i32.eq(address!, end)),
          absorb(state, address!, BLOCK_BYTES),
          mix(state),
          set(address!, i32.add(address!, BLOCK_BYTES)),
        ),
      ),
      absorb(state, address!, bytes - blocks * BLOCK_BYTES),
      finish(state),
      (f) => f.get(state[2]),
    )
  })
}
