/** What programs read of a frozen, read-only value stands in their code. */
import { describe, expect, it } from 'vitest'
import type { MapFacts } from '#lib/jit/compile.js'
import { BPF_MAP_TYPE_ARRAY } from '#shared/uapi/bpf.js'
import { BPF_F_RDONLY_PROG } from '#shared/uapi/bpf_flags.js'
import { insn, program } from '#test/jit/assembler.js'
import { JitMachine } from '#test/jit/harness.js'

const MAP_FD = 5
const VALUE = Uint8Array.of(0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8, 0x09, 0x1a, 0x2b, 0x3c)
const LOADS = { ldxb: 'b', ldxh: 'h', ldxw: 'w', ldxdw: 'dw', ldxsb: 'sb', ldxsh: 'sh', ldxsw: 'sw' }
const BYTES: Record<string, number> = { b: 1, h: 2, w: 4, dw: 8, sb: 1, sh: 2, sw: 4 }

/** What a load of RFC 9669 makes of the bytes at `at`. */
function read(at: number, suffix: string): bigint {
  const bytes = BYTES[suffix]
  let value = 0n
  for (let n = bytes - 1; n >= 0; n--) value = (value << 8n) | BigInt(VALUE[at + n])
  return BigInt.asUintN(64, suffix.startsWith('s') ? BigInt.asIntN(8 * bytes, value) : value)
}

describe('a frozen value', () => {
  const machine = new JitMachine()
  const values = machine.heap + 4096
  const facts: MapFacts = {
    address: machine.heap + 1024,
    shape: `array:v${VALUE.length}`,
    type: BPF_MAP_TYPE_ARRAY,
    keyBytes: 4,
    valueBytes: VALUE.length,
    maxEntries: 1,
    flags: BPF_F_RDONLY_PROG,
    values,
    frozenValue: VALUE,
  }
  const run = (insns: Uint8Array, map = facts) =>
    machine.run({ insns, mode: 'direct', maps: new Map([[MAP_FD, map]]) }).retval

  /** r0 = what `load` reads at `from` + `off` in the value. */
  const loadAt = (load: string, from: number, off: number) => {
    const address = insn('imm64.mapValue', { dst: 1, imm: MAP_FD })
    new DataView(address.buffer, address.byteOffset).setInt32(12, from, true)
    return program(address, insn(load, { dst: 0, src: 1, off }), insn('exit'))
  }

  // The memory holds zeros: only constants can give these answers.
  it.each(Object.entries(LOADS))('is read by %s without looking into memory', (load, suffix) => {
    for (let at = 0; at + BYTES[suffix] <= VALUE.length; at++) {
      expect(run(loadAt(load, at, 0)), `at ${at}`).toBe(read(at, suffix))
      expect(run(loadAt(load, 0, at)), `offset ${at}`).toBe(read(at, suffix))
      if (at >= 4) expect(run(loadAt(load, at, -4)), `at ${at} - 4`).toBe(read(at - 4, suffix))
    }
  })

  it('is read from memory where the compiler does not know the place, and when it is not frozen', () => {
    machine.u8[values + 3] = 77
    expect(run(loadAt('ldxb', 3, 0), { ...facts, frozenValue: undefined })).toBe(77n)
    const moving = program(
      insn('imm64.mapValue', { dst: 1, imm: MAP_FD }),
      insn('add64.imm', { dst: 1, imm: 3 }),
      insn('ldxb', { dst: 0, src: 1 }),
      insn('exit'),
    )
    expect(run(moving)).toBe(77n)
  })
})
