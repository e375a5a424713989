/** A writer dies at every fault point of every operation; recovery must leave a whole map. */

import { describe, expect, it } from 'vitest'
import { CPU, cpuArea, INTENT, WRITER_SUPERVISOR } from '#shared/layout.js'
import { buildRecovery, Recovered, type RecoveryExports } from '#shared/maps/recover.js'
import type { MapAttributes } from '#shared/maps/registry.js'
import { FAULT_POINTS, faultPointName } from '#shared/sync/fault_points.js'
import { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH } from '#shared/uapi/bpf.js'
import { E2BIG } from '#shared/uapi/errno.js'
import { censusOfHash } from '#test/maps/invariants.js'
import { Random } from '#test/maps/random.js'
import { importsFor, instantiate, makeMap, type TestMachine, type TestMap, testMachine } from '#test/maps/support.js'

const CPUS = 2
const ROUNDS = 300
const ENTRIES = 12
/** No operation passes more fault points than this. */
const POINTS = 13

class Killed extends Error {}

/** Stops the thread at the fault point that the countdown reaches. */
class Executioner {
  left = 0
  readonly places = new Set<string>()
  readonly strike = (id: number): void => {
    if (this.left === 0 || --this.left > 0) return
    this.places.add(faultPointName(id)!)
    throw new Killed()
  }
}

class Scene {
  readonly executioner = new Executioner()
  readonly map: TestMap
  readonly recovery: RecoveryExports
  readonly key: number
  readonly value: number
  locked = 0
  kills = 0

  constructor(
    readonly machine: TestMachine,
    readonly attr: MapAttributes,
    readonly random: Random,
  ) {
    this.map = makeMap(machine, attr, this.executioner.strike)
    const imports = importsFor(machine.memory, CPUS, WRITER_SUPERVISOR, this.executioner.strike)
    this.recovery = instantiate<RecoveryExports>(buildRecovery({ faultPoints: true }), imports)
    this.key = machine.allocate(8)
    this.value = machine.allocate(attr.valueBytes)
  }

  get(key: number): number | null {
    this.machine.u32[this.key / 4] = key
    const address = this.map.on[0]!.lookup(this.map.address, this.key)
    return address === 0 ? null : this.machine.u32[address / 4]!
  }

  put(key: number, value: number, flags = 0, cpu = 0): number {
    this.machine.u32[this.key / 4] = key
    this.machine.u32.fill(value, this.value / 4, (this.value + this.attr.valueBytes) / 4)
    return this.map.on[cpu]!.update(this.map.address, this.key, this.value, flags)
  }

  remove(key: number, cpu = 0): number {
    this.machine.u32[this.key / 4] = key
    return this.map.on[cpu]!.delete(this.map.address, this.key)
  }

  /** Runs `operation` and kills it at its `point`-th fault point; false when it ended before. */
  kill(operation: () => void, point: number): boolean {
    this.executioner.left = point
    try {
      operation()
      this.executioner.left = 0
      return false
    } catch (error) {
      if (!(error instanceof Killed)) throw error
      this.kills++
      return true
    }
  }

  /** Recovers CPU 0, dying `deaths` times on the way; the last run must find nothing left to do. */
  recover(deaths: number): void {
    const run = () => this.recovery.recover(cpuArea(0), 0)
    let result = 0
    for (let point = 1; point <= deaths; point++) {
      this.executioner.left = point
      try {
        result |= run()
      } catch (error) {
        if (!(error instanceof Killed)) throw error
      }
    }
    this.executioner.left = 0
    result |= run()
    if (deaths === 0 && result & (Recovered.lock | Recovered.innerLock)) this.locked++
    expect(run()).toBe(0)
    expect(this.machine.u32[(cpuArea(0) + CPU.intent + INTENT.kind) / 4]).toBe(0)
  }

  check(): void {
    expect(censusOfHash(this.machine, this.map.address).problems).toEqual([])
  }
}

interface Step {
  name: string
  /** Values that the key may have afterwards, given what it had. */
  run(scene: Scene, key: number, value: number): void
  after(before: number | null, value: number): (number | null)[]
}

const steps: Step[] = [
  {
    name: 'update',
    run: (scene, key, value) => scene.put(key, value),
    after: (before, value) => [before, value],
  },
  {
    name: 'delete',
    run: (scene, key) => scene.remove(key),
    after: (before) => [before, null],
  },
  {
    name: 'update, no such key',
    run: (scene, key, value) => scene.put(key, value, 1),
    after: (before, value) => [before, before ?? value],
  },
  {
    name: 'update, key exists',
    run: (scene, key, value) => scene.put(key, value, 2),
    after: (before, value) => [before, before === null ? null : value],
  },
]

/** Other writers keep the free lists changing. */
function disturb(scene: Scene, state: Map<number, number>): void {
  const { random } = scene
  for (let i = 0; i < 4; i++) {
    const key = random.below(ENTRIES + 4)
    const cpu = random.below(CPUS + 1)
    if (random.below(2) === 0) {
      scene.remove(key, cpu)
      state.delete(key)
    } else if (scene.put(key, i + 1, 0, cpu) === 0) state.set(key, i + 1)
  }
  // Per-CPU values of another CPU are not what get() sees: read the state back.
  for (const key of [...state.keys()]) state.set(key, scene.get(key)!)
}

describe('a writer killed at every fault point', () => {
  it.each([BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH])('map type %i', (type) => {
    const random = new Random()
    const attr = { type, keyBytes: 4, valueBytes: 16, maxEntries: ENTRIES, flags: 0 }
    const scene = new Scene(testMachine(CPUS, 64 * 1024 * 1024), attr, random)
    const state = new Map<number, number>()
    for (let round = 0; round < ROUNDS; round++) {
      const step = steps[random.below(steps.length)]!
      const key = random.below(ENTRIES + 4)
      for (let point = 1; point <= POINTS; point++) {
        disturb(scene, state)
        const before = scene.get(key)
        const value = 1000 + round * 16 + point
        const killed = scene.kill(() => step.run(scene, key, value), point)
        scene.recover(killed ? random.below(5) : 0)
        scene.check()
        const now = scene.get(key)
        expect(step.after(before, value), step.name).toContain(now)
        if (now === null) state.delete(key)
        else state.set(key, now)
        for (const [other, wanted] of state) expect(scene.get(other)).toBe(wanted)
      }
    }
    // Nothing was lost on the way: the map still takes exactly as many elements as it was made for.
    for (const key of [...state.keys()]) scene.remove(key)
    for (let key = 0; key < ENTRIES; key++) expect(scene.put(100 + key, 1, 0, key % (CPUS + 1))).toBe(0)
    for (let cpu = 0; cpu <= CPUS; cpu++) expect(scene.put(999, 1, 0, cpu)).toBe(-E2BIG)
    const places = [...scene.executioner.places].sort()
    console.log(`seed ${random.seed}: ${scene.kills} kills, at ${places.join(' ')}`)
    const wanted =
      type === BPF_MAP_TYPE_HASH
        ? ['lock', 'hash', 'recover']
        : ['lock', 'hash.insert', 'hash.delete', 'percpuHash', 'recover']
    const all = Array.from({ length: FAULT_POINTS }, (_, index) => faultPointName(index + 1)!)
    expect(places).toEqual(all.filter((place) => wanted.some((prefix) => place.startsWith(`${prefix}.`))).sort())
  })
})
