import { describe, expect, it } from 'vitest'
import { buildCfg } from '#lib/jit/cfg.js'
import { decode } from '#shared/isa/decode.js'
import { insn, program } from '#test/jit/assembler.js'
import { JitMachine } from '#test/jit/harness.js'
import { Random, testSeed } from '#test/jit/random.js'

/** A graph: block n mixes n into the trace and goes to `taken` when a pseudo-random bit is set, else to `fall`. */
interface Graph {
  taken: number[]
  fall: number[]
}

const FUEL = 200
const TRACE_FACTOR = 31
const STATE_FACTOR = 1103515245
const STATE_STEP = 12345
/** Which bit of the state decides. */
const DECISION_BIT = 0x10000

/** What the program must return: the blocks it went through, hashed. */
function walk(graph: Graph, seed: number): number {
  let trace = 0
  let state = seed
  let block = 0
  for (let fuel = FUEL; fuel > 0; fuel--) {
    trace = (Math.imul(trace, TRACE_FACTOR) + block) | 0
    state = (Math.imul(state, STATE_FACTOR) + STATE_STEP) | 0
    const next = (state & DECISION_BIT) !== 0 ? graph.taken[block] : graph.fall[block]
    if (next >= graph.taken.length) return trace >>> 0
    block = next
  }
  return trace >>> 0
}

const BLOCK_INSNS = 10

/** r0 trace, r7 state, r8 fuel; the exit follows the last block. */
function encodeGraph(graph: Graph, seed: number): Uint8Array {
  const prologue = [
    insn('mov64.imm', { dst: 0 }),
    insn('mov64.imm', { dst: 7, imm: seed }),
    insn('mov64.imm', { dst: 8, imm: FUEL }),
  ]
  const count = graph.taken.length
  const place = (block: number) => prologue.length + Math.min(block, count) * BLOCK_INSNS
  const blocks: Uint8Array[] = []
  for (let b = 0; b < count; b++) {
    const at = place(b)
    const jump = (slot: number, target: number) => target - (at + slot + 1)
    // Long jumps, since the graphs outgrow 16-bit offsets.
    blocks.push(
      insn('jne64.imm', { dst: 8, imm: 0, off: 1 }),
      insn('gotol', { imm: jump(1, place(count)) }),
      insn('mul32.imm', { dst: 0, imm: TRACE_FACTOR }),
      insn('add32.imm', { dst: 0, imm: b }),
      insn('mul32.imm', { dst: 7, imm: STATE_FACTOR }),
      insn('add32.imm', { dst: 7, imm: STATE_STEP }),
      insn('sub64.imm', { dst: 8, imm: 1 }),
      insn('jset32.imm', { dst: 7, imm: DECISION_BIT, off: 1 }),
      insn('ja', { off: 1 }),
      insn('gotol', { imm: jump(9, place(graph.taken[b])) }),
    )
    // A block falls into the next one in program order.
    graph.fall[b] = b + 1
  }
  return program([...prologue, ...blocks, insn('exit')])
}

type Shape = 'forward' | 'nested' | 'any'

/** forward: no loops; nested: loops that are entered at their head; any: jumps into loops as well. */
function randomGraph(random: Random, shape: Shape): Graph {
  const count = 2 + random.below(40)
  const taken: number[] = []
  for (let b = 0; b < count; b++) {
    const forward = b + 1 + random.below(Math.min(8, count - b))
    const back = random.below(b + 1)
    if (shape === 'forward') taken.push(forward)
    else if (shape === 'any') taken.push(random.below(count + 1))
    else taken.push(random.below(3) === 0 ? back : b + 1)
  }
  return { taken, fall: [] }
}

describe('control flow', () => {
  const seed = testSeed()

  it(`follows random graphs (SEED=${seed})`, () => {
    const random = new Random(seed)
    const machine = new JitMachine()
    const seen = { reducible: 0, irreducible: 0 }
    for (let n = 0; n < 600; n++) {
      const graph = randomGraph(random, (['forward', 'nested', 'any'] as const)[n % 3])
      const state = random.next() | 0
      const insns = encodeGraph(graph, state)
      const code = decode(insns)
      seen[buildCfg(code, 0, code.count).reducible ? 'reducible' : 'irreducible']++
      const { retval, trap } = machine.run({ insns, mode: n % 2 ? 'direct' : 'checked' })
      expect(trap, `graph ${n}`).toBeNull()
      expect(Number(retval), `graph ${n}: ${JSON.stringify(graph)}`).toBe(walk(graph, state))
    }
    expect(seen.reducible).toBeGreaterThan(100)
    expect(seen.irreducible).toBeGreaterThan(50)
  })

  it('dispatches ten thousand branches of an irreducible function', () => {
    const random = new Random(7)
    const count = 10_000
    const graph: Graph = {
      taken: Array.from({ length: count }, (_, b) => Math.min(count, Math.max(0, b + random.below(60) - 20))),
      fall: [],
    }
    const insns = encodeGraph(graph, 99)
    const code = decode(insns)
    expect(buildCfg(code, 0, code.count).reducible).toBe(false)
    expect(Number(new JitMachine().run({ insns, mode: 'direct' }).retval)).toBe(walk(graph, 99))
  })

  it('dispatches more blocks than one br_table holds', () => {
    const count = 25_000
    const taken = Array.from({ length: count }, (_, b) => (b % 3 === 0 ? Math.max(0, b - 2) : b + 1))
    // From the first block into the middle of the last loops, and far away.
    taken[0] = count - 5
    const graph: Graph = { taken, fall: [] }
    const insns = encodeGraph(graph, 5)
    const code = decode(insns)
    const cfg = buildCfg(code, 0, code.count)
    expect(cfg.blocks).toBeGreaterThan(65_520)
    expect(cfg.reducible).toBe(false)
    expect(Number(new JitMachine().run({ insns, mode: 'direct' }).retval)).toBe(walk(graph, 5))
  })

  it('compiles thirty thousand branches to one exit', () => {
    const count = 30_000
    const graph: Graph = { taken: new Array(count).fill(count), fall: [] }
    const insns = encodeGraph(graph, 3)
    expect(Number(new JitMachine().run({ insns, mode: 'direct' }).retval)).toBe(walk(graph, 3))
  })
})
