/** What every hand-written module imports from its thread. */
import { CPUS_MAX, HEADER } from '../layout.js'
import { call, type Emit, globalGet, I32, i32, type Statement, select } from '../wasm/dsl.js'
import type { ModuleBuilder } from '../wasm/module.js'
import { type FaultPointName, faultPointId } from './fault_points.js'

export interface BuildOptions {
  /** Calls env.fault_point between shared stores: for tests only. */
  readonly faultPoints?: boolean
}

export interface Environment {
  /** This thread's number as an owner of locks: its CPU, WRITER_MAIN or WRITER_SUPERVISOR. */
  readonly cpu: Emit
  /** Address of this thread's CPU area. */
  readonly area: Emit
  /** Index in per-writer arrays: the CPU's number, and the one after the last CPU for the main thread. */
  readonly writer: Emit
  /** Whose per-CPU values this thread sees as its own: the CPU's, and CPU 0's for the main thread. */
  readonly valueCpu: Emit
  /** A place where a test build may stop the thread; nothing in other builds. */
  fault(name: FaultPointName): Statement
}

/** Declares the memory, the thread's identity and, in test builds, the fault point. Call before any function. */
export function importEnvironment(module: ModuleBuilder, options: BuildOptions = {}): Environment {
  module.importMemory()
  const cpu = globalGet(module.importGlobal('env', 'cpu', I32))
  const area = globalGet(module.importGlobal('env', 'cpu_area', I32))
  const writer = select(i32.ltU(cpu, CPUS_MAX), cpu, i32.load(0, HEADER.cpusPossible))
  const valueCpu = select(i32.ltU(cpu, CPUS_MAX), cpu, 0)
  const point = options.faultPoints ? module.importFunction('env', 'fault_point', [I32], []) : -1
  const fault = (name: FaultPointName): Statement => (point < 0 ? () => {} : call(point, faultPointId(name)))
  return { cpu, area, writer, valueCpu, fault }
}
