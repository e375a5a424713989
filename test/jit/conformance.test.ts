import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Mode } from '#lib/jit/compile.js'
import { BPF_PROG_TYPE_XDP } from '#shared/uapi/bpf.js'
import { insn, program } from '#test/jit/assembler.js'
import { fromHex, JitMachine } from '#test/jit/harness.js'
import { vectors } from '#test/jit/vectors.js'

interface Vector {
  name: string
  insns: string
  mem: string
  result: string
}

/** A suite of instruction vectors that may lie beside the repository. */
const whole = join(import.meta.dirname, '..', '..', '..', 'shared', 'conformance', 'insn.jsonl')

function readVectors(path: string): Vector[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Vector)
}

/** Calls a register: an instruction that Linux, too, refuses. */
const UNSUPPORTED = new Set(['callx'])

function runVector(vector: Vector, mode: Mode): string {
  const runtime = { bpf_ktime_get_ns: () => 1n }
  const machine = new JitMachine({ runtime })
  const memory = fromHex(vector.mem)
  // The suite passes the memory's length in r2.
  const insns = program(insn('mov64.imm', { dst: 2, imm: memory.length }), fromHex(vector.insns))
  const { retval, trap } = machine.run({ insns, mode }, memory)
  return trap ?? `0x${retval.toString(16)}`
}

function check(vectors: readonly Vector[]): void {
  const wrong: string[] = []
  for (const vector of vectors) {
    for (const mode of ['checked', 'direct'] as const) {
      const got = runVector(vector, mode)
      if (BigInt(vector.result) !== (got.startsWith('0x') ? BigInt(got) : -1n)) {
        wrong.push(`${vector.name} (${mode}): ${got}, expected ${vector.result}`)
      }
    }
  }
  expect(wrong).toEqual([])
}

describe('instruction vectors', () => {
  it('give what Linux gave', () => {
    const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'vectors.json'), 'utf8')) as Record<
      string,
      number
    >
    const all = vectors()
    expect(all.map(([name]) => name).sort()).toEqual(Object.keys(recorded).sort())
    const machine = new JitMachine()
    const wrong: string[] = []
    for (const [name, insns] of all) {
      for (const mode of ['checked', 'direct'] as const) {
        const { retval, trap } = machine.run({ insns, mode, type: BPF_PROG_TYPE_XDP })
        const low = Number(retval & 0xffffffffn)
        if (trap !== null || low !== recorded[name]) wrong.push(`${name} (${mode}): ${trap ?? low}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it.runIf(existsSync(whole))('of a whole suite agree', () => {
    const suite = readVectors(whole).filter((vector) => !UNSUPPORTED.has(vector.name))
    console.log(`${suite.length} vectors, ${UNSUPPORTED.size} skipped (${[...UNSUPPORTED].join()})`)
    check(suite)
  })
})
