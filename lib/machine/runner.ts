import { pushRun, RunDone, type RunRequest } from '../../shared/control/events.js'
import { RUN_RESULT } from '../../shared/layout.js'
import { EBUSY, EINTR, EIO } from '../../shared/uapi/errno.js'
import { type Views, word } from '../../shared/views.js'
import { signals } from './signals.js'

export interface RunOutcome {
  /**
   * 0 or a negative errno: -ENOENT no such program, -EFAULT it trapped, -EINTR a signal came, -EIO the CPU died,
   * -EBUSY its event ring is full.
   */
  error: number
  /** r0 of the last repetition: low and high word, unsigned. */
  retval: number
  retvalHigh: number
  /** Mean ns of a repetition. */
  durationNs: number
  /** Repetitions completed. */
  runs: number
}

const STEP_MS = 50
/** A program that does not end this long after a signal asked for it is ended with its CPU. */
const CANCEL_MS = 1000

/** A run that somebody waits for from the event loop. */
export interface PendingRun {
  /** Address of its RUN_RESULT. */
  readonly result: number
  outcome: RunOutcome | null
}

/** What running needs of the machine. */
export interface RunnerHost {
  views: Views
  /** Runs that nobody blocks for. */
  pending: Set<PendingRun>
  alive(): boolean
  /** Ends the CPU's thread. */
  kill(): void
}

/** Runs a program on a CPU through its event ring and blocks until it is done. */
export function runOnCpu(host: RunnerHost, cpu: number, request: RunRequest): RunOutcome {
  const { views } = host
  signals.arm()
  collect(host)
  const result = pushRun(views, cpu, request)
  if (result === 0) return failedRun(-EBUSY)
  const done = word(result + RUN_RESULT.done)
  let cancelledMs = Number.POSITIVE_INFINITY
  while (Atomics.load(views.i32, done) === RunDone.pending) {
    if (signals.deliver() && cancelledMs === Number.POSITIVE_INFINITY) {
      Atomics.store(views.i32, word(result + RUN_RESULT.cancel), 1)
      cancelledMs = performance.now()
    }
    if (!host.alive()) return failedRun(-EIO)
    if (performance.now() - cancelledMs > CANCEL_MS) {
      cancelledMs = Number.NEGATIVE_INFINITY
      host.kill()
    }
    Atomics.wait(views.i32, done, RunDone.pending, STEP_MS)
  }
  return outcome(views, result, cancelledMs !== Number.POSITIVE_INFINITY)
}

/** Takes the outcomes of runs that have ended: the places of their results may now be used again. */
function collect({ views, pending }: RunnerHost): void {
  for (const run of pending) {
    if (Atomics.load(views.i32, word(run.result + RUN_RESULT.done)) === RunDone.pending) continue
    run.outcome = outcome(views, run.result, false)
    pending.delete(run)
  }
}

/** The same from the event loop: signals are Node's own affair, and the process stays alive meanwhile. */
export async function runOnCpuAsync(host: RunnerHost, cpu: number, request: RunRequest): Promise<RunOutcome> {
  const { views, pending } = host
  collect(host)
  const result = pushRun(views, cpu, request)
  if (result === 0) return failedRun(-EBUSY)
  const run: PendingRun = { result, outcome: null }
  pending.add(run)
  for (;;) {
    collect(host)
    if (run.outcome !== null) return run.outcome
    if (!host.alive()) {
      pending.delete(run)
      return failedRun(-EIO)
    }
    const wait = Atomics.waitAsync(views.i32, word(result + RUN_RESULT.done), RunDone.pending, STEP_MS)
    if (wait.async) await keepingAlive(wait.value)
  }
}

/** A pending waitAsync does not keep the process alive; a timer does. */
async function keepingAlive(wait: Promise<unknown>): Promise<void> {
  const timer = setInterval(() => {}, STEP_MS)
  await wait
  clearInterval(timer)
}

export function outcome(views: Views, result: number, cancelled: boolean): RunOutcome {
  const { i32, u32 } = views
  if (u32[word(result + RUN_RESULT.done)] === RunDone.died) return failedRun(cancelled ? -EINTR : -EIO)
  return {
    error: i32[word(result + RUN_RESULT.error)],
    retval: u32[word(result + RUN_RESULT.retval)],
    retvalHigh: u32[word(result + RUN_RESULT.retvalHigh)],
    durationNs: u32[word(result + RUN_RESULT.durationNs)],
    runs: u32[word(result + RUN_RESULT.runs)],
  }
}

/** The outcome of a run that did not happen, or did not end. */
export function failedRun(error: number): RunOutcome {
  return { error, retval: 0, retvalHigh: 0, durationNs: 0, runs: 0 }
}
