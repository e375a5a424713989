/** The same sequences of calls on our maps and on the kernel's, through bpf(2). */

import { expect, it } from 'vitest'
import { MAP } from '#shared/layout.js'
import { checkMap, type MapAttributes } from '#shared/maps/registry.js'
import { alignUp } from '#shared/struct.js'
import { ENOENT } from '#shared/uapi/errno.js'
import { hex } from '#test/maps/model.js'
import { Random } from '#test/maps/random.js'
import { makeMap, type TestMachine, type TestMap, testMachine } from '#test/maps/support.js'
import { askKernel, probeKernel } from './kernel.js'

const OPERATIONS = 5000
const ENTRIES = 29
const kernel = probeKernel()
const skipped = kernel.available ? 0 : 1
if (skipped) console.log(`differential tests skipped: ${kernel.why}`)

type Operation = [name: string, key: string | null, value: string, flags: number]
type Answer = string | number

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))

/** Answers as bpf(2) does: values and keys as hexadecimal text, errors as negative numbers. */
class Ours {
  readonly map: TestMap
  readonly #key: number
  readonly #value: number
  readonly #perCpu: boolean

  constructor(
    readonly machine: TestMachine,
    readonly attr: MapAttributes,
  ) {
    this.map = makeMap(machine, attr)
    this.#perCpu = attr.type === 5 || attr.type === 6
    this.#key = machine.allocate(attr.keyBytes)
    this.#value = machine.allocate(alignUp(attr.valueBytes, 8) * machine.cpus)
  }

  #lookup(address: number): Answer {
    if (address === 0) return -ENOENT
    const { machine, attr, map } = this
    if (!this.#perCpu) return hex(machine.u8.subarray(address, address + attr.valueBytes))
    const stride = machine.u32[(map.address + MAP.valueStride) / 4]!
    const bytes = alignUp(attr.valueBytes, 8)
    return Array.from({ length: machine.cpus }, (_, cpu) => {
      const at = address + cpu * stride
      return hex(machine.u8.subarray(at, at + bytes))
    }).join('')
  }

  answer([name, key, value, flags]: Operation): Answer {
    const { machine, map, attr } = this
    const ops = map.on[machine.cpus]!
    if (key !== null) machine.u8.set(bytesOf(key), this.#key)
    if (name === 'update') {
      machine.u8.set(bytesOf(value), this.#value)
      return ops.updateUser(map.address, this.#key, this.#value, flags)
    }
    if (name === 'delete') return ops.delete(map.address, this.#key)
    if (name === 'lookup') return this.#lookup(ops.lookupUser(map.address, this.#key))
    const result = ops.nextKey(map.address, key === null ? 0 : this.#key, this.#value)
    return result === 0 ? hex(machine.u8.subarray(this.#value, this.#value + attr.keyBytes)) : result
  }
}

function randomOperations(attr: MapAttributes, random: Random): Operation[] {
  const hash = attr.type === 1 || attr.type === 5
  const valueBytes = attr.type > 4 ? alignUp(attr.valueBytes, 8) * kernel.cpus : attr.valueBytes
  return Array.from({ length: OPERATIONS }, () => {
    const key = new Uint8Array(attr.keyBytes)
    key[0] = random.below(ENTRIES + 10)
    if (hash) key[attr.keyBytes - 1] = key[0]
    const kind = random.below(10)
    if (kind < 5) return ['update', hex(key), hex(random.bytes(valueBytes)), random.below(4)]
    if (kind < 7) return ['delete', hex(key), '', 0]
    // The order of a hash table's keys is its own affair: only arrays are walked here.
    if (kind < 8 && !hash) return ['next', random.below(10) === 0 ? null : hex(key), '', 0]
    return ['lookup', hex(key), '', 0]
  })
}

const maps = [1, 5].flatMap((type) =>
  [
    [4, 8],
    [7, 3],
    [140, 33],
  ].map(([keyBytes, valueBytes]) => [type, keyBytes, valueBytes] as const),
)
const arrays = [2, 6].flatMap((type) => [1, 8, 33].map((valueBytes) => [type, 4, valueBytes] as const))

it.skipIf(skipped).each([...maps, ...arrays])('map type %i, key %i, value %i', (type, keyBytes, valueBytes) => {
  const random = new Random()
  console.log(`seed ${random.seed}`)
  const attr = { type, keyBytes, valueBytes, maxEntries: ENTRIES, flags: 0 }
  const operations = randomOperations(attr, random)
  const map = [type, keyBytes, valueBytes, ENTRIES, 0]
  const [theirs] = askKernel([{ command: 'map', map, operations }]) as [{ answers: Answer[] }]
  const ours = new Ours(testMachine(kernel.cpus, 64 * 1024 * 1024), attr)
  for (const [index, operation] of operations.entries()) {
    // What lies between a per-CPU value and its multiple of 8 is not compared: only whole strides come from us.
    expect([index, operation[0], ours.answer(operation)]).toEqual([index, operation[0], theirs.answers[index]])
  }
})

it.skipIf(skipped)('creation of maps of these types', () => {
  const random = new Random()
  console.log(`seed ${random.seed}`)
  const pick = <T>(list: T[]): T => list[random.below(list.length)]!
  const requests: [number, number, number, number, number][] = Array.from({ length: 2000 }, () => [
    pick([1, 2, 4, 5, 6]),
    pick([0, 1, 4, 4, 4, 4, 8, 512, 4_000_000, 4_194_000, 4_194_303, 0xffffffff]),
    pick([0, 1, 4, 4, 8, 300, 32768, 32769, 65536, 100_000, 0x80000000, 0xffffffff]),
    pick([0, 1, 2, 3, 100, 4096]),
    random.below(2) === 0 ? 0 : (1 << random.below(24)) | (random.below(4) === 0 ? 1 << random.below(24) : 0),
  ])
  // Path and token flags ask for descriptors, NUMA_NODE for a node: not a map type's own affair.
  // And nothing that would make the kernel clear many megabytes.
  const asked = requests.filter(
    ([, key, value, entries, flags]) =>
      (flags & ~0x1fff) === 0 && (key + value > 2 ** 31 || (key + value) * entries < 2 ** 24),
  )
  const [theirs] = askKernel([{ command: 'create', maps: asked }]) as [number[]]
  const ENOMEM = -12
  for (const [index, request] of asked.entries()) {
    const [type, keyBytes, valueBytes, maxEntries, flags] = request
    // What fails for want of memory there depends on the machine.
    if (theirs[index] === ENOMEM) continue
    const ours = checkMap({ type, keyBytes, valueBytes, maxEntries, flags })
    expect([...request, ours]).toEqual([...request, theirs[index]])
  }
})
