import type { Suite } from './row.js'

/** Every suite: one line each. A suite's name is a filter too, whatever its rows are called. */
export const suites: Suite[] = [
  {
    name: 'perf',
    load: async () => [...(await import('./perf.js')).perfBenches, ...(await import('./boot.js')).bootBenches],
  },
  { name: 'jit', load: async () => (await import('./jit.js')).jitBenches() },
]
