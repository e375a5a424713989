/** The perf ring on one thread: answers, records, wake-ups, random content, and the kernel's behaviour. */

import { describe, expect, it } from 'vitest'
import { MAP, PAGE_BYTES, PERF_MMAP_PAGE, PERF_RING, SK_BUFF, XDP_MD } from '#shared/layout.js'
import { PerfReader } from '#shared/rings/consumer.js'
import { PERF_RAW_MAX_BYTES } from '#shared/rings/perf.js'
import { perfRingCounters, takePerfReady } from '#shared/rings/perf_ring.js'
import { E2BIG, EFAULT, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } from '#shared/uapi/errno.js'
import { hex } from '#test/maps/model.js'
import { Random } from '#test/maps/random.js'
import { testMachine } from '#test/maps/support.js'
import { makePerfMap, makeProducer, makeRing, type RingOptions, setSlot } from '#test/rings/support.js'
import { askKernel, probeKernel } from '../maps/kernel.js'

const CURRENT = 0xffffffffn
const CPUS = 2

function scene(options: RingOptions = {}) {
  const machine = testMachine(CPUS, 64 * 1024 * 1024)
  const map = makePerfMap(machine, 4)
  const ring = makeRing(machine, options)
  setSlot(machine, map, 0, ring)
  const producer = makeProducer(machine, 0)
  const data = machine.allocate(1 << 20)
  const output = (size: number, flags = CURRENT) => producer.plain(0, map.address, flags, data, size)
  const page = machine.u32[(ring + PERF_RING.page) / 4]!
  return { machine, map, ring, producer, data, output, page }
}

const ignore = () => {}

describe('answers', () => {
  it('checks flags, index, slot, event, CPU and pages in this order', () => {
    const { machine, map, output } = scene()
    expect(output(8)).toBe(0)
    expect(output(8, 0n)).toBe(0)
    expect(output(8, (1n << 32n) | 9n)).toBe(-EINVAL)
    expect(output(8, 4n)).toBe(-E2BIG)
    expect(output(8, 3n)).toBe(-ENOENT)
    setSlot(machine, map, 1, makeRing(machine, { cpu: 1 }))
    expect(output(8, 1n)).toBe(-EOPNOTSUPP)
    setSlot(machine, map, 1, makeRing(machine, { enabled: false }))
    expect(output(8, 1n)).toBe(-EOPNOTSUPP)
    setSlot(machine, map, 1, makeRing(machine, { config: 0 }))
    expect(output(8, 1n)).toBe(-EINVAL)
    const pageless = makeRing(machine, { pages: 0 })
    setSlot(machine, map, 1, pageless)
    expect(output(8, 1n)).toBe(-ENOSPC)
    expect(perfRingCounters(machine, pageless).lost).toBe(0)
  })

  it('refuses what no record can hold', () => {
    const { output } = scene({ pages: 64 })
    expect(output(PERF_RAW_MAX_BYTES)).toBe(0)
    expect(output(PERF_RAW_MAX_BYTES + 1)).toBe(-E2BIG)
    expect(output(-1)).toBe(-E2BIG)
  })

  it.each([
    ['xdp', XDP_MD],
    ['skb', SK_BUFF],
  ] as const)('appends bytes of the packet for %s programs', (form, context) => {
    const { machine, map, ring, producer, data } = scene()
    const ctx = machine.allocate(256)
    const packet = machine.allocate(100)
    machine.u32[(ctx + context.data) / 4] = packet
    machine.u32[(ctx + context.dataEnd) / 4] = packet + 100
    machine.u8.set([1, 2, 3, 4, 5, 6, 7, 8], data)
    for (let i = 0; i < 100; i++) machine.u8[packet + i] = 200 - i
    const output = (bytes: number, index = CURRENT) =>
      producer[form](ctx, map.address, (BigInt(bytes) << 32n) | index, data, 8)
    const samples: Uint8Array[] = []
    const reader = new PerfReader(machine, ring)
    for (const bytes of [0, 1, 50, 100]) expect(output(bytes)).toBe(0)
    expect(output(101)).toBe(-EFAULT)
    expect(output(101, 9n)).toBe(-EFAULT)
    expect(output(1 << 20)).toBe(-EINVAL)
    reader.read((view) => samples.push(view.slice()), ignore)
    expect(samples.map((sample) => sample.length)).toEqual([12, 12, 60, 108])
    const last = samples[3]!
    expect([...last.subarray(0, 8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect([...last.subarray(8)]).toEqual(Array.from({ length: 100 }, (_, i) => 200 - i))
  })
})

describe('a full ring', () => {
  it('counts what it refuses and reports it with the next record that fits', () => {
    const { machine, ring, output } = scene({ id: 136 })
    let accepted = 0
    while (output(8) === 0) accepted++
    // One page less 16 bytes: a ring is never filled to its last byte.
    expect(accepted).toBe(170)
    expect([output(8), output(8)]).toEqual([-ENOSPC, -ENOSPC])
    const reader = new PerfReader(machine, ring)
    // Room for a sample is not room for a sample and the LOST record before it.
    expect(reader.read(ignore, ignore, 1)).toBe(1)
    expect(output(8)).toBe(-ENOSPC)
    expect(perfRingCounters(machine, ring).lostPending).toBe(4)
    expect(reader.read(ignore, ignore, 1)).toBe(1)
    expect(output(8)).toBe(0)
    expect(perfRingCounters(machine, ring)).toMatchObject({ events: 171, lost: 4, lostPending: 0 })
    const records: [number, string][] = []
    reader.readRecords((record, type) => {
      if (records.length === 168 || type === 2) records.push([type, hex(record)])
      else records.push([type, ''])
      return 0
    })
    expect(records[168]).toEqual([2, '020000000000180088000000000000000400000000000000'])
    expect(records).toHaveLength(170)
  })

  it('reports lost samples by number', () => {
    const { machine, ring, output } = scene()
    for (let i = 0; i < 180; i++) output(8)
    const reader = new PerfReader(machine, ring)
    let lost = 0
    reader.read(ignore, (count) => {
      lost += count
    })
    output(8)
    reader.read(ignore, (count) => {
      lost += count
    })
    expect(lost).toBe(10)
  })
})

describe('the reader', () => {
  it('stops when told to, and counts that record as read', () => {
    const { machine, ring, output } = scene()
    for (let i = 0; i < 5; i++) output(8)
    const reader = new PerfReader(machine, ring)
    let seen = 0
    expect(reader.readRecords(() => (++seen === 2 ? -1 : 0))).toBe(2)
    expect(reader.read(ignore, ignore)).toBe(3)
    expect(reader.pendingBytes).toBe(0)
  })

  it('passes on what a callback throws, and goes on after that record', () => {
    const { machine, ring, output } = scene()
    for (let i = 0; i < 5; i++) output(8)
    const reader = new PerfReader(machine, ring)
    expect(() =>
      reader.read(() => {
        throw new Error('mine')
      }, ignore),
    ).toThrow('mine')
    expect(reader.read(ignore, ignore)).toBe(4)
  })

  it('drops what is no record', () => {
    const { machine, ring, output, page } = scene()
    for (let i = 0; i < 3; i++) output(8)
    machine.u32[(page + PAGE_BYTES + 24 + 4) / 4] = 0
    const reader = new PerfReader(machine, ring)
    expect(reader.read(ignore, ignore)).toBe(1)
    expect(reader.pendingBytes).toBe(0)
    output(8)
    expect(reader.read(ignore, ignore)).toBe(1)
  })

  it('gives back every byte, whatever the sizes and wherever the ring ends', () => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    const { machine, map, ring, output, data } = scene({ pages: 2 })
    const reader = new PerfReader(machine, ring)
    const sent: Uint8Array[] = []
    let received = 0
    let refused = 0
    let lost = 0
    for (let i = 0; i < 10_000; i++) {
      const size = random.below(10) === 0 ? random.below(2000) : random.below(70)
      const payload = random.bytes(size)
      machine.u8.set(payload, data)
      if (output(size) === 0) sent.push(payload)
      else refused++
      if (random.below(12) > 0) continue
      const check = (view: Uint8Array) => {
        const wanted = sent[received++]!
        expect(hex(view.subarray(0, wanted.length))).toBe(hex(wanted))
        expect((view.length + 4) % 8).toBe(0)
        expect(view.length - wanted.length).toBeLessThan(8)
        expect(view.subarray(wanted.length).every((byte) => byte === 0)).toBe(true)
      }
      const max = random.below(4) === 0 ? 3 : undefined
      reader.read(
        check,
        (count) => {
          lost += count
        },
        max,
      )
    }
    reader.read(
      () => received++,
      (count) => {
        lost += count
      },
    )
    expect(received).toBe(sent.length)
    expect(refused).toBeGreaterThan(0)
    expect(lost + perfRingCounters(machine, ring).lostPending).toBe(refused)
    expect(machine.u32[(map.address + MAP.maxEntries) / 4]).toBe(4)
  })
})

describe('wake-ups', () => {
  /** Numbers of the samples after which the ring is ready, read at once each time. */
  function wakeups(options: RingOptions, samples: number): number[] {
    const { machine, ring, output } = scene(options)
    const reader = new PerfReader(machine, ring)
    const at: number[] = []
    for (let i = 1; i <= samples; i++) {
      output(8)
      if (takePerfReady(machine, ring)) at.push(i)
      reader.read(ignore, ignore)
    }
    return at
  }

  // The numbers are the kernel's, asked once; a ring of one page.
  it('come when half the ring was written', () => {
    expect(wakeups({ wakeupEvents: 0 }, 299)).toEqual([86, 171, 257])
  })
  it('come every wakeup_events samples, and at half a ring', () => {
    const every4 = Array.from({ length: 74 }, (_, i) => (i + 1) * 4)
    expect(wakeups({ wakeupEvents: 4 }, 299)).toEqual([...every4, 87, 173, 259].sort((a, b) => a - b))
    const every3 = Array.from({ length: 99 }, (_, i) => (i + 1) * 3)
    expect(wakeups({ wakeupEvents: 3 }, 299)).toEqual([...every3, 260].sort((a, b) => a - b))
    expect(wakeups({ wakeupEvents: 1 }, 20)).toHaveLength(20)
  })
  it('come at a watermark', () => {
    expect(wakeups({ wakeupEvents: 0, watermarkBytes: 100 }, 30)).toEqual([5, 9, 13, 17, 21, 26, 30])
  })
})

const kernel = probeKernel()
if (!kernel.available) console.log(`1 differential test skipped: ${kernel.why}`)

it.skipIf(!kernel.available)('behaves as the kernel over random sequences', () => {
  const random = new Random()
  console.log(`seed ${random.seed}`)
  for (const wakeup of [0, 1, 3, 7]) {
    const payload = random.bytes(4096)
    const packet = random.bytes(120)
    const sizes = Array.from({ length: 8 }, () => random.below(300))
    const outputs = Array.from({ length: 600 }, () => {
      const context = random.below(5) === 0 ? BigInt(40 * (1 + random.below(4))) << 32n : 0n
      const index = random.below(30) === 0 ? BigInt(random.below(6)) : CURRENT
      const odd = random.below(60) === 0 ? 1n << 52n : 0n
      return {
        size: sizes[random.below(8)]!,
        flags: context | index | odd,
        free: random.below(3) === 0 ? random.below(5) : 0,
      }
    })
    const event = { cpu: 0, index: 0, pages: 1, wakeup }
    const request = {
      command: 'perf',
      entries: 4,
      payload: hex(payload),
      packet: hex(packet),
      events: [event, { cpu: 1, index: 1, pages: 1, wakeup }].slice(0, kernel.cpus),
      outputs: outputs.map(({ size, flags, free }) => [size, String(flags), free]),
    }
    const [theirs] = askKernel([request]) as [{ answers: [number, number, boolean][] }]
    const { machine, map, ring, producer, data, page } = scene({ wakeupEvents: wakeup })
    if (kernel.cpus > 1) setSlot(machine, map, 1, makeRing(machine, { cpu: 1 }))
    const ctx = machine.allocate(64)
    const bytes = machine.allocate(packet.length)
    machine.u8.set(packet, bytes)
    machine.u8.set(payload, data)
    machine.u32[(ctx + XDP_MD.data) / 4] = bytes
    machine.u32[(ctx + XDP_MD.dataEnd) / 4] = bytes + packet.length
    const reader = new PerfReader(machine, ring)
    for (const [index, { size, flags, free }] of outputs.entries()) {
      const result = producer.xdp(ctx, map.address, flags, data, size)
      const head = machine.u32[(page + PERF_MMAP_PAGE.dataHead) / 4]!
      const ready = takePerfReady(machine, ring)
      expect([index, result, head, ready]).toEqual([index, ...theirs.answers[index]!])
      reader.read(ignore, ignore, free)
    }
  }
})
