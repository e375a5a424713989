import { afterAll, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import { boot, shutdown, useMachine } from '#lib/machine/index.js'
import { currentKernel } from '#lib/syscall/current.js'
import { captureMessages, loaded, runXdp } from './support.js'

const MEMORY_BYTES = 64 * 1024 * 1024

afterAll(shutdown)

it('calls go to the machine in use; objects stay with theirs', async () => {
  const other = boot({ cpus: 1, possibleCpus: 3, memoryBytes: MEMORY_BYTES })
  expect(api.libbpf_num_possible_cpus()).toBe(2)
  const here = loaded('maps')
  expect(useMachine(other)).toBeNull()
  expect(api.libbpf_num_possible_cpus()).toBe(3)
  const there = loaded('maps')
  expect([runXdp(there, 'count_hash'), runXdp(there, 'count_hash')]).toEqual([1, 2])
  expect(useMachine(null)).toBe(other)
  expect(runXdp(here, 'count_hash')).toBe(1)
  const value = new BigUint64Array(1)
  const map = api.bpf_object__find_map_by_name(there, 'hash')!
  expect(api.bpf_map__lookup_elem(map, Uint32Array.of(0, 7), value, 0)).toBe(0)
  expect(value[0]).toBe(2n)
  api.bpf_object__close(there)
  api.bpf_object__close(here)
  await other.shutdown()
})

it('what outlives its machine answers -EBADF and touches nothing', async () => {
  const messages = captureMessages()
  const machine = boot({ cpus: 1, memoryBytes: MEMORY_BYTES })
  useMachine(machine)
  const object = loaded('perf_output')
  const map = api.bpf_object__find_map_by_name(object, 'events')!
  const pb = api.perf_buffer__new(api.bpf_map__fd(map), 1, () => {})!
  const kernel = currentKernel()
  useMachine(null)
  await machine.shutdown()
  expect(kernel.closed).toBe(true)
  expect(api.perf_buffer__poll(pb, 100)).toBe(-9)
  expect(api.perf_buffer__consume(pb)).toBe(-9)
  expect(api.bpf_map__delete_elem(map, new Uint8Array(4), 0)).toBe(-9)
  expect(api.bpf_program__attach(api.bpf_object__next_program(object, null)!)).toBeNull()
  api.perf_buffer__free(pb)
  api.bpf_object__close(object)
  messages.restore()
})

it('a machine without room answers -ENOMEM and is whole afterwards', async () => {
  const messages = captureMessages()
  const machine = boot({ cpus: 1, memoryBytes: 16 * 1024 * 1024 })
  useMachine(machine)
  const free = machine.allocator.usedBytes
  const fds: number[] = []
  for (;;) {
    const fd = api.bpf_map_create(api.BPF_MAP_TYPE_ARRAY, 'big', 4, 65536, 16)
    if (fd < 0) break
    fds.push(fd)
  }
  expect(api.errno).toBe(12)
  expect(fds.length).toBeGreaterThan(3)
  const events = api.bpf_map_create(api.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 'events', 4, 4, 1)
  expect(api.perf_buffer__new(events, 512, () => {})).toBeNull()
  expect(api.errno).toBe(12)
  for (const fd of [...fds, events]) currentKernel().close(fd)
  expect(machine.allocator.usedBytes).toBe(free)
  useMachine(null)
  await machine.shutdown()
  messages.restore()
})
