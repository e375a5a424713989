import { runElfMutations } from './elf.js'
import { runEvents } from './events.js'
import type { StressRun } from './run.js'

/** Every long run, in order. */
export const stressRuns: StressRun[] = [
  { name: 'events', what: '8 CPUs, 1.2 million events of 1 to 4,000 bytes, a stalling reader', run: runEvents },
  {
    name: 'elf',
    what: '20,000 mutated objects',
    run: ({ seed, progress }) => runElfMutations({ count: 20_000, seed, progress }),
  },
]
