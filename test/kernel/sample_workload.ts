/** A workload in a module of its own: prints its arguments, returns their number. */
import type { Sys, Task } from '#shared/kernel/workload.js'

export default function* (sys: Sys, args: string[]): Task {
  const text = `${sys.comm}: ${args.join(' ')}\n`
  yield sys.write(1, sys.string(text), text.length)
  return args.length
}

export function* second(sys: Sys): Task {
  yield sys.getpid()
  return 42
}
