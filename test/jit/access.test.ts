/** Checked mode: what a program may touch, and how a violation is described. */
import { describe, expect, it } from 'vitest'
import { type CompileInput, JitError, type MapFacts } from '#lib/jit/compile.js'
import { CPU, HEADER, MAP, MAP_BYTES } from '#shared/layout.js'
import { buildOperations, type MapAttributes, mapTypeOf } from '#shared/maps/registry.js'
import * as bpf from '#shared/uapi/bpf.js'
import { BPF_F_RDONLY_PROG } from '#shared/uapi/bpf_flags.js'
import { insn, program } from '#test/jit/assembler.js'
import { JitMachine, type Outcome } from '#test/jit/harness.js'

const exit = program(insn('mov64.imm'), insn('exit'))
const CPUS = 2
const MAP_FD = 5
const VALUE_BYTES = 12

/** A machine with one map of `type` (int key, 12-byte values) as fd 5 and its operations linked. */
class MapMachine {
  readonly facts: MapFacts
  readonly machine: JitMachine
  readonly exports: WebAssembly.Exports

  constructor(type: number, flags = 0) {
    const attr: MapAttributes = { type, keyBytes: 4, valueBytes: VALUE_BYTES, maxEntries: 4, flags }
    const mapType = mapTypeOf(type)!
    const functions: Record<string, Record<string, (...args: never[]) => unknown>> = {}
    this.machine = new JitMachine(functions)
    const { memory, heap, view, area } = this.machine
    const address = heap + 65536
    view.setUint32(HEADER.cpusPossible, CPUS, true)
    const views = {
      u8: new Uint8Array(memory.buffer),
      i32: new Int32Array(memory.buffer),
      u32: new Uint32Array(memory.buffer),
    }
    for (const [field, value] of Object.entries({ type, keyBytes: 4, valueBytes: VALUE_BYTES, maxEntries: 4, flags })) {
      view.setUint32(address + MAP[field as 'type'], value, true)
    }
    mapType.initialise(views, address, attr, CPUS)
    expect(view.getUint32(address + MAP.end, true)).toBeGreaterThan(address + MAP_BYTES)
    const module = new WebAssembly.Module(buildOperations(attr))
    const env = { memory, cpu: 0, cpu_area: area, table: this.machine.table }
    this.exports = new WebAssembly.Instance(module, { env }).exports
    const shape = mapType.shape(attr)
    functions[`map:${shape}`] = this.exports as unknown as (typeof functions)[string]
    const values = view.getUint32(address + MAP.values, true)
    this.facts = { address, shape, type, keyBytes: 4, valueBytes: VALUE_BYTES, maxEntries: 4, flags, values }
  }

  run(insns: Uint8Array, input: Partial<CompileInput> = {}): Outcome {
    return this.machine.run({ insns, type: bpf.BPF_PROG_TYPE_KPROBE, maps: new Map([[MAP_FD, this.facts]]), ...input })
  }
}

/** r0 = lookup of key 1 after an update of it, then `rest`; returns early with 99 when there is no value. */
function withValue(...rest: Uint8Array[]): Uint8Array {
  return program(
    insn('stw', { dst: 10, off: -4, imm: 1 }),
    insn('stdw', { dst: 10, off: -16, imm: 41 }),
    insn('stw', { dst: 10, off: -8, imm: 0 }),
    insn('imm64.mapFd', { dst: 1, imm: MAP_FD }),
    insn('mov64.reg', { dst: 2, src: 10 }),
    insn('add64.imm', { dst: 2, imm: -4 }),
    insn('mov64.reg', { dst: 3, src: 10 }),
    insn('add64.imm', { dst: 3, imm: -16 }),
    insn('mov64.imm', { dst: 4, imm: 0 }),
    insn('call', { imm: 2 }),
    insn('imm64.mapFd', { dst: 1, imm: MAP_FD }),
    insn('mov64.reg', { dst: 2, src: 10 }),
    insn('add64.imm', { dst: 2, imm: -4 }),
    insn('call', { imm: 1 }),
    insn('jne64.imm', { dst: 0, imm: 0, off: 2 }),
    insn('mov64.imm', { dst: 0, imm: 99 }),
    insn('exit'),
    ...rest,
  )
}
const WITH_VALUE_INSNS = 19

const types = {
  hash: bpf.BPF_MAP_TYPE_HASH,
  array: bpf.BPF_MAP_TYPE_ARRAY,
  percpu_hash: bpf.BPF_MAP_TYPE_PERCPU_HASH,
  percpu_array: bpf.BPF_MAP_TYPE_PERCPU_ARRAY,
}

describe.each(Object.entries(types))('values of a %s', (_name, type) => {
  it('can be read and written', () => {
    const machine = new MapMachine(type)
    const insns = withValue(
      insn('mov64.imm', { dst: 1, imm: 1 }),
      insn('stxdw', { dst: 10, src: 0, off: -24 }),
      insn('atomic64.add', { dst: 0, src: 1 }),
      insn('ldxw', { dst: 2, src: 0, off: 8 }),
      insn('ldxdw', { dst: 0, src: 0 }),
      insn('exit'),
    )
    expect(machine.run(insns)).toEqual({ retval: 42n, trap: null })
    expect(machine.run(insns, { mode: 'direct' })).toEqual({ retval: 42n, trap: null })
  })

  it.each([
    ['after', insn('ldxw', { dst: 1, src: 0, off: 12 }), 'read of 4 bytes'],
    ['across the end', insn('ldxdw', { dst: 1, src: 0, off: 8 }), 'read of 8 bytes'],
    ['before', insn('stb', { dst: 0, off: -1, imm: 1 }), 'write of 1 byte'],
  ])('are not left: %s', (_where, access, what) => {
    const { trap } = new MapMachine(type).run(program(withValue(access), exit))
    expect(trap).toContain(`prog test insn ${WITH_VALUE_INSNS}: invalid ${what} at 0x`)
  })

  it('are only read when the map says so', () => {
    const machine = new MapMachine(type, BPF_F_RDONLY_PROG)
    expect(machine.run(withValue(insn('ldxw', { dst: 0, src: 0 }), insn('exit')))).toEqual({ retval: 41n, trap: null })
    const { trap } = machine.run(program(withValue(insn('stw', { dst: 0, imm: 1 })), exit))
    expect(trap).toContain('invalid write of 4 bytes')
  })
})

describe('helper calls', () => {
  const lookup = (...before: Uint8Array[]) => program(before, insn('call', { imm: 1 }), exit)
  const map = insn('imm64.mapFd', { dst: 1, imm: MAP_FD })

  it('check key pointers', () => {
    const machine = new MapMachine(types.hash)
    const bad = lookup(map, insn('mov64.reg', { dst: 2, src: 10 }), insn('add64.imm', { dst: 2, imm: -2 }))
    expect(machine.run(bad).trap).toMatch(/^prog test insn 4: invalid read of 4 bytes at 0x/)
    expect(machine.run(lookup(map, insn('mov64.imm', { dst: 2 }))).trap).toContain(
      'insn 3: invalid read of 4 bytes at 0x0',
    )
  })

  it('check map pointers', () => {
    const { trap } = new MapMachine(types.hash).run(
      lookup(
        insn('mov64.reg', { dst: 1, src: 10 }),
        insn('mov64.reg', { dst: 2, src: 10 }),
        insn('add64.imm', { dst: 2, imm: -8 }),
      ),
    )
    expect(trap).toMatch(/insn 3: 0x[0-9a-f]+ is not a map of this program/)
  })

  it('go through the function table for a map that is not known', () => {
    const machine = new MapMachine(types.array)
    const SLOT = 12
    machine.machine.view.setUint32(machine.facts.address + MAP.operations, SLOT, true)
    machine.machine.table.set(SLOT, machine.exports.lookup)
    // Two maps meet in r1, as far as the compiler can tell.
    const insns = program(
      insn('stw', { dst: 10, off: -4, imm: 2 }),
      insn('ldxdw', { dst: 7, src: 1 }),
      insn('imm64.mapFd', { dst: 1, imm: MAP_FD }),
      insn('jeq64.imm', { dst: 7, imm: 77, off: 2 }),
      insn('imm64.mapFd', { dst: 1, imm: MAP_FD }),
      insn('mov64.reg', { dst: 2, src: 10 }),
      insn('add64.imm', { dst: 2, imm: -4 }),
      insn('call', { imm: 1 }),
      insn('exit'),
    )
    const expected = BigInt(machine.facts.values + 2 * 16)
    for (const mode of ['checked', 'direct'] as const) {
      const input = { insns, maps: new Map([[MAP_FD, machine.facts]]), mode, type: bpf.BPF_PROG_TYPE_KPROBE }
      expect(machine.machine.run(input, new Uint8Array(8))).toEqual({ retval: expected, trap: null })
    }
  })

  it('refuse update flags beyond 32 bits', () => {
    const machine = new MapMachine(types.hash)
    const wide = insn('imm64.value', { dst: 4, imm: 0 })
    wide[12] = 1
    const insns = program(
      insn('stdw', { dst: 10, off: -16 }),
      insn('stdw', { dst: 10, off: -8 }),
      map,
      insn('mov64.reg', { dst: 2, src: 10 }),
      insn('add64.imm', { dst: 2, imm: -16 }),
      insn('mov64.reg', { dst: 3, src: 2 }),
      wide,
      insn('call', { imm: 2 }),
      insn('exit'),
    )
    expect(machine.run(insns).retval).toBe(BigInt.asUintN(64, -22n))
  })

  it('hand 64-bit numbers to JavaScript through memory', () => {
    const seen: unknown[] = []
    const js = {
      bpf_trace_printk: (...args: never[]) => {
        const view = machine.view
        seen.push(args.length, view.getBigUint64(machine.area + CPU.helperArguments + 3 * 8, true))
        return -7
      },
    }
    const machine = new JitMachine({ js })
    const wide = insn('imm64.value', { dst: 4, imm: -2 })
    const insns = program(
      insn('stdw', { dst: 10, off: -8 }),
      insn('mov64.reg', { dst: 1, src: 10 }),
      insn('add64.imm', { dst: 1, imm: -8 }),
      insn('mov64.imm', { dst: 2, imm: 8 }),
      insn('mov64.imm', { dst: 3 }),
      wide,
      insn('mov64.imm', { dst: 5 }),
      insn('call', { imm: 6 }),
      insn('exit'),
    )
    expect(machine.run({ insns }).retval).toBe(BigInt.asUintN(64, -7n))
    expect(seen).toEqual([2, 0xfffffffffffffffen])
  })

  it('name what is not available', () => {
    expect(() => new JitMachine().run({ insns: program(insn('call', { imm: 9999 }), exit) })).toThrow(JitError)
  })
})

describe('regions', () => {
  const run = (insns: Uint8Array, input: Partial<CompileInput> = {}, context = new Uint8Array(16)) =>
    new JitMachine().run({ insns, type: bpf.BPF_PROG_TYPE_KPROBE, ...input }, context)
  const body = (...parts: Uint8Array[]) => program(parts, exit)

  it('are the stack of this program and its callers', () => {
    const copy = [insn('mov64.reg', { dst: 2, src: 10 })]
    expect(run(body(...copy, insn('stdw', { dst: 2, off: -512 }))).trap).toBeNull()
    expect(run(body(insn('stdw', { dst: 10, off: -520 }))).trap).toContain('insn 0: invalid write of 8 bytes')
    expect(run(body(insn('ldxb', { dst: 1, src: 10, off: 0 }))).trap).toContain('invalid read of 1 byte')
    expect(run(body(...copy, insn('ldxdw', { dst: 1, src: 2, off: -4 }))).trap).toContain('invalid read of 8 bytes')
  })

  it('are the context, writable where the type allows', () => {
    const read = body(insn('ldxdw', { dst: 0, src: 1, off: 8 }))
    const beyond = body(insn('ldxdw', { dst: 0, src: 1, off: 9 }))
    const write = body(insn('stw', { dst: 1, off: 4, imm: 3 }))
    expect(run(read).trap).toBeNull()
    expect(run(beyond).trap).toContain('invalid read of 8 bytes')
    expect(run(write).trap).toContain('invalid write of 4 bytes')
    expect(run(write, { type: bpf.BPF_PROG_TYPE_SYSCALL }).trap).toBeNull()
  })

  it('are the packet between data and data_end', () => {
    const PACKET_BYTES = 20
    const check = (access: Uint8Array, type = bpf.BPF_PROG_TYPE_XDP) => {
      const machine = new JitMachine()
      const context = new Uint8Array(24)
      const packet = machine.heap + 4096
      new DataView(context.buffer).setUint32(0, packet, true)
      new DataView(context.buffer).setUint32(4, packet + PACKET_BYTES, true)
      return machine.run({ insns: body(insn('ldxw', { dst: 2, src: 1 }), access), type }, context).trap
    }
    expect(check(insn('ldxw', { dst: 0, src: 2, off: 16 }))).toBeNull()
    expect(check(insn('stw', { dst: 2, off: 16 }))).toBeNull()
    expect(check(insn('ldxw', { dst: 0, src: 2, off: 17 }))).toContain('invalid read of 4 bytes')
    expect(check(insn('ldxb', { dst: 0, src: 2, off: -1 }))).toContain('invalid read of 1 byte')
    expect(check(insn('ldxw', { dst: 0, src: 2, off: 16 }), bpf.BPF_PROG_TYPE_KPROBE)).toContain('invalid read')
  })

  it('hold atomics to their alignment', () => {
    const add = (off: number) =>
      body(
        insn('stdw', { dst: 10, off: -16 }),
        insn('stdw', { dst: 10, off: -8 }),
        insn('atomic32.add', { dst: 10, src: 3, off }),
      )
    expect(run(add(-8)).trap).toBeNull()
    expect(run(add(-10)).trap).toContain('insn 2: misaligned atomic access of 4 bytes')
    expect(run(add(-10), { mode: 'direct' }).trap).toBe('prog test insn 2: misaligned atomic access')
  })
})

describe('a trap', () => {
  const wrong = program(
    insn('mov64.reg', { dst: 1, src: 10 }),
    insn('call.local', { imm: 1 }),
    insn('exit'),
    insn('mov64.imm', { dst: 0 }),
    insn('stdw', { dst: 0, off: 0, imm: 1 }),
    insn('exit'),
  )

  it('names program, instruction, source line and subprogram', () => {
    const input: CompileInput = {
      name: 'count',
      type: bpf.BPF_PROG_TYPE_KPROBE,
      insns: wrong,
      maps: new Map(),
      lines: [
        [0, 'count.c:10: return parse(ctx);'],
        [3, 'count.c:4: long *p = 0;'],
        [4, 'count.c:5: *p = 1;'],
      ],
      subprograms: [
        [0, 'count'],
        [3, 'parse'],
      ],
    }
    expect(new JitMachine().run(input).trap).toBe(
      'prog count insn 4 (count.c:5: *p = 1;) in parse: invalid write of 8 bytes at 0x0',
    )
  })

  it('names the address with all 64 bits', () => {
    const insns = program(insn('mov64.imm', { dst: 2, imm: -16 }), insn('ldxb', { dst: 0, src: 2, off: 3 }), exit)
    expect(new JitMachine().run({ insns }).trap).toBe('prog test insn 1: invalid read of 1 byte at 0xfffffffffffffff3')
  })
})

describe('run()', () => {
  it('repeats as often as it is told, 0 meaning once', () => {
    const machine = new JitMachine()
    const compiled = machine.compile({
      insns: program(insn('mov64.imm', { dst: 2, imm: 1 }), insn('atomic64.add', { dst: 1, src: 2 }), exit),
    })
    const count = (repeat: number) => {
      machine.view.setBigUint64(machine.heap, 0n, true)
      machine.instantiate(compiled)(machine.heap, 8, repeat)
      return machine.view.getBigUint64(machine.heap, true)
    }
    expect([count(0), count(1), count(1000)]).toEqual([1n, 1n, 1000n])
  })
})
