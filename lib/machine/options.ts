import { CPUS_MAX, MEMORY_DEFAULT_BYTES, MEMORY_MAX_BYTES, MEMORY_MIN_BYTES } from '../../shared/layout.js'
import { alignUp } from '../../shared/struct.js'
import { WASM_PAGE_BYTES } from '../../shared/wasm/module.js'

const CPUS_DEFAULT = 2
const CPU_HEAP_DEFAULT_MB = 512
const CPU_HEAP_MIN_MB = 16

/** What boot() takes; everything has a default. */
export interface BootOptions {
  /** CPUs that come online: 1 to 64, default 2. More than the computer has is fine. */
  cpus?: number
  /** CPUs that per-CPU data has room for: cpus to 64, default `cpus`. */
  possibleCpus?: number
  /** Size of the machine's memory: 16 MiB to 2 GiB, default 1 GiB; rounded up to 64 KiB. Only what is used costs. */
  memoryBytes?: number
  /** V8's old generation limit of each CPU in MiB, default 512: a workload that exceeds it ends its CPU only. */
  cpuHeapMb?: number
  /** For tests: modules with a fault point between the shared stores of each critical section. */
  faultPoints?: boolean
}

/** Fills in what is missing. Throws a RangeError for what is out of range. */
export function checkOptions(options: BootOptions): Required<BootOptions> {
  const cpus = options.cpus ?? CPUS_DEFAULT
  const possibleCpus = options.possibleCpus ?? cpus
  const memoryBytes = alignUp(options.memoryBytes ?? MEMORY_DEFAULT_BYTES, WASM_PAGE_BYTES)
  const cpuHeapMb = options.cpuHeapMb ?? CPU_HEAP_DEFAULT_MB
  checkRange('cpus', cpus, 1, CPUS_MAX)
  checkRange('possibleCpus', possibleCpus, cpus, CPUS_MAX)
  checkRange('memoryBytes', memoryBytes, MEMORY_MIN_BYTES, MEMORY_MAX_BYTES)
  checkRange('cpuHeapMb', cpuHeapMb, CPU_HEAP_MIN_MB, Number.MAX_SAFE_INTEGER)
  return { cpus, possibleCpus, memoryBytes, cpuHeapMb, faultPoints: options.faultPoints ?? false }
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw new RangeError(`${name} must be an integer from ${min} to ${max}, not ${value}`)
}
