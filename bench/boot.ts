/**
 * boot/Ncpu_ms: from boot() to all N CPUs online. memory/per_cpu_MiB: what each CPU beyond the first adds to the
 * process's resident set. Each round is a process of its own. A real kernel has no like of either.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { summarise } from './measure.js'
import type { Bench, BenchContext } from './row.js'

const child = fileURLToPath(new URL('./boot_child.js', import.meta.url))
const TIMEOUT_MS = 60_000
const MEMORY_CPUS = 4

interface Boot {
  ms: number
  rssMiB: number
}

function bootOnce(cpus: number): Boot {
  const done = spawnSync(process.execPath, [child, String(cpus)], { encoding: 'utf8', timeout: TIMEOUT_MS })
  if (done.status !== 0) throw new Error(`booting ${cpus} CPUs failed: ${done.stderr || done.signal}`)
  return JSON.parse(done.stdout) as Boot
}

function repeat<T>(context: BenchContext, measure: () => T): T[] {
  return Array.from({ length: context.rounds }, measure)
}

function bootBench(cpus: number): Bench {
  return {
    name: `boot/${cpus}cpu_ms`,
    unit: 'ms',
    better: 'lower',
    measure: async (context) => ({ ours: summarise(repeat(context, () => bootOnce(cpus).ms)) }),
  }
}

const memoryBench: Bench = {
  name: 'memory/per_cpu_MiB',
  unit: 'MiB',
  better: 'lower',
  measure: async (context) => ({
    ours: summarise(repeat(context, () => (bootOnce(MEMORY_CPUS).rssMiB - bootOnce(1).rssMiB) / (MEMORY_CPUS - 1))),
  }),
}

export const bootBenches: Bench[] = [bootBench(1), bootBench(2), bootBench(4), memoryBench]
