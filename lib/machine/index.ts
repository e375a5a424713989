/** smpbpf/machine: simulated machines. */

export { useMachine } from '../syscall/current.js'
export { bootDefault, defaultMachine, shutdown, spawn } from './default.js'
export { boot, Machine } from './machine.js'
export type { BootOptions } from './options.js'
export type { RunOutcome } from './runner.js'
export { SpawnError, type SpawnOptions, Task } from './task.js'
export { type TracePipeOptions, trace_pipe, trace_pipe_text } from './trace_pipe.js'
