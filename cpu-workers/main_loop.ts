import { setPriority } from 'node:os'
import type { MessagePort } from 'node:worker_threads'
import { finishEvent, peekEvent, RunDone } from '../shared/control/events.js'
import type { CpuTask } from '../shared/control/protocol.js'
import { CPU, CpuState, EVENT, HEADER, RUN_RESULT } from '../shared/layout.js'
import { EFAULT, EINTR, EINVAL, ENOENT } from '../shared/uapi/errno.js'
import { word } from '../shared/views.js'
import type { LoadedProgram } from './context.js'
import { CpuThread } from './thread.js'

/** A CPU that nothing wakes looks around this often. */
const SLEEP_MAX_MS = 1000
/** Repetitions of one `run` between two looks at its cancel word; each batch is a read-side section of its own. */
const RUN_BATCH = 65536
/** The scheduling priority of a CPU's thread, below the default of 0. */
const NICE = 5
const U32_MAX = 0xffffffff

/** Is one CPU until the machine shuts down. Whatever this throws is the CPU's death. */
export async function runMainLoop(task: CpuTask<MessagePort>): Promise<void> {
  const cpu = new CpuThread(task)
  await cpu.stream.catchUp(task.port, cpu.applyMessage)
  cpu.markSeen()
  stepBack()
  const { i32 } = cpu.views
  Atomics.store(i32, word(cpu.area + CPU.state), CpuState.online)
  Atomics.add(i32, word(HEADER.cpusOnline), 1)
  Atomics.notify(i32, word(HEADER.cpusOnline))
  await mainLoop(cpu)
  cpu.close()
  task.port.close()
}

/** Lets the main thread, the supervisor and starting CPUs go first: with more CPUs than cores they would starve. */
function stepBack(): void {
  try {
    // On Linux 0 is the calling thread alone; elsewhere it is the process, which is not to be touched.
    if (process.platform === 'linux') setPriority(0, NICE)
  } catch {
    // Without the right to do so it goes as it is.
  }
}

async function mainLoop(cpu: CpuThread): Promise<void> {
  const { i32 } = cpu.views
  const doorbell = word(cpu.area + CPU.doorbell)
  while (!cpu.stopping) {
    const seen = Atomics.load(i32, doorbell)
    cpu.synchronize()
    const busy = consumeEvents(cpu)
    const awaited = cpu.workloads.awaiting()
    if (awaited) await awaited
    else if (cpu.workloads.runnable()) cpu.workloads.slice()
    else if (!busy) sleep(cpu, doorbell, seen)
  }
}

function sleep(cpu: CpuThread, doorbell: number, seen: number): void {
  const { i32 } = cpu.views
  const timeoutMs = Math.min(cpu.workloads.nextTimerMs(), SLEEP_MAX_MS)
  if (timeoutMs <= 0) return
  const sleeping = word(cpu.area + CPU.sleeping)
  Atomics.store(i32, sleeping, 1)
  Atomics.wait(i32, doorbell, seen, timeoutMs)
  Atomics.store(i32, sleeping, 0)
}

/** Runs what the event ring holds. Returns whether it held anything. */
function consumeEvents(cpu: CpuThread): boolean {
  let busy = false
  for (;;) {
    const entry = peekEvent(cpu.views, cpu.area)
    if (entry === 0) return busy
    busy = true
    // What the event refers to was published before it, but maybe after the last look.
    cpu.synchronize()
    runEvent(cpu, entry)
    finishEvent(cpu.views, cpu.area, RunDone.finished)
    cpu.ringMain()
  }
}

function runEvent(cpu: CpuThread, entry: number): void {
  const { u32 } = cpu.views
  const result = u32[word(entry + EVENT.result)]
  let program: LoadedProgram | undefined
  let error = 0
  try {
    program = cpu.programs.find(u32[word(entry + EVENT.program)])
    if (!program) error = -ENOENT
  } catch (failure) {
    if (!(failure instanceof WebAssembly.LinkError)) throw failure
    error = -EINVAL
  }
  if (program) error = repeat(cpu, program, entry, result)
  u32[word(result + RUN_RESULT.error)] = error
}

/** Runs `program` as often as the entry says. Returns 0, -EFAULT for a trap, -EINTR when cancelled. */
function repeat(cpu: CpuThread, program: LoadedProgram, entry: number, result: number): number {
  const { i32, u32 } = cpu.views
  const context = u32[word(entry + EVENT.context)]
  const contextBytes = u32[word(entry + EVENT.contextBytes)]
  const times = u32[word(entry + EVENT.repeat)]
  const startNs = cpu.nowNs()
  let runs = 0
  let error = 0
  while (runs < times && error === 0) {
    const batch = Math.min(times - runs, RUN_BATCH)
    const depth = cpu.enter()
    try {
      const retval = cpu.execute(program, context, contextBytes, batch)
      u32[word(result + RUN_RESULT.retval)] = retval
      u32[word(result + RUN_RESULT.retvalHigh)] = u32[word(cpu.area + CPU.retval) + 1]
      runs += batch
    } catch (failure) {
      cpu.trapped(program, failure)
      error = -EFAULT
    }
    cpu.leave(depth)
    if (runs < times && Atomics.load(i32, word(result + RUN_RESULT.cancel)) !== 0) error = -EINTR
  }
  const meanNs = runs === 0 ? 0 : (cpu.nowNs() - startNs) / runs
  u32[word(result + RUN_RESULT.durationNs)] = Math.min(Math.round(meanNs), U32_MAX)
  u32[word(result + RUN_RESULT.runs)] = runs
  return error
}
