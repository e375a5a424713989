import { claimTask, killTask, readComm, reapTask, taskState } from '../../shared/kernel/task.js'
import { TASK, TaskState } from '../../shared/layout.js'
import { EAGAIN, EINTR, EINVAL, EIO, ESRCH, ETIMEDOUT } from '../../shared/uapi/errno.js'
import { word } from '../../shared/views.js'
import type { Machine } from './machine.js'
import { signals } from './signals.js'

const STEP_MS = 50
const SIGKILL = 9
const EXIT_CODE_SHIFT = 8
const SIGNAL_MASK = 0x7f

export interface SpawnOptions {
  /** CPU that the task runs on, default 0: a task never moves. */
  cpu?: number
  /** Name shown by bpf_get_current_comm, up to 15 bytes; default from the module's file name. */
  comm?: string
  args?: string[]
  uid?: number
  /** The export that is the task's body, default `default`. */
  exportName?: string
}

/** A task that the main thread started: as a child process, seen from its parent. */
export class Task {
  readonly pid: number
  readonly cpu: number
  readonly #machine: Machine
  readonly #address: number
  #status = -1

  constructor(machine: Machine, address: number) {
    this.#machine = machine
    this.#address = address
    this.pid = machine.views.u32[word(address + TASK.pid)]
    this.cpu = machine.views.u32[word(address + TASK.cpu)]
  }

  /** Whether the task has not ended yet. */
  get running(): boolean {
    return this.#status < 0 && !this.#reap()
  }

  get comm(): string {
    return readComm(this.#machine.views, this.#address + TASK.comm)
  }

  /** System calls made so far. */
  get syscalls(): number {
    return this.#machine.views.u32[word(this.#address + TASK.syscalls)]
  }

  /** The exit code of a task that has ended by itself, otherwise -1. */
  get exitCode(): number {
    return this.running || (this.#status & SIGNAL_MASK) !== 0 ? -1 : this.#status >> EXIT_CODE_SHIFT
  }

  /** The signal that ended the task, 0 when none did or it still runs. */
  get signal(): number {
    return this.running ? 0 : this.#status & SIGNAL_MASK
  }

  /** Ends the task by `signal` at its next system call, as kill(2): 0, or -ESRCH when it has ended. */
  kill(signal = SIGKILL): number {
    if (this.#status >= 0 || !killTask(this.#machine.views, this.#address, signal)) return -ESRCH
    this.#machine.ring(this.cpu)
    return 0
  }

  /**
   * Blocks until the task has ended, at most `timeoutMs` (negative: for ever). Returns its wait status (exit code << 8
   * | signal), -ETIMEDOUT, -EINTR after a SIGINT, -EIO when the machine is gone.
   */
  wait(timeoutMs = -1): number {
    const { views } = this.#machine
    const deadlineMs = timeoutMs < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs
    signals.arm()
    while (this.running) {
      if (signals.deliver()) return -EINTR
      if (!this.#machine.alive()) return -EIO
      const leftMs = deadlineMs - performance.now()
      if (leftMs <= 0) return -ETIMEDOUT
      const state = taskState(views, this.#address)
      if (state === TaskState.zombie) continue
      Atomics.wait(views.i32, word(this.#address + TASK.state), state, Math.min(leftMs, STEP_MS))
    }
    return this.#status
  }

  /** The same from the event loop; the process stays alive while it is pending. */
  async waitAsync(timeoutMs = -1): Promise<number> {
    const deadlineMs = timeoutMs < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs
    for (;;) {
      const seen = this.#machine.prepareWait()
      try {
        if (!this.running) return this.#status
        const leftMs = deadlineMs - performance.now()
        if (leftMs <= 0) return -ETIMEDOUT
        // The end of a task rings; the bound is for a task whose CPU has died.
        const outcome = await this.#machine.waitDoorbellAsync(seen, Math.min(leftMs, STEP_MS))
        if (outcome === 'dead') return -EIO
      } finally {
        this.#machine.finishWait()
      }
    }
  }

  /** Takes the wait status of an ended task and frees its slot. */
  #reap(): boolean {
    const status = reapTask(this.#machine.views, this.#address)
    if (status < 0) return false
    this.#status = status
    return true
  }
}

/**
 * Why a task could not be started: `errno` is EINVAL for a CPU that is not online, EIO when none starts, EAGAIN
 * with too many tasks.
 */
export class SpawnError extends Error {
  constructor(
    readonly errno: number,
    message: string,
  ) {
    super(message)
    this.name = 'SpawnError'
  }
}

/**
 * Starts a task on a CPU of `machine`: `program` is the URL of a workload module, or the path or name of an executable
 * of the simulated file system ('dd', '/bin/dd'). Throws a SpawnError.
 */
export function spawnTask(machine: Machine, program: string | URL, options: SpawnOptions = {}): Task {
  const cpu = options.cpu ?? 0
  if (!machine.cpuOnline(cpu)) throw new SpawnError(EINVAL, `spawn: CPU ${cpu} is not online`)
  if (!machine.tryStart()) throw new SpawnError(EIO, 'spawn: the CPUs of this machine do not start')
  const url = String(program)
  const comm = options.comm ?? defaultComm(url)
  const address = claimTask(machine.views, { comm, cpu, uid: options.uid })
  if (address === 0) throw new SpawnError(EAGAIN, 'spawn: every task slot is taken')
  const task = new Task(machine, address)
  const { exportName = 'default', args = [] } = options
  machine.command(cpu, { kind: 'spawn', task: address, pid: task.pid, url, exportName, args })
  return task
}

/** "dd" for /bin/dd, "opener" for file:///app/opener.js. */
function defaultComm(url: string): string {
  const name = url.slice(url.lastIndexOf('/') + 1)
  const dot = name.indexOf('.')
  return dot > 0 ? name.slice(0, dot) : name
}
