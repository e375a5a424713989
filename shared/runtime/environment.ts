import { type BuildOptions, type Environment, importEnvironment } from '../sync/environment.js'
import { emitLock, type Locks } from '../sync/lock.js'
import { call, type Emit, F64 } from '../wasm/dsl.js'
import { ModuleBuilder } from '../wasm/module.js'

/** What a helper's code may refer to in the module under construction. */
export interface RuntimeEnvironment extends Environment {
  readonly module: ModuleBuilder
  /** CLOCK_MONOTONIC in ns, as f64. */
  readonly now: Emit
  readonly locks: Locks
}

/** A new module with what all helpers share. Imports must be complete before the first function. */
export function createEnvironment(options: BuildOptions): RuntimeEnvironment {
  const module = new ModuleBuilder()
  const environment = importEnvironment(module, options)
  const now = call(module.importFunction('env', 'now', [], [F64]))
  return { ...environment, module, now, locks: emitLock(module, environment) }
}
