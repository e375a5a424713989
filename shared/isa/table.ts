/**
 * The one table of BPF instructions. Decoder, structural checks, JIT, and whatever else needs to know an instruction
 * take it from here: adding an instruction is one row and its code in the executors.
 */
import {
  AluOp,
  ATOMIC_FETCH,
  AtomicOp,
  CallKind,
  ConditionKind,
  InsnClass,
  JumpOp,
  MemoryMode,
  MemorySize,
  PseudoSource,
  SOURCE_REGISTER,
} from './opcodes.js'
import type { AluName, AtomicName, ConditionName, FieldUse, FieldUses, InstructionRow, Kind, Selector } from './row.js'

export type * from './row.js'

type Sketch = Pick<InstructionRow, 'name' | 'opcode' | 'kind' | 'group'> & Partial<InstructionRow>

const RESERVED: FieldUses = { dst: 'zero', src: 'zero', off: 'zero', imm: 'zero' }

function row(sketch: Sketch, fields: Partial<FieldUses>): InstructionRow {
  return {
    selector: null,
    operation: '',
    width: 64,
    bytes: 0,
    operand: 'none',
    fetch: false,
    version: 1,
    extension: false,
    ...sketch,
    fields: { ...RESERVED, ...fields },
  }
}

const at = (field: Selector['field'], value: number): Selector => ({ field, value })
const WIDTHS = [32, 64] as const
const OPERANDS = ['imm', 'reg'] as const
const sourceBit = (operand: 'imm' | 'reg'): number => (operand === 'reg' ? SOURCE_REGISTER : 0)
const aluClass = (width: 32 | 64): number => (width === 64 ? InsnClass.alu64 : InsnClass.alu)

const PLAIN_ALU = ['add', 'sub', 'mul', 'or', 'and', 'lsh', 'rsh', 'xor', 'arsh'] as const
const SHIFTS: readonly string[] = ['lsh', 'rsh', 'arsh']

/** What an ALU instruction's immediate is. */
function immediateUse(operation: AluName): FieldUse {
  if (SHIFTS.includes(operation)) return 'shift'
  return operation.endsWith('div') || operation.endsWith('mod') ? 'divisor' : 'value'
}

function operandFields(operand: 'imm' | 'reg', imm: FieldUse): Partial<FieldUses> {
  return operand === 'imm' ? { imm } : { src: 'read' }
}

function aluRows(width: 32 | 64, operand: 'imm' | 'reg'): InstructionRow[] {
  const base = aluClass(width) | sourceBit(operand)
  const make = (operation: AluName, opcode: number, selector: Selector | null): InstructionRow =>
    row(
      {
        name: `${operation}${width}.${operand}`,
        opcode: opcode | base,
        kind: 'alu',
        group: 'BPF_ALU',
        operation,
        width,
        operand,
        selector,
        version: selector?.value ? 4 : 1,
      },
      {
        dst: 'update',
        ...operandFields(operand, immediateUse(operation)),
        ...(selector ? { off: 'fixed' as const } : {}),
      },
    )
  return [
    ...PLAIN_ALU.map((operation) => make(operation, AluOp[operation], null)),
    make('div', AluOp.div, at('off', 0)),
    make('sdiv', AluOp.div, at('off', 1)),
    make('mod', AluOp.mod, at('off', 0)),
    make('smod', AluOp.mod, at('off', 1)),
  ]
}

function movRows(width: 32 | 64): InstructionRow[] {
  const base = { group: 'BPF_MOV', width }
  const opcode = aluClass(width) | AluOp.mov
  const signed = width === 64 ? ([8, 16, 32] as const) : ([8, 16] as const)
  return [
    row({ ...base, name: `mov${width}.imm`, opcode, kind: 'mov', operand: 'imm' }, { dst: 'write', imm: 'value' }),
    row(
      {
        ...base,
        name: `mov${width}.reg`,
        opcode: opcode | SOURCE_REGISTER,
        kind: 'mov',
        operand: 'reg',
        selector: at('off', 0),
      },
      { dst: 'write', src: 'read', off: 'fixed' },
    ),
    ...signed.map((bits) =>
      row(
        {
          ...base,
          name: `movsx${width}.${bits}`,
          opcode: opcode | SOURCE_REGISTER,
          kind: 'movsx',
          operand: 'reg',
          bytes: (bits / 8) as 1 | 2 | 4,
          selector: at('off', bits),
          version: 4,
        },
        { dst: 'write', src: 'read', off: 'fixed' },
      ),
    ),
  ]
}

function swapRows(): InstructionRow[] {
  const kinds = [
    ['le', InsnClass.alu, 1],
    ['be', InsnClass.alu | SOURCE_REGISTER, 1],
    ['bswap', InsnClass.alu64, 4],
  ] as const
  return kinds.flatMap(([operation, base, version]) =>
    ([16, 32, 64] as const).map((bits) =>
      row(
        {
          name: `${operation}${bits}`,
          opcode: base | AluOp.end,
          kind: 'swap',
          group: 'BPF_END',
          operation,
          bytes: (bits / 8) as 2 | 4 | 8,
          selector: at('imm', bits),
          version,
        },
        { dst: 'update', imm: 'fixed' },
      ),
    ),
  )
}

const SIZES = [
  ['b', MemorySize.b, 1],
  ['h', MemorySize.h, 2],
  ['w', MemorySize.w, 4],
  ['dw', MemorySize.dw, 8],
] as const

function memoryRows(): InstructionRow[] {
  return SIZES.flatMap(([suffix, size, bytes]) => {
    const plain: InstructionRow[] = [
      row(
        {
          name: `ldx${suffix}`,
          opcode: InsnClass.ldx | MemoryMode.mem | size,
          kind: 'load',
          group: 'BPF_LDX',
          bytes,
          operand: 'reg',
        },
        { dst: 'write', src: 'read', off: 'offset' },
      ),
      row(
        {
          name: `st${suffix}`,
          opcode: InsnClass.st | MemoryMode.mem | size,
          kind: 'storeImm',
          group: 'BPF_ST',
          bytes,
          operand: 'imm',
        },
        { dst: 'read', off: 'offset', imm: 'value' },
      ),
      row(
        {
          name: `stx${suffix}`,
          opcode: InsnClass.stx | MemoryMode.mem | size,
          kind: 'store',
          group: 'BPF_STX',
          bytes,
          operand: 'reg',
        },
        { dst: 'read', src: 'read', off: 'offset' },
      ),
    ]
    if (bytes === 8) return plain
    const signed = row(
      {
        name: `ldxs${suffix}`,
        opcode: InsnClass.ldx | MemoryMode.memsx | size,
        kind: 'loadSigned',
        group: 'BPF_LDX',
        bytes,
        operand: 'reg',
        version: 4,
      },
      { dst: 'write', src: 'read', off: 'offset' },
    )
    return [...plain, signed, ...packetRows(suffix, size, bytes)]
  })
}

/** The classic BPF packet loads: absolute, and relative to a register. */
function packetRows(suffix: string, size: number, bytes: 1 | 2 | 4): InstructionRow[] {
  const base = { kind: 'packetLoad', group: 'BPF_LD_[ABS|IND]', bytes } as const
  return [
    row({ ...base, name: `ldabs${suffix}`, opcode: InsnClass.ld | MemoryMode.abs | size }, { imm: 'value' }),
    row(
      { ...base, name: `ldind${suffix}`, opcode: InsnClass.ld | MemoryMode.ind | size, operand: 'reg' },
      { src: 'read', imm: 'value' },
    ),
  ]
}

function atomicRows(): InstructionRow[] {
  const rows: InstructionRow[] = []
  for (const width of WIDTHS) {
    const opcode = InsnClass.stx | MemoryMode.atomic | (width === 64 ? MemorySize.dw : MemorySize.w)
    const base = { opcode, kind: 'atomic', group: 'BPF_ATOMIC', width, bytes: (width / 8) as 4 | 8 } as const
    const make = (operation: AtomicName, imm: number, fetch: boolean, version: 1 | 3): InstructionRow =>
      row(
        {
          ...base,
          name: `atomic${width}.${operation}${fetch ? '.fetch' : ''}`,
          operation,
          operand: 'reg',
          fetch,
          selector: at('imm', imm),
          version,
        },
        { dst: 'read', src: fetch && operation !== 'cmpxchg' ? 'update' : 'read', off: 'offset', imm: 'fixed' },
      )
    for (const operation of ['add', 'or', 'and', 'xor'] as const) {
      rows.push(make(operation, AtomicOp[operation], false, operation === 'add' ? 1 : 3))
      rows.push(make(operation, AtomicOp[operation] | ATOMIC_FETCH, true, 3))
    }
    rows.push(make('xchg', AtomicOp.xchg, true, 3), make('cmpxchg', AtomicOp.cmpxchg, true, 3))
  }
  return [...rows, ...SIZES.flatMap(([suffix, size, bytes]) => orderedRows(suffix, size, bytes))]
}

/** Load-acquire and store-release exist for all four sizes. */
function orderedRows(suffix: string, size: number, bytes: 1 | 2 | 4 | 8): InstructionRow[] {
  const base = {
    opcode: InsnClass.stx | MemoryMode.atomic | size,
    group: 'BPF_ATOMIC',
    operand: 'reg',
    bytes,
    version: 4,
  } as const
  return [
    row(
      { ...base, name: `load_acquire.${suffix}`, kind: 'loadAcquire', selector: at('imm', AtomicOp.loadAcquire) },
      { dst: 'write', src: 'read', off: 'offset', imm: 'fixed' },
    ),
    row(
      { ...base, name: `store_release.${suffix}`, kind: 'storeRelease', selector: at('imm', AtomicOp.storeRelease) },
      { dst: 'read', src: 'read', off: 'offset', imm: 'fixed' },
    ),
  ]
}

const CONDITIONS: readonly [ConditionName, number][] = [
  ['eq', JumpOp.jeq],
  ['gt', JumpOp.jgt],
  ['ge', JumpOp.jge],
  ['set', JumpOp.jset],
  ['ne', JumpOp.jne],
  ['sgt', JumpOp.jsgt],
  ['sge', JumpOp.jsge],
  ['lt', JumpOp.jlt],
  ['le', JumpOp.jle],
  ['slt', JumpOp.jslt],
  ['sle', JumpOp.jsle],
]

function branchRows(width: 32 | 64, operand: 'imm' | 'reg'): InstructionRow[] {
  const base = (width === 64 ? InsnClass.jmp : InsnClass.jmp32) | sourceBit(operand)
  return CONDITIONS.map(([operation, code]) =>
    row(
      {
        name: `j${operation}${width}.${operand}`,
        opcode: code | base,
        kind: 'branch',
        group: 'BPF_JMP/JMP32',
        operation,
        width,
        operand,
        version: width === 32 ? 3 : code >= JumpOp.jlt ? 2 : 1,
      },
      { dst: 'read', off: 'target', ...operandFields(operand, 'value') },
    ),
  )
}

function controlRows(): InstructionRow[] {
  const call = InsnClass.jmp | JumpOp.call
  const callRow = (name: string, kind: Kind, source: number, version: 1 | 3): InstructionRow =>
    row(
      { name, opcode: call, kind, group: 'BPF_CALL', operand: 'imm', selector: at('src', source), version },
      { src: 'fixed', imm: kind === 'callLocal' ? 'target' : 'value', off: kind === 'callKfunc' ? 'value' : 'zero' },
    )
  return [
    row({ name: 'ja', opcode: InsnClass.jmp | JumpOp.ja, kind: 'jump', group: 'BPF_JA' }, { off: 'target' }),
    row(
      { name: 'gotol', opcode: InsnClass.jmp32 | JumpOp.ja, kind: 'jump', group: 'BPF_JA', version: 4 },
      { imm: 'target' },
    ),
    row(
      {
        name: 'may_goto',
        opcode: InsnClass.jmp | JumpOp.jcond,
        kind: 'mayGoto',
        group: 'may_goto',
        selector: at('src', ConditionKind.mayGoto),
        version: 4,
      },
      { src: 'fixed', off: 'target' },
    ),
    callRow('call', 'callHelper', CallKind.helper, 1),
    callRow('call.local', 'callLocal', CallKind.local, 3),
    callRow('call.kfunc', 'callKfunc', CallKind.kfunc, 3),
    // The helper whose number is in a register; some compilers and virtual machines have it, Linux does not.
    row(
      { name: 'callx', opcode: call | SOURCE_REGISTER, kind: 'callRegister', group: 'BPF_CALL', extension: true },
      { dst: 'read' },
    ),
    row({ name: 'exit', opcode: InsnClass.jmp | JumpOp.exit, kind: 'exit', group: 'BPF_EXIT' }, {}),
  ]
}

/** ld_imm64: two slots; the second one's immediate is the high word. */
function imm64Rows(): InstructionRow[] {
  const opcode = InsnClass.ld | MemoryMode.imm | MemorySize.dw
  return Object.entries(PseudoSource).map(([source, value]) =>
    row(
      {
        name: `imm64.${source}`,
        opcode,
        kind: 'imm64',
        group: 'BPF_LD_IMM64',
        operand: 'imm',
        selector: at('src', value),
      },
      { dst: 'write', src: 'fixed', imm: 'value' },
    ),
  )
}

export const instructionTable: readonly InstructionRow[] = [
  ...WIDTHS.flatMap((width) => OPERANDS.flatMap((operand) => aluRows(width, operand))),
  ...WIDTHS.flatMap(movRows),
  ...WIDTHS.map((width) =>
    row(
      { name: `neg${width}`, opcode: aluClass(width) | AluOp.neg, kind: 'neg', group: 'BPF_NEG', width },
      { dst: 'update' },
    ),
  ),
  ...swapRows(),
  ...memoryRows(),
  ...atomicRows(),
  ...WIDTHS.flatMap((width) => OPERANDS.flatMap((operand) => branchRows(width, operand))),
  ...controlRows(),
  ...imm64Rows(),
]

interface Bucket {
  readonly field: Selector['field'] | null
  readonly rows: Map<number, InstructionRow>
}

const byOpcode: (Bucket | undefined)[] = new Array(256).fill(undefined)
for (const entry of instructionTable) {
  const field = entry.selector?.field ?? null
  const bucket = byOpcode[entry.opcode] ?? { field, rows: new Map<number, InstructionRow>() }
  if (bucket.field !== field) throw new Error(`shared/isa/table.ts: ${entry.name} selects by another field`)
  if (bucket.rows.has(entry.selector?.value ?? 0)) throw new Error(`shared/isa/table.ts: ${entry.name} occurs twice`)
  bucket.rows.set(entry.selector?.value ?? 0, entry)
  byOpcode[entry.opcode] = bucket
}

/** Whether Linux has an instruction with this opcode. */
export function isOpcode(opcode: number): boolean {
  return rowsOf(opcode).some((entry) => !entry.extension)
}

/** All rows of an opcode; none when it is unknown. */
export function rowsOf(opcode: number): readonly InstructionRow[] {
  return [...(byOpcode[opcode]?.rows.values() ?? [])]
}

/** The row of an instruction, or undefined when the opcode, or the value of its selecting field, is unknown. */
export function findRow(opcode: number, src: number, off: number, imm: number): InstructionRow | undefined {
  const bucket = byOpcode[opcode]
  if (!bucket) return undefined
  const value = bucket.field === null ? 0 : bucket.field === 'src' ? src : bucket.field === 'off' ? off : imm
  return bucket.rows.get(value)
}
