/**
 * Functions too large for one WebAssembly function, as several: each takes a run of blocks, with all registers as
 * parameters and results, and says where to go on. A driver calls one after the other.
 */
import { REGISTERS } from '../../shared/isa/opcodes.js'
import { I32, I64 } from '../../shared/wasm/dsl.js'
import type { FunctionBuilder, Label, Local } from '../../shared/wasm/function.js'
import { Op, type ValType } from '../../shared/wasm/opcodes.js'
import { BodyEmitter } from './body.js'
import { analyseBlocks, type Cfg } from './cfg.js'
import { type BlockEmitter, emitDispatch, emitStructured } from './control.js'
import { ARGUMENTS, FunctionEmitter, placeOfParams } from './function.js'
import type { CompileInput } from './input.js'
import type { ModuleContext } from './module_context.js'
import type { BlockFacts } from './values.js'

/** Functions of more parts than this are split. */
const WHOLE_PARTS = 4
/** Instructions of one part, but for its last block. */
const PART_INSNS_DEFAULT = 16_384
/** Longest block of a function that is split, as a fraction of a part. */
const BLOCKS_PER_PART = 4
/** Where to go on: the part's number, and the block's number in it. */
const PART_SHIFT = 16
const BLOCK_MASK = (1 << PART_SHIFT) - 1
const FINISHED = -1

/** r0 to r9: r10 is the frame. */
const SAVED = REGISTERS - 1
/** r0 to r9 and what may_goto has used up. */
const STATE: readonly ValType[] = [...new Array<ValType>(SAVED).fill(I64), I32]

/** Blocks [from, to) of a function. */
interface Part {
  readonly from: number
  readonly to: number
}

/** How the instructions [start, end) are split: the longest block, or null when they stay whole. */
export function longestBlock(input: CompileInput, start: number, end: number): number | null {
  const partInsns = input.partInsns ?? PART_INSNS_DEFAULT
  return end - start > WHOLE_PARTS * partInsns ? Math.ceil(partInsns / BLOCKS_PER_PART) : null
}

function parts(cfg: Cfg, partInsns: number): Part[] {
  const result: Part[] = []
  let from = 0
  let insns = 0
  for (let b = 0; b < cfg.blocks; b++) {
    insns += cfg.past[b] - cfg.first[b]
    if (insns < partInsns && b + 1 < cfg.blocks) continue
    result.push({ from, to: b + 1 })
    from = b + 1
    insns = 0
  }
  return result
}

/** A part's own graph: its blocks, then one for each block outside that it leads to. */
interface PartGraph {
  readonly cfg: Cfg
  readonly outside: readonly number[]
}

function partGraph(whole: Cfg, { from, to }: Part): PartGraph {
  const count = to - from
  const outside: number[] = []
  const numbers = new Map<number, number>()
  const number = (block: number): number => {
    if (block < 0) return -1
    if (block >= from && block < to) return block - from
    let known = numbers.get(block)
    if (known === undefined) {
      known = count + outside.length
      numbers.set(block, known)
      outside.push(block)
    }
    return known
  }
  const inner = Array.from({ length: count }, (_, b) => [number(whole.taken[from + b]), number(whole.fall[from + b])])
  const blocks = count + outside.length
  const at = (field: Int32Array) => Int32Array.from({ length: blocks }, (_, b) => (b < count ? field[from + b] : 0))
  const taken = Int32Array.from({ length: blocks }, (_, b) => (b < count ? inner[b][0] : -1))
  const fall = Int32Array.from({ length: blocks }, (_, b) => (b < count ? inner[b][1] : -1))
  const { start, end } = whole
  const graph = { start, end, blocks, first: at(whole.first), past: at(whole.past), taken, fall }
  // With several entries it is dispatched, which needs no analysis.
  const analysed = enteredAtStart(whole, from, to)
    ? analyseBlocks(blocks, taken, fall)
    : { idom: taken, forwardEdges: taken, loopHeader: new Uint8Array(0), reducible: false }
  return { cfg: { ...graph, ...analysed }, outside }
}

/** Whether edges from outside lead to the part's first block only. */
function enteredAtStart(cfg: Cfg, from: number, to: number): boolean {
  for (let b = 0; b < cfg.blocks; b++) {
    if (b >= from && b < to) continue
    for (const target of [cfg.taken[b], cfg.fall[b]]) if (target > from && target < to) return false
  }
  return true
}

/** Emits a part's blocks by their numbers in the whole function. */
class PartEmitter implements BlockEmitter {
  constructor(
    readonly whole: BodyEmitter,
    readonly from: number,
    readonly count: number,
    /** Emits the return that goes on at an outside block. */
    readonly leave: (outside: number) => void,
  ) {}

  body(block: number): void {
    if (block < this.count) this.whole.body(this.from + block)
  }

  condition(block: number, negated: boolean): void {
    this.whole.condition(this.from + block, negated)
  }

  exit(block: number): void {
    if (block < this.count) this.whole.exit(this.from + block)
    else this.leave(block - this.count)
  }
}

/** What one large function becomes. */
class Splitter {
  readonly parts: Part[]
  /** Where each block is: see PART_SHIFT. */
  readonly #place: Int32Array
  readonly #params: readonly ValType[]

  constructor(
    readonly module: ModuleContext,
    readonly cfg: Cfg,
    readonly facts: BlockFacts,
  ) {
    this.parts = parts(cfg, module.input.partInsns ?? PART_INSNS_DEFAULT)
    this.#place = new Int32Array(cfg.blocks)
    for (const [n, { from, to }] of this.parts.entries()) {
      for (let b = from; b < to; b++) this.#place[b] = (n << PART_SHIFT) | (b - from)
    }
    const shared = module.checked ? [I32, I32, I32] : [I32]
    this.#params = [...STATE, ...shared, I32]
  }

  emitPart(part: Part, n: number): FunctionEmitter {
    const { module, cfg } = this
    const f = module.builder.function(`part_${cfg.start}_${n}`, this.#params, [...STATE, I32])
    const state = f.params.slice(0, STATE.length)
    const [frame, context, contextBytes] = f.params.slice(STATE.length, -1)
    const goOn = (next: number): void => {
      for (const local of state) f.get(local)
      f.i32Const(next)
      f.op(Op.return)
    }
    const e = new FunctionEmitter(module, f, cfg.start, {
      arguments: state.slice(1, ARGUMENTS + 1),
      saved: [state[0], ...state.slice(ARGUMENTS + 1, SAVED)],
      loopBudget: state[SAVED],
      frame,
      context,
      contextBytes,
      leave: () => goOn(FINISHED),
    })
    const graph = partGraph(cfg, part)
    const leave = (outside: number) => goOn(this.#place[graph.outside[outside]])
    const emitter = new PartEmitter(new BodyEmitter(e, cfg, this.facts), part.from, part.to - part.from, leave)
    if (graph.cfg.reducible) emitStructured(graph.cfg, f, emitter)
    else emitDispatch(graph.cfg, f, emitter, f.params.at(-1) as Local)
    f.op(Op.unreachable)
    return e
  }

  /** Fills `driver`, a function with a subprogram's parameters. */
  emitDriver(driver: FunctionBuilder, emitted: readonly FunctionEmitter[]): void {
    const place = placeOfParams(driver)
    const saved = Array.from({ length: SAVED - ARGUMENTS }, () => driver.local(I64))
    const [r0, ...others] = saved
    const state = [r0, ...place.arguments, ...others, driver.local(I32)]
    const shared = this.module.checked ? [place.frame, place.context, place.contextBytes] : [place.frame]
    const next = driver.local(I32)
    const again = driver.loop()
    const labels: Label[] = []
    for (let n = emitted.length - 1; n >= 0; n--) labels[n] = driver.block()
    driver.get(next)
    driver.i32Const(PART_SHIFT)
    driver.op(Op.i32_shr_u)
    driver.brTable(labels, labels[0])
    for (const { f } of emitted) {
      driver.end()
      for (const local of [...state, ...shared]) driver.get(local)
      driver.get(next)
      driver.i32Const(BLOCK_MASK)
      driver.op(Op.i32_and)
      driver.call(f.index)
      driver.set(next)
      for (const local of [...state].reverse()) driver.set(local)
      driver.get(next)
      driver.i32Const(FINISHED)
      driver.op(Op.i32_ne)
      driver.brIf(again)
      driver.get(r0)
      driver.op(Op.return)
    }
    driver.end()
    driver.op(Op.unreachable)
  }
}

/** Emits a large function: `driver` is what others call. Returns the emitters of its parts. */
export function emitSplit(
  module: ModuleContext,
  driver: FunctionBuilder,
  cfg: Cfg,
  facts: BlockFacts,
): FunctionEmitter[] {
  const splitter = new Splitter(module, cfg, facts)
  const emitted = splitter.parts.map((part, n) => splitter.emitPart(part, n))
  splitter.emitDriver(driver, emitted)
  return emitted
}
