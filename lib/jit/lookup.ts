/**
 * Look-ups in arrays, in place: the index leads to the value without a call. The index mostly stands in a stack slot
 * that the instructions before have filled, so what was stored there last is remembered and not read back.
 */
import type { InstructionRow } from '../../shared/isa/table.js'
import { type DirectValues, directValues } from '../../shared/maps/direct.js'
import { I32 } from '../../shared/wasm/dsl.js'
import type { Local } from '../../shared/wasm/function.js'
import { Op } from '../../shared/wasm/opcodes.js'
import type { FunctionEmitter } from './function.js'
import type { MapFacts } from './input.js'
import { address } from './memory.js'

const KEY_REGISTER = 2
const INDEX_BYTES = 4

/** The 32-bit word that was stored last at a known place of the frame: a number, or a local that holds it. */
export interface StoredWord {
  /** Offset from r10. */
  readonly offset: number
  readonly value: number | Local
}

/** What the store at `i`, which has just been emitted, leaves known of the frame. */
export function storedWord(e: FunctionEmitter, row: InstructionRow, i: number): StoredWord | null {
  const { code } = e
  const base = e.facts.stackOffset(code.dst[i])
  const before = e.storedWord
  if (base === null) return null
  const offset = base + code.off[i]
  if (row.bytes === INDEX_BYTES) {
    if (row.kind === 'storeImm') return { offset, value: code.imm[i] }
    e.push32(code.src[i])
    e.f.set(e.storedIndex)
    return { offset, value: e.storedIndex }
  }
  const apart = before !== null && (offset + row.bytes <= before.offset || offset >= before.offset + INDEX_BYTES)
  return apart ? before : null
}

/** Loads at `i` what was stored last, if that is known; otherwise answers false and emits nothing. */
export function emitStoredWord(e: FunctionEmitter, row: InstructionRow, i: number): boolean {
  const { code, f, storedWord } = e
  if (row.kind !== 'load' || row.bytes !== INDEX_BYTES || storedWord === null) return false
  const base = e.facts.stackOffset(code.src[i])
  if (base === null || base + code.off[i] !== storedWord.offset) return false
  if (typeof storedWord.value === 'number') f.i32Const(storedWord.value)
  else f.get(storedWord.value)
  e.set32(code.dst[i])
  return true
}

/** How to look up `map` in place; null when it takes a call. */
export function directLookup(map: MapFacts | null): DirectValues | null {
  return map === null ? null : directValues(map)
}

/** r0 = bpf_map_lookup_elem(map, r2). */
export function emitDirectLookup(e: FunctionEmitter, map: MapFacts, direct: DirectValues): void {
  const { f } = e
  e.keepsFrame = true
  const at = e.facts.stackOffset(KEY_REGISTER)
  const word = at !== null && e.storedWord?.offset === at ? e.storedWord.value : null
  if (typeof word === 'number') {
    if (word >>> 0 < map.maxEntries) pushValue(e, map, direct, word)
    else f.i32Const(0)
  } else {
    const index = word ?? pushIndex(e)
    pushValue(e, map, direct, index)
    f.i32Const(0)
    f.get(index)
    f.i32Const(map.maxEntries)
    f.op(Op.i32_lt_u)
    f.op(Op.select)
  }
  f.op(Op.i64_extend_i32_u)
  e.set64(0)
}

/** Reads the index from memory. */
function pushIndex(e: FunctionEmitter): Local {
  const offset = address(e, KEY_REGISTER, 0, INDEX_BYTES, 'read')
  e.f.memory(Op.i32_load, offset)
  e.f.set(e.temporary32)
  return e.temporary32
}

function pushValue(e: FunctionEmitter, map: MapFacts, direct: DirectValues, index: number | Local): void {
  const { f, module } = e
  if (typeof index === 'number') f.i32Const(map.values + index * direct.strideBytes)
  else {
    f.get(index)
    f.i32Const(direct.strideBytes)
    f.op(Op.i32_mul)
    f.i32Const(map.values)
    f.op(Op.i32_add)
  }
  if (direct.cpuStrideBytes === 0) return
  f.globalGet(module.builder.importGlobal('env', 'cpu', I32))
  f.i32Const(direct.cpuStrideBytes)
  f.op(Op.i32_mul)
  f.op(Op.i32_add)
}
