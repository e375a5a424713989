import { describe, expect, it } from 'vitest'
import { checkStructure } from '#lib/verifier/structure.js'
import { Interpreter, type InterpreterHost } from '#shared/isa/interpreter.js'
import { BPF_PROG_TYPE_SYSCALL } from '#shared/uapi/bpf.js'
import { randomProgram } from '#test/jit/generate.js'
import { JitMachine } from '#test/jit/harness.js'
import { Random, testSeed } from '#test/jit/random.js'

const FRAME = 512n
const BASE = 0x10000n

/** An interpreter whose only memory is its stack of eight frames. */
function interpret(insns: Uint8Array): bigint {
  const stack = new Uint8Array(8 * Number(FRAME))
  const at = (address: bigint): number => Number(address - BASE)
  const host: InterpreterHost = {
    read(address, bytes) {
      let value = 0n
      for (let n = bytes - 1; n >= 0; n--) value = (value << 8n) | BigInt(stack[at(address) + n])
      return value
    },
    write(address, bytes, value) {
      for (let n = 0; n < bytes; n++) stack[at(address) + n] = Number((value >> BigInt(8 * n)) & 0xffn)
    },
    helper: () => 0n,
    constant: () => 0n,
    packet: () => null,
  }
  const interpreter = new Interpreter(insns, host, 0n, BASE + FRAME, FRAME)
  expect(interpreter.run(1_000_000)).toBe('exit')
  return interpreter.registers[0]
}

describe('interpreter and compiler', () => {
  const seed = testSeed()

  it(`agree on random programs in both modes (SEED=${seed})`, () => {
    const random = new Random(seed)
    const machine = new JitMachine()
    for (let n = 0; n < 1500; n++) {
      const insns = randomProgram(random)
      expect(checkStructure(insns, { type: BPF_PROG_TYPE_SYSCALL }), `program ${n}`).toEqual({ errno: 0 })
      const expected = { retval: interpret(insns), trap: null }
      const mode = n % 2 ? 'direct' : 'checked'
      const text = `program ${n} (${mode}): ${Buffer.from(insns).toString('hex')}`
      expect(machine.run({ insns, mode }), text).toEqual(expected)
    }
  })
})
