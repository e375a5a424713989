import { describe, expect, it } from 'vitest'
import { MAP } from '#shared/layout.js'
import type { MapAttributes } from '#shared/maps/registry.js'
import { alignUp } from '#shared/struct.js'
import {
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE_PERCPU_HASH,
} from '#shared/uapi/bpf.js'
import { ENOENT } from '#shared/uapi/errno.js'
import { censusOfHash } from '#test/maps/invariants.js'
import { hex, ModelArray, ModelHash, type ModelMap } from '#test/maps/model.js'
import { Random } from '#test/maps/random.js'
import { makeMap, type TestMachine, type TestMap, testMachine } from '#test/maps/support.js'

const CPUS = 3
const OPERATIONS = 8_000

const isHash = (type: number) => type === BPF_MAP_TYPE_HASH || type === BPF_MAP_TYPE_PERCPU_HASH
const isPerCpu = (type: number) => type === BPF_MAP_TYPE_PERCPU_ARRAY || type === BPF_MAP_TYPE_PERCPU_HASH

/** Drives one map and one model per possible CPU (a single one for shared values) with the same operations. */
class Pair {
  readonly map: TestMap
  readonly models: ModelMap[]
  readonly key: number
  readonly value: number
  readonly out: number

  constructor(
    readonly machine: TestMachine,
    readonly attr: MapAttributes,
    readonly random: Random,
  ) {
    this.map = makeMap(machine, attr)
    const model = () =>
      isHash(attr.type) ? new ModelHash(attr.maxEntries) : new ModelArray(attr.maxEntries, attr.valueBytes)
    this.models = Array.from({ length: isPerCpu(attr.type) ? CPUS : 1 }, model)
    this.key = machine.allocate(attr.keyBytes)
    this.value = machine.allocate(alignUp(attr.valueBytes, 8) * CPUS)
    this.out = machine.allocate(attr.keyBytes)
  }

  randomKey(): Uint8Array {
    const key = new Uint8Array(this.attr.keyBytes)
    // A few more keys than fit, and for arrays a few indexes past the end; the last byte makes long keys differ late.
    const number = this.random.below(Math.ceil(this.attr.maxEntries * 1.5))
    key[0] = number
    if (key.length > 1) key[1] = number >> 8
    if (isHash(this.attr.type) && key.length > 2) key[key.length - 1] = number
    return key
  }

  put(address: number, bytes: Uint8Array): void {
    this.machine.u8.set(bytes, address)
  }

  update(cpu: number): void {
    const { attr, random, map, models } = this
    const key = this.randomKey()
    const flags = random.below(20) === 0 ? 3 + random.below(10) : random.below(3)
    this.put(this.key, key)
    const values = random.bytes(alignUp(attr.valueBytes, 8) * CPUS)
    this.put(this.value, values)
    const part = (index: number) => {
      const at = index * alignUp(attr.valueBytes, 8)
      return values.subarray(at, at + attr.valueBytes)
    }
    if (cpu === CPUS) {
      const got = map.on[cpu]!.updateUser(map.address, this.key, this.value, flags)
      const wanted = models.map((model, index) => model.update(key, part(index), flags))
      expect(wanted).toEqual(models.map(() => got))
      return
    }
    const got = map.on[cpu]!.update(map.address, this.key, this.value, flags)
    if (models.length === 1) return void expect(got).toBe(models[0]!.update(key, part(0), flags))
    const fresh = models[0]!.lookup(key) === null
    expect(got).toBe(models[cpu]!.update(key, part(0), flags))
    if (!fresh || got !== 0) return
    for (const [index, model] of models.entries()) {
      if (index !== cpu) model.update(key, new Uint8Array(attr.valueBytes), flags)
    }
  }

  delete(cpu: number): void {
    const key = this.randomKey()
    this.put(this.key, key)
    const got = this.map.on[cpu]!.delete(this.map.address, this.key)
    expect(this.models.map((model) => model.delete(key))).toEqual(this.models.map(() => got))
  }

  lookup(cpu: number): void {
    const { map, models, machine } = this
    const key = this.randomKey()
    this.put(this.key, key)
    const read = (address: number) =>
      address === 0 ? null : hex(machine.u8.subarray(address, address + this.attr.valueBytes))
    const wanted = (model: ModelMap) => {
      const value = model.lookup(key)
      return value && hex(value)
    }
    if (cpu === CPUS) {
      const address = map.on[cpu]!.lookupUser(map.address, this.key)
      const stride = machine.u32[(map.address + MAP.valueStride) / 4]!
      for (const [index, model] of models.entries()) {
        expect(read(address && address + index * stride)).toBe(wanted(model))
      }
      return
    }
    expect(read(map.on[cpu]!.lookup(map.address, this.key))).toBe(wanted(models[models.length === 1 ? 0 : cpu]!))
  }

  /** Walks the whole map by nextKey. */
  walk(): string[] {
    const { map, machine } = this
    const keys: string[] = []
    let from = 0
    for (;;) {
      const result = map.on[CPUS]!.nextKey(map.address, from, this.out)
      if (result !== 0) {
        expect(result).toBe(-ENOENT)
        return keys
      }
      const bytes = machine.u8.slice(this.out, this.out + this.attr.keyBytes)
      keys.push(hex(bytes))
      this.put(this.key, bytes)
      from = this.key
    }
  }
}

const sizes = [
  [4, 8],
  [8, 8],
  [1, 1],
  [3, 5],
  [7, 12],
  [16, 4],
  [13, 200],
  [132, 24],
  [301, 7],
] as const

const cases: MapAttributes[] = [
  ...[BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH].flatMap((type) =>
    sizes.map(([keyBytes, valueBytes]) => ({ type, keyBytes, valueBytes, maxEntries: 37, flags: 0 })),
  ),
  ...[BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY].flatMap((type) =>
    [1, 8, 20, 1000].map((valueBytes) => ({ type, keyBytes: 4, valueBytes, maxEntries: 37, flags: 0 })),
  ),
]

describe('map operations against a model', () => {
  it.each(cases)('type $type, key $keyBytes, value $valueBytes', (attr) => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    const machine = testMachine(CPUS, 64 * 1024 * 1024)
    const pair = new Pair(machine, attr, random)
    for (let i = 0; i < OPERATIONS; i++) {
      const cpu = random.below(CPUS + 1)
      const operation = random.below(10)
      if (operation < 5) pair.update(cpu)
      else if (operation < 7) pair.delete(cpu)
      else pair.lookup(cpu)
      if (i % 1000 === 0) expect(pair.walk().sort()).toEqual(pair.models[0]!.keys().sort())
    }
    expect(pair.walk().sort()).toEqual(pair.models[0]!.keys().sort())
    if (!isHash(attr.type)) return
    const census = censusOfHash(machine, pair.map.address)
    expect(census.problems).toEqual([])
    expect(census.linked).toBe(pair.models[0]!.keys().length)
  })
})
