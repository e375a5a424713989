import { Atomic, BLOCK_EMPTY, Bulk, Op, PREFIX_ATOMIC, PREFIX_BULK, type ValType } from './opcodes.js'
import { Writer } from './writer.js'

/** A branch target: made by block(), loop() or if_(), valid until that construct's end(). */
export interface Label {
  /** Nesting depth at which it was opened, counted from 1. */
  readonly depth: number
}

/** A parameter or local variable of the function under construction. */
export class Local {
  constructor(
    readonly index: number,
    readonly type: ValType,
  ) {}
}

/**
 * The body of one function, emitted instruction by instruction. Control constructs track their own depth, so a
 * branch names its Label and not a number.
 */
export class FunctionBuilder extends Writer {
  readonly params: readonly Local[]
  readonly #locals: ValType[] = []
  #depth = 0

  constructor(
    readonly name: string,
    /** Index in the module's function space. */
    readonly index: number,
    readonly paramTypes: readonly ValType[],
    readonly resultTypes: readonly ValType[],
  ) {
    super()
    this.params = paramTypes.map((type, i) => new Local(i, type))
  }

  local(type: ValType): Local {
    this.#locals.push(type)
    return new Local(this.params.length + this.#locals.length - 1, type)
  }

  get localTypes(): readonly ValType[] {
    return this.#locals
  }

  get depth(): number {
    return this.#depth
  }

  op(opcode: number): void {
    this.u8(opcode)
  }

  i32Const(value: number): void {
    this.u8(Op.i32_const)
    this.s32(value)
  }

  i64Const(low: number, high: number): void {
    this.u8(Op.i64_const)
    this.s64(low, high)
  }

  get(local: Local): void {
    this.u8(Op.local_get)
    this.u32(local.index)
  }

  set(local: Local): void {
    this.u8(Op.local_set)
    this.u32(local.index)
  }

  tee(local: Local): void {
    this.u8(Op.local_tee)
    this.u32(local.index)
  }

  globalGet(index: number): void {
    this.u8(Op.global_get)
    this.u32(index)
  }

  call(functionIndex: number): void {
    this.u8(Op.call)
    this.u32(functionIndex)
  }

  callIndirect(typeIndex: number, tableIndex = 0): void {
    this.u8(Op.call_indirect)
    this.u32(typeIndex)
    this.u32(tableIndex)
  }

  /** Leaves this function for another of the same results. */
  returnCallIndirect(typeIndex: number, tableIndex = 0): void {
    this.u8(Op.return_call_indirect)
    this.u32(typeIndex)
    this.u32(tableIndex)
  }

  /** A load or store; `alignLog2` 0 promises nothing about alignment. */
  memory(opcode: number, offset: number, alignLog2 = 0): void {
    this.u8(opcode)
    this.u32(alignLog2)
    this.u32(offset)
  }

  /** An atomic access; its alignment is always natural. */
  atomic(opcode: number, offset: number, alignLog2: number): void {
    this.u8(PREFIX_ATOMIC)
    this.u8(opcode)
    this.u32(alignLog2)
    this.u32(offset)
  }

  atomicFence(): void {
    this.u8(PREFIX_ATOMIC)
    this.u8(Atomic.fence)
    this.u8(0)
  }

  memoryCopy(): void {
    this.u8(PREFIX_BULK)
    this.u8(Bulk.memory_copy)
    this.u8(0)
    this.u8(0)
  }

  memoryFill(): void {
    this.u8(PREFIX_BULK)
    this.u8(Bulk.memory_fill)
    this.u8(0)
  }

  #open(opcode: number, type: number): Label {
    this.u8(opcode)
    this.u8(type)
    this.#depth++
    return { depth: this.#depth }
  }

  block(type: ValType | typeof BLOCK_EMPTY = BLOCK_EMPTY): Label {
    return this.#open(Op.block, type)
  }

  loop(type: ValType | typeof BLOCK_EMPTY = BLOCK_EMPTY): Label {
    return this.#open(Op.loop, type)
  }

  if_(type: ValType | typeof BLOCK_EMPTY = BLOCK_EMPTY): Label {
    return this.#open(Op.if, type)
  }

  else_(): void {
    this.u8(Op.else)
  }

  end(): void {
    if (this.#depth === 0) throw new Error(`${this.name}: end() without an open block`)
    this.#depth--
    this.u8(Op.end)
  }

  #distance(label: Label): number {
    if (label.depth > this.#depth) throw new Error(`${this.name}: branch to a closed block`)
    return this.#depth - label.depth
  }

  br(label: Label): void {
    this.u8(Op.br)
    this.u32(this.#distance(label))
  }

  brIf(label: Label): void {
    this.u8(Op.br_if)
    this.u32(this.#distance(label))
  }

  /** Takes the index from the stack; out of range goes to `otherwise`. */
  brTable(labels: readonly Label[], otherwise: Label): void {
    this.u8(Op.br_table)
    this.u32(labels.length)
    for (const label of labels) this.u32(this.#distance(label))
    this.u32(this.#distance(otherwise))
  }
}
