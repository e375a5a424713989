/** Bloom filters: nothing that was pushed is missed, and with a zero seed every answer is the kernel's. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import { boot, shutdown } from '#lib/machine/index.js'
import type { MapAttributes } from '#shared/maps/registry.js'
import { BPF_MAP_TYPE_BLOOM_FILTER } from '#shared/uapi/bpf.js'
import { BPF_F_ZERO_SEED } from '#shared/uapi/bpf_flags.js'
import { EFAULT, EINVAL, ENOENT, ENOTSUPP, EOPNOTSUPP } from '#shared/uapi/errno.js'
import { hex } from '#test/maps/model.js'
import { Random } from '#test/maps/random.js'
import { makeMap, testMachine } from '#test/maps/support.js'
import { askKernel, probeKernel } from './kernel.js'

const kernel = probeKernel()
if (!kernel.available) console.log(`bloom filters are not compared with the kernel: ${kernel.why}`)

const filter = (valueBytes: number, maxEntries: number, mapExtra = 0, flags = 0): MapAttributes => ({
  type: BPF_MAP_TYPE_BLOOM_FILTER,
  keyBytes: 0,
  valueBytes,
  maxEntries,
  flags,
  mapExtra,
})

/** A filter that takes values as bytes. */
function make(attr: MapAttributes) {
  const machine = testMachine(2, 32 * 1024 * 1024)
  const { on, address } = makeMap(machine, attr)
  const value = machine.allocate(attr.valueBytes)
  const put = (bytes: Uint8Array) => machine.u8.set(bytes, value)
  return {
    push(bytes: Uint8Array, flags = 0, cpu = 0): number {
      put(bytes)
      return on[cpu]!.push(address, value, flags)
    },
    peek(bytes: Uint8Array, cpu = 0): number {
      put(bytes)
      return on[cpu]!.peek(address, value)
    },
    refused: () => {
      const ops = on[0]!
      return [ops.pop(address, value), ops.delete(address, value), ops.nextKey(address, 0, value)]
    },
    update: () => on[0]!.updateUser(address, value, value, 0),
  }
}

const SIZES = [1, 2, 3, 4, 7, 8, 11, 12, 13, 16, 23, 24, 25, 64, 301]

describe('bloom filters', () => {
  it.each(SIZES)('find what was pushed, and little else: values of %i bytes', (valueBytes) => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    const map = make(filter(valueBytes, 1000))
    const pushed = new Set<string>()
    for (let i = 0; i < 1000; i++) {
      const bytes = random.bytes(valueBytes)
      expect(map.push(bytes, 0, random.below(3))).toBe(0)
      pushed.add(hex(bytes))
    }
    for (const value of pushed) expect(map.peek(Buffer.from(value, 'hex'), random.below(3))).toBe(0)
    if (valueBytes < 4) return
    let wrong = 0
    for (let i = 0; i < 2000; i++) {
      const bytes = random.bytes(valueBytes)
      if (!pushed.has(hex(bytes)) && map.peek(bytes) === 0) wrong++
    }
    // 5 hashes on 8,192 bits with 1,000 entries: about 2 in 100.
    expect(wrong).toBeLessThan(120)
  })

  it('know one flag and no other operation', () => {
    const map = make(filter(8, 4))
    expect([1, 2, 3, 4].map((flags) => map.push(new Uint8Array(8), flags))).toEqual(new Array(4).fill(-EINVAL))
    expect(map.refused()).toEqual([-EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP])
    expect(map.update()).toBe(-EINVAL)
  })

  it.runIf(kernel.available).each(SIZES)('answer as the kernel does, also wrongly: %i bytes', (valueBytes) => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    // Half as many entries as are pushed: many answers are wrong.
    const entries = 20 + random.below(200)
    const extra = random.below(16)
    const operations: [string, null, string, number][] = []
    for (let index = 0; index < 1000; index++) {
      const known = index > entries * 2 && random.below(4) === 0 ? operations[random.below(entries)]![2] : null
      const value = known ?? hex(random.bytes(valueBytes))
      operations.push([index < entries * 2 ? 'update' : 'lookup', null, value, 0])
    }
    const map = [BPF_MAP_TYPE_BLOOM_FILTER, 0, valueBytes, entries, BPF_F_ZERO_SEED]
    const [theirs] = askKernel([{ command: 'map', map, extra, operations }]) as [{ answers: (number | string)[] }]
    const ours = make(filter(valueBytes, entries, extra, BPF_F_ZERO_SEED))
    let found = 0
    for (const [index, [name, , value]] of operations.entries()) {
      const bytes = Buffer.from(value, 'hex')
      const answer = name === 'update' ? ours.push(bytes) : ours.peek(bytes) || value
      if (name === 'lookup' && answer === value) found++
      expect([index, name, answer]).toEqual([index, name, theirs.answers[index]])
    }
    expect(found).toBeGreaterThan(0)
  })
})

describe('through the library', () => {
  beforeAll(() => void boot())
  afterAll(() => shutdown())

  it('a look-up asks about the value passed in', () => {
    const fd = api.bpf_map_create(BPF_MAP_TYPE_BLOOM_FILTER, 'bloom', 0, 4, 100, { map_extra: 3n })
    expect(fd).toBeGreaterThan(0)
    const [known, unknown] = [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(4, 3, 2, 1)]
    expect(api.bpf_map_update_elem(fd, null, known, 0)).toBe(0)
    expect(api.bpf_map_update_elem(fd, null, known, 2)).toBe(-EINVAL)
    expect(api.bpf_map_lookup_elem(fd, null, known)).toBe(0)
    expect(api.bpf_map_lookup_elem(fd, null, unknown)).toBe(-ENOENT)
    expect(api.bpf_map_lookup_elem(fd, null, new Uint8Array(3))).toBe(-EFAULT)
    expect(api.bpf_map_lookup_and_delete_elem(fd, null, known)).toBe(-ENOTSUPP)
    expect(api.bpf_map_delete_elem(fd, null)).toBe(-EOPNOTSUPP)
  })
})
