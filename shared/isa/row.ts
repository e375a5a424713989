/** What a row of the instruction table says. */

/** What an instruction does, as far as its executor must tell them apart. */
export type Kind =
  | 'alu'
  | 'mov'
  | 'movsx'
  | 'neg'
  | 'swap'
  | 'load'
  | 'loadSigned'
  | 'store'
  | 'storeImm'
  | 'atomic'
  | 'loadAcquire'
  | 'storeRelease'
  | 'packetLoad'
  | 'imm64'
  | 'jump'
  | 'branch'
  | 'mayGoto'
  | 'callHelper'
  | 'callLocal'
  | 'callKfunc'
  | 'callRegister'
  | 'exit'

export type AluName =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'sdiv'
  | 'or'
  | 'and'
  | 'lsh'
  | 'rsh'
  | 'mod'
  | 'smod'
  | 'xor'
  | 'arsh'
export type SwapName = 'le' | 'be' | 'bswap'
export type ConditionName = 'eq' | 'gt' | 'ge' | 'set' | 'ne' | 'sgt' | 'sge' | 'lt' | 'le' | 'slt' | 'sle'
export type AtomicName = 'add' | 'or' | 'and' | 'xor' | 'xchg' | 'cmpxchg'
export type Operation = AluName | SwapName | ConditionName | AtomicName | ''

/**
 * How an instruction uses a field.
 * - zero: reserved
 * - fixed: chooses the row (its value is `selector.value`)
 * - read, write, update: a register that is read, written, or both
 * - value: a number; shift: a number below the width; divisor: a number that is not 0
 * - offset: bytes from an address; target: instructions from the next one
 */
export type FieldUse =
  | 'zero'
  | 'fixed'
  | 'read'
  | 'write'
  | 'update'
  | 'value'
  | 'shift'
  | 'divisor'
  | 'offset'
  | 'target'

export interface FieldUses {
  readonly dst: FieldUse
  readonly src: FieldUse
  readonly off: FieldUse
  readonly imm: FieldUse
}

export interface Selector {
  readonly field: 'src' | 'off' | 'imm'
  readonly value: number
}

export interface InstructionRow {
  /** Unique, e.g. "add64.imm", "movsx64.8", "atomic32.add.fetch". */
  readonly name: string
  readonly opcode: number
  /** Where several rows share an opcode: the field and value that tell them apart. */
  readonly selector: Selector | null
  readonly kind: Kind
  readonly operation: Operation
  /** Bits of the registers it computes or compares. */
  readonly width: 32 | 64
  /** Bytes of memory it touches, or that it swaps or sign-extends; 0 for none. */
  readonly bytes: 0 | 1 | 2 | 4 | 8
  /** The second operand. */
  readonly operand: 'imm' | 'reg' | 'none'
  /** Atomics: the old value comes back in a register. */
  readonly fetch: boolean
  readonly fields: FieldUses
  /** How the kernel's message for reserved fields names the group. */
  readonly group: string
  /** Least ISA version (clang's -mcpu). */
  readonly version: 1 | 2 | 3 | 4
  /** Not an instruction of Linux: only the compiler's own entry and the interpreter take it. */
  readonly extension: boolean
}
