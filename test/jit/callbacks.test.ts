/** Callbacks: bpf_loop and bpf_for_each_map_elem, compiled and through the API. */
import { afterAll, describe, expect, it } from 'vitest'
import {
  bpf_map_create,
  bpf_map_lookup_elem,
  bpf_map_update_elem,
  bpf_object__close,
  bpf_prog_load,
  bpf_prog_test_run_opts,
  type bpf_test_run_opts,
} from '#lib/index.js'
import { shutdown } from '#lib/machine/index.js'
import * as bpf from '#shared/uapi/bpf.js'
import { E2BIG, EINVAL } from '#shared/uapi/errno.js'
import { insn, program } from '#test/jit/assembler.js'
import { JitMachine } from '#test/jit/harness.js'
import { fdOfMap, loaded, runXdp } from '#test/libbpf/support.js'

const pointer = (distance: number): Uint8Array => {
  const bytes = insn('imm64.function', { dst: 2, imm: distance })
  new DataView(bytes.buffer, bytes.byteOffset).setInt32(12, 0, true)
  return bytes
}

describe.each(['checked', 'direct'] as const)('bpf_loop (%s)', (mode) => {
  /** Adds `step` to the number that its context points to; stops in round 9. */
  const add = (step: number) => [
    insn('ldxdw', { dst: 3, src: 2 }),
    insn('add64.imm', { dst: 3, imm: step }),
    insn('stxdw', { dst: 2, src: 3 }),
    insn('mov64.imm', { dst: 0, imm: 0 }),
    insn('jne64.imm', { dst: 1, imm: 9, off: 1 }),
    insn('mov64.imm', { dst: 0, imm: 1 }),
    insn('exit'),
  ]
  const FLAGS = 4
  /** r0 = 1000 * answer + what the callback added up; which of two callbacks is decided at run time by `first`. */
  const run = (rounds: number, flags = 0, first = 1): bigint => {
    const main = [
      insn('stdw', { dst: 10, off: -8 }),
      insn('mov64.imm', { dst: 6, imm: first }),
      pointer(16),
      insn('jne64.imm', { dst: 6, imm: 0, off: 2 }),
      pointer(20),
      insn('mov64.imm', { dst: 1, imm: rounds }),
      insn('mov64.reg', { dst: 3, src: 10 }),
      insn('add64.imm', { dst: 3, imm: -8 }),
      insn('mov64.imm', { dst: FLAGS, imm: flags }),
      insn('call', { imm: 181 }),
      insn('mul64.imm', { dst: 0, imm: 1000 }),
      insn('ldxdw', { dst: 1, src: 10, off: -8 }),
      insn('add64.reg', { dst: 0, src: 1 }),
      insn('mov64.reg', { dst: 1, src: 0 }),
      insn('ja'),
      insn('ja'),
      insn('exit'),
    ]
    const { retval, trap } = new JitMachine().run({ insns: program(main, add(1), add(2)), mode })
    expect(trap).toBeNull()
    return BigInt.asIntN(64, retval)
  }

  it('calls until the count or the callback ends it', () => {
    expect(run(0)).toBe(0n)
    expect(run(4)).toBe(4004n)
    expect(run(50)).toBe(10010n)
    expect(run(8, 0, 0)).toBe(8016n)
  })

  it('refuses flags and more than 2^23 rounds', () => {
    expect(run(4, 1)).toBe(BigInt(-EINVAL * 1000))
    expect(run((1 << 23) + 1)).toBe(BigInt(-E2BIG * 1000))
  })
})

describe('callbacks of loaded programs', () => {
  afterAll(() => shutdown())
  const key = (n: number) => new Uint8Array(Uint32Array.of(n).buffer)
  const number = (n: number) => new Uint8Array(BigUint64Array.of(BigInt(n)).buffer)

  it('compiled from C work', () => {
    const object = loaded('callbacks')
    const map = fdOfMap(object, 'numbers')
    for (let n = 0; n < 4; n++) expect(bpf_map_update_elem(map, key(n), number(10 ** n), 0)).toBe(0)
    expect(runXdp(object, 'sum_map')).toBe(2222)
    expect(runXdp(object, 'sum_loop')).toBe(45)
    bpf_object__close(object)
  })

  it.each([
    ['hash', bpf.BPF_MAP_TYPE_HASH],
    ['percpu_hash', bpf.BPF_MAP_TYPE_PERCPU_HASH],
    ['percpu_array', bpf.BPF_MAP_TYPE_PERCPU_ARRAY],
  ])('see each element of a %s once, and may delete it', (_name, type) => {
    const entries = 50
    const map = bpf_map_create(type, 'each', 4, 8, entries)
    const isArray = type === bpf.BPF_MAP_TYPE_PERCPU_ARRAY
    for (let n = 0; n < entries; n++) {
      const values = new Uint8Array(8 * 64)
      values.set(number(n))
      expect(bpf_map_update_elem(map, key(n), values, 0)).toBe(0)
    }
    // callback(map, key, value, context): *context += *key + *value, and the element is deleted.
    const callback = [
      insn('ldxw', { dst: 5, src: 2 }),
      insn('ldxdw', { dst: 0, src: 3 }),
      insn('add64.reg', { dst: 5, src: 0 }),
      insn('ldxdw', { dst: 0, src: 4 }),
      insn('add64.reg', { dst: 5, src: 0 }),
      insn('stxdw', { dst: 4, src: 5 }),
      insn('call', { imm: 3 }),
      insn('mov64.imm', { dst: 0 }),
      insn('exit'),
    ]
    const main = [
      insn('stdw', { dst: 10, off: -8 }),
      insn('imm64.mapFd', { dst: 1, imm: map }),
      pointer(10),
      insn('mov64.reg', { dst: 3, src: 10 }),
      insn('add64.imm', { dst: 3, imm: -8 }),
      insn('mov64.imm', { dst: 4 }),
      insn('call', { imm: 164 }),
      insn('mul64.imm', { dst: 0, imm: 100_000 }),
      insn('ldxdw', { dst: 1, src: 10, off: -8 }),
      insn('add64.reg', { dst: 0, src: 1 }),
      insn('ja'),
      insn('exit'),
    ]
    const fd = bpf_prog_load(bpf.BPF_PROG_TYPE_XDP, 'each', 'GPL', program(main, callback))
    expect(fd).toBeGreaterThan(0)
    const opts: bpf_test_run_opts = { data_in: new Uint8Array(64), repeat: 1 }
    expect(bpf_prog_test_run_opts(fd, opts)).toBe(0)
    expect(opts.retval).toBe(100_000 * entries + entries * (entries - 1))
    const found = bpf_map_lookup_elem(map, key(3), new Uint8Array(8 * 64))
    expect(found === 0).toBe(isArray)
  })
})
