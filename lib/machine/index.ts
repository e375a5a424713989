/** smpbpf/machine: simulated machines. */
export { bootDefault, defaultMachine, shutdown, spawn } from './default.js'
export { boot, Machine } from './machine.js'
export type { BootOptions } from './options.js'
export type { RunOutcome } from './runner.js'
export { SpawnError, type SpawnOptions, Task } from './task.js'
