import { define, I64, i64 } from '../wasm/dsl.js'
import type { RuntimeEnvironment } from './environment.js'

/** bpf_ktime_get_ns(): CLOCK_MONOTONIC in ns. */
export function emitTime(env: RuntimeEnvironment): void {
  const name = 'bpf_ktime_get_ns'
  env.module.export(
    name,
    define(env.module, name, [], [I64], () => i64.truncF64(env.now)),
  )
}
