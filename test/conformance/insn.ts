/** Instruction vectors: each runs through the compiler in both modes and through the interpreter. */
import { JitError, type Mode } from '#lib/jit/compile.js'
import { type Report, type Suite, Tally } from '#test/conformance/report.js'
import { insn, program } from '#test/jit/assembler.js'
import { fromHex, JitMachine } from '#test/jit/harness.js'
import { interpret } from '#test/jit/interpret.js'

/** One row of the data: what the program returns given `mem` in r1 and its length in r2, or that it must fail. */
interface Vector {
  readonly name: string
  readonly insns: string
  readonly mem: string
  readonly result: string
  /** Not empty: the program must be refused, or fail. */
  readonly error: string
  readonly unknown_insn: boolean
}

/** The one helper that the vectors call. The suite's expectations do not depend on what it answers. */
const TIME_HELPER = 5

const hex = (value: bigint): string => `0x${value.toString(16)}`

function compiled(insns: Uint8Array, memory: Uint8Array, mode: Mode): string {
  const machine = new JitMachine({ runtime: { bpf_ktime_get_ns: () => 1n } })
  try {
    const { retval, trap } = machine.run({ insns, mode }, memory)
    return trap ?? hex(retval)
  } catch (error) {
    if (error instanceof JitError) return error.message
    throw error
  }
}

function interpreted(insns: Uint8Array, memory: Uint8Array): string {
  const machine = new JitMachine()
  machine.u8.set(memory, machine.heap)
  try {
    const done = interpret(machine, insns, { helpers: { [TIME_HELPER]: () => 1n } })
    return done ? hex(done.registers[0]) : 'does not end'
  } catch (error) {
    return String(error)
  }
}

function judge(vector: Vector, tally: Tally): void {
  const memory = fromHex(vector.mem)
  const insns = program(insn('mov64.imm', { dst: 2, imm: memory.length }), fromHex(vector.insns))
  const mustFail = vector.error !== '' || vector.unknown_insn
  const answers: [string, string][] = [['checked', compiled(insns, memory.slice(), 'checked')]]
  // Only checked mode sees a wrong access: what the others run is known to make none.
  if (!mustFail) {
    answers.push(['direct', compiled(insns, memory.slice(), 'direct')], ['interpreter', interpreted(insns, memory)])
  }
  const expected = mustFail ? vector.error || 'no such instruction' : hex(BigInt(vector.result))
  const agrees = (got: string) => (mustFail ? !got.startsWith('0x') : got === expected)
  const wrong = answers.filter(([, got]) => !agrees(got))
  if (wrong.length === 0) tally.agree()
  else {
    const got = wrong.map(([engine, answer]) => `${engine}: ${answer}`).join('; ')
    tally.differ({ id: vector.name, expected, got, cause: wrong.map(([engine]) => engine).join() })
  }
}

export const insnSuite: Suite = {
  name: 'insn',
  what: 'instruction vectors, by the results that the suite itself expects',
  data: 'insn.jsonl',
  run(lines): Report {
    const tally = new Tally()
    for (const line of lines) judge(JSON.parse(line) as Vector, tally)
    return tally.report('insn')
  },
}
