/** Tail calls: what takes over, how often, with which frame; and through bpf(2) on several CPUs. */
import { afterEach, describe, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import type { MapFacts } from '#lib/jit/compile.js'
import { boot, shutdown } from '#lib/machine/index.js'
import { currentKernel, useMachine } from '#lib/syscall/current.js'
import type { ProgramFile } from '#lib/syscall/program_object.js'
import { MAP, MAP_BYTES } from '#shared/layout.js'
import * as bpf from '#shared/uapi/bpf.js'
import { E2BIG, EBADF, EFAULT, EINVAL, ENOENT } from '#shared/uapi/errno.js'
import { insn, program } from '#test/jit/assembler.js'
import { JitMachine } from '#test/jit/harness.js'

const ARRAY_FD = 7
const LIMIT = 33

/** tail_call(ctx in `context`, array, index). */
const tailCall = (context: number, index: number, fd = ARRAY_FD): Uint8Array[] => [
  insn('mov64.reg', { dst: 1, src: context }),
  insn('imm64.mapFd', { dst: 2, imm: fd }),
  insn('mov64.imm', { dst: 3, imm: index }),
  insn('call', { imm: 12 }),
]
const answer = (imm: number) => [insn('mov64.imm', { imm }), insn('exit')]

/** A machine with a prog_array of eight slots; programs are published by id. */
class TailMachine {
  readonly programs = new Map<number, WebAssembly.ExportValue>()
  readonly prepared: number[] = []
  readonly machine: JitMachine
  readonly facts: MapFacts

  constructor(readonly mode: 'checked' | 'direct') {
    this.machine = new JitMachine({ js: { tail_call_program: (id: number) => this.#prepare(id) } })
    const address = this.machine.heap + 65536
    const values = address + MAP_BYTES
    const facts = { type: bpf.BPF_MAP_TYPE_PROG_ARRAY, keyBytes: 4, valueBytes: 4, maxEntries: 8, flags: 0, values }
    for (const [field, value] of Object.entries(facts)) {
      this.machine.view.setUint32(address + MAP[field as 'type'], value, true)
    }
    this.facts = { address, shape: 'prog_array', ...facts }
  }

  #prepare(id: number): number {
    this.prepared.push(id)
    const main = this.programs.get(id)
    if (!main) return 0
    this.machine.setProgram(id, main)
    return 1
  }

  put(index: number, id: number): void {
    this.machine.view.setUint32(this.facts.values + 8 * index, id, true)
  }

  publish(id: number, ...insns: (Uint8Array | Uint8Array[])[]): void {
    this.programs.set(id, this.machine.exportsOf(this.#compile(program(...insns))).main as WebAssembly.ExportValue)
  }

  #compile(insns: Uint8Array) {
    return this.machine.compile({ insns, maps: new Map([[ARRAY_FD, this.facts]]), mode: this.mode })
  }

  run(insns: Uint8Array, repeat = 1, partInsns?: number): number {
    const input = { insns, maps: new Map([[ARRAY_FD, this.facts]]), mode: this.mode, partInsns }
    const run = this.machine.instantiate(this.machine.compile(input))
    return run(this.machine.heap, 64, repeat)
  }
}

describe.each(['checked', 'direct'] as const)('tail calls (%s)', (mode) => {
  it('take over, and find a program once', () => {
    const tail = new TailMachine(mode)
    tail.publish(40, insn('ldxw', { src: 1, off: 4 }), insn('exit'))
    tail.put(3, 40)
    tail.machine.view.setUint32(tail.machine.heap + 4, 77, true)
    expect(tail.run(program(insn('mov64.reg', { dst: 6, src: 1 }), tailCall(6, 3), answer(1)), 5)).toBe(77)
    expect(tail.prepared).toEqual([40])
  })

  it('go on after an index out of range, an empty slot, and a program that is gone', () => {
    const tail = new TailMachine(mode)
    tail.put(2, 99)
    for (const index of [8, -1, 1, 2]) {
      expect(tail.run(program(insn('mov64.reg', { dst: 6, src: 1 }), tailCall(6, index), answer(5)))).toBe(5)
    }
    expect(tail.prepared).toEqual([99])
  })

  it(`are limited to ${LIMIT} in each repetition`, () => {
    const tail = new TailMachine(mode)
    const self = [
      insn('mov64.reg', { dst: 6, src: 1 }),
      insn('ldxdw', { dst: 7, src: 6 }),
      insn('add64.imm', { dst: 7, imm: 1 }),
      insn('stxdw', { dst: 6, src: 7 }),
      ...tailCall(6, 0),
      insn('mov64.reg', { dst: 0, src: 7 }),
      insn('exit'),
    ]
    tail.publish(1, self)
    tail.put(0, 1)
    expect(tail.run(program(self), 1)).toBe(LIMIT + 1)
    expect(tail.run(program(self), 3)).toBe(4 * (LIMIT + 1))
    expect(tail.run(program(self), 1, 2)).toBe(5 * (LIMIT + 1))
  })

  it('from a function answer its caller, whose frame stays', () => {
    const tail = new TailMachine(mode)
    // The target fills its frame.
    const slots = Array.from({ length: 64 }, (_, n) => insn('stdw', { dst: 10, off: -8 * (n + 1), imm: -1 }))
    tail.publish(1, slots, answer(30))
    tail.put(0, 1)
    const callee = [insn('mov64.reg', { dst: 6, src: 1 }), ...tailCall(6, 0), ...answer(1)]
    const main = (distance: number) => [
      insn('stdw', { dst: 10, off: -8, imm: 7 }),
      insn('stdw', { dst: 10, off: -512, imm: 5 }),
      insn('call.local', { imm: distance }),
      insn('ldxdw', { dst: 1, src: 10, off: -8 }),
      insn('add64.reg', { dst: 0, src: 1 }),
      insn('ldxdw', { dst: 1, src: 10, off: -512 }),
      insn('add64.reg', { dst: 0, src: 1 }),
      insn('exit'),
    ]
    expect(tail.run(program(main(5), callee))).toBe(42)
    expect(tail.run(program(main(5), callee), 1, 1)).toBe(42)
  })
})

describe('a prog_array', () => {
  afterEach(() => {
    const machine = useMachine(null)
    return machine ? machine.shutdown() : shutdown()
  })
  const key = (index: number) => Uint8Array.from([index, 0, 0, 0])
  const word = (value: number) => new Uint8Array(Uint32Array.of(value).buffer)
  const array = () => api.bpf_map_create(bpf.BPF_MAP_TYPE_PROG_ARRAY, 'tails', 4, 4, 4)
  const load = (insns: Uint8Array, type = bpf.BPF_PROG_TYPE_XDP) => api.bpf_prog_load(type, 'tail', 'GPL', insns)
  const run = (fd: number, repeat = 1) => {
    const opts: api.bpf_test_run_opts = { data_in: new Uint8Array(64), repeat }
    expect(api.bpf_prog_test_run_opts(fd, opts)).toBe(0)
    return opts.retval
  }
  const close = (fd: number) => currentKernel().close(fd)

  it('takes programs of one type, and shows their ids', () => {
    const fd = array()
    const target = load(program(answer(9)))
    const other = load(program(answer(0)), bpf.BPF_PROG_TYPE_SOCKET_FILTER)
    const value = new Uint8Array(4)
    expect(api.bpf_map_lookup_elem(fd, key(0), value)).toBe(-ENOENT)
    expect(api.bpf_map_update_elem(fd, key(0), word(12345), 0)).toBe(-EBADF)
    expect(api.bpf_map_update_elem(fd, key(0), word(fd), 0)).toBe(-EINVAL)
    expect(api.bpf_map_update_elem(fd, key(0), word(target), 1)).toBe(-EINVAL)
    expect(api.bpf_map_update_elem(fd, key(4), word(target), 0)).toBe(-E2BIG)
    expect(api.bpf_map_update_elem(fd, key(0), word(target), 0)).toBe(0)
    expect(api.bpf_map_update_elem(fd, key(1), word(other), 0)).toBe(-EINVAL)
    const caller = program(insn('mov64.reg', { dst: 6, src: 1 }), tailCall(6, 0, fd), answer(1))
    expect(load(caller, bpf.BPF_PROG_TYPE_SOCKET_FILTER)).toBe(-EINVAL)
    expect(api.bpf_map_lookup_elem(fd, key(0), value)).toBe(0)
    const file = currentKernel().files.get(target) as ProgramFile
    expect(new DataView(value.buffer).getUint32(0, true)).toBe(file.program.id)
    // The array keeps the program.
    close(target)
    const fdCaller = load(caller)
    expect(run(fdCaller)).toBe(9)
    expect(api.bpf_map_delete_elem(fd, key(0))).toBe(0)
    expect(api.bpf_map_delete_elem(fd, key(0))).toBe(-ENOENT)
    expect(run(fdCaller)).toBe(1)
  })

  it('lets go of its programs with its last descriptor', () => {
    const fd = array()
    // A program in the array that it itself uses: each would keep the other.
    const caller = load(program(insn('mov64.reg', { dst: 6, src: 1 }), tailCall(6, 0, fd), answer(1)))
    expect(api.bpf_map_update_elem(fd, key(0), word(caller), 0)).toBe(0)
    const kernel = currentKernel()
    close(caller)
    expect(kernel.programs.size).toBe(1)
    close(fd)
    expect([kernel.programs.size, kernel.maps.size]).toEqual([0, 0])
  })

  it('is where a trap behind a tail call is named', () => {
    const machine = boot({ cpus: 1 })
    useMachine(machine)
    const fd = array()
    const broken = program(insn('mov64.imm', { dst: 2, imm: 0 }), insn('stdw', { dst: 2, imm: 1 }), answer(0))
    const target = api.bpf_prog_load(bpf.BPF_PROG_TYPE_XDP, 'broken', 'GPL', broken)
    expect(api.bpf_map_update_elem(fd, key(0), word(target), 0)).toBe(0)
    const caller = load(program(insn('mov64.reg', { dst: 6, src: 1 }), tailCall(6, 0, fd), answer(1)))
    expect(api.bpf_prog_test_run_opts(caller, { data_in: new Uint8Array(64), repeat: 1 })).toBe(-EFAULT)
    const [report] = machine.reports()
    expect(report).toMatchObject({ kind: 'trap', programName: 'broken' })
    expect(report.message).toBe('prog broken insn 1: invalid write of 8 bytes at 0x0')
  })

  it('changes while other CPUs call through it', async () => {
    const cpus = 3
    const repeat = 300_000
    const machine = boot({ cpus })
    useMachine(machine)
    const fd = array()
    const counts = api.bpf_map_create(bpf.BPF_MAP_TYPE_ARRAY, 'counts', 4, 24, 1)
    const count = (offset: number): Uint8Array[] => {
      const value = insn('imm64.mapValue', { dst: 1, imm: counts })
      new DataView(value.buffer, value.byteOffset).setInt32(12, offset, true)
      return [value, insn('mov64.imm', { dst: 2, imm: 1 }), insn('atomic64.add', { dst: 1, src: 2 }), ...answer(0)]
    }
    const targets = [load(program(count(0))), load(program(count(8)))]
    const caller = load(program(insn('mov64.reg', { dst: 6, src: 1 }), tailCall(6, 0, fd), count(16)))
    const id = (currentKernel().files.get(caller) as ProgramFile).program.id
    const context = machine.allocator.allocate(64, 16)
    let running = cpus
    const runs = Array.from({ length: cpus }, async (_, cpu) => {
      const outcome = await machine.runAsync(cpu, { program: id, context, contextBytes: 24, repeat })
      running--
      return outcome.error
    })
    let changes = 0
    while (running > 0) {
      for (const target of targets) expect(api.bpf_map_update_elem(fd, key(0), word(target), 0)).toBe(0)
      expect(api.bpf_map_delete_elem(fd, key(0))).toBe(0)
      changes++
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await Promise.all(runs)).toEqual(new Array(cpus).fill(0))
    const value = new Uint8Array(24)
    expect(api.bpf_map_lookup_elem(counts, key(0), value)).toBe(0)
    const [first, second, missed] = new BigUint64Array(value.buffer)
    expect(first + second + missed).toBe(BigInt(cpus * repeat))
    expect(changes).toBeGreaterThan(0)
  })
})
