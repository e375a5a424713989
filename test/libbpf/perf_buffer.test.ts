import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import { shutdown } from '#lib/machine/index.js'
import { currentKernel } from '#lib/syscall/current.js'
import { captureMessages, fdOfMap, fdOfProgram, loaded, runRaw, runXdp } from './support.js'

/** The programs send 64 bytes; a sample arrives padded so that 4 + size is a multiple of 8. */
const PADDED_BYTES = 68
const ENOSPC = -28

let messages: ReturnType<typeof captureMessages>
let object: api.bpf_object
let mapFd = -1
let before: number[]

function state(): number[] {
  const kernel = currentKernel()
  return [kernel.files.count, kernel.perfEvents.size, kernel.machine.allocator.usedBytes]
}

beforeEach(() => {
  messages = captureMessages()
  object = loaded('perf_output')
  mapFd = fdOfMap(object, 'events')
  before = state()
})
afterEach(() => {
  expect(state()).toEqual(before)
  api.bpf_object__close(object)
  messages.restore()
})
afterAll(shutdown)

const sequenceOf = (data: Uint8Array): number =>
  Number(new DataView(data.buffer, data.byteOffset).getBigUint64(0, true))

describe('perf_buffer__new', () => {
  it.each([0, 3, 7, -1, 1.5])('refuses %s pages', (pages) => {
    expect(api.perf_buffer__new(mapFd, pages, () => {})).toBeNull()
    expect(api.errno).toBe(22)
    expect(messages.text()).toBe(`libbpf: page count should be power of two, but is ${pages}\n`)
  })

  it('refuses other maps, other descriptors, and rings larger than memory', () => {
    const fd = api.bpf_map_create(api.BPF_MAP_TYPE_ARRAY, 'other', 4, 4, 1)
    expect(api.perf_buffer__new(fd, 8, () => {})).toBeNull()
    expect(api.errno).toBe(22)
    expect(messages.text()).toContain("map 'other' should be BPF_MAP_TYPE_PERF_EVENT_ARRAY")
    currentKernel().close(fd)
    expect(api.perf_buffer__new(9999, 8, () => {})).toBeNull()
    expect(api.errno).toBe(9)
    expect(api.perf_buffer__new(mapFd, 1 << 20, () => {})).toBeNull()
    expect(api.errno).toBe(12)
  })

  it('opens a ring for each online CPU, no more than the map has entries', () => {
    const pb = api.perf_buffer__new(mapFd, 1, () => {})!
    expect(api.perf_buffer__buffer_cnt(pb)).toBe(2)
    expect(api.perf_buffer__buffer_fd(pb, 0)).toBeGreaterThanOrEqual(3)
    expect(api.perf_buffer__buffer_fd(pb, 2)).toBe(-22)
    expect(api.perf_buffer__epoll_fd(pb)).toBeGreaterThanOrEqual(3)
    const buffer: (Uint8Array | null)[] = [null]
    const size = new Uint32Array(1)
    expect(api.perf_buffer__buffer(pb, 1, buffer, size)).toBe(0)
    expect([buffer[0]?.length, size[0]]).toEqual([8192, 8192])
    expect(new DataView(buffer[0]!.buffer, buffer[0]!.byteOffset).getUint32(1040, true)).toBe(4096)
    expect(api.perf_buffer__buffer(pb, 2, buffer, size)).toBe(-22)
    api.perf_buffer__free(pb)
    const small = api.bpf_map_create(api.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 'small', 4, 4, 1)
    const one = api.perf_buffer__new(small, 1, () => {})!
    expect(api.perf_buffer__buffer_cnt(one)).toBe(1)
    api.perf_buffer__free(one)
    api.perf_buffer__free(null)
    currentKernel().close(small)
  })
})

describe('perf_buffer__poll', () => {
  it('returns the number of woken rings and hands samples over padded, with context and CPU', () => {
    const seen: [unknown, number, number, number][] = []
    const context = { mine: true }
    const onSample: api.perf_buffer_sample_fn<object> = (ctx, cpu, data, size) => {
      seen.push([ctx, cpu, data.length, size])
    }
    const pb = api.perf_buffer__new(mapFd, 8, onSample, null, context)!
    expect(api.perf_buffer__poll(pb, 0)).toBe(0)
    expect(runXdp(object, 'xdp_current')).toBe(0)
    expect(runXdp(object, 'xdp_current')).toBe(0)
    expect(api.perf_buffer__poll(pb, 1000)).toBe(1)
    expect(seen).toEqual([
      [context, 0, PADDED_BYTES, PADDED_BYTES],
      [context, 0, PADDED_BYTES, PADDED_BYTES],
    ])
    expect(runRaw(object, 'tp_current', 0)).toBe(0)
    expect(runRaw(object, 'tp_current', 1)).toBe(0)
    expect(api.perf_buffer__poll(pb, 1000)).toBe(2)
    expect(seen.slice(2).map(([, cpu]) => cpu)).toEqual([0, 1])
    expect(api.perf_buffer__poll(pb, 5)).toBe(0)
    api.perf_buffer__free(pb)
    expect(api.perf_buffer__poll(pb, 0)).toBe(-9)
  })

  it('wakes once in every sample_period samples; consume does not wait for that', () => {
    let count = 0
    const pb = api.perf_buffer__new(mapFd, 8, () => count++, null, null, { sample_period: 3 })!
    for (let i = 0; i < 2; i++) runXdp(object, 'xdp_small')
    expect([api.perf_buffer__poll(pb, 0), count]).toEqual([0, 0])
    runXdp(object, 'xdp_small')
    expect([api.perf_buffer__poll(pb, 0), count]).toEqual([1, 3])
    runXdp(object, 'xdp_small')
    expect([api.perf_buffer__consume(pb), count]).toEqual([0, 4])
    runXdp(object, 'xdp_small')
    expect([api.perf_buffer__consume_buffer(pb, 1), count]).toEqual([0, 4])
    expect([api.perf_buffer__consume_buffer(pb, 0), count]).toEqual([0, 5])
    expect(api.perf_buffer__consume_buffer(pb, 5)).toBe(-22)
    api.perf_buffer__free(pb)
  })

  it('passes on what a callback throws, and goes on after that record', () => {
    const seen: number[] = []
    const pb = api.perf_buffer__new(mapFd, 8, (_ctx, _cpu, data) => {
      seen.push(sequenceOf(data))
      if (seen.length === 1) throw new Error('mine')
    })!
    for (let i = 0; i < 3; i++) runXdp(object, 'xdp_current')
    expect(() => api.perf_buffer__poll(pb, 0)).toThrow('mine')
    expect(api.perf_buffer__consume(pb)).toBe(0)
    expect(seen).toEqual([seen[0], seen[0] + 1, seen[0] + 2])
    api.perf_buffer__free(pb)
  })
})

describe('a full ring', () => {
  it('refuses samples with -ENOSPC and counts them in the next record that fits', () => {
    const lost: [number, bigint][] = []
    let received = 0
    const pb = api.perf_buffer__new(
      mapFd,
      1,
      () => received++,
      (_ctx, cpu, count) => lost.push([cpu, count]),
    )!
    let sent = 0
    while (runXdp(object, 'xdp_current') === 0) sent++
    expect(runXdp(object, 'xdp_current')).toBe(ENOSPC)
    expect(sent).toBe(Math.floor(4095 / (8 + 4 + PADDED_BYTES)))
    api.perf_buffer__consume(pb)
    expect([received, lost]).toEqual([sent, []])
    expect(runXdp(object, 'xdp_current')).toBe(0)
    api.perf_buffer__consume(pb)
    expect(lost).toEqual([[0, 2n]])
    expect(received).toBe(sent + 1)
    api.perf_buffer__free(pb)
  })
})

describe('perf_buffer__new_raw', () => {
  const attr: api.perf_event_attr = { type: 1, config: 10, sample_type: 1 << 10, sample_period: 1, wakeup_events: 1 }

  it('gives whole records and stops where the callback says', () => {
    const records: [number, number, number][] = []
    let answer = api.LIBBPF_PERF_EVENT_CONT
    const onEvent: api.perf_buffer_event_fn = (_ctx, cpu, event) => {
      const view = new DataView(event.buffer, event.byteOffset)
      records.push([cpu, view.getUint32(0, true), view.getUint16(6, true)])
      return answer
    }
    const pb = api.perf_buffer__new_raw(mapFd, 2, attr, onEvent)!
    for (let i = 0; i < 4; i++) runXdp(object, 'xdp_current')
    answer = api.LIBBPF_PERF_EVENT_DONE
    expect(api.perf_buffer__consume(pb)).toBe(0)
    expect(records).toEqual([[0, 9, 80]])
    answer = api.LIBBPF_PERF_EVENT_ERROR
    expect(api.perf_buffer__consume_buffer(pb, 0)).toBe(-1)
    expect(api.perf_buffer__poll(pb, 0)).toBe(-1)
    expect(api.errno).toBe(1)
    expect(messages.text()).toContain('error while processing records: -EPERM')
    answer = api.LIBBPF_PERF_EVENT_CONT
    expect(api.perf_buffer__consume(pb)).toBe(0)
    expect(records.length).toBe(4)
    api.perf_buffer__free(pb)
  })

  it('opens rings for the CPUs and keys it is given', () => {
    const cpus: number[] = []
    const onEvent: api.perf_buffer_event_fn = (_ctx, cpu) => {
      cpus.push(cpu)
      return api.LIBBPF_PERF_EVENT_CONT
    }
    const pb = api.perf_buffer__new_raw(mapFd, 2, attr, onEvent, null, { cpu_cnt: 1, cpus: [1], map_keys: [0] })!
    expect(api.perf_buffer__buffer_cnt(pb)).toBe(1)
    expect(runRaw(object, 'tp_index_zero', 1)).toBe(0)
    expect(runRaw(object, 'tp_index_zero', 0)).toBe(-95)
    expect(api.perf_buffer__poll(pb, 1000)).toBe(1)
    expect(cpus).toEqual([1])
    api.perf_buffer__free(pb)
    expect(api.perf_buffer__new_raw(mapFd, 2, attr, onEvent, null, { cpu_cnt: 1, cpus: [9], map_keys: [0] })).toBeNull()
    expect(api.errno).toBe(22)
    expect(api.perf_buffer__new_raw(mapFd, 2, null as unknown as object, onEvent)).toBeNull()
    expect(api.errno).toBe(22)
  })
})

describe('without blocking', () => {
  it('perf_buffer__poll_async waits for the next wake-up', async () => {
    let count = 0
    const pb = api.perf_buffer__new(mapFd, 8, () => count++)!
    const pending = api.perf_buffer__poll_async(pb, 10_000)
    setTimeout(() => runXdp(object, 'xdp_small'), 5)
    expect(await pending).toBe(1)
    expect(count).toBe(1)
    expect(await api.perf_buffer__poll_async(pb, 1)).toBe(0)
    api.perf_buffer__free(pb)
    expect(await api.perf_buffer__poll_async(pb, 1)).toBe(-9)
  })

  it('events() gives copies one by one, in order, and counts what was lost', async () => {
    const pb = api.perf_buffer__new(mapFd, 1, null)!
    const events = pb.events({ queue_max: 8 })
    let sent = 0
    while (runXdp(object, 'xdp_current') === 0) sent++
    const seen: api.PerfEvent[] = []
    for await (const event of events) {
      seen.push(event)
      if (seen.length === sent) runXdp(object, 'xdp_current')
      if (seen.length === sent + 1) break
    }
    const first = sequenceOf(seen[0].data)
    // The refused one had a sequence number too.
    const wanted = seen.map((_, i) => first + i + (i === sent ? 1 : 0))
    expect(seen.map((event) => sequenceOf(event.data))).toEqual(wanted)
    expect(seen.every((event) => event.cpu === 0 && event.data.length === PADDED_BYTES)).toBe(true)
    expect(events.lost).toBe(1)
    api.perf_buffer__free(pb)
    expect(await pb.events().next()).toEqual({ done: true, value: undefined })
  })
})

describe('the map’s elements', () => {
  it('go when the descriptor that set them closes, unless the map preserves them', () => {
    const program = fdOfProgram(object, 'tp_current')
    const kernel = currentKernel()
    const info: Partial<api.bpf_prog_info> = {}
    api.bpf_prog_get_info_by_fd(program, info)
    const other = api.bpf_map_get_fd_by_id(info.map_ids!.at(-1)!)
    const isEvents = { type: 0 }
    api.bpf_map_get_info_by_fd(other, isEvents)
    const second = isEvents.type === api.BPF_MAP_TYPE_PERF_EVENT_ARRAY ? other : -1
    const fd = second >= 0 ? second : api.bpf_map_get_fd_by_id(info.map_ids![0])
    const pb = api.perf_buffer__new(fd, 1, () => {})!
    expect(runRaw(object, 'tp_current', 0)).toBe(0)
    kernel.close(fd)
    expect(runRaw(object, 'tp_current', 0)).toBe(-2)
    if (other !== fd) kernel.close(other)
    api.perf_buffer__free(pb)
  })
})
