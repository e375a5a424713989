/** Functions of a program are given what they read, however they come to read it. */
import { describe, expect, it } from 'vitest'
import { insn, program } from '#test/jit/assembler.js'
import { JitMachine } from '#test/jit/harness.js'
import { interpret } from '#test/jit/interpret.js'
import { Random, testSeed } from '#test/jit/random.js'

const FUNCTIONS = 3
const REGISTERS = [1, 2, 3, 4, 5]

/** r0 += an argument, under a condition, after it was overwritten, or not at all. */
function statement(random: Random): Uint8Array[] {
  const src = random.pick(REGISTERS)
  const add = insn('add64.reg', { dst: 0, src })
  const choice = random.below(6)
  if (choice < 2) return [insn('mul64.imm', { dst: 0, imm: 31 }), add]
  if (choice === 2) return [insn('jset64.imm', { dst: 0, imm: 1, off: 1 }), add]
  if (choice === 3) return [insn('mov64.imm', { dst: src, imm: random.below(100) }), add]
  if (choice === 4)
    return [insn('jset64.imm', { dst: 0, imm: 2, off: 1 }), insn('mov64.imm', { dst: src, imm: 7 }), add]
  return [insn('add64.imm', { dst: 0, imm: 3 })]
}

/** A function that may pass its own arguments on to the next, `distance` instructions after its own end. */
function body(random: Random, callsNext: boolean): Uint8Array[] {
  const before = Array.from({ length: random.below(4) }, () => statement(random)).flat()
  const start = insn('mov64.imm', { dst: 0, imm: 1 })
  const end = insn('exit')
  if (!callsNext) return [start, ...before, end]
  // After a call only r0 and r6 to r9 are anything.
  return [start, ...before, insn('call.local', { imm: 1 }), end]
}

function randomProgram(random: Random): Uint8Array {
  const values = REGISTERS.map((dst) => insn('imm64.value', { dst, imm: random.next() | 0 }))
  const bodies = Array.from({ length: FUNCTIONS }, (_, n) => body(random, n + 1 < FUNCTIONS && random.below(3) > 0))
  // Each function ends with `exit`, so that the next begins one instruction after a call's.
  const rest = program(insn('exit')).length / 8
  return program(...values, insn('call.local', { imm: rest }), insn('exit'), ...bodies.flat())
}

describe('arguments', () => {
  const seed = testSeed()
  it(`arrive where they are read (SEED=${seed})`, () => {
    const random = new Random(seed)
    const machine = new JitMachine()
    for (let n = 0; n < 400; n++) {
      const insns = randomProgram(random)
      const retval = interpret(machine, insns)?.registers[0]
      for (const mode of ['direct', 'checked'] as const) {
        const text = `${mode}: ${Buffer.from(insns).toString('hex')}`
        expect(machine.run({ insns, mode }), text).toEqual({ retval, trap: null })
      }
    }
  })
})
