/** The parts of a CPU that its core knows by interface only. */
import type { Cpu, JsHelpers, Workloads } from './context.js'
import { Scheduler } from './kernel/index.js'

/** The helpers implemented in JavaScript. */
export function makeHelpers(_cpu: Cpu): JsHelpers {
  return {}
}

/** The tasks of the CPU. */
export function makeWorkloads(cpu: Cpu): Workloads {
  return new Scheduler(cpu)
}
