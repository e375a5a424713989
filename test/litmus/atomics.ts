/**
 * No update lost: eight CPUs change one word at the same time, each only its own few bits of it. Each change is
 * followed by a look at these bits: whoever writes back a stale word destroys another's.
 */
import { insn, program } from '#test/jit/assembler.js'
import { check } from '#test/stress/run.js'
import { CPUS, LitmusRig } from './rig.js'

export const KINDS = [
  'add',
  'add.fetch',
  'or',
  'or.fetch',
  'and',
  'and.fetch',
  'xor',
  'xor.fetch',
  'cmpxchg.fetch',
  'xchg.fetch',
] as const
export type Kind = (typeof KINDS)[number]
export const WIDTHS = [32, 64] as const
export type Width = (typeof WIDTHS)[number]

/** The value: the shared word, the word for exchanges, and a cache line for each CPU: errors, and what it got. */
const SHARED = 0
const EXCHANGED = 64
const LINES = 128
const LINE_BYTES = 64
const ERRORS = 0
const BALANCE = 8
const COUNTER = 16
const VALUE_BYTES = LINES + CPUS * LINE_BYTES

/** Registers: the CPU, the shared words, this CPU's line, the shift and the mask of its bits. */
const CPU = 6
const WORD = 7
const LINE = 8
const SHIFT = 9
const PATTERN = 5

const fieldBits = (width: Width) => width / CPUS

function countError(): Uint8Array[] {
  return [
    insn('ldxdw', { dst: 3, src: LINE, off: ERRORS }),
    insn('add64.imm', { dst: 3, imm: 1 }),
    insn('stxdw', { dst: LINE, src: 3, off: ERRORS }),
  ]
}

/** Counts an error unless the CPU's bits of r2 are `expected`; destroys r2 and r3. */
function expectBits(width: Width, expected: number): Uint8Array[] {
  return [
    insn('rsh64.reg', { dst: 2, src: SHIFT }),
    insn('and64.imm', { dst: 2, imm: 2 ** fieldBits(width) - 1 }),
    insn('jeq64.imm', { dst: 2, imm: expected, off: 3 }),
    ...countError(),
  ]
}

/** r4 = `bits` in this CPU's place. */
function operand(bits: number): Uint8Array[] {
  return [insn('mov64.imm', { dst: 4, imm: bits }), insn('lsh64.reg', { dst: 4, src: SHIFT })]
}

function look(width: Width): Uint8Array {
  return insn(width === 32 ? 'ldxw' : 'ldxdw', { dst: 2, src: WORD })
}

/** One atomic with operand r4: the bits it fetches must have been `before`, those it leaves must be `after`. */
function change(width: Width, kind: Kind, before: number, after: number): Uint8Array[] {
  const atomic = insn(`atomic${width}.${kind}`, { dst: WORD, src: 4 })
  const fetched = kind.endsWith('.fetch') ? [insn('mov64.reg', { dst: 2, src: 4 }), ...expectBits(width, before)] : []
  return [atomic, ...fetched, look(width), ...expectBits(width, after)]
}

/** Replaces the CPU's bits by `after`, again and again until nobody comes between; r0 is what was expected. */
function compareExchange(width: Width, before: number, after: number): Uint8Array[] {
  const load = insn(width === 32 ? 'ldxw' : 'ldxdw', { dst: 0, src: WORD })
  const body = [
    insn('mov64.reg', { dst: 4, src: 0 }),
    insn('mov64.reg', { dst: 3, src: 0 }),
    insn('mov64.imm', { dst: 2, imm: before ^ after }),
    insn('lsh64.reg', { dst: 2, src: SHIFT }),
    insn('xor64.reg', { dst: 4, src: 2 }),
    insn(`atomic${width}.cmpxchg.fetch`, { dst: WORD, src: 4 }),
    insn('jne64.reg', { dst: 0, src: 3, off: -7 }),
  ]
  return [load, ...body, look(width), ...expectBits(width, after)]
}

/**
 * A token goes in, another comes out: tokens put in less tokens got out are what remains. Each token is the CPU's own
 * running number and the CPU.
 */
function exchange(width: Width): Uint8Array[] {
  return [
    insn('ldxdw', { dst: 4, src: LINE, off: COUNTER }),
    insn('add64.imm', { dst: 4, imm: CPUS }),
    insn('stxdw', { dst: LINE, src: 4, off: COUNTER }),
    insn('add64.reg', { dst: 4, src: CPU }),
    insn('ldxdw', { dst: 5, src: LINE, off: BALANCE }),
    insn('add64.reg', { dst: 5, src: 4 }),
    insn(`atomic${width}.xchg.fetch`, { dst: WORD, src: 4, off: EXCHANGED }),
    insn('sub64.reg', { dst: 5, src: 4 }),
    insn('stxdw', { dst: LINE, src: 5, off: BALANCE }),
  ]
}

/** `and` with all bits but this CPU's, which `kind` names. */
function clear(width: Width, kind: Kind, full: number): Uint8Array[] {
  return [...operand(full), insn('xor64.imm', { dst: 4, imm: -1 }), ...change(width, kind, full, 0)]
}

/** One repetition: two operations, at least one of them of the kind, that leave the CPU's bits 0. */
function body(width: Width, kind: Kind): Uint8Array[] {
  const full = 2 ** fieldBits(width) - 1
  switch (kind) {
    case 'add':
    case 'add.fetch':
      return [
        ...operand(PATTERN),
        ...change(width, kind, 0, PATTERN),
        ...operand(-PATTERN),
        ...change(width, kind, PATTERN, 0),
      ]
    case 'xor':
    case 'xor.fetch':
      return [
        ...operand(PATTERN),
        ...change(width, kind, 0, PATTERN),
        ...operand(PATTERN),
        ...change(width, kind, PATTERN, 0),
      ]
    case 'or':
    case 'or.fetch':
      return [...operand(full), ...change(width, kind, 0, full), ...clear(width, 'and', full)]
    case 'and':
    case 'and.fetch':
      return [...operand(full), ...change(width, 'or', 0, full), ...clear(width, kind, full)]
    case 'cmpxchg.fetch':
      return [...compareExchange(width, 0, PATTERN), ...compareExchange(width, PATTERN, 0)]
    case 'xchg.fetch':
      return [...exchange(width), ...exchange(width)]
  }
}

/** One repetition of `body`, with the registers set up. */
function build(rig: LitmusRig, width: Width, body: Uint8Array[]): Uint8Array {
  return program(
    insn('ldxdw', { dst: CPU, src: 1 }),
    rig.address(WORD, SHARED),
    rig.address(LINE, LINES),
    insn('mov64.reg', { dst: 2, src: CPU }),
    insn('mul64.imm', { dst: 2, imm: LINE_BYTES }),
    insn('add64.reg', { dst: LINE, src: 2 }),
    insn('mov64.reg', { dst: SHIFT, src: CPU }),
    insn('mul64.imm', { dst: SHIFT, imm: fieldBits(width) }),
    body,
    insn('mov64.imm'),
    insn('exit'),
  )
}

/** What must hold at the end: every CPU's bits 0, no errors, every token accounted for. */
function judge(rig: LitmusRig, width: Width): void {
  const { data } = rig.machine.views
  const word = (offset: number) => data.getBigUint64(rig.value + offset, true)
  check(word(SHARED) === 0n, `the shared word is 0x${word(SHARED).toString(16)} at the end`)
  let balance = 0n
  for (let cpu = 0; cpu < CPUS; cpu++) {
    const line = LINES + cpu * LINE_BYTES
    check(word(line + ERRORS) === 0n, `CPU ${cpu} found ${word(line + ERRORS)} lost updates of ${width} bits`)
    balance += word(line + BALANCE)
  }
  const remains = BigInt.asUintN(width, word(EXCHANGED))
  check(BigInt.asUintN(width, balance) === remains, `tokens: ${balance} put in and not got out, ${remains} remain`)
}

/** `operations` of each kind and width, the CPUs working on different kinds at the same time. */
export async function runAtomics(options: { operations: number; progress?: (text: string) => void }) {
  const rig = new LitmusRig(VALUE_BYTES)
  // Each kind is run by every CPU; a repetition of `or` and `and` is one of its own kind.
  const repeat = Math.ceil(options.operations / CPUS)
  for (const width of WIDTHS) {
    const programs = KINDS.map((kind) => rig.load(build(rig, width, body(width, kind))))
    rig.words.fill(0)
    for (let round = 0; round < KINDS.length; round++) {
      await rig.run(
        Array.from({ length: CPUS }, (_, cpu) => {
          return { cpu, context: cpu, program: programs[(round + cpu) % KINDS.length], repeat }
        }),
      )
      judge(rig, width)
    }
    options.progress?.(`${width} bits: ${KINDS.length} kinds, ${repeat * CPUS} operations or more of each`)
  }
  await rig.close()
  return { kinds: KINDS.length * WIDTHS.length, operationsOfEach: repeat * CPUS }
}

/** For the test of the test: changes that are no atomics must be caught. Returns the errors that the CPUs counted. */
export async function countBrokenAtomics(repeat: number): Promise<number> {
  const rig = new LitmusRig(VALUE_BYTES)
  const store = [look(64), insn('add64.reg', { dst: 2, src: 4 }), insn('stxdw', { dst: WORD, src: 2 })]
  const torn = (before: number, after: number) => [
    ...operand(after - before),
    ...store,
    look(64),
    ...expectBits(64, after),
  ]
  const id = rig.load(build(rig, 64, [...torn(0, PATTERN), ...torn(PATTERN, 0)]))
  await rig.run(Array.from({ length: CPUS }, (_, cpu) => ({ cpu, context: cpu, program: id, repeat })))
  let errors = 0
  for (let cpu = 0; cpu < CPUS; cpu++) errors += rig.words[(LINES + cpu * LINE_BYTES + ERRORS) / 4]
  await rig.close()
  return errors
}
