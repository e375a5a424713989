import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { HEADER, NULL_GUARD_BYTES, TASK_USER_BYTES } from '#shared/layout.js'
import { createHarness, type Harness, hex, setCurrent } from './harness.js'

/** One call as the kernel answered it: 48 destination bytes, 0xaa before. */
interface Recorded {
  helper: string
  size: number
  where: 'kernel' | 'user' | 'absolute'
  content: string
  /** Bytes from the source to the end of what is mapped; null: far away. */
  fromEnd: number | null
  address: string | null
  ret: number
  dst: string
}

const file = new URL('./recorded/probe_read.json', import.meta.url)
const recorded: Recorded[] = JSON.parse(readFileSync(file, 'utf8'))
const DST_BYTES = 48
const SOURCE_BYTES = 4096

/** Puts the source where the recording had it: in kernel or user memory, near its end or not. */
function place(h: Harness, r: Recorded): bigint {
  const { u8, u32 } = h.views
  if (r.where === 'absolute') return BigInt(`0x${r.address}`)
  const user = u32[HEADER.user >> 2]
  const end = r.where === 'kernel' ? user : user + TASK_USER_BYTES
  const content = Buffer.from(r.content, 'hex')
  const from = r.fromEnd === null ? end - SOURCE_BYTES : end - r.fromEnd
  u8.fill(0xbb, end - SOURCE_BYTES, end)
  u8.set(content.subarray(0, end - from), from)
  return BigInt(from)
}

function answer(h: Harness, r: Recorded): { ret: number; dst: string } {
  const { u8 } = h.views
  u8.fill(0xaa, h.heap, h.heap + DST_BYTES)
  const ret = h.runtime[r.helper](h.heap, r.size, BigInt.asIntN(64, place(h, r)))
  return { ret, dst: hex(u8.slice(h.heap, h.heap + DST_BYTES)) }
}

describe('probe_read helpers answer as the kernel did', () => {
  const h = createHarness()
  setCurrent(h, { pid: 1, tgid: 1, uid: 0, gid: 0, comm: 'probe' })
  const helpers = [...new Set(recorded.map((r) => r.helper))]
  for (const helper of helpers) {
    // The recorded low addresses are no kernel memory in Linux; here some are, so those are left to the next test.
    const cases = recorded.filter((r) => r.helper === helper && !(r.address && isOurs(h, r.address)))
    it(`${helper}: ${cases.length} recorded calls`, () => {
      expect(cases.length).toBeGreaterThan(40)
      for (const r of cases) expect({ ...r, ...answer(h, r) }).toEqual(r)
    })
  }
})

function isOurs(h: Harness, address: string): boolean {
  const value = BigInt(`0x${address}`)
  return value >= NULL_GUARD_BYTES && value < BigInt(h.userEnd)
}

describe('probe_read and the machine’s own ranges', () => {
  it('reads kernel memory from the null guard up to the user range', () => {
    const h = createHarness()
    const user = h.views.u32[HEADER.user >> 2]
    expect(h.runtime.bpf_probe_read_kernel(h.heap, 8, BigInt(NULL_GUARD_BYTES))).toBe(0)
    expect(h.runtime.bpf_probe_read_kernel(h.heap, 8, BigInt(NULL_GUARD_BYTES - 1))).toBe(-34)
    expect(h.runtime.bpf_probe_read_kernel(h.heap, 8, BigInt(user - 8))).toBe(0)
    expect(h.runtime.bpf_probe_read_kernel(h.heap, 8, BigInt(user - 7))).toBe(-14)
  })

  it('reads only the current task’s user memory', () => {
    const h = createHarness()
    const user = h.views.u32[HEADER.user >> 2]
    const source = BigInt(user + TASK_USER_BYTES)
    expect(h.runtime.bpf_probe_read_user(h.heap, 8, source)).toBe(-14)
    setCurrent(h, { slot: 1, pid: 1, tgid: 1, uid: 0, gid: 0, comm: 'one' })
    h.views.u8.fill(0x55, user + TASK_USER_BYTES, user + TASK_USER_BYTES + 8)
    expect(h.runtime.bpf_probe_read_user(h.heap, 8, source)).toBe(0)
    expect(h.views.u64[h.heap >> 3]).toBe(0x5555555555555555n)
    expect(h.runtime.bpf_probe_read_user(h.heap, 8, source - 1n)).toBe(-14)
    expect(h.views.u64[h.heap >> 3]).toBe(0n)
    expect(h.runtime.bpf_probe_read_user(h.heap, 8, source | (1n << 32n))).toBe(-14)
    expect(h.runtime.bpf_probe_read_kernel(h.heap, 8, BigInt(h.heap) | (1n << 32n))).toBe(-34)
    expect(h.runtime.bpf_probe_read(h.heap, 8, source)).toBe(0)
    expect(h.runtime.bpf_probe_read(h.heap, 8, BigInt(h.heap))).toBe(0)
  })
})
