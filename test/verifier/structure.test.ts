import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { checkStructure } from '#lib/verifier/structure.js'
import { BPF_PROG_TYPE_XDP } from '#shared/uapi/bpf.js'
import { insn, program } from '#test/jit/assembler.js'
import { aboutForm, agreesOnForm } from '#test/verifier/form.js'

/** Program type, errno and last log line of Linux 6.18, instructions in hex. */
type Recorded = [type: number, errno: number, message: string, insns: string]

function recorded(): Recorded[] {
  const text = gunzipSync(readFileSync(join(import.meta.dirname, 'structure.jsonl.gz'))).toString()
  return text.split('\n').map((line) => JSON.parse(line) as Recorded)
}

/** The recording process had these descriptors open, none of them a map. */
const isOpen = (fd: number) => fd >= 0 && fd <= 2

describe('structural checks', () => {
  it('agree with the kernel on every recorded program', () => {
    const wrong: string[] = []
    let refused = 0
    for (const [type, errno, message, hex] of recorded()) {
      const ours = checkStructure(new Uint8Array(Buffer.from(hex, 'hex')), { type, isMap: () => false, isOpen })
      if (aboutForm(message)) refused++
      if (!agreesOnForm(ours, errno, message))
        wrong.push(`${hex}: ${JSON.stringify(ours)}, expected ${-errno} ${message}`)
    }
    expect(refused).toBeGreaterThan(4000)
    expect(wrong).toEqual([])
  })

  const exit = program(insn('mov64.imm'), insn('exit'))
  const check = (insns: Uint8Array, options = {}) => checkStructure(insns, { type: BPF_PROG_TYPE_XDP, ...options })

  it('refuse empty and huge programs without a word', () => {
    expect(check(new Uint8Array())).toMatchObject({ errno: -7, log: '' })
    const million = new Uint8Array(8 * 1_000_001)
    expect(check(million)).toMatchObject({ errno: -7, log: '' })
  })

  it('accept a million instructions', () => {
    const insns = new Uint8Array(8 * 1_000_000).fill(0)
    const mov = insn('mov64.imm', { dst: 2 })
    for (let i = 0; i < 1_000_000 - 2; i++) insns.set(mov, i * 8)
    insns.set(exit, (1_000_000 - 2) * 8)
    expect(check(insns)).toEqual({ errno: 0 })
  })

  it('know helpers by program type and license', () => {
    const call = (imm: number) => program(insn('call', { imm }), exit)
    expect(check(call(16))).toEqual({ errno: 0 })
    expect(check(call(4))).toMatchObject({
      errno: -22,
      message: 'program of this type cannot use helper bpf_probe_read#4',
    })
    expect(check(call(6), { gplCompatible: false })).toMatchObject({
      message: 'cannot call GPL-restricted function from non-GPL compatible program',
    })
    expect(check(call(212))).toMatchObject({ errno: -22, message: 'invalid func unknown#212' })
  })

  it('refuse kernel functions, of which there are none', () => {
    const call = (fields: object) => program(insn('call.kfunc', fields), exit)
    expect(check(call({ imm: 77 }))).toMatchObject({ errno: -22, message: 'kernel btf_id 77 is not a function' })
    expect(check(call({ imm: 77 }), { gplCompatible: false })).toMatchObject({
      errno: -22,
      message: 'cannot call kernel function from non-GPL compatible program',
    })
    expect(check(call({ imm: 1, off: 1 }))).toMatchObject({
      errno: -71,
      message: 'failed to find BTF for kernel function',
    })
    expect(check(call({}))).toMatchObject({
      message: 'invalid kernel function call not eliminated in verifier pass',
    })
  })

  it('put message and statistics in the log', () => {
    const { log } = check(insn('mov64.imm')) as { log: string }
    expect(log).toMatch(/^last insn is not an exit or jmp\nprocessed 0 insns \(limit 1000000\) /)
  })
})
