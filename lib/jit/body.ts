/** The instructions of one subprogram, block by block. */

import { targetOf } from '../../shared/isa/decode.js'
import { PseudoSource } from '../../shared/isa/opcodes.js'
import type { InstructionRow, Kind } from '../../shared/isa/table.js'
import { FRAME_BYTES } from '../../shared/layout.js'
import { EINVAL, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { Op } from '../../shared/wasm/opcodes.js'
import { emitAlu, emitCondition, emitMov, emitMovSigned, emitNeg, emitSwap } from './alu.js'
import { emitHelperCall, emitLocalCall } from './calls.js'
import type { Cfg } from './cfg.js'
import { type BlockEmitter, emitDispatch, emitStructured } from './control.js'
import { JitError } from './error.js'
import type { FunctionEmitter } from './function.js'
import type { StoredWord } from './lookup.js'
import { emitAtomic, emitLoad, emitLoadAcquire, emitStore, emitStoreRelease } from './memory.js'
import { emitPacketLoad } from './packet.js'
import { type BlockFacts, step } from './values.js'

/** Iterations that all may_goto of one call get together (BPF_MAX_LOOPS). */
const MAY_GOTO_LIMIT = 8 * 1024 * 1024

function emitImm64(e: FunctionEmitter, row: InstructionRow, i: number): void {
  const { code, f, module } = e
  const source = code.src[i]
  const second = code.imm[i + 1]
  if (source === PseudoSource.value) f.i64Const(code.imm[i], second)
  else if (source === PseudoSource.mapFd || source === PseudoSource.mapIndex) f.i64Const(module.mapAt(i).address, 0)
  else if (source === PseudoSource.mapValue || source === PseudoSource.mapIndexValue) {
    f.i64Const(module.mapAt(i).values + second, 0)
  } else if (source === PseudoSource.function) f.i64Const(i + 1 + code.imm[i], 0)
  else throw new JitError(i, -EOPNOTSUPP, `${row.name} is not available`)
  e.set64(code.dst[i])
}

type Emitter = (e: FunctionEmitter, row: InstructionRow, i: number) => void

const isTerminator = (_e: FunctionEmitter, row: InstructionRow, i: number): never => {
  throw new JitError(i, -EINVAL, `${row.name} inside a block`)
}

/** The code of each kind of instruction. */
const EMITTERS: Record<Kind, Emitter> = {
  alu: emitAlu,
  mov: emitMov,
  movsx: emitMovSigned,
  neg: emitNeg,
  swap: emitSwap,
  load: emitLoad,
  loadSigned: emitLoad,
  store: emitStore,
  storeImm: emitStore,
  atomic: emitAtomic,
  loadAcquire: emitLoadAcquire,
  storeRelease: emitStoreRelease,
  packetLoad: emitPacketLoad,
  imm64: emitImm64,
  callHelper: (e, _row, i) => emitHelperCall(e, i),
  callRegister: (e, _row, i) => emitHelperCall(e, i),
  callLocal: (e, _row, i) => emitLocalCall(e, targetOf(e.code, i), FRAME_BYTES),
  callKfunc: (_e, _row, i) => {
    throw new JitError(i, -EOPNOTSUPP, 'kernel functions are not available')
  },
  jump: isTerminator,
  branch: isTerminator,
  mayGoto: isTerminator,
  exit: isTerminator,
}

/** Blocks end before their jump, branch or exit. */
const TERMINATORS = new Set(['jump', 'branch', 'mayGoto', 'exit'])

/** What may write to the frame through a pointer. */
const CALLS = new Set<Kind>(['callHelper', 'callLocal', 'callKfunc', 'callRegister'])

/** Emits blocks of one function. */
export class BodyEmitter implements BlockEmitter {
  /** By block, what is known of the frame at its end. */
  readonly #stored = new Map<number, StoredWord>()

  constructor(
    readonly e: FunctionEmitter,
    readonly cfg: Cfg,
    readonly facts: BlockFacts,
  ) {}

  body(block: number): void {
    const { e, cfg } = this
    this.facts.load(block, e.facts)
    e.storedWord = this.#inherited(block)
    e.derived.reset()
    for (let i = cfg.first[block]; i < cfg.past[block]; i++) {
      const row = e.code.rows[i]
      if (row === undefined) {
        if (e.code.wide[i] === 2) continue
        throw new JitError(i, -EINVAL, `unknown opcode ${e.code.opcode[i].toString(16).padStart(2, '0')}`)
      }
      if (TERMINATORS.has(row.kind)) continue
      e.mark(i)
      EMITTERS[row.kind](e, row, i)
      if (CALLS.has(row.kind)) {
        if (!e.keepsFrame) e.storedWord = null
        e.keepsFrame = false
        e.derived.reset()
      }
      step(e.facts, e.code, i)
    }
    if (e.storedWord) this.#stored.set(block, e.storedWord)
  }

  /** What a block's only predecessor has left in the frame. */
  #inherited(block: number): StoredWord | null {
    const { cfg } = this
    const alone = cfg.reducible && block > 0 && cfg.forwardEdges[block] === 1 && cfg.loopHeader[block] === 0
    return alone ? (this.#stored.get(cfg.idom[block]) ?? null) : null
  }

  condition(block: number, negated: boolean): void {
    const { e } = this
    const i = this.cfg.past[block] - 1
    const row = e.code.rows[i] as InstructionRow
    e.mark(i)
    if (row.kind === 'branch') {
      emitCondition(e, row, i, negated)
      return
    }
    e.f.get(e.loopBudget)
    e.f.i32Const(1)
    e.f.op(Op.i32_add)
    e.f.tee(e.loopBudget)
    e.f.i32Const(MAY_GOTO_LIMIT)
    e.f.op(negated ? Op.i32_le_u : Op.i32_gt_u)
  }

  exit(block: number): void {
    this.e.mark(this.cfg.past[block] - 1)
    this.e.exit()
  }
}

/** Emits the body of one subprogram. */
export function emitBody(e: FunctionEmitter, cfg: Cfg, facts: BlockFacts): void {
  const emitter = new BodyEmitter(e, cfg, facts)
  if (cfg.reducible) emitStructured(cfg, e.f, emitter)
  else emitDispatch(cfg, e.f, emitter, e.temporary32)
  // Every path has left; the validator wants to see that no value is due here.
  e.f.op(Op.unreachable)
}
