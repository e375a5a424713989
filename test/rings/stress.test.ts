/** Four producers, one reader that stalls at random: sent = received + lost, in order, every checksum right. */
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { HEADER } from '#shared/layout.js'
import { PerfReader } from '#shared/rings/consumer.js'
import { perfRingCounters, takePerfReady } from '#shared/rings/perf_ring.js'
import { Random } from '#test/maps/random.js'
import { type TestMachine, testMachine } from '#test/maps/support.js'
import type { RingOrders, RingReport } from '#test/rings/fixtures/worker.js'
import { makePerfMap, makeRing, setSlot } from '#test/rings/support.js'

const CPUS = 4
const SAMPLES = Number(process.env.ROUNDS) || 60_000
const WORKER = new URL('../../dist/test/rings/fixtures/worker.js', import.meta.url)

/** What arrives from one ring. */
class Receiver {
  readonly reader: PerfReader
  received = 0
  lost = 0
  last = 0
  readonly problems: string[] = []

  constructor(
    readonly machine: TestMachine,
    readonly ring: number,
  ) {
    this.reader = new PerfReader(machine, ring)
  }

  readonly #onSample = (view: Uint8Array): void => {
    const words = new Uint32Array(view.buffer, view.byteOffset, view.length >>> 2)
    const [sequence, length, sum] = words as unknown as [number, number, number]
    let found = 0
    for (let i = 3; i < length; i++) found = (found + words[i]!) >>> 0
    if (found !== sum) this.problems.push(`sample ${sequence}: sum ${found} and not ${sum}`)
    if (sequence <= this.last) this.problems.push(`sample ${sequence} after ${this.last}`)
    this.last = sequence
    this.received++
  }

  readonly #onLost = (count: number): void => {
    this.lost += count
  }

  read(max?: number): number {
    takePerfReady(this.machine, this.ring)
    return this.reader.read(this.#onSample, this.#onLost, max)
  }
}

/** Sleeps as the main thread does: flag up, a last look, then the doorbell. */
async function waitForWork(machine: TestMachine, receivers: Receiver[]): Promise<void> {
  const doorbell = HEADER.mainDoorbell / 4
  const seen = Atomics.load(machine.i32, doorbell)
  Atomics.store(machine.i32, HEADER.mainSleeping / 4, 1)
  if (receivers.every((receiver) => receiver.reader.pendingBytes === 0)) Atomics.wait(machine.i32, doorbell, seen, 20)
  Atomics.store(machine.i32, HEADER.mainSleeping / 4, 0)
  await new Promise((resolve) => setImmediate(resolve))
}

it('loses nothing unaccounted between threads', async () => {
  const random = new Random()
  console.log(`seed ${random.seed}`)
  const machine = testMachine(CPUS, 64 * 1024 * 1024)
  const map = makePerfMap(machine, CPUS)
  const receivers: Receiver[] = []
  const reports: RingReport[] = []
  for (let cpu = 0; cpu < CPUS; cpu++) {
    const ring = makeRing(machine, { cpu, pages: 8, wakeupEvents: 1 + random.below(20) })
    setSlot(machine, map, cpu, ring)
    receivers.push(new Receiver(machine, ring))
    const orders: RingOrders = {
      memory: machine.memory,
      cpus: CPUS,
      cpu,
      map: map.address,
      data: machine.allocate(4096),
      samples: SAMPLES,
      largest: cpu % 2 ? 64 : 4096,
      seed: random.u32(),
    }
    const worker = new Worker(WORKER, { workerData: orders })
    worker.once('message', (report: RingReport) => reports.push(report))
    worker.once('error', (error) => receivers[cpu]!.problems.push(String(error)))
  }
  while (reports.length < CPUS && receivers.every((receiver) => receiver.problems.length === 0)) {
    for (const receiver of receivers) receiver.read(random.below(4) === 0 ? random.below(50) : undefined)
    if (random.below(50) === 0) Atomics.wait(machine.i32, HEADER.cpuDeaths / 4, 0, random.below(5))
    await waitForWork(machine, receivers)
  }
  for (const { cpu, accepted, refused } of reports) {
    const receiver = receivers[cpu]!
    receiver.read()
    const counters = perfRingCounters(machine, receiver.ring)
    expect(receiver.problems).toEqual([])
    expect([receiver.received, receiver.lost + counters.lostPending]).toEqual([accepted, refused])
    expect([counters.events, counters.lost]).toEqual([accepted, refused])
    expect(accepted + refused).toBe(SAMPLES)
    expect(accepted).toBeGreaterThan(0)
  }
  expect(reports).toHaveLength(CPUS)
})
