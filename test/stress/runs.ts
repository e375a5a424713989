import { shutdown } from '#lib/machine/index.js'
import { runElfMutations } from './elf.js'
import { runEvents } from './events.js'
import { litmusRuns } from './litmus.js'
import { runBootCycles, runKills, runSignals } from './machine.js'
import { runTables } from './maps.js'
import { withNodes } from './nodes.js'
import { runObjectCycles } from './objects.js'
import { check, type StressRun } from './run.js'

/** Every long run, in order. */
export const stressRuns: StressRun[] = [
  { name: 'events', what: '8 CPUs, 1.2 million events of 1 to 4,000 bytes, a stalling reader', run: runEvents },
  {
    name: 'elf',
    what: '20,000 mutated objects',
    run: ({ seed, progress }) => runElfMutations({ count: 20_000, seed, progress }),
  },
  {
    name: 'objects',
    what: '1,000 cycles of open, load, attach, destroy, close',
    run: async () => {
      const figures = runObjectCycles({ count: 1000 })
      for (const [what, value] of Object.entries(figures)) {
        check(!Array.isArray(value) || value[0] === value[1], `${what} went from ${value[0]} to ${value[1]}`)
      }
      await shutdown()
      return figures
    },
  },
  {
    name: 'tables',
    what: '8 threads on one hash table, 1.5 million operations each',
    run: ({ seed, progress }) => runTables({ rounds: 1_500_000, seed, progress }),
  },
  {
    name: 'kills',
    what: '500 CPUs killed by exit, throw, heap exhaustion and terminate() while all are busy',
    run: ({ seed, progress }) => runKills({ count: 500, seed, progress }),
  },
  { name: 'boots', what: '300 machines that touch 64 MiB each', run: () => runBootCycles({ count: 300 }) },
  {
    name: 'signals',
    what: '100 SIGINTs during blocking calls under each Node',
    run: async () => ({ nodes: await withNodes((nodes) => runSignals({ nodes })) }),
  },
  ...litmusRuns,
]
