/** A perf ring, its map and the compiled producer, on a memory without threads. */
import { PAGE_BYTES, PERF_RING, SK_BUFF, XDP_MD } from '#shared/layout.js'
import { emitPerfOutput } from '#shared/rings/perf.js'
import { initialisePerfRing, mapPerfRing } from '#shared/rings/perf_ring.js'
import { importEnvironment } from '#shared/sync/environment.js'
import { BPF_MAP_TYPE_PERF_EVENT_ARRAY } from '#shared/uapi/bpf.js'
import { PERF_COUNT_SW_BPF_OUTPUT, PERF_SAMPLE_RAW } from '#shared/uapi/perf_event.js'
import { ModuleBuilder } from '#shared/wasm/module.js'
import { importsFor, instantiate, makeMap, type TestMachine, type TestMap } from '#test/maps/support.js'

export type Output = (ctx: number, map: number, flags: bigint, data: number, size: number) => number

export interface Producer {
  plain: Output
  xdp: Output
  skb: Output
}

/** The three forms of bpf_perf_event_output for one CPU. */
export function makeProducer(machine: TestMachine, cpu: number, faultPoint?: (id: number) => void): Producer {
  return producerOn(machine.memory, machine.cpus, cpu, faultPoint)
}

export function producerOn(
  memory: WebAssembly.Memory,
  cpus: number,
  cpu: number,
  faultPoint?: (id: number) => void,
): Producer {
  const module = new ModuleBuilder()
  const env = importEnvironment(module, { faultPoints: faultPoint !== undefined })
  const { plain, packet } = emitPerfOutput(module, env, [
    { name: 'xdp', context: XDP_MD },
    { name: 'skb', context: SK_BUFF },
  ])
  module.export('plain', plain)
  module.export('xdp', packet[0]!)
  module.export('skb', packet[1]!)
  return instantiate(module.build().bytes, importsFor(memory, cpus, cpu, faultPoint))
}

export function makePerfMap(machine: TestMachine, maxEntries: number): TestMap {
  return makeMap(machine, { type: BPF_MAP_TYPE_PERF_EVENT_ARRAY, keyBytes: 4, valueBytes: 4, maxEntries, flags: 0 })
}

export interface RingOptions {
  cpu?: number
  pages?: number
  wakeupEvents?: number
  enabled?: boolean
  config?: number
  watermarkBytes?: number
  id?: number
}

/** A ring with its pages (none when `pages` is 0); its address. */
export function makeRing(machine: TestMachine, options: RingOptions = {}): number {
  const ring = machine.allocate(PERF_RING.$bytes)
  initialisePerfRing(machine, ring, {
    id: options.id ?? 136,
    cpu: options.cpu ?? 0,
    config: options.config ?? PERF_COUNT_SW_BPF_OUTPUT,
    sampleType: PERF_SAMPLE_RAW,
    wakeupEvents: options.wakeupEvents ?? 1,
    enabled: options.enabled ?? true,
  })
  const pages = options.pages ?? 1
  if (pages > 0) {
    const page = machine.allocate(PAGE_BYTES * (pages + 1), PAGE_BYTES)
    mapPerfRing(machine, ring, page, PAGE_BYTES * pages, options.watermarkBytes)
  }
  return ring
}

/** Stores a ring in a perf_event_array's slot. */
export function setSlot(machine: TestMachine, map: TestMap, index: number, ring: number): number {
  const key = machine.allocate(8)
  const value = machine.allocate(8)
  machine.u32[key / 4] = index
  machine.u32[value / 4] = ring
  return map.on[machine.cpus]!.updateUser(map.address, key, value, 0)
}
