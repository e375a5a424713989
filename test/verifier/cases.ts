/** Malformed programs, and well-formed neighbours: what structure.json records the kernel's answers to. */
import { encode } from '#shared/isa/decode.js'
import { type InstructionRow, instructionTable } from '#shared/isa/table.js'
import { Random } from '#test/jit/random.js'

const MOV_IMM = 0xb7
const STORE_DW = 0x7a
const EXIT = 0x95
const JA = 0x05
const JEQ = 0x15
const CALL = 0x85
const IMM64 = 0x18

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

const exit = () => [encode(MOV_IMM, 0, 0, 0, 0), encode(EXIT, 0, 0, 0, 0)]

/** r0 and r2 to r9 hold numbers, the stack's first slot is written. */
function prologue(): Uint8Array[] {
  const numbers = [0, 2, 3, 4, 5, 7, 8, 9].map((register) => encode(MOV_IMM, register, 0, 0, register))
  return [encode(0xbf, 6, 1, 0, 0), ...numbers, encode(STORE_DW, 10, 0, -8, 0)]
}

/** The fields of a well-formed instruction of this row. */
function wellFormed(row: InstructionRow) {
  const { fields, selector } = row
  const memory = fields.off === 'offset'
  const isLoad = row.kind === 'load' || row.kind === 'loadSigned' || row.kind === 'loadAcquire'
  const result = {
    dst: fields.dst === 'zero' ? 0 : memory && !isLoad ? 10 : 2,
    src: fields.src === 'zero' || fields.src === 'fixed' ? 0 : memory && isLoad ? 10 : 3,
    off: memory ? -8 : 0,
    imm: fields.imm === 'divisor' || fields.imm === 'shift' ? 3 : 0,
  }
  if (selector) result[selector.field] = selector.value
  return result
}

const CHANGES = {
  dst: [0, 1, 5, 10, 11, 15],
  src: [0, 1, 2, 3, 5, 10, 11, 15],
  off: [0, 1, 2, 7, 8, 16, 32, -1, 9999],
  imm: [0, 1, 16, 32, 63, 64, 65, -1, 0x101, 0x77, 9999],
} as const

/** Every row with one field changed to each of some values. */
export function fieldCases(): Uint8Array[] {
  const cases: Uint8Array[] = []
  for (const row of instructionTable) {
    for (const [field, values] of Object.entries(CHANGES)) {
      for (const value of values) {
        const insn = { ...wellFormed(row), [field]: value }
        const body = [encode(row.opcode, insn.dst, insn.src, insn.off, insn.imm)]
        if (row.kind === 'imm64') body.push(encode(0, 0, 0, 0, 0))
        cases.push(join([...prologue(), ...body, ...exit()]))
      }
    }
  }
  return cases
}

/** Every opcode there is, in an otherwise harmless program. */
export function opcodeCases(): Uint8Array[] {
  return Array.from({ length: 256 }, (_, opcode) => join([...prologue(), encode(opcode, 2, 0, 0, 0), ...exit()]))
}

/** Short random programs of jumps, calls and wide loads: targets out of range, dead code, loops and recursion. */
export function shapeCases(seed: number, count: number): Uint8Array[] {
  const random = new Random(seed)
  const insn = (length: number): Uint8Array[] => {
    const near = () => random.below(2 * length) - length
    switch (random.below(9)) {
      case 0:
        return [encode(JA, 0, 0, random.below(length), 0)]
      case 1:
        return [encode(JA, 0, 0, near(), 0)]
      case 2:
        return [encode(JEQ, random.below(3), 0, random.below(length), 1)]
      case 3:
        return [encode(CALL, 0, 1, 0, random.below(4) ? random.below(length) : near())]
      case 4:
        return [encode(EXIT, 0, 0, 0, 0)]
      case 5:
        return [encode(IMM64, 1, 0, 0, 1), encode(0, 0, 0, 0, random.below(8) ? 0 : 1)]
      case 6:
        return [encode(STORE_DW, 10, 0, -8 * (1 + random.below(64)), 0)]
      default:
        return [encode(MOV_IMM, 0, 0, 0, random.below(3))]
    }
  }
  return Array.from({ length: count }, () => {
    const length = 1 + random.below(8)
    const body: Uint8Array[] = [encode(MOV_IMM, 0, 0, 0, 0), encode(MOV_IMM, 1, 0, 0, 0), encode(MOV_IMM, 2, 0, 0, 0)]
    for (let i = 0; i < length; i++) body.push(...insn(length))
    if (random.below(8)) body.push(...exit())
    return join(body)
  })
}

/** The values that a changed field gets: small ones, edges, anything. */
function changedField(random: Random, field: keyof typeof CHANGES): number {
  if (random.below(3)) return random.pick(CHANGES[field])
  if (field === 'dst' || field === 'src') return random.below(16)
  return field === 'off' ? (random.next() << 16) >> 16 : random.next() | 0
}

const RANDOM_HELPER = 7
const UNDECIDED = 0x1234

/** As prologue(), but nobody knows what r2 and r3 hold: no branch is decided before the program runs. */
function unknownPrologue(): Uint8Array[] {
  const unknown = (register: number) => [encode(CALL, 0, 0, 0, RANDOM_HELPER), encode(0xbf, register, 0, 0, 0)]
  const numbers = [0, 4, 5, 9].map((register) => encode(MOV_IMM, register, 0, 0, register))
  const arguments_ = [encode(0xbf, 1, 6, 0, 0), encode(0xbf, 2, 7, 0, 0), encode(0xbf, 3, 8, 0, 0)]
  const stack = encode(STORE_DW, 10, 0, -8, 0)
  return [encode(0xbf, 6, 1, 0, 0), ...unknown(7), ...unknown(8), ...arguments_, ...numbers, stack]
}

/** A straight program of up to three instructions, each of any row, with up to two fields changed. */
function straightCase(random: Random): Uint8Array {
  const body: Uint8Array[] = []
  for (let n = 1 + random.below(3); n > 0; n--) {
    const row = random.pick(instructionTable)
    const insn = wellFormed(row)
    for (let changes = random.below(3); changes > 0; changes--) {
      const field = random.pick(Object.keys(CHANGES) as (keyof typeof CHANGES)[])
      insn[field] = changedField(random, field)
    }
    // Some comparisons with a constant are decided for every value.
    if (row.kind === 'branch' && row.operand === 'imm') insn.imm = UNDECIDED
    const opcode = random.below(20) ? row.opcode : random.below(256)
    body.push(encode(opcode, insn.dst, insn.src, insn.off, insn.imm))
    if (row.kind === 'imm64' && random.below(12)) {
      body.push(encode(random.below(12) ? 0 : random.below(256), 0, 0, 0, random.below(4) ? 0 : random.next() | 0))
    }
  }
  return join([...unknownPrologue(), ...body, ...(random.below(12) ? exit() : [])])
}

/** One more malformed or nearly malformed program. */
export function randomCase(random: Random): Uint8Array {
  return random.below(3) ? straightCase(random) : shapeCases(random.next(), 1)[0]
}
