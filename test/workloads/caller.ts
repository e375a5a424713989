import type { Sys, Task } from '#shared/kernel/workload.js'

const NAP_NS = 500_000

/** Makes as many cheap system calls as its first argument says, with a nap after as many as the second says. */
export default function* caller(sys: Sys, args: string[]): Task {
  const calls = Number(args[0])
  const burst = Number(args[1] ?? calls)
  for (let i = 1; i <= calls; i++) {
    yield sys.getpid()
    if (i % burst === 0) yield sys.nanosleep(NAP_NS)
  }
  return 0
}
