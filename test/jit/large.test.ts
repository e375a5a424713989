/** Programs up to Linux's limit of a million instructions. */
import { afterAll, describe, expect, it } from 'vitest'
import { bpf_prog_load, bpf_prog_test_run_opts, type bpf_test_run_opts } from '#lib/index.js'
import { shutdown } from '#lib/machine/index.js'
import { currentKernel } from '#lib/syscall/current.js'
import { BPF_PROG_TYPE_XDP } from '#shared/uapi/bpf.js'
import { insn, program } from '#test/jit/assembler.js'
import { JitMachine } from '#test/jit/harness.js'

const MILLION = 1_000_000
const MULTIPLIER = 1_000_003

/** `count` instructions: r0 starts at 1, `body` fills in the rest, and r0 comes back. */
function large(count: number, body: (i: number, left: number) => Uint8Array): Uint8Array {
  const insns = new Uint8Array(8 * count)
  insns.set(insn('mov64.imm', { dst: 0, imm: 1 }))
  for (let i = 1; i < count - 1; i++) insns.set(body(i, count - 1 - i), 8 * i)
  insns.set(insn('exit'), 8 * (count - 1))
  return insns
}

const straight = (i: number) =>
  i % 2 ? insn('mul32.imm', { dst: 0, imm: MULTIPLIER }) : insn('add32.imm', { dst: 0, imm: i })

function straightResult(count: number): number {
  let r0 = 1
  for (let i = 1; i < count - 1; i++) r0 = (i % 2 ? Math.imul(r0, MULTIPLIER) : r0 + i) | 0
  return r0 >>> 0
}

/** Every fourth instruction is a branch, over two others or, while there is room, far ahead. */
const FAR = 30_000
const bitOf = (i: number): number => 1 << (i % 31)
const distance = (i: number, left: number): number => (left < 4 ? 0 : left > FAR + 1 && i % 4096 === 0 ? FAR : 2)
const branchy = (i: number, left: number) =>
  i % 4 === 0 ? insn('jset64.imm', { dst: 0, imm: bitOf(i), off: distance(i, left) }) : straight(i)

function branchyResult(count: number): number {
  let r0 = 1
  for (let i = 1; i < count - 1; i++) {
    if (i % 4 === 0) {
      if (r0 & bitOf(i)) i += distance(i, count - 1 - i)
    } else r0 = (i % 2 ? Math.imul(r0, MULTIPLIER) : r0 + i) | 0
  }
  return r0 >>> 0
}

describe('a million instructions', () => {
  afterAll(() => shutdown())

  it.each([
    ['in a row', straight, straightResult],
    ['with 250,000 branches', branchy, branchyResult],
  ])('%s load and run', (_what, body, result) => {
    const fd = bpf_prog_load(BPF_PROG_TYPE_XDP, 'large', 'GPL', large(MILLION, body))
    expect(fd).toBeGreaterThan(0)
    const opts: bpf_test_run_opts = { data_in: new Uint8Array(64), repeat: 1 }
    expect(bpf_prog_test_run_opts(fd, opts)).toBe(0)
    expect(opts.retval).toBe(result(MILLION))
    currentKernel().close(fd)
  })
})

describe('functions of many parts', () => {
  it('say where they trapped', () => {
    const count = 100_000
    const at = 70_001
    const insns = large(count, (i) => (i === at ? insn('ldxw', { dst: 0, src: 10, off: 8 }) : straight(i)))
    expect(new JitMachine().run({ insns }).trap).toMatch(new RegExp(`^prog test insn ${at}: invalid read of 4 bytes`))
  })

  it('go through loops that cross parts, with a budget of may_goto for all of them', () => {
    const body = Array.from({ length: 40 }, (_, n) => insn('add64.imm', { dst: 0, imm: n }))
    const rounds = 1000
    const insns = program(
      insn('mov64.imm', { dst: 0 }),
      insn('mov64.imm', { dst: 6, imm: rounds }),
      insn('may_goto', { off: body.length + 2 }),
      body,
      insn('sub64.imm', { dst: 6, imm: 1 }),
      insn('jne64.imm', { dst: 6, imm: 0, off: -(body.length + 3) }),
      insn('exit'),
    )
    const sum = (rounds * (40 * 39)) / 2
    expect(new JitMachine().run({ insns, partInsns: 8 }).retval).toBe(BigInt(sum))
  })

  it('are called like others', () => {
    const callee = large(300, straight)
    const insns = program(
      insn('mov64.imm', { dst: 7, imm: 5 }),
      insn('call.local', { imm: 2 }),
      insn('add64.reg', { dst: 0, src: 7 }),
      insn('exit'),
      callee,
    )
    const { retval } = new JitMachine().run({ insns, partInsns: 20, mode: 'direct' })
    expect(Number(retval)).toBe(straightResult(300) + 5)
  })
})
