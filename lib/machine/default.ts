import { boot, type Machine } from './machine.js'
import type { BootOptions } from './options.js'
import type { SpawnOptions, Task } from './task.js'

let current: Machine | null = null

/** The machine of all calls that name none: booted by the first of them. */
export function defaultMachine(): Machine {
  current ??= boot()
  return current
}

/** Boots the default machine with options of one's own. Throws when there is one already. */
export function bootDefault(options: BootOptions): Machine {
  if (current) throw new Error('the default machine is booted already')
  current = boot(options)
  return current
}

/** Shuts the default machine down, if there is one; the next call that needs one boots another. */
export async function shutdown(): Promise<void> {
  const machine = current
  current = null
  await machine?.shutdown()
}

/** Starts a task on the default machine: see Machine.spawn(). */
export function spawn(program: string | URL, options?: SpawnOptions): Task {
  return defaultMachine().spawn(program, options)
}
