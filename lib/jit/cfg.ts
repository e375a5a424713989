/** Control flow of one subprogram: basic blocks in reverse postorder, with forward and back edges told apart. */
import { type Code, targetOf } from '../../shared/isa/decode.js'
import { EINVAL } from '../../shared/uapi/errno.js'
import { dominators } from './dominators.js'
import { JitError } from './error.js'

export type Terminator = 'exit' | 'jump' | 'branch'

/** Blocks are numbered in reverse postorder from 0, the entry. Only reachable blocks are numbered. */
export interface Cfg {
  readonly start: number
  readonly end: number
  readonly blocks: number
  /** First instruction, and one past the last (the terminator included), per block. */
  readonly first: Int32Array
  readonly past: Int32Array
  /** Successors: `taken` of branch and jump, `fall` of a branch or of a block that runs into the next; -1 for none. */
  readonly taken: Int32Array
  readonly fall: Int32Array
  /** Immediate dominator; the entry's is itself. */
  readonly idom: Int32Array
  /** Forward edges (in reverse postorder) that enter the block, each pair of blocks counted once. */
  readonly forwardEdges: Int32Array
  /** 1 where a back edge enters. */
  readonly loopHeader: Uint8Array
  readonly reducible: boolean
}

/** How the block that ends at `past` leaves. */
export function terminatorOf(cfg: Cfg, block: number): Terminator {
  if (cfg.taken[block] >= 0 && cfg.fall[block] >= 0) return 'branch'
  return cfg.taken[block] < 0 && cfg.fall[block] < 0 ? 'exit' : 'jump'
}

interface RawBlocks {
  readonly starts: number[]
  /** Block that begins at an instruction (relative to the subprogram), else -1. */
  readonly blockAt: Int32Array
}

function findLeaders(code: Code, start: number, end: number, blockMax: number): RawBlocks {
  const leader = new Uint8Array(end - start + 1)
  leader[0] = 1
  for (let i = start; i < end; i++) {
    const kind = code.rows[i]?.kind
    if (kind === 'jump' || kind === 'branch' || kind === 'mayGoto') {
      const target = targetOf(code, i)
      if (target < start || target >= end) throw new JitError(i, -EINVAL, `jump out of range to ${target}`)
      leader[target - start] = 1
      leader[i + 1 - start] = 1
    } else if (kind === 'exit') leader[i + 1 - start] = 1
  }
  const starts: number[] = []
  const blockAt = new Int32Array(end - start).fill(-1)
  for (let i = 0; i < end - start; i++) {
    const tooLong = i - (starts.at(-1) ?? start) + start >= blockMax && code.wide[start + i] !== 2
    if (leader[i] === 0 && !tooLong) continue
    blockAt[i] = starts.length
    starts.push(start + i)
  }
  return { starts, blockAt }
}

interface Edges {
  readonly past: Int32Array
  readonly taken: Int32Array
  readonly fall: Int32Array
}

function findEdges(code: Code, start: number, end: number, raw: RawBlocks): Edges {
  const count = raw.starts.length
  const past = new Int32Array(count)
  const taken = new Int32Array(count).fill(-1)
  const fall = new Int32Array(count).fill(-1)
  for (let b = 0; b < count; b++) {
    past[b] = b + 1 < count ? raw.starts[b + 1] : end
    const last = past[b] - 1
    const kind = code.rows[last]?.kind
    if (kind === 'exit') continue
    if (kind === 'jump' || kind === 'branch' || kind === 'mayGoto') {
      taken[b] = raw.blockAt[targetOf(code, last) - start]
      if (kind === 'jump') continue
    }
    // A block without a next one falls off the end: -2 marks it, which matters only if it is reachable.
    fall[b] = b + 1 < count ? b + 1 : -2
  }
  return { past, taken, fall }
}

/** Reachable blocks in reverse postorder. The taken edge is walked first, so that program order prevails. */
function reversePostorder(edges: Edges): Int32Array {
  const count = edges.past.length
  const state = new Uint8Array(count)
  const stack = new Int32Array(count + 1)
  const order = new Int32Array(count)
  let at = count
  let depth = 0
  stack[depth++] = 0
  state[0] = 1
  while (depth > 0) {
    const b = stack[depth - 1]
    const next = state[b] === 1 ? edges.taken[b] : state[b] === 2 ? edges.fall[b] : -1
    if (state[b] === 3) {
      order[--at] = b
      depth--
      continue
    }
    state[b]++
    if (next >= 0 && state[next] === 0) {
      state[next] = 1
      stack[depth++] = next
    }
  }
  return order.subarray(at)
}

/**
 * Builds the control-flow graph of the instructions [start, end) of one subprogram, with blocks of about `blockMax`
 * instructions at most. Linear but for a logarithm.
 */
export function buildCfg(code: Code, start: number, end: number, blockMax = Number.POSITIVE_INFINITY): Cfg {
  const raw = findLeaders(code, start, end, blockMax)
  const edges = findEdges(code, start, end, raw)
  const order = reversePostorder(edges)
  const blocks = order.length
  const number = new Int32Array(raw.starts.length).fill(-1)
  for (let n = 0; n < blocks; n++) number[order[n]] = n
  const first = new Int32Array(blocks)
  const past = new Int32Array(blocks)
  const taken = new Int32Array(blocks).fill(-1)
  const fall = new Int32Array(blocks).fill(-1)
  for (let n = 0; n < blocks; n++) {
    const b = order[n]
    first[n] = raw.starts[b]
    past[n] = edges.past[b]
    if (edges.fall[b] === -2) throw new JitError(past[n] - 1, -EINVAL, 'falls off the end of the subprogram')
    taken[n] = edges.taken[b] < 0 ? -1 : number[edges.taken[b]]
    fall[n] = edges.fall[b] < 0 ? -1 : number[edges.fall[b]]
    // Both ways lead to one block: no branch is left.
    if (taken[n] === fall[n]) taken[n] = -1
  }
  return { start, end, blocks, first, past, taken, fall, ...analyseBlocks(blocks, taken, fall) }
}

/** What the structure of a graph of blocks in reverse postorder is; block 0 is its entry and reaches all. */
export function analyseBlocks(blocks: number, taken: Int32Array, fall: Int32Array) {
  const idom = dominators(blocks, taken, fall)
  const forwardEdges = new Int32Array(blocks)
  const loopHeader = new Uint8Array(blocks)
  const depthOf = treeIntervals(idom)
  let reducible = true
  for (let b = 0; b < blocks; b++) {
    for (const to of [taken[b], fall[b]]) {
      if (to < 0) continue
      if (to > b) {
        forwardEdges[to]++
        continue
      }
      loopHeader[to] = 1
      if (!depthOf.dominates(to, b)) reducible = false
    }
  }
  return { idom, forwardEdges, loopHeader, reducible }
}

/** Numbers the dominator tree so that dominance is a comparison of intervals. */
function treeIntervals(idom: Int32Array): { dominates(a: number, b: number): boolean } {
  const count = idom.length
  // In reverse postorder a dominator precedes what it dominates: sizes add up from the end, places from the start.
  const size = new Int32Array(count).fill(1)
  for (let b = count - 1; b > 0; b--) size[idom[b]] += size[b]
  const enter = new Int32Array(count)
  const used = new Int32Array(count).fill(1)
  for (let b = 1; b < count; b++) {
    const parent = idom[b]
    enter[b] = enter[parent] + used[parent]
    used[parent] += size[b]
  }
  return { dominates: (a, b) => enter[b] >= enter[a] && enter[b] < enter[a] + size[a] }
}
