/** Random valid programs: arithmetic, forward branches, counted loops, subprograms, stack memory and atomics. */
import { type InstructionRow, instructionTable } from '#shared/isa/table.js'
import { insn, program } from '#test/jit/assembler.js'
import type { Random } from '#test/jit/random.js'

const by = (...kinds: InstructionRow['kind'][]) => instructionTable.filter((row) => kinds.includes(row.kind))
const ARITHMETIC = by('alu', 'mov', 'movsx', 'neg', 'swap')
const BRANCHES = by('branch')
const LOADS = by('load', 'loadSigned')
const STORES = by('store', 'storeImm')
const ATOMICS = by('atomic', 'loadAcquire', 'storeRelease')
const NUMBERS = [0, 1, -1, 2, 7, 31, 32, 63, 255, 0x7fff, -0x8000, 0x7fffffff, -0x80000000, 0x12345678]

/** Registers that hold numbers; r9 counts loops. */
const NUMERIC = [0, 1, 2, 3, 4, 5, 6, 7, 8]
/** Stack bytes in use: eight slots, all written before. */
const SLOTS = 8
const LOOP_REGISTER = 9
const PRIME = 0x01000193

const number = (random: Random): number => (random.below(3) ? random.pick(NUMBERS) : random.next() | 0)

function immediate(random: Random, row: InstructionRow): number {
  if (row.fields.imm === 'shift') return random.below(row.width)
  if (row.fields.imm === 'divisor') return number(random) || 3
  return row.fields.imm === 'value' ? number(random) : 0
}

function arithmetic(random: Random): Uint8Array {
  const row = random.pick(ARITHMETIC)
  const src = row.fields.src === 'read' ? random.pick(NUMERIC) : 0
  return insn(row.name, { dst: random.pick(NUMERIC), src, imm: immediate(random, row) })
}

function memory(random: Random): Uint8Array {
  const rows = random.pick([LOADS, STORES, ATOMICS])
  const row = random.pick(rows)
  const isLoad = row.kind === 'load' || row.kind === 'loadSigned' || row.kind === 'loadAcquire'
  const slot = -8 * (1 + random.below(SLOTS))
  const off = slot + row.bytes * random.below(8 / row.bytes)
  const value = random.pick(NUMERIC)
  if (isLoad) return insn(row.name, { dst: value, src: 10, off })
  const src = row.kind === 'storeImm' ? 0 : value
  return insn(row.name, { dst: 10, src, off, imm: row.kind === 'storeImm' ? number(random) : 0 })
}

function branch(random: Random, body: Uint8Array[]): Uint8Array[] {
  const row = random.pick(BRANCHES)
  const src = row.operand === 'reg' ? random.pick(NUMERIC) : 0
  const off = program(body).length / 8
  return [insn(row.name, { dst: random.pick(NUMERIC), src, off, imm: immediate(random, row) }), ...body]
}

/** Statements; `depth` bounds how they nest. */
function statements(random: Random, count: number, depth: number): Uint8Array[] {
  const result: Uint8Array[] = []
  for (let n = 0; n < count; n++) {
    const choice = random.below(10)
    if (choice < 5) result.push(arithmetic(random))
    else if (choice < 8) result.push(memory(random))
    else if (depth > 0 && choice === 8)
      result.push(...branch(random, statements(random, 1 + random.below(4), depth - 1)))
    else if (depth > 0) {
      const skip = statements(random, 1 + random.below(3), depth - 1)
      const other = statements(random, 1 + random.below(3), depth - 1)
      const jump = insn('ja', { off: program(other).length / 8 })
      result.push(...branch(random, [...skip, jump]), ...other)
    }
  }
  return result
}

function loop(random: Random): Uint8Array[] {
  const body = statements(random, 1 + random.below(6), 1)
  const back = -(program(body).length / 8 + 2)
  return [
    insn('mov64.imm', { dst: LOOP_REGISTER, imm: 1 + random.below(20) }),
    ...body,
    insn('sub64.imm', { dst: LOOP_REGISTER, imm: 1 }),
    insn('jne64.imm', { dst: LOOP_REGISTER, imm: 0, off: back }),
  ]
}

/** Gives registers and stack slots their first values. */
function prologue(random: Random, registers: readonly number[]): Uint8Array[] {
  const result: Uint8Array[] = []
  for (const dst of registers) result.push(insn('imm64.value', { dst, imm: number(random) }))
  for (let slot = 1; slot <= SLOTS; slot++)
    result.push(insn('stxdw', { dst: 10, src: random.pick(registers), off: -8 * slot }))
  return result
}

/** r0 = a hash of all numbers and the stack. */
function epilogue(): Uint8Array[] {
  const result: Uint8Array[] = []
  const mix = () => result.push(insn('mul64.imm', { dst: 0, imm: PRIME }), insn('add64.reg', { dst: 0, src: 1 }))
  mix()
  for (const src of [2, 3, 4, 5, 6, 7, 8]) {
    result.push(insn('mov64.reg', { dst: 1, src }))
    mix()
  }
  for (let slot = 1; slot <= SLOTS; slot++) {
    result.push(insn('ldxdw', { dst: 1, src: 10, off: -8 * slot }))
    mix()
  }
  return [...result, insn('exit')]
}

function body(random: Random): Uint8Array[] {
  const parts = [...statements(random, 5 + random.below(15), 2)]
  if (random.below(2)) parts.push(...loop(random), ...statements(random, random.below(6), 1))
  return parts
}

/** A program that always ends; half of them call a function twice. */
export function randomProgram(random: Random): Uint8Array {
  const main = [...prologue(random, [...NUMERIC, LOOP_REGISTER]), ...body(random)]
  if (random.below(2)) return program(main, epilogue())
  const tail = epilogue()
  const after = [
    insn('mov64.reg', { dst: 1, src: 0 }),
    ...[2, 3, 4, 5].map((dst) => insn('mov64.imm', { dst, imm: dst })),
  ]
  const rest = program(after, tail).length / 8
  const callee = [...prologue(random, [0, 6, 7, 8, LOOP_REGISTER]), ...body(random), ...epilogue()]
  const second = program(after).length / 8 + 1 + rest
  return program(
    main,
    insn('call.local', { imm: second }),
    after,
    insn('call.local', { imm: rest }),
    after,
    tail,
    callee,
  )
}
