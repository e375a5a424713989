import type { BuildOptions } from '../sync/environment.js'
import { emitCopyComm, emitCurrent } from './current.js'
import { createEnvironment } from './environment.js'
import { emitPerf } from './perf.js'
import { emitProbe } from './probe.js'
import { emitRandom } from './random.js'
import { emitTime } from './time.js'
import { emitTrace } from './trace.js'

/**
 * The runtime module, one instance per thread: exports every helper of tier wasm under its name, and `trace_append`
 * for the helpers written in JavaScript. Imports env.memory, env.cpu, env.cpu_area, env.now and, with fault points,
 * env.fault_point.
 */
export function buildRuntime(options: BuildOptions = {}): Uint8Array<ArrayBuffer> {
  const env = createEnvironment(options)
  const copyComm = emitCopyComm(env)
  emitTime(env)
  emitRandom(env)
  emitCurrent(env, copyComm)
  emitProbe(env)
  emitTrace(env, copyComm)
  emitPerf(env)
  return env.module.build().bytes
}
