/** Atomics and memory order on eight CPUs. */
import { runAtomics } from '#test/litmus/atomics.js'
import { runLitmus } from '#test/litmus/litmus.js'
import type { StressRun } from './run.js'

const OPERATIONS = 10_000_000
const ROUNDS = 1_000_000

export const litmusRuns: StressRun[] = [
  {
    name: 'atomics',
    what: '10 million operations of each atomic and width, 8 CPUs on one word',
    run: ({ progress }) => runAtomics({ operations: OPERATIONS, progress }),
  },
  {
    name: 'litmus',
    what: 'message passing, store and load buffering, coherence: a million rounds each',
    run: ({ seed, progress }) => runLitmus({ rounds: ROUNDS, seed, progress }),
  },
]
