/** Queues and stacks: against a model, against the kernel, with eight threads, and with writers that die. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import { boot, shutdown } from '#lib/machine/index.js'
import { cpuArea, WRITER_SUPERVISOR } from '#shared/layout.js'
import { buildRecovery, type RecoveryExports } from '#shared/maps/recover.js'
import { buildOperations, type MapAttributes, type MapExports } from '#shared/maps/registry.js'
import { BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK, BPF_PROG_TYPE_XDP } from '#shared/uapi/bpf.js'
import { BPF_EXIST } from '#shared/uapi/bpf_flags.js'
import { E2BIG, EINVAL, ENOENT } from '#shared/uapi/errno.js'
import { insn, program } from '#test/jit/assembler.js'
import type { QueueOrders, QueueReport } from '#test/maps/fixtures/queue_worker.js'
import { hex } from '#test/maps/model.js'
import { Random } from '#test/maps/random.js'
import { importsFor, instantiate, makeMap, type TestMachine, type TestMap, testMachine } from '#test/maps/support.js'
import { askKernel, probeKernel } from './kernel.js'

const TYPES = [BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK]
const MEMORY = 32 * 1024 * 1024
const kernel = probeKernel()
if (!kernel.available) console.log(`queues are not compared with the kernel: ${kernel.why}`)

type Answer = number | string

/** A list, oldest value first. */
class Model {
  readonly values: string[] = []
  constructor(readonly attr: MapAttributes) {}

  push(value: string, flags: number): Answer {
    if (flags !== 0 && flags !== BPF_EXIST) return -EINVAL
    if (this.values.length === this.attr.maxEntries) {
      if (flags === 0) return -E2BIG
      this.values.shift()
    }
    this.values.push(value)
    return 0
  }

  peek(): Answer {
    return this.values.at(this.attr.type === BPF_MAP_TYPE_STACK ? -1 : 0) ?? -ENOENT
  }

  pop(): Answer {
    const value = this.peek()
    if (this.attr.type === BPF_MAP_TYPE_STACK) this.values.pop()
    else this.values.shift()
    return value
  }
}

/** The map itself, with the same answers. */
class Ours {
  readonly map: TestMap
  readonly value: number
  constructor(
    readonly machine: TestMachine,
    readonly attr: MapAttributes,
    faultPoint?: (id: number) => void,
  ) {
    this.map = makeMap(machine, attr, faultPoint)
    this.value = machine.allocate(attr.valueBytes)
  }

  push(value: string, flags: number, cpu = 0): Answer {
    this.machine.u8.set(Buffer.from(value, 'hex'), this.value)
    return this.map.on[cpu]!.push(this.map.address, this.value, flags)
  }

  #take(result: number): Answer {
    const bytes = this.machine.u8.subarray(this.value, this.value + this.attr.valueBytes)
    if (result < 0) expect(hex(bytes)).toBe('00'.repeat(this.attr.valueBytes))
    return result < 0 ? result : hex(bytes)
  }

  peek(cpu = 0): Answer {
    this.machine.u8.fill(0xaa, this.value, this.value + this.attr.valueBytes)
    return this.#take(this.map.on[cpu]!.peek(this.map.address, this.value))
  }

  pop(cpu = 0): Answer {
    this.machine.u8.fill(0xaa, this.value, this.value + this.attr.valueBytes)
    return this.#take(this.map.on[cpu]!.pop(this.map.address, this.value))
  }
}

const attributes = (type: number, valueBytes: number, maxEntries: number): MapAttributes => ({
  type,
  keyBytes: 0,
  valueBytes,
  maxEntries,
  flags: 0,
})

const cases = TYPES.flatMap((type) =>
  [
    [8, 5],
    [3, 1],
    [200, 17],
  ].map(([valueBytes, maxEntries]) => attributes(type, valueBytes!, maxEntries!)),
)

describe('queues and stacks', () => {
  it.each(cases)('answer as a list does: type $type, $maxEntries of $valueBytes bytes', (attr) => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    const ours = new Ours(testMachine(2, MEMORY), attr)
    const model = new Model(attr)
    for (let i = 0; i < 20_000; i++) {
      const cpu = random.below(3)
      const kind = random.below(20)
      if (kind < 10) {
        const value = hex(random.bytes(attr.valueBytes))
        const flags = random.below(4) === 0 ? random.below(6) : 0
        expect(ours.push(value, flags, cpu)).toBe(model.push(value, flags))
      } else if (kind < 13) expect(ours.peek(cpu)).toBe(model.peek())
      else expect(ours.pop(cpu)).toBe(model.pop())
    }
  })

  it.runIf(kernel.available).each(cases)('answer as the kernel does: type $type, $valueBytes bytes', (attr) => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    const operations = Array.from({ length: 5000 }, (): [string, null, string, number] => {
      const kind = random.below(20)
      if (kind < 10) return ['update', null, hex(random.bytes(attr.valueBytes)), random.below(3) && random.below(5)]
      return [kind < 13 ? 'lookup' : 'take', null, '', 0]
    })
    const map = [attr.type, 0, attr.valueBytes, attr.maxEntries, 0]
    const [theirs] = askKernel([{ command: 'map', map, operations }]) as [{ answers: Answer[] }]
    const ours = new Ours(testMachine(1, MEMORY), attr)
    for (const [index, [name, , value, flags]] of operations.entries()) {
      // BPF_F_LOCK is refused before the map is asked.
      const got = name === 'update' ? (flags & 4 ? -EINVAL : ours.push(value, flags)) : undefined
      const answer = got ?? (name === 'lookup' ? ours.peek() : ours.pop())
      expect([index, name, answer]).toEqual([index, name, theirs.answers[index]])
    }
  })

  it('refuses keys', () => {
    const { map, value } = new Ours(testMachine(1, MEMORY), attributes(BPF_MAP_TYPE_QUEUE, 8, 2))
    const ops = map.on[0]!
    expect(ops.lookup(map.address, value)).toBe(0)
    expect(ops.update(map.address, value, value, 0)).toBe(-EINVAL)
    expect(ops.delete(map.address, value)).toBe(-EINVAL)
    expect(ops.nextKey(map.address, 0, value)).toBe(-EINVAL)
  })
})

class Killed extends Error {}

describe('a thread killed in a queue', () => {
  it.each(TYPES)('map type %i is as before or as after', (type) => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    let left = 0
    const strike = (): void => {
      if (left > 0 && --left === 0) throw new Killed()
    }
    const machine = testMachine(1, MEMORY)
    const attr = attributes(type, 8, 4)
    const ours = new Ours(machine, attr, strike)
    const imports = importsFor(machine.memory, 1, WRITER_SUPERVISOR)
    const recovery = instantiate<RecoveryExports>(buildRecovery(), imports)
    const drain = (): Answer[] => {
      const values: Answer[] = []
      for (let value = ours.pop(); value !== -ENOENT; value = ours.pop()) values.push(value)
      for (const value of type === BPF_MAP_TYPE_STACK ? values.toReversed() : values) ours.push(value as string, 0)
      return values
    }
    const model = new Model(attr)
    const wanted = () => (type === BPF_MAP_TYPE_STACK ? model.values.toReversed() : [...model.values])
    let kills = 0
    for (let round = 0; round < 2000; round++) {
      const value = hex(random.bytes(8))
      const pushes = random.below(2) === 0
      const before = wanted()
      left = 1 + random.below(5)
      try {
        if (pushes) ours.push(value, BPF_EXIST)
        else ours.pop()
      } catch (error) {
        if (!(error instanceof Killed)) throw error
        kills++
      }
      left = 0
      recovery.recover(cpuArea(0), 0)
      const now = drain()
      if (pushes) model.push(value, BPF_EXIST)
      else model.pop()
      expect([before, wanted()]).toContainEqual(now)
      // Go on from what is there.
      model.values.splice(0, Infinity, ...((type === BPF_MAP_TYPE_STACK ? now.toReversed() : now) as string[]))
    }
    expect(kills).toBeGreaterThan(500)
  })
})

describe('eight threads on one queue', () => {
  it.each(TYPES)('map type %i: every value comes out once', async (type) => {
    const cpus = 8
    const machine = testMachine(cpus, MEMORY)
    const attr = attributes(type, 16, 64)
    const map = makeMap(machine, attr)
    const module = new WebAssembly.Module(buildOperations(attr))
    const reports = await Promise.all(
      Array.from({ length: cpus }, async (_, cpu) => {
        const orders: QueueOrders = {
          memory: machine.memory,
          module,
          cpus,
          cpu,
          map: map.address,
          value: machine.allocate(16),
          rounds: 20_000,
        }
        const worker = new Worker(new URL('../../dist/test/maps/fixtures/queue_worker.js', import.meta.url), {
          workerData: orders,
        })
        return (await once(worker, 'message'))[0] as QueueReport
      }),
    )
    const ops = map.on[cpus]! as MapExports
    const value = machine.allocate(16)
    let [count, sum] = [0, 0]
    while (ops.pop(map.address, value) === 0) {
      count++
      sum = (sum + machine.u32[value / 4]!) >>> 0
    }
    expect(reports.flatMap((report) => report.problems)).toEqual([])
    for (const report of reports) {
      count += report.popped - report.pushed
      sum = (sum + report.poppedSum - report.pushedSum) >>> 0
    }
    expect([count, sum]).toEqual([0, 0])
    expect(reports.every((report) => report.pushed > 1000)).toBe(true)
  })
})

describe('through the library', () => {
  beforeAll(() => void boot())
  afterAll(() => shutdown())

  it('a queue is pushed by an update, peeked by a look-up, popped by a look-up with deletion', () => {
    const fd = api.bpf_map_create(BPF_MAP_TYPE_QUEUE, 'queue', 0, 4, 2)
    expect(fd).toBeGreaterThan(0)
    const [in1, in2, out] = [Uint8Array.of(1, 0, 0, 0), Uint8Array.of(2, 0, 0, 0), new Uint8Array(4)]
    expect(api.bpf_map_lookup_elem(fd, null, out)).toBe(-ENOENT)
    expect(api.bpf_map_update_elem(fd, null, in1, 0)).toBe(0)
    expect(api.bpf_map_update_elem(fd, null, in2, 0)).toBe(0)
    expect(api.bpf_map_update_elem(fd, null, in2, 0)).toBe(-E2BIG)
    expect(api.bpf_map_update_elem(fd, new Uint8Array(4), in2, 0)).toBe(-EINVAL)
    expect(api.bpf_map_lookup_elem(fd, null, out)).toBe(0)
    expect(out[0]).toBe(1)
    expect(api.bpf_map_lookup_and_delete_elem(fd, null, out)).toBe(0)
    expect(out[0]).toBe(1)
    expect(api.bpf_map_lookup_and_delete_elem(fd, null, out)).toBe(0)
    expect(out[0]).toBe(2)
    expect(api.bpf_map_lookup_and_delete_elem(fd, null, out)).toBe(-ENOENT)
    expect(api.bpf_map_get_next_key(fd, null, out)).toBe(-EINVAL)
    expect(api.bpf_map_delete_elem(fd, null)).toBe(-EINVAL)
  })
  it('programs push, peek and pop', () => {
    const fd = api.bpf_map_create(BPF_MAP_TYPE_STACK, 'stack', 0, 8, 2)
    const retval = (...body: Uint8Array[]): number => {
      const insns = program(
        insn('stdw', { dst: 10, off: -8, imm: 77 }),
        insn('mov64.reg', { dst: 2, src: 10 }),
        insn('add64.imm', { dst: 2, imm: -8 }),
        insn('imm64.mapFd', { dst: 1, imm: fd }),
        ...body,
        insn('exit'),
      )
      const loaded = api.bpf_prog_load(BPF_PROG_TYPE_XDP, 'stacks', 'GPL', insns)
      expect(loaded).toBeGreaterThan(0)
      const options = { data_in: new Uint8Array(14), repeat: 1, retval: 0 }
      expect(api.bpf_prog_test_run_opts(loaded, options)).toBe(0)
      return options.retval | 0
    }
    const call = (imm: number) => insn('call', { imm })
    const push = (flags: number) => retval(insn('mov64.imm', { dst: 3, imm: flags }), call(87))
    const value = insn('ldxdw', { dst: 0, src: 10, off: -8 })
    expect(retval(call(88))).toBe(-ENOENT)
    expect([push(0), push(1), push(0), push(0), push(BPF_EXIST)]).toEqual([0, -EINVAL, 0, -E2BIG, 0])
    expect(retval(insn('imm64.value', { dst: 3, imm: 1 }), insn('lsh64.imm', { dst: 3, imm: 40 }), call(87))).toBe(
      -EINVAL,
    )
    const out = new Uint8Array(8)
    expect(api.bpf_map_update_elem(fd, null, Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0), BPF_EXIST)).toBe(0)
    expect(retval(call(89), value)).toBe(9)
    expect(retval(call(88), value)).toBe(9)
    expect(retval(call(88), value)).toBe(77)
    expect(retval(call(88), value)).toBe(0)
    expect(api.bpf_map_lookup_elem(fd, null, out)).toBe(-ENOENT)
  })
})
