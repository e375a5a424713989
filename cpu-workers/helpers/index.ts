import { seedPrandom } from '../../shared/runtime/random.js'
import type { Cpu, JsHelpers } from '../context.js'
import { makeTracePrintk } from './trace_printk.js'

const SEED_WORDS = 4

/** The helpers implemented in JavaScript, one per file; also gives the CPU its random numbers' seed. */
export function makeHelpers(cpu: Cpu): JsHelpers {
  seedPrandom(cpu.views.u32, cpu.area, crypto.getRandomValues(new Uint32Array(SEED_WORDS)))
  return { bpf_trace_printk: makeTracePrintk(cpu) }
}
