import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { bpf_prog_load } from '#lib/index.js'
import { shutdown } from '#lib/machine/index.js'
import { BPF_PROG_TYPE_XDP } from '#shared/uapi/bpf.js'
import { EINVAL } from '#shared/uapi/errno.js'
import { conformanceFolder, readLines } from '#test/conformance/data.js'
import { insnSuite } from '#test/conformance/insn.js'
import { insn, program } from '#test/jit/assembler.js'

const hex = (...parts: Uint8Array[]) => Buffer.from(program(...parts)).toString('hex')
const exit = insn('exit')
const row = (name: string, insns: string, result: string, more = {}) =>
  JSON.stringify({ name, insns, mem: '', result, error: '', unknown_insn: false, ...more })

describe('the insn suite', () => {
  it('judges each row once, and tells what differs', async () => {
    const report = await insnSuite.run([
      row('right', hex(insn('mov64.imm', { imm: 3 }), exit), '0x3'),
      row('wrong', hex(insn('mov64.imm', { imm: 4 }), exit), '0x3'),
      row('memory', hex(insn('ldxh', { dst: 0, src: 1, off: 1 }), insn('add64.reg', { src: 2 }), exit), '0x3005', {
        mem: '010230',
      }),
      row('callx', hex(insn('mov64.imm', { dst: 3, imm: 5 }), insn('callx', { dst: 3 }), exit), '0x1'),
      row('must fail', hex(insn('imm64.value', { dst: 1 }), insn('ldxw', { src: 1 }), exit), '0x0', { error: 'fault' }),
      row('no such instruction', `ff00000000000000${hex(exit)}`, '0x0', { unknown_insn: true }),
    ])
    expect(report).toMatchObject({ suite: 'insn', total: 6, skipped: [] })
    expect(report.agree).toBe(5)
    expect(report.differ).toEqual([
      {
        id: 'wrong',
        expected: '0x3',
        got: 'checked: 0x4; direct: 0x4; interpreter: 0x4',
        cause: 'checked,direct,interpreter',
      },
    ])
  })

  const whole = join(conformanceFolder, insnSuite.data)
  it.runIf(existsSync(whole))('agrees wholly', async () => {
    const report = await insnSuite.run(readLines(whole))
    expect(report.differ).toEqual([])
    expect(report.agree).toBe(report.total)
    expect(report.total).toBeGreaterThan(300)
  })
})

describe('what only the compiler takes', () => {
  afterAll(() => shutdown())

  /** The verifier's message for a program that begins with `body`; the errno must be EINVAL. */
  function refusal(...body: Uint8Array[]): string {
    const log_buf = new Uint8Array(4096)
    const insns = program(insn('mov64.imm'), insn('mov64.imm', { dst: 2, imm: 5 }), ...body, exit)
    expect(bpf_prog_load(BPF_PROG_TYPE_XDP, 'refused', 'GPL', insns, { log_level: 1, log_buf })).toBe(-EINVAL)
    return (
      new TextDecoder()
        .decode(log_buf)
        .split('\n')
        .find((line) => !/^(processed|\0)/.test(line)) ?? ''
    )
  }

  it.each(
    ['lsh', 'rsh', 'arsh'].flatMap((name) => [
      [`${name}32.imm`, 48],
      [`${name}32.imm`, -16],
      [`${name}64.imm`, 124],
      [`${name}64.imm`, -4],
    ]) as [string, number][],
  )('bpf_prog_load refuses: %s by %i', (name, imm) => {
    expect(refusal(insn(name, { imm }))).toBe(`invalid shift ${imm}`)
  })

  it('bpf_prog_load refuses: callx', () => {
    expect(refusal(insn('callx', { dst: 2 }))).toBe('unknown opcode 8d')
  })
})
