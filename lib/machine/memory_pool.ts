import { HEADER, NULL_GUARD_BYTES, regions, TASK_BYTES, TASK_USER_BYTES, TRACE } from '../../shared/layout.js'
import { type Views, viewsOf, word } from '../../shared/views.js'
import { WASM_PAGE_BYTES } from '../../shared/wasm/module.js'

/**
 * Memories of closed machines by size. The garbage collector gives a shared memory's pages back too late, or never, so
 * they are cleared as far as they were touched and used again.
 */
const idle = new Map<number, Views[]>()

/** A zeroed shared memory of `memoryBytes`. Throws a RangeError when the system has no address space for it. */
export function takeMemory(memoryBytes: number): Views {
  const recycled = idle.get(memoryBytes)?.pop()
  if (recycled) return recycled
  const pages = memoryBytes / WASM_PAGE_BYTES
  return viewsOf(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }))
}

/** Takes back the memory of a machine that no thread uses any more; its heap was touched up to `heapHighWater`. */
export function returnMemory(views: Views, heapHighWater: number): void {
  const { u8, u32 } = views
  const cpus = u32[word(HEADER.cpusPossible)]
  const { tasks, trace, heap, user } = regions(u8.length, cpus)
  const slots = slotsTouched(views, tasks, trace)
  const traceTouched = u32[word(trace + TRACE.head)] !== 0
  u8.fill(0, NULL_GUARD_BYTES, trace)
  u8.fill(0, trace, trace + (traceTouched ? TRACE.$bytes : TRACE.data))
  u8.fill(0, heap, heapHighWater)
  u8.fill(0, user, user + slots * TASK_USER_BYTES)
  const sameSize = idle.get(u8.length) ?? []
  idle.set(u8.length, sameSize)
  sameSize.push(views)
}

/** Task slots up to the last one that was ever claimed: a slot keeps traces of its task. */
function slotsTouched(views: Views, tasks: number, end: number): number {
  const { u32 } = views
  let last = word(end) - 1
  while (last >= word(tasks) && u32[last] === 0) last--
  return Math.ceil(((last + 1) * Uint32Array.BYTES_PER_ELEMENT - tasks) / TASK_BYTES)
}
