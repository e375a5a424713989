import { describe, expect, it } from 'vitest'
import { helperTable, isWide } from '#shared/helpers/table.js'
import { CPU } from '#shared/layout.js'
import { PRANDOM_COMPONENTS, seedPrandom } from '#shared/runtime/random.js'
import { createHarness, setCurrent } from './harness.js'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

describe('helpers about the running CPU and task', () => {
  it('name the current task', () => {
    const h = createHarness(5)
    setCurrent(h, { pid: 0x11223344, tgid: 0x55667788, uid: 1000, gid: 0xfffffffe, comm: 'dd' })
    expect(BigInt.asUintN(64, h.runtime.bpf_get_current_pid_tgid())).toBe(0x5566778811223344n)
    expect(BigInt.asUintN(64, h.runtime.bpf_get_current_uid_gid())).toBe(0xfffffffe000003e8n)
    expect(h.runtime.bpf_get_smp_processor_id()).toBe(5n)
  })

  it('name the idle task when none runs', () => {
    for (const [cpu, comm] of [
      [0, 'swapper/0'],
      [11, 'swapper/11'],
    ] as const) {
      const h = createHarness(cpu)
      expect(h.runtime.bpf_get_current_pid_tgid()).toBe(0n)
      expect(h.runtime.bpf_get_current_uid_gid()).toBe(0n)
      expect(h.runtime.bpf_get_current_comm(h.heap, 16)).toBe(0)
      expect(text(h.views.u8.slice(h.heap, h.heap + 16))).toBe(comm.padEnd(16, '\0'))
    }
  })

  it('get_current_comm cuts, terminates and pads', () => {
    const h = createHarness()
    setCurrent(h, { pid: 1, tgid: 1, uid: 0, gid: 0, comm: 'fifteen_letters_and_more' })
    for (const [bytes, expected] of [
      [1, '\0'],
      [4, 'fif\0'],
      [15, 'fifteen_letter\0'],
      [16, 'fifteen_letters\0'],
      [24, 'fifteen_letters\0\0\0\0\0\0\0\0\0'],
    ] as const) {
      h.views.u8.fill(0xaa, h.heap, h.heap + 32)
      expect(h.runtime.bpf_get_current_comm(h.heap, bytes)).toBe(0)
      expect(text(h.views.u8.slice(h.heap, h.heap + bytes))).toBe(expected)
      expect(h.views.u8[h.heap + bytes]).toBe(0xaa)
    }
  })

  it('ktime_get_ns is the clock, all 64 bits of it', () => {
    const h = createHarness()
    h.clock.nowNs = 2 ** 52 + 1
    expect(h.runtime.bpf_ktime_get_ns()).toBe(2n ** 52n + 1n)
  })
})

describe('bpf_get_prandom_u32', () => {
  /** The generator again, in plain numbers. */
  function reference(state: number[]): number {
    PRANDOM_COMPONENTS.forEach(({ q, k, mask, s }, i) => {
      const z = state[i]
      state[i] = (((z & mask) << s) ^ ((((z << q) ^ z) >>> 0) >>> k)) >>> 0
    })
    return state.reduce((a, b) => (a ^ b) >>> 0)
  }

  it('follows the generator from its seed', () => {
    const h = createHarness()
    const seed = [123, 456, 789, 0xdeadbeef]
    seedPrandom(h.views.u32, h.area, seed)
    const state = [...seed]
    for (let i = 0; i < 1000; i++) expect(Number(h.runtime.bpf_get_prandom_u32())).toBe(reference(state))
  })

  it('lifts seeds that would leave a component stuck', () => {
    const h = createHarness()
    seedPrandom(h.views.u32, h.area, [0, 1, 15, 127])
    const words = [...h.views.u32.subarray((h.area + CPU.prandom) >> 2, ((h.area + CPU.prandom) >> 2) + 4)]
    words.forEach((word, i) => {
      expect(word).toBeGreaterThanOrEqual(PRANDOM_COMPONENTS[i].least)
    })
    expect(new Set(Array.from({ length: 100 }, () => h.runtime.bpf_get_prandom_u32())).size).toBeGreaterThan(95)
  })
})

describe('the runtime module', () => {
  it('exports each helper of the wasm tier with the table’s signature', () => {
    const h = createHarness()
    for (const row of helperTable) {
      if (row.tier !== 'wasm' || row.name.startsWith('bpf_perf_event_output')) continue
      const helper = h.runtime[row.name]
      expect(helper, row.name).toBeTypeOf('function')
      expect(helper.length).toBe(row.args.length)
      const args = row.args.map((kind) => (isWide(kind) ? 0n : 0))
      expect(typeof helper(...args.map((value, i) => (i === 0 && row.args.length > 0 ? h.heap : value)))).toBe(
        row.ret === 'u64' ? 'bigint' : 'number',
      )
    }
  })
})
