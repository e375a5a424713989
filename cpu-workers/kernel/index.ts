import type { Cpu, Workloads } from '../context.js'
import { Scheduler } from './scheduler.js'

export { Scheduler } from './scheduler.js'

/** The tasks of a CPU. */
export function makeWorkloads(cpu: Cpu): Workloads {
  return new Scheduler(cpu)
}
