/** Cycles of open, load, attach, destroy, close: nothing may be left behind. */
import * as api from '#lib/index.js'
import { currentKernel } from '#lib/syscall/current.js'
import { loaded } from '#test/libbpf/support.js'

const OBJECTS = ['kprobe_write', 'tracepoint_openat', 'raw_tracepoint', 'globals', 'legacy']
const RING_PAGES = 4

export interface ObjectCyclesOptions {
  /** Cycles; each takes one of the test objects in turn. */
  count: number
}

export interface ObjectCyclesResult {
  cycles: number
  /** [before, after], equal for each when nothing leaks. */
  usedBytes: [number, number]
  descriptors: [number, number]
  objects: [number, number]
  handles: [number, number]
}

/** Everything with an id: maps, programs, links, perf events. */
function objectsAlive(): number {
  const { maps, programs, links, perfEvents } = currentKernel()
  return maps.size + programs.size + links.size + perfEvents.size
}

function snapshot(): [number, number, number, number] {
  const kernel = currentKernel()
  const handles = process.getActiveResourcesInfo().length
  return [kernel.machine.allocator.usedBytes, kernel.files.count, objectsAlive(), handles]
}

function cycle(name: string): void {
  const object = loaded(name)
  const links: (api.bpf_link | null)[] = []
  for (const program of api.bpf_object__for_each_program(object)) {
    if (name === 'globals' || name === 'legacy') continue
    links.push(api.bpf_program__attach(program))
    if (links.at(-1) === null) throw new Error(`${name}: ${api.bpf_program__name(program)} does not attach`)
  }
  const events = api.bpf_map_create(api.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 'events', 4, 4, 8)
  const pb = api.perf_buffer__new(events, RING_PAGES, () => {})
  if (pb === null) throw new Error(`perf_buffer__new: ${api.errno}`)
  api.perf_buffer__poll(pb, 0)
  api.perf_buffer__free(pb)
  currentKernel().close(events)
  for (const link of links) api.bpf_link__destroy(link)
  api.bpf_object__close(object)
}

/** Runs `count` cycles on the default machine, after one warm-up cycle of each object. */
export function runObjectCycles({ count }: ObjectCyclesOptions): ObjectCyclesResult {
  for (const name of OBJECTS) cycle(name)
  const before = snapshot()
  for (let i = 0; i < count; i++) cycle(OBJECTS[i % OBJECTS.length])
  const after = snapshot()
  const [usedBytes, descriptors, objects, handles] = before.map((value, i) => [value, after[i]] as [number, number])
  return { cycles: count, usedBytes, descriptors, objects, handles }
}
