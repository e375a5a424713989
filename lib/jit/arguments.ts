/** How many of r1 to r5 each function of a program reads from its caller: the others are not passed. */
import { helperById } from '../../shared/helpers/table.js'
import { type Code, targetOf } from '../../shared/isa/decode.js'
import type { Cfg } from './cfg.js'
import { ARGUMENTS } from './function.js'

interface Callable {
  readonly start: number
  readonly cfg: Cfg
  readonly huge: boolean
}

const bit = (register: number): number => 1 << register
/** r1 to r`count`. */
const firstArguments = (count: number): number => bit(count + 1) - 2

/** Registers that a call reads; of helpers emitted in place all arguments count. */
function readByCall(code: Code, i: number, counts: ReadonlyMap<number, number>): number {
  const row = code.rows[i]
  if (row?.kind === 'callLocal') return firstArguments(counts.get(targetOf(code, i)) ?? ARGUMENTS)
  const helper = row?.kind === 'callHelper' ? helperById(code.imm[i]) : undefined
  return firstArguments(helper === undefined || helper.tier === 'jit' ? ARGUMENTS : helper.args.length)
}

/** Registers that are read in a block before they are written there, and those that are written. */
function usesOf(code: Code, from: number, to: number, counts: ReadonlyMap<number, number>): [number, number] {
  let read = 0
  let written = 0
  for (let i = from; i < to; i++) {
    const row = code.rows[i]
    if (row === undefined) continue
    const { dst, src } = row.fields
    let reads = row.kind.startsWith('call') ? readByCall(code, i, counts) : 0
    if (dst === 'read' || dst === 'update') reads |= bit(code.dst[i])
    if (src === 'read' || src === 'update') reads |= bit(code.src[i])
    read |= reads & ~written
    if (dst === 'write' || dst === 'update') written |= bit(code.dst[i])
    if (src === 'update') written |= bit(code.src[i])
  }
  return [read, written]
}

/** Highest argument that some path of the function reads before it writes it. */
function countOf(code: Code, cfg: Cfg, counts: ReadonlyMap<number, number>): number {
  const read = new Int32Array(cfg.blocks)
  const written = new Int32Array(cfg.blocks)
  for (let b = 0; b < cfg.blocks; b++) {
    ;[read[b], written[b]] = usesOf(code, cfg.first[b], cfg.past[b], counts)
  }
  for (let again = true; again; ) {
    again = false
    for (let b = cfg.blocks - 1; b >= 0; b--) {
      const after = (cfg.taken[b] < 0 ? 0 : read[cfg.taken[b]]) | (cfg.fall[b] < 0 ? 0 : read[cfg.fall[b]])
      const before = read[b] | (after & ~written[b])
      if (before === read[b]) continue
      read[b] = before
      again = true
    }
  }
  let count = ARGUMENTS
  while (count > 0 && (read[0] & bit(count)) === 0) count--
  return count
}

/** Arguments of each function by its first instruction. A function that passes its own on counts what is read there. */
export function argumentCounts(code: Code, functions: readonly Callable[]): Map<number, number> {
  const counts = new Map(functions.map(({ start, huge }) => [start, huge ? ARGUMENTS : 0]))
  for (let again = true; again; ) {
    again = false
    for (const { start, cfg, huge } of functions) {
      const count = huge ? ARGUMENTS : countOf(code, cfg, counts)
      if (count === counts.get(start)) continue
      counts.set(start, count)
      again = true
    }
  }
  return counts
}
