/**
 * Control flow as WebAssembly wants it. Reducible functions get loops, blocks and ifs from their dominator tree
 * (Ramsey, "Beyond Relooper", ICFP 2022); the others a dispatch loop. Both without recursion: a program may have a
 * million instructions.
 */
import type { FunctionBuilder, Label, Local } from '../../shared/wasm/function.js'
import { Op } from '../../shared/wasm/opcodes.js'
import { type Cfg, terminatorOf } from './cfg.js'

/** What fills the blocks. */
export interface BlockEmitter {
  /** Emits everything but the terminator. */
  body(block: number): void
  /** Emits an i32 that is not 0 when the branch is taken, or, negated, when it is not. */
  condition(block: number, negated: boolean): void
  /** Emits the return of an exit block. */
  exit(block: number): void
}

const Work = { tree: 0, end: 1, endThen: 2 } as const

class Structurer {
  /** Stack of (kind, block) pairs still to do. */
  readonly #work: number[] = []
  readonly #blockLabel: (Label | undefined)[]
  readonly #loopLabel: (Label | undefined)[]
  /** Children in the dominator tree that several edges enter, as linked lists in rising order. */
  readonly #mergeHead: Int32Array
  readonly #mergeNext: Int32Array
  /** Instructions in the dominator subtree. */
  readonly #weight: Int32Array

  constructor(
    readonly cfg: Cfg,
    readonly f: FunctionBuilder,
    readonly emitter: BlockEmitter,
  ) {
    this.#blockLabel = new Array(cfg.blocks)
    this.#loopLabel = new Array(cfg.blocks)
    this.#mergeHead = new Int32Array(cfg.blocks).fill(-1)
    this.#mergeNext = new Int32Array(cfg.blocks).fill(-1)
    this.#weight = new Int32Array(cfg.blocks)
    for (let b = cfg.blocks - 1; b >= 0; b--) {
      this.#weight[b] += cfg.past[b] - cfg.first[b]
      if (b === 0) continue
      const parent = cfg.idom[b]
      this.#weight[parent] += this.#weight[b]
      if (cfg.forwardEdges[b] < 2) continue
      this.#mergeNext[b] = this.#mergeHead[parent]
      this.#mergeHead[parent] = b
    }
  }

  run(): void {
    const work = this.#work
    work.push(Work.tree, 0)
    while (work.length > 0) {
      const block = work.pop() as number
      const kind = work.pop() as number
      if (kind === Work.tree) this.#tree(block)
      else {
        this.f.end()
        if (kind === Work.endThen) this.#tree(block)
      }
    }
  }

  #tree(b: number): void {
    const { cfg, f } = this
    if (cfg.loopHeader[b]) {
      this.#loopLabel[b] = f.loop()
      this.#work.push(Work.end, b)
    }
    const merges: number[] = []
    for (let m = this.#mergeHead[b]; m >= 0; m = this.#mergeNext[m]) merges.push(m)
    for (let i = merges.length - 1; i >= 0; i--) {
      this.#blockLabel[merges[i]] = f.block()
      this.#work.push(Work.endThen, merges[i])
    }
    this.emitter.body(b)
    const kind = terminatorOf(cfg, b)
    if (kind === 'exit') this.emitter.exit(b)
    else if (kind === 'jump') this.#go(b, cfg.taken[b] >= 0 ? cfg.taken[b] : cfg.fall[b])
    else this.#branch(b)
  }

  /** A successor that only this edge enters is laid out in place. */
  #inline(from: number, to: number): boolean {
    return to > from && this.cfg.forwardEdges[to] === 1
  }

  #labelOf(from: number, to: number): Label {
    return (to > from ? this.#blockLabel[to] : this.#loopLabel[to]) as Label
  }

  #go(from: number, to: number): void {
    if (this.#inline(from, to)) {
      this.#work.push(Work.tree, to)
      return
    }
    const work = this.#work
    const fallsThrough = work.length > 0 && work[work.length - 2] === Work.endThen && work[work.length - 1] === to
    if (!fallsThrough) this.f.br(this.#labelOf(from, to))
  }

  #branch(b: number): void {
    const { taken, fall } = this.cfg
    const to = taken[b]
    const next = fall[b]
    if (!this.#inline(b, to)) {
      this.emitter.condition(b, false)
      this.f.brIf(this.#labelOf(b, to))
      this.#go(b, next)
    } else if (!this.#inline(b, next)) {
      this.emitter.condition(b, true)
      this.f.brIf(this.#labelOf(b, next))
      this.#go(b, to)
    } else {
      // Both arms end in a branch or a return: the smaller goes inside, which bounds the nesting by a logarithm.
      const takenInside = this.#weight[to] < this.#weight[next]
      this.emitter.condition(b, !takenInside)
      this.f.if_()
      this.#work.push(Work.tree, takenInside ? next : to, Work.end, b, Work.tree, takenInside ? to : next)
    }
  }
}

/** Emits a reducible function. */
export function emitStructured(cfg: Cfg, f: FunctionBuilder, emitter: BlockEmitter): void {
  new Structurer(cfg, f, emitter).run()
}

/** V8 takes at most 65,520 targets in one br_table; larger functions dispatch in two steps. */
const GROUP_LOG2 = 15
const GROUP = 1 << GROUP_LOG2

/** Emits any function: the next block's number in `state`, a loop around a table of all blocks. */
export function emitDispatch(cfg: Cfg, f: FunctionBuilder, emitter: BlockEmitter, state: Local): void {
  const again = f.loop()
  const groups = Math.ceil(cfg.blocks / GROUP)
  const groupLabels: Label[] = []
  for (let g = groups - 1; g >= 0; g--) groupLabels[g] = f.block()
  if (groups > 1) {
    f.get(state)
    f.i32Const(GROUP_LOG2)
    f.op(Op.i32_shr_u)
    f.brTable(groupLabels, groupLabels[0])
  }
  for (let g = 0; g < groups; g++) {
    f.end()
    emitGroup(cfg, f, emitter, state, again, g * GROUP, Math.min(cfg.blocks, (g + 1) * GROUP))
  }
  f.end()
}

function emitGroup(
  cfg: Cfg,
  f: FunctionBuilder,
  emitter: BlockEmitter,
  state: Local,
  again: Label,
  from: number,
  to: number,
): void {
  const labels: Label[] = []
  for (let b = to - 1; b >= from; b--) labels[b - from] = f.block()
  f.get(state)
  f.i32Const(GROUP - 1)
  f.op(Op.i32_and)
  f.brTable(labels, labels[0])
  for (let b = from; b < to; b++) {
    f.end()
    emitter.body(b)
    const go = (target: number, last: boolean) => {
      if (last && target === b + 1 && target < to) return
      f.i32Const(target)
      f.set(state)
      f.br(again)
    }
    const kind = terminatorOf(cfg, b)
    if (kind === 'exit') emitter.exit(b)
    else if (kind === 'jump') go(cfg.taken[b] >= 0 ? cfg.taken[b] : cfg.fall[b], true)
    else {
      emitter.condition(b, false)
      f.if_()
      go(cfg.taken[b], false)
      f.end()
      go(cfg.fall[b], true)
    }
  }
}
