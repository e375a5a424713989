/** Instructions that the random programs do not use: packet loads, may_goto. */
import { describe, expect, it } from 'vitest'
import { SK_BUFF } from '#shared/layout.js'
import { BPF_PROG_TYPE_SOCKET_FILTER } from '#shared/uapi/bpf.js'
import { insn, program } from '#test/jit/assembler.js'
import { JitMachine, type Outcome } from '#test/jit/harness.js'

const PACKET = Uint8Array.from({ length: 20 }, (_, n) => n + 0xf0)
const SK_BUFF_BYTES = 192

function filter(mode: 'checked' | 'direct', ...parts: Uint8Array[]): Outcome {
  const machine = new JitMachine()
  const context = new Uint8Array(SK_BUFF_BYTES)
  const packet = machine.heap + 4096
  machine.u8.set(PACKET, packet)
  const view = new DataView(context.buffer)
  view.setUint32(SK_BUFF.data, packet, true)
  view.setUint32(SK_BUFF.dataEnd, packet + PACKET.length, true)
  const insns = program(
    insn('mov64.reg', { dst: 6, src: 1 }),
    insn('mov64.imm', { dst: 0, imm: 77 }),
    parts,
    insn('exit'),
  )
  return machine.run({ insns, type: BPF_PROG_TYPE_SOCKET_FILTER, mode }, context)
}

describe.each(['checked', 'direct'] as const)('packet loads (%s)', (mode) => {
  it('give host order', () => {
    expect(filter(mode, insn('ldabsb', { imm: 19 })).retval).toBe(0x03n)
    expect(filter(mode, insn('ldabsh', { imm: 1 })).retval).toBe(0xf1f2n)
    expect(filter(mode, insn('ldabsw', { imm: 16 })).retval).toBe(0x00010203n)
    const index = insn('mov64.imm', { dst: 2, imm: 5 })
    expect(filter(mode, index, insn('ldindw', { src: 2, imm: -3 })).retval).toBe(0xf2f3f4f5n)
  })

  it('end the program with 0 outside the packet', () => {
    const after = insn('mov64.imm', { dst: 0, imm: 5 })
    expect(filter(mode, insn('ldabsw', { imm: 17 }), after)).toEqual({ retval: 0n, trap: null })
    expect(filter(mode, insn('ldabsb', { imm: 20 }), after)).toEqual({ retval: 0n, trap: null })
    const minusOne = insn('mov64.imm', { dst: 2, imm: -1 })
    expect(filter(mode, minusOne, insn('ldindb', { src: 2 }), after)).toEqual({ retval: 0n, trap: null })
    expect(filter(mode, minusOne, insn('ldindb', { src: 2, imm: 1 }), after).retval).toBe(5n)
  })
})

it('may_goto leaves an endless loop', () => {
  const insns = program(
    insn('mov64.imm', { dst: 0 }),
    insn('add64.imm', { dst: 0, imm: 1 }),
    insn('may_goto', { off: 1 }),
    insn('ja', { off: -3 }),
    insn('exit'),
  )
  expect(new JitMachine().run({ insns, mode: 'direct' }).retval).toBe(8388608n + 1n)
})
