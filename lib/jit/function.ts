/** The BPF view of a function under construction: registers, frame, scratch locals. */
import type { Code } from '../../shared/isa/decode.js'
import { FRAME_REGISTER } from '../../shared/isa/opcodes.js'
import { FRAME_BYTES } from '../../shared/layout.js'
import { I32, I64 } from '../../shared/wasm/dsl.js'
import type { FunctionBuilder, Label, Local } from '../../shared/wasm/function.js'
import { Op, type ValType } from '../../shared/wasm/opcodes.js'
import { Derivations } from './derivations.js'
import type { StoredWord } from './lookup.js'
import type { ModuleContext } from './module_context.js'
import { RegisterFacts } from './values.js'

export const ARGUMENTS = 5

/** Parameters of a subprogram: r1 to r5 and the address of the frame; in checked mode also the context and its size. */
export const DIRECT_PARAMS: readonly ValType[] = [I64, I64, I64, I64, I64, I32]
export const CHECKED_PARAMS: readonly ValType[] = [...DIRECT_PARAMS, I32, I32]

/** Where a function keeps what it is given. */
export interface Place {
  /** r1 to r5. */
  readonly arguments: readonly Local[]
  readonly frame: Local
  readonly context: Local
  readonly contextBytes: Local
  /** Where exits go. */
  readonly done?: Label
  /** Emits an exit; without it and `done` they return r0. */
  readonly leave?: () => void
  /** r0 and r6 to r9, when they come from outside. */
  readonly saved?: readonly Local[]
  /** Repetitions that are left, this one included: of the main program in its loop. */
  readonly repetitions?: Local
  /** What may_goto has used up, when it comes from outside. */
  readonly loopBudget?: Local
}

/** Parameters of a subprogram that reads `count` arguments. */
export function paramsOf(checked: boolean, count: number): ValType[] {
  return (checked ? CHECKED_PARAMS : DIRECT_PARAMS).slice(ARGUMENTS - count)
}

/** How many arguments a subprogram takes. */
export function argumentCount(f: FunctionBuilder): number {
  return f.paramTypes.filter((type) => type === I64).length
}

/** The place of a subprogram, whose parameters are those of paramsOf(). */
export function placeOfParams(f: FunctionBuilder): Place {
  const count = argumentCount(f)
  const [frame, context, contextBytes] = f.params.slice(count)
  const unread = Array.from({ length: ARGUMENTS - count }, () => f.local(I64))
  return { arguments: [...f.params.slice(0, count), ...unread], frame, context, contextBytes }
}

/** Emits the code of one subprogram. */
export class FunctionEmitter {
  readonly registers: Local[]
  /** Lowest address of this frame: r10 - 512, so that offsets from it are never negative. */
  readonly frame: Local
  readonly context: Local
  readonly contextBytes: Local
  /** Facts before the instruction being emitted. */
  readonly facts = new RegisterFacts()
  /** WASM offset within the body and BPF instruction, in pairs, rising. */
  readonly positions: number[] = []
  readonly place: Place
  readonly derived = new Derivations()
  /** What is known of the frame's content. */
  storedWord: StoredWord | null = null
  /** Set by a call that is known not to write to the frame. */
  keepsFrame = false
  #temporary32: Local | null = null
  #storedIndex: Local | null = null
  readonly #unshifted: (Local | undefined)[] = []
  #loopBudget: Local | null

  constructor(
    readonly module: ModuleContext,
    readonly f: FunctionBuilder,
    /** First instruction of the subprogram. */
    readonly start: number,
    place: Place,
  ) {
    const [r0, ...saved] = place.saved ?? Array.from({ length: FRAME_REGISTER - ARGUMENTS }, () => f.local(I64))
    this.registers = [r0, ...place.arguments, ...saved]
    this.frame = place.frame
    this.context = place.context
    this.contextBytes = place.contextBytes
    this.place = place
    this.#loopBudget = place.loopBudget ?? null
  }

  /** Leaves the function with r0. */
  exit(): void {
    const { leave, done } = this.place
    if (leave) {
      leave()
      return
    }
    if (done) {
      this.f.br(done)
      return
    }
    this.push64(0)
    this.f.op(Op.return)
  }

  get code(): Code {
    return this.module.code
  }

  get checked(): boolean {
    return this.module.checked
  }

  get temporary32(): Local {
    this.#temporary32 ??= this.f.local(I32)
    return this.#temporary32
  }

  /** Holds the register that was stored last as a word of the frame. */
  get storedIndex(): Local {
    this.#storedIndex ??= this.f.local(I32)
    return this.#storedIndex
  }

  /** Holds what a register was before it was shifted left. */
  unshifted(register: number): Local {
    this.#unshifted[register] ??= this.f.local(I64)
    return this.#unshifted[register]
  }

  /** Iterations that may_goto has used up. */
  get loopBudget(): Local {
    this.#loopBudget ??= this.f.local(I32)
    return this.#loopBudget
  }

  /** Notes that the code from here on belongs to BPF instruction `insn`. */
  mark(insn: number): void {
    this.positions.push(this.f.length, insn)
  }

  /** Pushes a register as i64. */
  push64(register: number): void {
    if (register === FRAME_REGISTER) {
      this.push32(register)
      this.f.op(Op.i64_extend_i32_u)
    } else this.f.get(this.registers[register])
  }

  /** Pushes a register's low word as i32. */
  push32(register: number): void {
    if (register !== FRAME_REGISTER) {
      this.f.get(this.registers[register])
      this.f.op(Op.i32_wrap_i64)
      return
    }
    this.f.get(this.frame)
    this.f.i32Const(FRAME_BYTES)
    this.f.op(Op.i32_add)
  }

  /** Pops an i64 into a register. */
  set64(register: number): void {
    this.f.set(this.registers[register])
    this.derived.written(register)
  }

  /** Pops an i32 into a register, upper half zero. */
  set32(register: number): void {
    this.f.op(Op.i64_extend_i32_u)
    this.set64(register)
  }
}
