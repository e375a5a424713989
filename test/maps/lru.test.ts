/** LRU hashes: against a model and the kernel, and with writers that die. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import { boot, shutdown } from '#lib/machine/index.js'
import { cpuArea, WRITER_SUPERVISOR } from '#shared/layout.js'
import { buildRecovery, type RecoveryExports } from '#shared/maps/recover.js'
import type { MapAttributes } from '#shared/maps/registry.js'
import { faultPointName } from '#shared/sync/fault_points.js'
import { BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH } from '#shared/uapi/bpf.js'
import { BPF_F_NO_COMMON_LRU } from '#shared/uapi/bpf_flags.js'
import { EEXIST, EINVAL, ENOENT, ENOMEM } from '#shared/uapi/errno.js'
import { hammer } from '#test/maps/hammer.js'
import { censusOfLru } from '#test/maps/lru_invariants.js'
import { Random } from '#test/maps/random.js'
import { importsFor, instantiate, makeMap, type TestMachine, type TestMap, testMachine } from '#test/maps/support.js'
import { askKernel, probeKernel } from './kernel.js'

const CPUS = 2
const MEMORY = 64 * 1024 * 1024
const kernel = probeKernel()
if (!kernel.available) console.log(`LRU hashes are not compared with the kernel: ${kernel.why}`)

const KINDS: [type: number, flags: number][] = [
  [BPF_MAP_TYPE_LRU_HASH, 0],
  [BPF_MAP_TYPE_LRU_HASH, BPF_F_NO_COMMON_LRU],
  [BPF_MAP_TYPE_LRU_PERCPU_HASH, 0],
  [BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_F_NO_COMMON_LRU],
]

class Lru {
  readonly map: TestMap
  readonly key: number
  readonly value: number
  readonly attr: MapAttributes

  constructor(
    readonly machine: TestMachine,
    [type, flags]: [number, number],
    maxEntries: number,
    faultPoint?: (id: number) => void,
  ) {
    this.attr = { type, keyBytes: 4, valueBytes: 8, maxEntries, flags }
    this.map = makeMap(machine, this.attr, faultPoint)
    this.key = machine.allocate(4)
    this.value = machine.allocate(8 * machine.cpus)
  }

  put(key: number, value: number, flags = 0, cpu = 0): number {
    const { u32 } = this.machine
    u32[this.key / 4] = key
    u32.fill(value, this.value / 4, this.value / 4 + 2 * this.machine.cpus)
    const { on, address } = this.map
    const user = cpu === this.machine.cpus
    return on[cpu]![user ? 'updateUser' : 'update'](address, this.key, this.value, flags)
  }

  /** From a program: marks the element. */
  get(key: number, cpu = 0): number | null {
    this.machine.u32[this.key / 4] = key
    const at = this.map.on[cpu]!.lookup(this.map.address, this.key)
    return at === 0 ? null : this.machine.u32[at / 4]!
  }

  /** From user space: leaves no mark. */
  peek(key: number): number | null {
    this.machine.u32[this.key / 4] = key
    const at = this.map.on[this.machine.cpus]!.lookupUser(this.map.address, this.key)
    return at === 0 ? null : this.machine.u32[at / 4]!
  }

  remove(key: number, cpu = 0): number {
    this.machine.u32[this.key / 4] = key
    return this.map.on[cpu]!.delete(this.map.address, this.key)
  }

  check(): number {
    const census = censusOfLru(this.machine, this.map.address)
    expect(census.problems).toEqual([])
    return census.linked
  }
}

describe('LRU hashes', () => {
  it.each(KINDS)('forget, but nothing else: type %i, flags %i', (...kind) => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    const entries = 40
    const lru = new Lru(testMachine(CPUS, MEMORY), kind, entries)
    const perCpu = kind[0] === BPF_MAP_TYPE_LRU_PERCPU_HASH
    const model = new Map<number, number>()
    for (let i = 0; i < 20_000; i++) {
      const key = random.below(3 * entries)
      const cpu = random.below(CPUS + 1)
      const before = lru.peek(key)
      const action = random.below(10)
      if (action < 5) {
        const flags = random.below(5)
        const result = lru.put(key, i, flags, cpu)
        if (flags > 2) expect(result).toBe(-EINVAL)
        // Making room may have cost the very element that was asked for.
        else if (flags === 1) expect(before === null ? [0] : [-EEXIST, 0]).toContain(result)
        else if (flags === 2) expect(before === null ? [-ENOENT] : [0, -ENOENT]).toContain(result)
        else expect(result).toBe(0)
        if (result === 0) {
          model.set(key, i)
          // Another CPU's value of an element that exists does not change.
          if (perCpu && before !== null && cpu === 1) model.set(key, lru.peek(key)!)
          if (perCpu && before === null && cpu === 1) model.set(key, lru.peek(key)!)
          expect(perCpu ? lru.get(key, Math.min(cpu, 1)) : lru.peek(key)).toBe(i)
        }
      } else if (action < 8) {
        const now = lru.get(key, 0)
        if (now !== null) expect(now).toBe(model.get(key))
      } else {
        expect(lru.remove(key, cpu)).toBe(before === null ? -ENOENT : 0)
        expect(lru.peek(key)).toBe(null)
      }
      if (i % 500 === 0) expect(lru.check()).toBeLessThanOrEqual(entries)
    }
    expect(lru.check()).toBeGreaterThan(entries / 4)
  })

  it.each(KINDS)('round up the entries just for lists of their own: type %i, flags %i', (...kind) => {
    const lru = new Lru(testMachine(3, MEMORY), kind, 4)
    for (let key = 0; key < 100; key++) for (let cpu = 0; cpu < 3; cpu++) lru.put(key * 3 + cpu, key, 0, cpu)
    expect(lru.check()).toBe(kind[1] ? 6 : 4)
  })
})

/** Ranks that follow Zipf's law: the k-th key is asked for in proportion to 1/k. */
function zipf(random: Random, keys: number, length: number): number[] {
  const sums = new Float64Array(keys)
  let sum = 0
  for (let k = 0; k < keys; k++) sums[k] = sum += 1 / (k + 1)
  return Array.from({ length }, () => {
    const x = (random.u32() / 2 ** 32) * sum
    let [low, high] = [0, keys - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! < x) low = middle + 1
      else high = middle
    }
    return low
  })
}

describe.runIf(kernel.available)('LRU hashes and the kernel', () => {
  const machine = () => testMachine(kernel.cpus, MEMORY)

  it.each(KINDS.flatMap((kind) => [4, 64, 300, 2000].map((entries) => [...kind, entries])))(
    'keep the same keys of a Zipf stream: type %i, flags %i, %i entries',
    (type, flags, entries) => {
      const random = new Random()
      console.log(`seed ${random.seed}`)
      const keys = zipf(random, entries! * 10, 12_000)
      const [theirs] = askKernel([{ command: 'cache', map: [type, 4, 8, entries, flags], keys }]) as [{ hits: string }]
      const lru = new Lru(machine(), [type!, flags!], entries!)
      const ours = keys.map((key) => {
        if (lru.get(key) !== null) return '1'
        lru.put(key, 0)
        return '0'
      })
      const rate = (hits: string) => hits.replaceAll('0', '').length / keys.length
      console.log(`hit rate ${rate(ours.join(''))}, the kernel's ${rate(theirs.hits)}`)
      // One CPU, one order: the same rule forgets the same keys.
      expect(ours.join('')).toBe(theirs.hits)
    },
  )

  it.each(KINDS)('answer the same to user space: type %i, flags %i', (type, flags) => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    const keyText = (key: number) => Buffer.from(Uint32Array.of(key).buffer).toString('hex')
    const bytes = type === BPF_MAP_TYPE_LRU_PERCPU_HASH ? 8 * kernel.cpus : 8
    const operations = Array.from({ length: 6000 }, (_, value): [string, number, number, number] => {
      const name = ['update', 'update', 'update', 'lookup', 'delete'][random.below(5)]!
      return [name, random.below(60), value, random.below(4)]
    })
    const asked = operations.map(([name, key, value, f]) => {
      const content = new Uint32Array(bytes / 4).fill(value)
      return [name, keyText(key), name === 'update' ? Buffer.from(content.buffer).toString('hex') : '', f]
    })
    const map = [type, 4, 8, 31, flags]
    const [theirs] = askKernel([{ command: 'map', map, operations: asked }]) as [{ answers: (string | number)[] }]
    const lru = new Lru(machine(), [type, flags], 31)
    const main = kernel.cpus
    for (const [index, [name, key, value, f]] of operations.entries()) {
      let answer: number
      if (name === 'update') answer = lru.put(key, value, f, main)
      else if (name === 'delete') answer = lru.remove(key, main)
      else answer = lru.peek(key) ?? -ENOENT
      const their = theirs.answers[index]!
      const wanted = typeof their === 'string' ? Buffer.from(their, 'hex').readUInt32LE() : their
      expect([index, name, answer]).toEqual([index, name, wanted])
    }
  })
})

class Killed extends Error {}

describe('a writer of an LRU hash killed at every fault point', () => {
  it.each(KINDS)('type %i, flags %i', (...kind) => {
    const random = new Random()
    const machine = testMachine(CPUS, MEMORY)
    const places = new Set<string>()
    let left = 0
    const strike = (id: number): void => {
      if (left === 0 || --left > 0) return
      places.add(faultPointName(id)!)
      throw new Killed()
    }
    const entries = 16
    const lru = new Lru(machine, kind, entries, strike)
    const imports = importsFor(machine.memory, CPUS, WRITER_SUPERVISOR, strike)
    const recovery = instantiate<RecoveryExports>(buildRecovery({ faultPoints: true }), imports)
    /** Runs and dies `point` fault points later; true when it did die. */
    const dies = (point: number, run: () => void): boolean => {
      left = point
      try {
        run()
      } catch (error) {
        if (!(error instanceof Killed)) throw error
        return true
      } finally {
        left = 0
      }
      return false
    }
    for (let round = 0; round < 3000; round++) {
      for (let i = 0; i < 3; i++) {
        const cpu = random.below(CPUS + 1)
        if (random.below(4) === 0) lru.remove(random.below(50), cpu)
        else lru.put(random.below(50), round, 0, cpu)
        lru.get(random.below(50), 0)
      }
      const key = random.below(50)
      const before = lru.peek(key)
      const removes = random.below(3) === 0
      dies(1 + random.below(25), () => (removes ? lru.remove(key) : lru.put(key, 100_000 + round, random.below(3))))
      for (let deaths = random.below(4); deaths > 0; deaths--) dies(deaths, () => recovery.recover(cpuArea(0), 0))
      recovery.recover(cpuArea(0), 0)
      expect(recovery.recover(cpuArea(0), 0)).toBe(0)
      lru.check()
      expect([before, 100_000 + round, null]).toContain(lru.peek(key))
    }
    // Nothing was lost: what the dead left behind is used again.
    for (let key = 1000; key < 2000; key++) expect(lru.put(key, 1, 0, key % (CPUS + 1))).toBe(0)
    lru.check()
    expect(censusOfLru(machine, lru.map.address)).toMatchObject({ left: 0 })
    console.log(`seed ${random.seed}: killed at ${[...places].sort().join(' ')}`)
    const wanted = [
      'lru.claimed',
      'lru.linked',
      'lru.unlinked',
      'lru.freed',
      'lru.filled',
      'lru.evicted',
      'lru.rotated',
    ]
    expect([...places]).toEqual(expect.arrayContaining([...wanted, 'lock.taken', 'lock.released', 'recover.repaired']))
  })
})

describe('eight threads on an LRU hash', () => {
  it.each(KINDS)('leave it whole: type %i, flags %i', async (...kind) => {
    const { seed } = new Random()
    console.log(`seed ${seed}`)
    const machine = testMachine(8, MEMORY)
    const lru = new Lru(machine, kind, 64)
    const keys = new Uint8Array(Uint32Array.from({ length: 200 }, (_, index) => index).buffer)
    const report = await hammer(machine, lru.map, keys, 30_000, seed)
    const known = [
      'update 0',
      `update ${-EEXIST}`,
      `update ${-ENOENT}`,
      'delete 0',
      `delete ${-ENOENT}`,
      'found',
      'absent',
    ]
    // As in Linux: the few elements of a CPU's own list may all be on their way, in the hands of those who delete them.
    if (kind[1] === BPF_F_NO_COMMON_LRU) known.push(`update ${-ENOMEM}`)
    expect(Object.keys(report).filter((outcome) => !known.includes(outcome))).toEqual([])
    expect(lru.check()).toBeLessThanOrEqual(64)
    expect(censusOfLru(machine, lru.map.address).left).toBe(0)
  })
})

describe('through the library', () => {
  beforeAll(() => void boot())
  afterAll(() => shutdown())

  it('an LRU hash takes more keys than it has entries, and says how many entries it has', () => {
    const fd = api.bpf_map_create(BPF_MAP_TYPE_LRU_HASH, 'lru', 4, 4, 9, { map_flags: BPF_F_NO_COMMON_LRU })
    expect(fd).toBeGreaterThan(0)
    for (let key = 0; key < 100; key++) {
      expect(api.bpf_map_update_elem(fd, Uint32Array.of(key), Uint32Array.of(key), 0)).toBe(0)
    }
    const info = { max_entries: 0 }
    expect(api.bpf_obj_get_info_by_fd(fd, info)).toBe(0)
    expect(info.max_entries).toBe(10)
    const value = new Uint32Array(1)
    expect(api.bpf_map_lookup_elem(fd, Uint32Array.of(99), value)).toBe(0)
    expect(value[0]).toBe(99)
    expect(api.bpf_map_lookup_and_delete_elem(fd, Uint32Array.of(99), value)).toBe(0)
    expect(api.bpf_map_lookup_elem(fd, Uint32Array.of(99), value)).toBe(-ENOENT)
  })
})
