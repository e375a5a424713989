/** Tracepoint records: their common head, and the scheduler's events. */
import { findTracepoint } from '../../shared/kernel/hooks.js'
import {
  EXEC_PATH_BYTES,
  SCHED_EXEC,
  SCHED_EXIT,
  SCHED_FORK,
  TASK_SCRATCH,
  TRACE_ENTRY,
} from '../../shared/kernel/records.js'
import { COMM_BYTES, CPU, TASK } from '../../shared/layout.js'
import { word } from '../../shared/views.js'
import type { Cpu, Hook } from '../context.js'
import { set64 } from './registers.js'

/** Priority of a normal task, as tracepoints show it. */
const DEFAULT_PRIO = 120
const LOC_BYTES_SHIFT = 16
const U64_BYTES = 8

function tracepointId(category: string, name: string): number {
  const tracepoint = findTracepoint(category, name)
  if (!tracepoint) throw new Error(`no tracepoint ${category}/${name}`)
  return tracepoint.id
}

export const eventIds = {
  tracepoint: tracepointId,
  rawEnter: tracepointId('raw_syscalls', 'sys_enter'),
  rawExit: tracepointId('raw_syscalls', 'sys_exit'),
  fork: tracepointId('sched', 'sched_process_fork'),
  exec: tracepointId('sched', 'sched_process_exec'),
  exit: tracepointId('sched', 'sched_process_exit'),
}
export type EventIds = typeof eventIds

/** The common head of a record: type, no flags, no preemption, the current pid. `task`: the current task's slot. */
export function writeEntry(u32: Uint32Array, record: number, type: number, task: number): void {
  u32[word(record + TRACE_ENTRY.type)] = type
  u32[word(record + TRACE_ENTRY.pid)] = u32[word(task + TASK.pid)]
}

interface EventHooks {
  raw: Hook
  trace: Hook
}

/** The scheduler's tracepoints, in their tracefs and raw forms. */
export class SchedEvents {
  readonly #cpu: Cpu
  readonly #record: number
  readonly #rawArgs: number
  readonly #binprm: number
  readonly #fork: EventHooks
  readonly #exec: EventHooks
  readonly #exit: EventHooks

  constructor(cpu: Cpu) {
    this.#cpu = cpu
    const scratch = cpu.area + CPU.scratch
    this.#record = scratch + TASK_SCRATCH.record
    this.#rawArgs = scratch + TASK_SCRATCH.rawArgs
    this.#binprm = scratch + TASK_SCRATCH.binprm
    const hooks = (name: string) => ({ raw: cpu.hook(`raw_tp:${name}`), trace: cpu.hook(`tracepoint:sched/${name}`) })
    this.#fork = hooks('sched_process_fork')
    this.#exec = hooks('sched_process_exec')
    this.#exit = hooks('sched_process_exit')
  }

  /** `parent` and `child` are task slots. */
  fork(parent: number, child: number): void {
    const { u32, u8 } = this.#cpu.views
    if (this.#fork.raw.attached.length !== 0) this.#fireRaw(this.#fork.raw, parent, child)
    if (this.#fork.trace.attached.length === 0) return
    const record = this.#record
    const strings = record + SCHED_FORK.strings
    writeEntry(u32, record, eventIds.fork, parent)
    const first = this.#comm(strings, parent)
    const second = this.#comm(strings + first, child)
    u32[word(record + SCHED_FORK.parentCommLoc)] = (first << LOC_BYTES_SHIFT) | SCHED_FORK.strings
    u32[word(record + SCHED_FORK.parentPid)] = u32[word(parent + TASK.pid)]
    u32[word(record + SCHED_FORK.childCommLoc)] = (second << LOC_BYTES_SHIFT) | (SCHED_FORK.strings + first)
    u32[word(record + SCHED_FORK.childPid)] = u32[word(child + TASK.pid)]
    u8.fill(0, strings + first + second, record + SCHED_FORK.$bytes)
    this.#cpu.fire(this.#fork.trace, record, SCHED_FORK.$bytes)
  }

  /** `path`: the executable's name with its NUL. */
  exec(task: number, path: Uint8Array): void {
    const { u32, u8 } = this.#cpu.views
    const pid = u32[word(task + TASK.pid)]
    if (this.#exec.raw.attached.length !== 0) this.#fireRaw(this.#exec.raw, task, pid, this.#binprm)
    if (this.#exec.trace.attached.length === 0) return
    const record = this.#record
    const bytes = Math.min(path.length, EXEC_PATH_BYTES)
    writeEntry(u32, record, eventIds.exec, task)
    u8.set(path.subarray(0, bytes), record + SCHED_EXEC.strings)
    u8.fill(0, record + SCHED_EXEC.strings + bytes, record + SCHED_EXEC.$bytes)
    u32[word(record + SCHED_EXEC.filenameLoc)] = (bytes << LOC_BYTES_SHIFT) | SCHED_EXEC.strings
    u32[word(record + SCHED_EXEC.execPid)] = pid
    u32[word(record + SCHED_EXEC.oldPid)] = pid
    this.#cpu.fire(this.#exec.trace, record, SCHED_EXEC.$bytes)
  }

  exit(task: number): void {
    const { u32, u8 } = this.#cpu.views
    if (this.#exit.raw.attached.length !== 0) this.#fireRaw(this.#exit.raw, task, 1)
    if (this.#exit.trace.attached.length === 0) return
    const record = this.#record
    writeEntry(u32, record, eventIds.exit, task)
    u8.copyWithin(record + SCHED_EXIT.comm, task + TASK.comm, task + TASK.comm + COMM_BYTES)
    u32[word(record + SCHED_EXIT.exitPid)] = u32[word(task + TASK.pid)]
    u32[word(record + SCHED_EXIT.prio)] = DEFAULT_PRIO
    u32[word(record + SCHED_EXIT.groupDead)] = 1
    this.#cpu.fire(this.#exit.trace, record, SCHED_EXIT.$bytes)
  }

  #fireRaw(hook: Hook, ...args: number[]): void {
    args.forEach((value, i) => {
      set64(this.#cpu.views.u32, this.#rawArgs + i * U64_BYTES, value)
    })
    this.#cpu.fire(hook, this.#rawArgs, args.length * U64_BYTES)
  }

  /** Copies a task's comm with its NUL to `address`; returns its bytes. */
  #comm(address: number, task: number): number {
    const { u8 } = this.#cpu.views
    const from = task + TASK.comm
    const bytes = u8.subarray(from, from + COMM_BYTES).indexOf(0) + 1
    u8.copyWithin(address, from, from + bytes)
    return bytes
  }
}
