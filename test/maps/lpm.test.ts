/** Tries of prefixes: against a model, against the kernel, with eight threads, and with writers that die. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import { boot, shutdown } from '#lib/machine/index.js'
import { cpuArea, LPM_NODE, LPM_TRIE, MAP, MAP_BYTES, WRITER_SUPERVISOR } from '#shared/layout.js'
import { buildRecovery, type RecoveryExports } from '#shared/maps/recover.js'
import { BPF_MAP_TYPE_LPM_TRIE } from '#shared/uapi/bpf.js'
import { BPF_F_NO_PREALLOC } from '#shared/uapi/bpf_flags.js'
import { EEXIST, EINVAL, ENOENT, ENOSPC } from '#shared/uapi/errno.js'
import { hammer } from '#test/maps/hammer.js'
import { hex } from '#test/maps/model.js'
import { Random } from '#test/maps/random.js'
import { importsFor, instantiate, makeMap, type TestMachine, type TestMap, testMachine } from '#test/maps/support.js'
import { askKernel, probeKernel } from './kernel.js'

const MEMORY = 64 * 1024 * 1024
const VALUE_BYTES = 8
const kernel = probeKernel()
if (!kernel.available) console.log(`tries are not compared with the kernel: ${kernel.why}`)

type Answer = number | string

/** A prefix as text: '0' and '1' for each bit. */
const bitsOf = (data: Uint8Array, length: number): string =>
  [...data]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
    .slice(0, length)

const split = (key: Uint8Array) => ({
  length: new DataView(key.buffer, key.byteOffset).getUint32(0, true),
  data: key.subarray(4),
})

/** Entries by prefix; keys as they were given, with the bits after the prefix. */
class Model {
  readonly #entries = new Map<string, { key: string; value: string }>()
  constructor(
    readonly bitsMax: number,
    readonly maxEntries: number,
  ) {}

  update(key: Uint8Array, value: string, flags: number): Answer {
    const { length, data } = split(key)
    if (flags > 2 || length > this.bitsMax) return -EINVAL
    const prefix = bitsOf(data, length)
    const present = this.#entries.has(prefix)
    if (present && flags === 1) return -EEXIST
    if (!present && flags === 2) return -ENOENT
    if (!present && this.#entries.size === this.maxEntries) return -ENOSPC
    this.#entries.set(prefix, { key: hex(key), value })
    return 0
  }

  delete(key: Uint8Array): Answer {
    const { length, data } = split(key)
    if (length > this.bitsMax) return -EINVAL
    return this.#entries.delete(bitsOf(data, length)) ? 0 : -ENOENT
  }

  lookup(key: Uint8Array): Answer {
    const { length, data } = split(key)
    if (length > this.bitsMax) return -ENOENT
    const bits = bitsOf(data, length)
    let best: string | null = null
    for (const prefix of this.#entries.keys()) {
      if (bits.startsWith(prefix) && prefix.length >= (best?.length ?? 0)) best = prefix
    }
    return best === null ? -ENOENT : this.#entries.get(best)!.value
  }

  /** Longer prefixes before those they begin with, else by the first bit that differs. */
  keys(): string[] {
    const prefixes = [...this.#entries.keys()].sort((a, b) => {
      if (a.startsWith(b)) return -1
      if (b.startsWith(a)) return 1
      return a < b ? -1 : 1
    })
    return prefixes.map((prefix) => this.#entries.get(prefix)!.key)
  }
}

class Ours {
  readonly map: TestMap
  readonly key: number
  readonly value: number
  readonly keyBytes: number

  constructor(
    readonly machine: TestMachine,
    dataBytes: number,
    maxEntries: number,
    faultPoint?: (id: number) => void,
  ) {
    this.keyBytes = 4 + dataBytes
    const sizes = { keyBytes: this.keyBytes, valueBytes: VALUE_BYTES, maxEntries }
    this.map = makeMap(machine, { type: BPF_MAP_TYPE_LPM_TRIE, flags: BPF_F_NO_PREALLOC, ...sizes }, faultPoint)
    this.key = machine.allocate(this.keyBytes)
    this.value = machine.allocate(Math.max(VALUE_BYTES, this.keyBytes))
  }

  #put(key: Uint8Array): void {
    this.machine.u8.set(key, this.key)
  }

  update(key: Uint8Array, value: string, flags: number, cpu = 0): Answer {
    this.#put(key)
    this.machine.u8.set(Buffer.from(value, 'hex'), this.value)
    return this.map.on[cpu]!.update(this.map.address, this.key, this.value, flags)
  }

  delete(key: Uint8Array, cpu = 0): Answer {
    this.#put(key)
    return this.map.on[cpu]!.delete(this.map.address, this.key)
  }

  lookup(key: Uint8Array, cpu = 0): Answer {
    this.#put(key)
    const at = this.map.on[cpu]!.lookup(this.map.address, this.key)
    return at === 0 ? -ENOENT : hex(this.machine.u8.subarray(at, at + VALUE_BYTES))
  }

  next(key: Uint8Array | null): Answer {
    if (key) this.#put(key)
    const result = this.map.on[0]!.nextKey(this.map.address, key ? this.key : 0, this.value)
    return result < 0 ? result : hex(this.machine.u8.subarray(this.value, this.value + this.keyBytes))
  }

  keys(): string[] {
    const keys: string[] = []
    for (let key = this.next(null); typeof key === 'string'; key = this.next(Buffer.from(key, 'hex'))) keys.push(key)
    return keys
  }

  /** Walks the whole trie; nodes in it, and the wrong ones. */
  check(): { entries: number; problems: string[] } {
    const word = (address: number) => this.machine.u32[address / 4]!
    const field = (offset: number) => word(this.map.address + MAP_BYTES + offset)
    const seen = new Set<number>()
    const problems: string[] = []
    let entries = 0
    const visit = (node: number, least: number): void => {
      if (node === 0) return
      if (seen.has(node)) return void problems.push(`node ${node} is there twice`)
      seen.add(node)
      const children = [word(node + LPM_NODE.children), word(node + LPM_NODE.children + 4)]
      if (word(node + LPM_NODE.prefixBits) < least) problems.push(`node ${node} is no longer than its parent`)
      if (word(node + LPM_NODE.intermediate) === 0) entries++
      else if (children.includes(0)) problems.push(`node ${node} forks nothing`)
      for (const child of children) visit(child, word(node + LPM_NODE.prefixBits) + 1)
    }
    visit(field(LPM_TRIE.root), 0)
    let count = seen.size
    for (let node = field(LPM_TRIE.freeHead); node !== 0; node = word(node + LPM_NODE.nextFree)) {
      if (seen.has(node)) problems.push(`node ${node} is in use and free`)
      seen.add(node)
      if (++count > 1e6) break
    }
    const used =
      (field(LPM_TRIE.fresh) - word(this.map.address + MAP.elements)) / word(this.map.address + MAP.elementBytes)
    if (seen.size !== used) problems.push(`${used - seen.size} nodes are nowhere`)
    if (field(LPM_TRIE.entries) !== entries) problems.push(`${entries} entries, counted ${field(LPM_TRIE.entries)}`)
    return { entries, problems }
  }
}

/** Prefixes that often share their beginnings; a few are too long. */
function randomKey(random: Random, dataBytes: number): Uint8Array {
  const key = new Uint8Array(4 + dataBytes)
  const length = random.below(40) === 0 ? dataBytes * 8 + 1 + random.below(5) : random.below(dataBytes * 8 + 1)
  new DataView(key.buffer).setUint32(0, random.below(3) === 0 ? Math.min(length, 6) : length, true)
  key[4] = random.below(4) << 6
  for (let i = 1; i < dataBytes; i++) key[4 + i] = random.below(3) === 0 ? 1 << random.below(8) : 0
  return key
}

const SIZES = [1, 2, 3, 4, 5, 7, 8, 16, 256]

describe('tries of prefixes', () => {
  it.each(SIZES)('answer as the model does: %i bytes of data', (dataBytes) => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    const ours = new Ours(testMachine(2, MEMORY), dataBytes, 60)
    const model = new Model(dataBytes * 8, 60)
    for (let i = 0; i < 8000; i++) {
      const key = randomKey(random, dataBytes)
      const action = random.below(10)
      const value = hex(random.bytes(VALUE_BYTES))
      const flags = random.below(4)
      const cpu = random.below(3)
      if (action < 5) expect(ours.update(key, value, flags, cpu)).toBe(model.update(key, value, flags))
      else if (action < 7) expect(ours.delete(key, cpu)).toBe(model.delete(key))
      else expect(ours.lookup(key, cpu)).toBe(model.lookup(key))
      if (i % 500 !== 0) continue
      expect(ours.keys()).toEqual(model.keys())
      expect(ours.check().problems).toEqual([])
    }
  })

  it.runIf(kernel.available).each(SIZES)('answer as the kernel does: %i bytes of data', (dataBytes) => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    const names = ['update', 'update', 'update', 'delete', 'lookup', 'next']
    const operations = Array.from({ length: 4000 }, (): [string, string | null, string, number] => {
      const name = names[random.below(names.length)]!
      const key = name === 'next' && random.below(20) === 0 ? null : hex(randomKey(random, dataBytes))
      return [name, key, name === 'update' ? hex(random.bytes(VALUE_BYTES)) : '', random.below(4)]
    })
    const map = [BPF_MAP_TYPE_LPM_TRIE, 4 + dataBytes, VALUE_BYTES, 40, BPF_F_NO_PREALLOC]
    const [theirs] = askKernel([{ command: 'map', map, operations }]) as [{ answers: Answer[] }]
    const ours = new Ours(testMachine(1, MEMORY), dataBytes, 40)
    for (const [index, [name, text, value, flags]] of operations.entries()) {
      const key = text === null ? null : Buffer.from(text, 'hex')
      let answer: Answer
      if (name === 'update') answer = ours.update(key!, value, flags)
      else if (name === 'delete') answer = ours.delete(key!)
      else if (name === 'lookup') answer = ours.lookup(key!)
      else answer = ours.next(key)
      expect([index, name, text, answer]).toEqual([index, name, text, theirs.answers[index]])
    }
  })
})

class Killed extends Error {}

it('a writer of a trie that dies leaves it as before or as after', () => {
  const random = new Random()
  console.log(`seed ${random.seed}`)
  let left = 0
  const strike = (): void => {
    if (left > 0 && --left === 0) throw new Killed()
  }
  const machine = testMachine(1, MEMORY)
  const ours = new Ours(machine, 4, 30, strike)
  const recovery = instantiate<RecoveryExports>(buildRecovery(), importsFor(machine.memory, 1, WRITER_SUPERVISOR))
  let kills = 0
  for (let round = 0; round < 3000; round++) {
    const key = randomKey(random, 4)
    const before = ours.keys()
    const deletes = random.below(2) === 0
    left = 1 + random.below(5)
    try {
      if (deletes) ours.delete(key)
      else ours.update(key, hex(random.bytes(VALUE_BYTES)), 0)
    } catch (error) {
      if (!(error instanceof Killed)) throw error
      kills++
    }
    left = 0
    recovery.recover(cpuArea(0), 0)
    expect(ours.check().problems).toEqual([])
    const now = ours.keys()
    expect(Math.abs(now.length - before.length)).toBeLessThanOrEqual(1)
    // All keys but the one that changed are the same.
    const { length, data } = split(key)
    const others = (keys: string[]) =>
      keys.filter((text) => {
        const other = split(Uint8Array.from(Buffer.from(text, 'hex')))
        return bitsOf(other.data, other.length) !== bitsOf(data, length)
      })
    expect(others(now)).toEqual(others(before))
  }
  expect(kills).toBeGreaterThan(1000)
})

it('eight threads leave a trie whole', async () => {
  const random = new Random()
  console.log(`seed ${random.seed}`)
  const machine = testMachine(8, MEMORY)
  const ours = new Ours(machine, 4, 50)
  const keys = Buffer.concat(Array.from({ length: 80 }, () => randomKey(random, 4)))
  const report = await hammer(machine, ours.map, Uint8Array.from(keys), 20_000, random.seed)
  const errors = [0, -EEXIST, -ENOENT, -ENOSPC, -EINVAL]
  const known = [...errors.map((error) => `update ${error}`), 'delete 0', `delete ${-ENOENT}`, `delete ${-EINVAL}`]
  expect(Object.keys(report).filter((outcome) => ![...known, 'found', 'absent'].includes(outcome))).toEqual([])
  expect(ours.check().problems).toEqual([])
  expect(ours.keys().length).toBe(ours.check().entries)
})

describe('through the library', () => {
  beforeAll(() => void boot())
  afterAll(() => shutdown())

  it('finds the longest prefix', () => {
    const fd = api.bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, 'routes', 8, 4, 8, { map_flags: BPF_F_NO_PREALLOC })
    expect(fd).toBeGreaterThan(0)
    const prefix = (length: number, ...address: number[]) => Uint8Array.of(length, 0, 0, 0, ...address)
    const routes: [Uint8Array, number][] = [
      [prefix(8, 10, 0, 0, 0), 1],
      [prefix(16, 10, 1, 0, 0), 2],
      [prefix(24, 10, 1, 2, 0), 3],
      [prefix(32, 10, 1, 2, 3), 4],
    ]
    for (const [key, value] of routes) expect(api.bpf_map_update_elem(fd, key, Uint32Array.of(value), 0)).toBe(0)
    const value = new Uint32Array(1)
    const find = (...address: number[]) => {
      const error = api.bpf_map_lookup_elem(fd, prefix(32, ...address), value)
      return error || value[0]
    }
    expect([find(10, 1, 2, 3), find(10, 1, 2, 4), find(10, 1, 9, 9), find(10, 9, 9, 9)]).toEqual([4, 3, 2, 1])
    expect(find(11, 0, 0, 0)).toBe(-ENOENT)
  })
})
