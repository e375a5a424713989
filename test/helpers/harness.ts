/** One machine memory with a CPU area and the runtime module, on the test's own thread. */
import type { Views } from '#cpu/context.js'
import {
  COMM_BYTES,
  CPU,
  cpuArea,
  HEADER,
  MEMORY_MAX_BYTES,
  MEMORY_MIN_BYTES,
  regions,
  TASK,
  TASK_BYTES,
  TASK_USER_BYTES,
} from '#shared/layout.js'
import { buildRuntime } from '#shared/runtime/module.js'
import { WASM_PAGE_BYTES } from '#shared/wasm/module.js'

export const CPUS = 12

export interface Harness {
  views: Views
  area: number
  /** The clock: CLOCK_MONOTONIC in ns. */
  clock: { nowNs: number }
  // biome-ignore lint/suspicious/noExplicitAny: exports of many signatures
  runtime: Record<string, (...args: any[]) => any>
  /** First byte of the heap: free for the test's own use. */
  heap: number
  userEnd: number
}

export function viewsOf(memory: WebAssembly.Memory): Views {
  const { buffer } = memory
  return {
    memory,
    u8: new Uint8Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    f64: new Float64Array(buffer),
    u64: new BigUint64Array(buffer),
    data: new DataView(buffer),
  }
}

/** A memory laid out as a booted machine's, seen from CPU `cpu`. */
export function createHarness(cpu = 3): Harness {
  const memory = new WebAssembly.Memory({
    initial: MEMORY_MIN_BYTES / WASM_PAGE_BYTES,
    maximum: MEMORY_MAX_BYTES / WASM_PAGE_BYTES,
    shared: true,
  })
  const views = viewsOf(memory)
  const place = regions(MEMORY_MIN_BYTES, CPUS)
  const area = cpuArea(cpu)
  const { u32 } = views
  u32[HEADER.memoryBytes >> 2] = MEMORY_MIN_BYTES
  u32[HEADER.cpusPossible >> 2] = CPUS
  u32[HEADER.tasks >> 2] = place.tasks
  u32[HEADER.trace >> 2] = place.trace
  u32[HEADER.heap >> 2] = place.heap
  u32[HEADER.heapEnd >> 2] = place.heapEnd
  u32[HEADER.user >> 2] = place.user
  u32[HEADER.userEnd >> 2] = place.userEnd
  u32[HEADER.nextPid >> 2] = 100
  u32[(area + CPU.number) >> 2] = cpu
  const clock = { nowNs: 1_234_567_890_123 }
  const imports = {
    env: {
      memory,
      cpu: new WebAssembly.Global({ value: 'i32' }, cpu),
      cpu_area: new WebAssembly.Global({ value: 'i32' }, area),
      now: () => clock.nowNs,
    },
  }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(buildRuntime()), imports)
  const runtime = instance.exports as Harness['runtime']
  return { views, area, clock, runtime, heap: place.heap, userEnd: place.userEnd }
}

/** Fills task slot `slot` and makes it the CPU's current task; returns its address. */
export function setCurrent(
  h: Harness,
  task: { slot?: number; pid: number; tgid: number; uid: number; gid: number; comm: string },
): number {
  const { u32, u8 } = h.views
  const slot = task.slot ?? 0
  const address = u32[HEADER.tasks >> 2] + slot * TASK_BYTES
  u32[(address + TASK.pid) >> 2] = task.pid
  u32[(address + TASK.tgid) >> 2] = task.tgid
  u32[(address + TASK.uid) >> 2] = task.uid
  u32[(address + TASK.gid) >> 2] = task.gid
  u32[(address + TASK.userBase) >> 2] = u32[HEADER.user >> 2] + slot * TASK_USER_BYTES
  u32[(address + TASK.userBytes) >> 2] = TASK_USER_BYTES
  u8.fill(0, address + TASK.comm, address + TASK.comm + COMM_BYTES)
  u8.set(new TextEncoder().encode(task.comm).subarray(0, COMM_BYTES - 1), address + TASK.comm)
  u32[(h.area + CPU.currentTask) >> 2] = address
  return address
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
