import { describe, expect, it } from 'vitest'
import { compile } from '#lib/jit/compile.js'
import { BPF_PROG_TYPE_SYSCALL } from '#shared/uapi/bpf.js'
import { insn, program } from '#test/jit/assembler.js'
import { JitMachine } from '#test/jit/harness.js'
import { interpret } from '#test/jit/interpret.js'
import { Random, testSeed } from '#test/jit/random.js'

const machine = new JitMachine()
const MODES = ['direct', 'checked'] as const
const OPCODE_ROTL64 = 0x89

function expectSame(insns: Uint8Array, text: string): void {
  const expected = { retval: interpret(machine, insns)?.registers[0], trap: null }
  for (const mode of MODES) expect(machine.run({ insns, mode }), `${text} (${mode})`).toEqual(expected)
}

const value = insn('imm64.value', { dst: 1, imm: 0x9abcdef1 | 0 })
const spread = [value, insn('mul64.imm', { dst: 1, imm: 0x01234567 })]

describe('rotations', () => {
  const rotation = (left: number, right: number) =>
    program(
      ...spread,
      insn('mov64.reg', { dst: 0, src: 1 }),
      insn('lsh64.imm', { dst: 0, imm: left }),
      insn('rsh64.imm', { dst: 1, imm: right }),
      insn('or64.reg', { dst: 0, src: 1 }),
      insn('exit'),
    )
  const body = (insns: Uint8Array) =>
    compile({ name: 'r', type: BPF_PROG_TYPE_SYSCALL, insns, maps: new Map(), mode: 'direct' }).bytes

  it('of two shifts become one instruction', () => {
    expect(body(rotation(13, 51))).toContain(OPCODE_ROTL64)
    expect(body(rotation(13, 50))).not.toContain(OPCODE_ROTL64)
    for (const left of [1, 13, 32, 63]) expectSame(rotation(left, 64 - left), `rotation by ${left}`)
    expectSame(rotation(13, 50), 'no rotation')
  })
})

/** Registers that hold numbers; few, so that values meet again. */
const NUMBERS = [0, 1, 2, 3]
const BITS = [8, 16, 24, 32, 40, 48, 56]

function statement(random: Random): Uint8Array {
  const dst = random.pick(NUMBERS)
  const src = random.pick(NUMBERS)
  const choice = random.below(14)
  if (choice < 3) return insn('mov64.reg', { dst, src })
  if (choice < 9) return insn(random.pick(['lsh64.imm', 'rsh64.imm', 'arsh64.imm']), { dst, imm: random.pick(BITS) })
  if (choice < 11) return insn('or64.reg', { dst, src })
  if (choice === 11) return insn(random.pick(['add64.reg', 'mov32.reg', 'xor64.reg']), { dst, src })
  return insn('add64.imm', { dst, imm: random.next() | 0 })
}

/** A place on the stack as the sum of two registers and, mostly, a constant; then a load or store there. */
function access(random: Random): Uint8Array[] {
  const offset = 8 * random.below(8)
  const extra = random.pick([-8, 0, 16])
  const parts = [
    insn('mov64.reg', { dst: 6, src: 10 }),
    insn('mov64.imm', { dst: 7, imm: offset }),
    random.below(2) ? insn('mov64.reg', { dst: 8, src: 6 }) : insn('mov64.reg', { dst: 8, src: 7 }),
    insn('add64.reg', { dst: 8, src: random.below(2) ? 6 : 7 }),
    insn('add64.imm', { dst: 8, imm: extra }),
  ]
  // What was added may be gone by the time of the access.
  if (random.below(2)) parts.push(insn('mov64.imm', { dst: random.pick([6, 7]), imm: 5 }))
  const off = -128 - extra
  const register = random.pick(NUMBERS)
  parts.push(
    random.below(2)
      ? insn('stxdw', { dst: 8, src: register, off })
      : insn(random.pick(['ldxdw', 'ldxw', 'ldxb']), { dst: register, src: 8, off }),
  )
  return parts
}

/** r8 must be r10 plus an offset, whichever way it was added. */
const isPlace = (parts: Uint8Array[]): boolean => parts[2][1] >> 4 !== parts[3][1] >> 4

describe('patterns', () => {
  const seed = testSeed()

  it(`compute what their instructions compute (SEED=${seed})`, () => {
    const random = new Random(seed)
    for (let n = 0; n < 1500; n++) {
      const parts: Uint8Array[] = NUMBERS.map((dst) => insn('imm64.value', { dst, imm: random.next() | 0 }))
      for (const dst of NUMBERS) parts.push(insn('mul64.imm', { dst, imm: random.next() | 1 }))
      for (let slot = 0; slot < 18; slot++) parts.push(insn('stxdw', { dst: 10, src: slot % 4, off: -144 + 8 * slot }))
      for (let count = 0; count < 30; count++) {
        if (random.below(5)) parts.push(statement(random))
        else {
          const place = access(random)
          if (isPlace(place)) parts.push(...place)
        }
      }
      for (const src of [1, 2, 3])
        parts.push(insn('mul64.imm', { dst: 0, imm: 31 }), insn('xor64.reg', { dst: 0, src }))
      for (let slot = 0; slot < 18; slot++) {
        parts.push(insn('ldxdw', { dst: 1, src: 10, off: -144 + 8 * slot }), insn('mul64.imm', { dst: 0, imm: 31 }))
        parts.push(insn('xor64.reg', { dst: 0, src: 1 }))
      }
      const insns = program(...parts, insn('exit'))
      expectSame(insns, `program ${n}: ${Buffer.from(insns).toString('hex')}`)
    }
  })
})
