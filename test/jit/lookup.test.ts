/** Look-ups of array elements in place, against the map's own operation. */
import { describe, expect, it } from 'vitest'
import type { MapFacts, Mode } from '#lib/jit/compile.js'
import { CPU, HEADER, MAP } from '#shared/layout.js'
import { buildOperations, initialiseMap, type MapAttributes, type MapExports, mapShape } from '#shared/maps/registry.js'
import { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_PROG_TYPE_KPROBE } from '#shared/uapi/bpf.js'
import { insn, program } from '#test/jit/assembler.js'
import { JitMachine } from '#test/jit/harness.js'
import { interpret } from '#test/jit/interpret.js'
import { Random, testSeed } from '#test/jit/random.js'

const MAP_FD = 5
const CPUS = 4
const MAX_ENTRIES = 6
const LOOKUP = 1

type Run = (context: number, contextBytes: number, repeat: number) => number

/** A map and a program that looks into it, both on CPU `cpu`. */
class LookupMachine {
  readonly machine = new JitMachine()
  readonly facts: MapFacts
  readonly operations: MapExports
  readonly #environment: WebAssembly.ModuleImports

  constructor(type: number, valueBytes: number, cpu: number) {
    const { memory, heap, view, area, table, programs } = this.machine
    this.#environment = { memory, table, programs, cpu, cpu_area: area }
    view.setUint32(HEADER.cpusPossible, CPUS, true)
    const address = heap + 65536
    const attr: MapAttributes = { type, keyBytes: 4, valueBytes, maxEntries: MAX_ENTRIES, flags: 0 }
    const { buffer } = memory
    const views = { u8: new Uint8Array(buffer), i32: new Int32Array(buffer), u32: new Uint32Array(buffer) }
    initialiseMap(views, address, attr, CPUS)
    const module = new WebAssembly.Module(buildOperations(attr))
    const exports = new WebAssembly.Instance(module, { env: this.#environment }).exports
    this.operations = exports as unknown as MapExports
    const values = view.getUint32(address + MAP.values, true)
    this.facts = { ...attr, address, shape: mapShape(attr), values }
  }

  /** r0 as the JIT computes it; the program imports nothing but its environment. */
  compiled(insns: Uint8Array, mode: Mode): bigint {
    const { machine, facts } = this
    const compiled = machine.compile({ insns, mode, type: BPF_PROG_TYPE_KPROBE, maps: new Map([[MAP_FD, facts]]) })
    expect(compiled.shapes).toEqual([])
    const module = new WebAssembly.Module(compiled.bytes)
    const run = new WebAssembly.Instance(module, { env: this.#environment }).exports.run as Run
    run(machine.heap, 8, 1)
    return machine.view.getBigUint64(machine.area + CPU.retval, true)
  }

  interpreted(insns: Uint8Array): bigint | undefined {
    const lookup = ([map, key]: readonly bigint[]) => BigInt(this.operations.lookup(Number(map), Number(key)) >>> 0)
    const constant = () => BigInt(this.facts.address)
    return interpret(this.machine, insns, { helpers: { [LOOKUP]: lookup }, constant })?.registers[0]
  }
}

/** Places of keys: within the 16 bytes below r10. */
const PLACES = [-4, -8, -12, -16, -6]
const lookup = (place: number) => [
  insn('imm64.mapFd', { dst: 1, imm: MAP_FD }),
  insn('mov64.reg', { dst: 2, src: 10 }),
  insn('add64.imm', { dst: 2, imm: place }),
  insn('call', { imm: LOOKUP }),
  // r9 gathers the answers.
  insn('mul64.imm', { dst: 9, imm: 31 }),
  insn('add64.reg', { dst: 9, src: 0 }),
]

const number = (random: Random): number => (random.below(4) ? random.below(MAX_ENTRIES + 1) : random.next() | 0)

/** A store to the places of keys: through r10, through r6 = r10 - 16, or through r7, a pointer read back from memory. */
function store(random: Random): Uint8Array[] {
  const size = random.pick(['b', 'h', 'w', 'w', 'w', 'dw'])
  const bytes = { b: 1, h: 2, w: 4, dw: 8 }[size] as number
  const [dst, off] = random.pick([
    [10, -16 + random.below(17 - bytes)],
    [6, random.below(17 - bytes)],
    [7, random.below(17 - bytes)],
    [10, random.pick([-4, -8, -12, -16].filter((place) => place + bytes <= 0))],
  ])
  if (random.below(2)) return [insn(`st${size}`, { dst, off, imm: number(random) })]
  const value = insn('mov64.imm', { dst: 8, imm: number(random) })
  const after = random.below(2) ? [insn('mov64.imm', { dst: 8, imm: 1 })] : []
  return [value, insn(`stx${size}`, { dst, src: 8, off }), ...after]
}

/** Reads a word back, which may be what was stored last. */
const load = (place: number) => [
  insn('ldxw', { dst: 8, src: 10, off: place }),
  insn('mul64.imm', { dst: 9, imm: 31 }),
  insn('add64.reg', { dst: 9, src: 8 }),
]

function use(random: Random): Uint8Array[] {
  return random.below(2) ? lookup(random.pick(PLACES)) : load(random.pick(PLACES))
}

function randomLookups(random: Random): Uint8Array {
  const parts = [
    insn('mov64.imm', { dst: 9, imm: 0 }),
    insn('mov64.reg', { dst: 6, src: 10 }),
    insn('add64.imm', { dst: 6, imm: -16 }),
    insn('stxdw', { dst: 10, src: 6, off: -32 }),
    insn('ldxdw', { dst: 7, src: 10, off: -32 }),
    insn('stdw', { dst: 10, off: -8, imm: 0 }),
    insn('stdw', { dst: 10, off: -16, imm: 1 }),
  ]
  for (let n = 0; n < 12; n++) {
    if (random.below(3)) parts.push(...store(random))
    // What was stored before a branch must still hold behind it, or be forgotten.
    else if (random.below(4) === 0) {
      const skipped = random.below(2) ? store(random) : [...use(random), ...store(random), ...use(random)]
      const off = program(skipped).length / 8
      parts.push(insn('jgt64.imm', { dst: 9, imm: number(random), off }), ...skipped)
    } else parts.push(...use(random))
  }
  return program(...parts, ...lookup(-4), insn('mov64.reg', { dst: 0, src: 9 }), insn('exit'))
}

describe.each([
  ['array', BPF_MAP_TYPE_ARRAY, 0],
  ['per-CPU array', BPF_MAP_TYPE_PERCPU_ARRAY, 3],
])('a look-up in an %s in place', (_name, type, cpu) => {
  const seed = testSeed()

  it.each([1, 8, 12, 200])(`answers as the map's operation for values of %i bytes (SEED=${seed})`, (valueBytes) => {
    const random = new Random(seed + valueBytes)
    const machine = new LookupMachine(type, valueBytes, cpu)
    for (let n = 0; n < 150; n++) {
      const insns = randomLookups(random)
      const expected = machine.interpreted(insns)
      for (const mode of ['direct', 'checked'] as const) {
        expect(machine.compiled(insns, mode), `${mode}: ${Buffer.from(insns).toString('hex')}`).toBe(expected)
      }
    }
  })

  it('finds each element and nothing beyond', () => {
    const machine = new LookupMachine(type, 8, cpu)
    for (const index of [0, 1, MAX_ENTRIES - 1, MAX_ENTRIES, -1]) {
      const key = insn('stw', { dst: 10, off: -4, imm: index })
      const place = lookup(-4).slice(0, 4)
      const found = machine.compiled(program(key, ...place, insn('exit')), 'direct')
      expect(found === 0n).toBe(index < 0 || index >= MAX_ENTRIES)
      expect(found).toBe(machine.interpreted(program(key, ...place, insn('exit'))))
    }
  })
})
