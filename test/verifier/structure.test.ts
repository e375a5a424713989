import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { checkStructure } from '#lib/verifier/structure.js'
import { BPF_PROG_TYPE_XDP } from '#shared/uapi/bpf.js'
import { insn, program } from '#test/jit/assembler.js'

/** Program type, errno and last log line of Linux 6.18, instructions in hex. */
type Recorded = [type: number, errno: number, message: string, insns: string]

function recorded(): Recorded[] {
  const text = gunzipSync(readFileSync(join(import.meta.dirname, 'structure.jsonl.gz'))).toString()
  return text.split('\n').map((line) => JSON.parse(line) as Recorded)
}

/** Messages about a program's form; the others need register types or values. */
const FORM = [
  /^unknown opcode/,
  /reserved fields$/,
  /^R\d+ is invalid$/,
  /^frame pointer is read only/,
  /^jump out of range/,
  /^unreachable insn/,
  /^last insn is not/,
  /ld_imm64 insn$/,
  /^jump into the middle/,
  /^call to invalid/,
  /^invalid func/,
  /^program of this type/,
  /^BPF_LD_\[ABS/,
  /atomic op/,
  /^invalid shift/,
  /^div by zero/,
  /frames is too deep$/,
  /^invalid may_goto/,
  /^combined stack size/,
  /valid bpf_map$/,
  /^fd_idx/,
]

/** The recording process had these descriptors open, none of them a map. */
const isOpen = (fd: number) => fd >= 0 && fd <= 2

describe('structural checks', () => {
  it('agree with the kernel on every recorded program', () => {
    const wrong: string[] = []
    let refused = 0
    for (const [type, errno, message, hex] of recorded()) {
      const ours = checkStructure(new Uint8Array(Buffer.from(hex, 'hex')), { type, isMap: () => false, isOpen })
      const said = 'message' in ours ? ours.message : ''
      const aboutForm = FORM.some((pattern) => pattern.test(message))
      if (aboutForm) refused++
      // What Linux accepts must pass; what it refuses for its types and values may.
      const agrees = errno === 0 ? ours.errno === 0 : !aboutForm || (ours.errno === -errno && said === message)
      if (!agrees) wrong.push(`${hex}: ${ours.errno} ${said}, expected ${-errno} ${message}`)
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

  it('put message and statistics in the log', () => {
    const { log } = check(insn('mov64.imm')) as { log: string }
    expect(log).toMatch(/^last insn is not an exit or jmp\nprocessed 0 insns \(limit 1000000\) /)
  })
})
