/** BPF_MAP_TYPE_BLOOM_FILTER: a set that may claim to hold what it does not. A push adds, a peek asks. */
import { MAP, MAP_BYTES } from '../layout.js'
import { BPF_MAP_TYPE_BLOOM_FILTER } from '../uapi/bpf.js'
import { BPF_F_NUMA_NODE, BPF_F_ZERO_SEED } from '../uapi/bpf_flags.js'
import { E2BIG, EINVAL, ENOENT, EOPNOTSUPP } from '../uapi/errno.js'
import { call, define, drop, type Expr, I32, i32, ret, type Statement, seq, set, when } from '../wasm/dsl.js'
import type { FunctionBuilder, Local } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'
import { ACCESS_FLAGS, ALLOCATION_MAX_BYTES, programAccessOk } from './checks.js'
import { seedOf } from './hash.js'
import { emitJhash } from './jhash.js'
import type { MapAttributes, MapType } from './types.js'

/** map_extra: how many hash functions, at most 15; 0 means this many. */
const HASHES_DEFAULT = 5
const HASHES_MASK = 0xfn
const BITS_MIN = 64
const BITS_PER_WORD_LOG2 = 5
const BITS_MAX = 2 ** 31
/** With more bits than a power of two in 32 bits allows, every hash is a bit of its own. */
const BITS_ALL = 2 ** 32

export const bloomFilterMap: MapType = {
  type: BPF_MAP_TYPE_BLOOM_FILTER,
  name: 'bloom_filter',
  perCpu: false,
  check: (attr) => (attr.valueBytes > ALLOCATION_MAX_BYTES ? -E2BIG : 0),
  checkLate,
  storage: (attr) => bitsOf(attr) / 8,
  initialise: (views, address, attr) => {
    const bits = bitsOf(attr)
    views.u32[(address + MAP.values) / 4] = address + MAP_BYTES
    views.u32[(address + MAP.end) / 4] = address + MAP_BYTES + bits / 8
    views.u32[(address + MAP.bucketMask) / 4] = bits - 1
    views.u32[(address + MAP.seed) / 4] = seedOf(attr)
  },
  shape: (attr) => `bloom_filter:v${attr.valueBytes}:h${hashesOf(attr)}`,
  emit(module, _env, attr) {
    const hash = emitJhash(module, attr.valueBytes)
    const refuse = (name: string, params: number, error: number) =>
      define(module, name, new Array(params).fill(I32), [I32], () => i32.const(-error))
    const update = refuse('update', 4, EINVAL)
    return {
      push: emitPush(module, attr, hash),
      peek: emitPeek(module, attr, hash),
      pop: refuse('pop', 2, EOPNOTSUPP),
      update,
      updateUser: update,
      delete: refuse('delete', 2, EOPNOTSUPP),
      nextKey: refuse('next_key', 3, EOPNOTSUPP),
    }
  },
}

function checkLate(attr: MapAttributes): number {
  if (attr.maxEntries === 0 || attr.keyBytes !== 0 || attr.valueBytes === 0) return -EINVAL
  if (attr.flags & ~(BPF_F_NUMA_NODE | BPF_F_ZERO_SEED | ACCESS_FLAGS) || !programAccessOk(attr.flags)) return -EINVAL
  return BigInt(attr.mapExtra ?? 0) & ~HASHES_MASK ? -EINVAL : 0
}

function hashesOf(attr: MapAttributes): number {
  return Number(BigInt(attr.mapExtra ?? 0) & HASHES_MASK) || HASHES_DEFAULT
}

/** As many bits as Linux takes: 7/5 for each entry and hash, which is close to 1/ln 2; a power of two. */
function bitsOf(attr: MapAttributes): number {
  const product = attr.maxEntries * hashesOf(attr)
  const wanted = Math.floor(product / 5) * 7
  if (product > 0xffffffff || wanted > BITS_MAX) return BITS_ALL
  let bits = BITS_MIN
  while (bits < wanted) bits *= 2
  return bits
}

/** Runs `body` for the bit that each hash function names: address of its word, and the bit in it. */
function forEachBit(
  attr: MapAttributes,
  hash: FunctionBuilder,
  [map, value, bit]: readonly [Local, Local, Local],
  body: (word: Expr, mask: Expr) => Statement,
): Statement {
  const word = i32.add(i32.load(map, MAP.values), i32.shl(i32.shrU(bit, BITS_PER_WORD_LOG2), 2))
  const one = (index: number) =>
    seq(
      set(bit, i32.and(call(hash, value, i32.add(i32.load(map, MAP.seed), index)), i32.load(map, MAP.bucketMask))),
      body(word, i32.shl(1, bit)),
    )
  return seq(...Array.from({ length: hashesOf(attr) }, (_, index) => one(index)))
}

/** push(map, value, flags): flags other than BPF_ANY are -EINVAL. Bits are only ever set: no lock is needed. */
function emitPush(module: ModuleBuilder, attr: MapAttributes, hash: FunctionBuilder): FunctionBuilder {
  return define(module, 'push', [I32, I32, I32], [I32], ([map, value, flags], local) =>
    seq(
      when(flags!, ret(-EINVAL)),
      forEachBit(attr, hash, [map!, value!, local(I32)], (word, mask) => drop(i32.atomicOr(word, mask))),
      i32.const(0),
    ),
  )
}

/** peek(map, value): 0 when the value may have been pushed, -ENOENT when it was not. */
function emitPeek(module: ModuleBuilder, attr: MapAttributes, hash: FunctionBuilder): FunctionBuilder {
  return define(module, 'peek', [I32, I32], [I32], ([map, value], local) =>
    seq(
      forEachBit(attr, hash, [map!, value!, local(I32)], (word, mask) =>
        when(i32.eqz(i32.and(i32.atomicLoad(word), mask)), ret(-ENOENT)),
      ),
      i32.const(0),
    ),
  )
}
