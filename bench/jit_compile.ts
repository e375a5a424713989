/**
 * jit-compile/COUNT: milliseconds to load a program of COUNT instructions: arithmetic on five registers with a branch
 * every tenth instruction. Ours is compile() and WebAssembly.Module; the kernel's side is BPF_PROG_LOAD, whose
 * verifier takes most of it, so its figure stands beside ours and is no bar.
 */
import { compile } from '#lib/jit/compile.js'
import { insn, program } from './assemble.js'
import { PROG_TYPE_SCHED_CLS } from './jit_input.js'
import { alternate, type Side } from './measure.js'
import { runPeer } from './peer.js'
import type { Bench, BenchContext, Outcome } from './row.js'

const COUNTS = [100, 1_000, 10_000, 100_000]
/** 64-bit add, sub, or, and, xor, mul of a register. */
const ALU64_REGISTER = [0x0f, 0x1f, 0x4f, 0x5f, 0xaf, 0x2f]
const ADD64_IMM = 0x07
const MOV64_IMM = 0xb7
const JGT_IMM = 0x25
const EXIT = 0x95
const REGISTERS = 5
/** Until V8 has compiled the compiler. */
const WARM_UP_MS = 300
const BRANCH_EVERY = 10

export function longProgram(count: number): Uint8Array {
  const parts: Uint8Array[] = []
  for (let register = 0; register < REGISTERS; register++) parts.push(insn(MOV64_IMM, register, 0, 0, register + 3))
  while (parts.length < count - 1) {
    const i = parts.length
    const dst = i % REGISTERS
    const last = i + 3 >= count
    if (i % BRANCH_EVERY === 0 && !last) parts.push(insn(JGT_IMM, dst, 0, 1, i * 77))
    else if (i % 3 === 0) parts.push(insn(ADD64_IMM, dst, 0, 0, i))
    else parts.push(insn(ALU64_REGISTER[i % ALU64_REGISTER.length], dst, (i + 1) % REGISTERS, 0, 0))
  }
  return program(...parts, insn(EXIT, 0, 0, 0, 0))
}

function compileOnce(insns: Uint8Array): number {
  const startMs = performance.now()
  const { bytes } = compile({ name: 'long', type: PROG_TYPE_SCHED_CLS, insns, maps: new Map(), mode: 'direct' })
  new WebAssembly.Module(bytes)
  return performance.now() - startMs
}

async function measure(count: number, context: BenchContext): Promise<Outcome> {
  const insns = longProgram(count)
  const notes: string[] = []
  const kernel: Side = async () => {
    const answer = await runPeer<{ load_ms: number }>('load_peer', { type: PROG_TYPE_SCHED_CLS, insns })
    if (!('reason' in answer)) return answer.value.load_ms
    notes.push(`kernel column empty: ${answer.reason}`)
    return null
  }
  const startMs = performance.now()
  do compileOnce(insns)
  while (performance.now() - startMs < WARM_UP_MS)
  const outcome = await alternate({ ours: () => compileOnce(insns), kernel }, context.rounds)
  return { ...outcome, notes }
}

export const compileBenches: Bench[] = COUNTS.map((count) => ({
  name: `jit-compile/${count}`,
  unit: 'ms',
  better: 'lower',
  measure: (context) => measure(count, context),
}))
