/**
 * Random valid programs from the instruction table: arithmetic, branches, counted loops, subprograms, stack and map
 * memory, atomics, lookups, callbacks. At its end a program stores its registers and its stack slots in the map.
 */
import { type InstructionRow, instructionTable } from '#shared/isa/table.js'
import { insn, program } from '#test/jit/assembler.js'
import type { Random } from '#test/jit/random.js'

/** The array map that programs know as this fd: one value, whose first bytes are theirs to work on. */
export const MAP_FD = 5
export const VALUE_BYTES = 256
const WORK_BYTES = 64
/** Where a program leaves r0 to r9, and then its stack slots. */
const REGISTERS_AT = 64
const SLOTS_AT = REGISTERS_AT + 80

const by = (...kinds: InstructionRow['kind'][]) => instructionTable.filter((row) => kinds.includes(row.kind))
const ARITHMETIC = by('alu', 'mov', 'movsx', 'neg', 'swap')
const BRANCHES = by('branch')
const LOADS = by('load', 'loadSigned')
const STORES = by('store', 'storeImm')
const ATOMICS = by('atomic', 'loadAcquire', 'storeRelease')
const NUMBERS = [0, 1, -1, 2, 7, 31, 32, 63, 255, 0x7fff, -0x8000, 0x7fffffff, -0x80000000, 0x12345678]

/** Registers that hold numbers; r9 counts loops. */
const NUMERIC = [0, 1, 2, 3, 4, 5, 6, 7, 8]
/** Stack bytes in use: eight slots, all written before, one to save a register in, and a map key. */
const SLOTS = 8
const SAVE_SLOT = -8 * (SLOTS + 1)
const KEY_SLOT = SAVE_SLOT - 8
const LOOP_REGISTER = 9
const PRIME = 0x01000193
const LOOKUP = 1
const LOOP = 181

const count = (parts: readonly Uint8Array[]): number => program([...parts]).length / 8
const number = (random: Random): number => (random.below(3) ? random.pick(NUMBERS) : random.next() | 0)

function immediate(random: Random, row: InstructionRow): number {
  if (row.fields.imm === 'shift') return random.below(row.width)
  if (row.fields.imm === 'divisor') return number(random) || 3
  return row.fields.imm === 'value' ? number(random) : 0
}

/** A 64-bit constant with both words at random. */
function wide(random: Random, dst: number): Uint8Array {
  const bytes = insn('imm64.value', { dst, imm: number(random) })
  if (random.below(2)) new DataView(bytes.buffer, bytes.byteOffset).setInt32(12, number(random), true)
  return bytes
}

function mapValue(dst: number, offset = 0): Uint8Array {
  const bytes = insn('imm64.mapValue', { dst, imm: MAP_FD })
  new DataView(bytes.buffer, bytes.byteOffset).setInt32(12, offset, true)
  return bytes
}

function arithmetic(random: Random): Uint8Array {
  const row = random.pick(ARITHMETIC)
  const src = row.fields.src === 'read' ? random.pick(NUMERIC) : 0
  return insn(row.name, { dst: random.pick(NUMERIC), src, imm: immediate(random, row) })
}

/** One access to eight-byte slots below `base`, or from it on; `numbers` are the registers it may read and write. */
function access(random: Random, base: number, offset: number, numbers: readonly number[]): Uint8Array {
  const row = random.pick(random.pick([LOADS, STORES, ATOMICS]))
  const isLoad = row.kind === 'load' || row.kind === 'loadSigned' || row.kind === 'loadAcquire'
  const off = offset + row.bytes * random.below(8 / row.bytes)
  const value = random.pick(numbers)
  if (isLoad) return insn(row.name, { dst: value, src: base, off })
  if (row.kind === 'storeImm') return insn(row.name, { dst: base, off, imm: number(random) })
  return insn(row.name, { dst: base, src: value, off })
}

function stackAccess(random: Random): Uint8Array {
  return access(random, 10, -8 * (1 + random.below(SLOTS)), NUMERIC)
}

/** Some accesses to the map's value by a register that holds a number again afterwards. */
function mapAccess(random: Random): Uint8Array[] {
  const base = 1 + random.below(8)
  // Compare-and-exchange writes r0.
  const numbers = NUMERIC.filter((register) => register !== base && register !== 0)
  const accesses = Array.from({ length: 1 + random.below(3) }, () =>
    access(random, base, 8 * random.below(WORK_BYTES / 8), numbers),
  )
  return [mapValue(base), ...accesses, wide(random, base)]
}

const afterCall = (random: Random): Uint8Array[] => [1, 2, 3, 4, 5].map((dst) => wide(random, dst))

/** A look-up of key 0, which is there, or of key 1, which is not. */
function lookup(random: Random): Uint8Array[] {
  const found = Array.from({ length: 1 + random.below(2) }, () =>
    access(random, 0, 8 * random.below(WORK_BYTES / 8), [6, 7, 8]),
  ).filter((bytes) => !isCompareExchange(bytes))
  return [
    insn('stw', { dst: 10, off: KEY_SLOT, imm: random.below(2) }),
    insn('imm64.mapFd', { dst: 1, imm: MAP_FD }),
    insn('mov64.reg', { dst: 2, src: 10 }),
    insn('add64.imm', { dst: 2, imm: KEY_SLOT }),
    insn('call', { imm: LOOKUP }),
    insn('jeq64.imm', { dst: 0, imm: 0, off: count(found) }),
    ...found,
    wide(random, 0),
    ...afterCall(random),
  ]
}

const CMPXCHG = 0xf1
const isCompareExchange = (bytes: Uint8Array): boolean => bytes[0] >> 6 === 3 && bytes[4] === CMPXCHG

function branch(random: Random, body: Uint8Array[]): Uint8Array[] {
  const row = random.pick(BRANCHES)
  const src = row.operand === 'reg' ? random.pick(NUMERIC) : 0
  return [insn(row.name, { dst: random.pick(NUMERIC), src, off: count(body), imm: immediate(random, row) }), ...body]
}

function jump(random: Random, distance: number): Uint8Array {
  return random.below(4) ? insn('ja', { off: distance }) : insn('gotol', { imm: distance })
}

/** Statements; `depth` bounds how they nest. */
function statements(random: Random, length: number, depth: number): Uint8Array[] {
  const result: Uint8Array[] = []
  for (let n = 0; n < length; n++) {
    const choice = random.below(12)
    if (choice < 5) result.push(arithmetic(random))
    else if (choice < 7) result.push(stackAccess(random))
    else if (choice === 7) result.push(...mapAccess(random))
    else if (choice === 8) result.push(...(random.below(3) ? mapAccess(random) : lookup(random)))
    else if (depth > 0 && choice < 11) {
      result.push(...branch(random, statements(random, 1 + random.below(4), depth - 1)))
    } else if (depth > 0) {
      const skip = statements(random, 1 + random.below(3), depth - 1)
      const other = statements(random, 1 + random.below(3), depth - 1)
      result.push(...branch(random, [...skip, jump(random, count(other))]), ...other)
    }
  }
  return result
}

/** A loop that counts down in r9; some may also end early by may_goto, which never happens in so few rounds. */
function loop(random: Random): Uint8Array[] {
  const inner = statements(random, 1 + random.below(6), 1)
  const length = count(inner)
  const head = random.below(3) ? [] : [insn('may_goto', { off: length + 2 })]
  return [
    insn('mov64.imm', { dst: LOOP_REGISTER, imm: 1 + random.below(20) }),
    ...head,
    ...inner,
    insn('sub64.imm', { dst: LOOP_REGISTER, imm: 1 }),
    insn('jne64.imm', { dst: LOOP_REGISTER, imm: 0, off: -(length + head.length + 2) }),
  ]
}

/** Gives registers and stack slots their first values: constants, or what the map holds. */
function prologue(random: Random, registers: readonly number[]): Uint8Array[] {
  const result: Uint8Array[] = []
  const unknown = random.below(2) === 1
  const pointer = registers[0]
  if (unknown) result.push(mapValue(pointer))
  for (const dst of registers.slice(1)) {
    if (unknown && random.below(2)) {
      result.push(insn('ldxdw', { dst, src: pointer, off: 8 * random.below(WORK_BYTES / 8) }))
    } else result.push(wide(random, dst))
  }
  result.push(wide(random, pointer))
  for (let slot = 1; slot <= SLOTS; slot++) {
    result.push(insn('stxdw', { dst: 10, src: random.pick(registers), off: -8 * slot }))
  }
  return result
}

function body(random: Random): Uint8Array[] {
  const parts = [...statements(random, 5 + random.below(12), 2)]
  if (random.below(2)) parts.push(...loop(random), ...statements(random, random.below(6), 1))
  return parts
}

/** Leaves every register but r10, and every stack slot, in the map. */
function dump(): Uint8Array[] {
  const result = [insn('stxdw', { dst: 10, src: 1, off: SAVE_SLOT }), mapValue(1)]
  const copy = (off: number, src: number) => insn('stxdw', { dst: 1, src, off })
  for (const register of [0, 2, 3, 4, 5, 6, 7, 8, 9]) result.push(copy(REGISTERS_AT + 8 * register, register))
  result.push(insn('ldxdw', { dst: 2, src: 10, off: SAVE_SLOT }), copy(REGISTERS_AT + 8, 2))
  for (let slot = 1; slot <= SLOTS; slot++) {
    result.push(insn('ldxdw', { dst: 2, src: 10, off: -8 * slot }), copy(SLOTS_AT + 8 * (slot - 1), 2))
  }
  return result
}

/** r0 = a hash of all numbers and the stack. */
function hash(): Uint8Array[] {
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
  return result
}

/** A function's own registers; r1 to r5 are its arguments. */
const OWN = [0, 6, 7, 8, LOOP_REGISTER]

/** A call of a function whose place is not known yet: its immediate is the function's number. */
type Piece = Uint8Array | { readonly call: number } | { readonly pointer: number; readonly dst: number }

const pieceBytes = (piece: Piece): number => (piece instanceof Uint8Array ? piece.length : 'call' in piece ? 8 : 16)

/** Puts functions one after the other and resolves their calls. */
function link(functions: readonly Piece[][]): Uint8Array {
  const starts: number[] = []
  let at = 0
  for (const pieces of functions) {
    starts.push(at)
    for (const piece of pieces) at += pieceBytes(piece) / 8
  }
  const parts: Uint8Array[] = []
  at = 0
  for (const piece of functions.flat()) {
    if (piece instanceof Uint8Array) parts.push(piece)
    else if ('call' in piece) parts.push(insn('call.local', { imm: starts[piece.call] - at - 1 }))
    else parts.push(functionPointer(piece.dst, starts[piece.pointer] - at - 1))
    at += pieceBytes(piece) / 8
  }
  return program(parts)
}

function functionPointer(dst: number, distance: number): Uint8Array {
  const bytes = insn('imm64.function', { dst, imm: distance })
  new DataView(bytes.buffer, bytes.byteOffset).setInt32(12, 0, true)
  return bytes
}

/** bpf_loop over function `callback`, a few times; its context is a slot of this frame. */
function callbackLoop(random: Random, callback: number): Piece[] {
  return [
    insn('mov64.imm', { dst: 1, imm: random.below(6) }),
    { pointer: callback, dst: 2 },
    insn('mov64.reg', { dst: 3, src: 10 }),
    insn('add64.imm', { dst: 3, imm: -8 * SLOTS }),
    insn('mov64.imm', { dst: 4, imm: 0 }),
    insn('call', { imm: LOOP }),
    ...afterCall(random),
  ]
}

/** A function (index, context) -> 0 or 1 that changes its context and the map. */
function callback(random: Random): Piece[] {
  return [
    insn('mov64.reg', { dst: 6, src: 1 }),
    insn('mov64.reg', { dst: 7, src: 2 }),
    insn('ldxdw', { dst: 8, src: 7, off: 8 * random.below(SLOTS) }),
    insn('add64.reg', { dst: 8, src: 6 }),
    insn('mul64.imm', { dst: 8, imm: PRIME }),
    insn('stxdw', { dst: 7, src: 8, off: 8 * random.below(SLOTS) }),
    mapValue(1),
    insn('atomic64.add.fetch', { dst: 1, src: 8, off: 8 * random.below(WORK_BYTES / 8) }),
    insn('mov64.imm', { dst: 0, imm: 0 }),
    ...(random.below(3) ? [] : [insn('jne64.imm', { dst: 6, imm: 3, off: 1 }), insn('mov64.imm', { dst: 0, imm: 1 })]),
    insn('exit'),
  ]
}

/** A program that always ends. Half of them call functions, which may call one more; some pass one to bpf_loop. */
export function randomProgram(random: Random): Uint8Array {
  const main: Piece[] = [...prologue(random, [...NUMERIC, LOOP_REGISTER]), ...body(random)]
  const functions: Piece[][] = [main]
  const callees = random.below(2) ? 1 + random.below(2) : 0
  const callbackAt = random.below(4) === 0 ? 1 + callees : 0
  for (let n = 1; n <= callees; n++) {
    main.push({ call: n }, ...afterCall(random), ...statements(random, random.below(4), 1))
  }
  if (callbackAt) main.push(...callbackLoop(random, callbackAt), ...statements(random, random.below(4), 1))
  main.push(...dump(), insn('exit'))
  for (let n = 1; n <= callees; n++) {
    const deeper: Piece[] = n < callees && random.below(2) ? [{ call: n + 1 }, ...afterCall(random)] : []
    functions.push([...prologue(random, OWN), ...body(random), ...deeper, ...hash(), insn('exit')])
  }
  if (callbackAt) functions.push(callback(random))
  return link(functions)
}

/** What the map's value holds before the program runs. */
export function randomValue(random: Random): Uint8Array {
  const bytes = new Uint8Array(VALUE_BYTES)
  for (let at = 0; at < WORK_BYTES; at += 8) {
    new DataView(bytes.buffer).setInt32(at, number(random), true)
    if (random.below(2)) new DataView(bytes.buffer).setInt32(at + 4, number(random), true)
  }
  return bytes
}
