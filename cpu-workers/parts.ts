/** The parts of a CPU that its core knows by interface only. */
import type { Cpu, JsHelpers, Workloads } from './context.js'

/** The helpers implemented in JavaScript. */
export function makeHelpers(_cpu: Cpu): JsHelpers {
  return {}
}

/** The tasks of the CPU. */
export function makeWorkloads(_cpu: Cpu): Workloads {
  return {
    onSpawn: () => {},
    runnable: () => false,
    slice: () => {},
    nextTimerMs: () => Number.POSITIVE_INFINITY,
    awaiting: () => null,
  }
}
