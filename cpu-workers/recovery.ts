import { failEvents } from '../shared/control/events.js'
import { abandonTasks, endTask, taskAddress, taskSlots, taskState } from '../shared/kernel/task.js'
import { SIGKILL } from '../shared/kernel/workload.js'
import { CPU, CpuState, cpuArea, HEADER, TASK, TaskState } from '../shared/layout.js'
import { type Views, word } from '../shared/views.js'

/**
 * Puts in order what a dead CPU left: its locks and half-done changes, its read-side section, the events it was to
 * run. Runs in the supervisor when the thread has ended for certain. Wakes everybody who may have waited for it.
 */
export function buryCpu(views: Views, cpu: number, recoverLocks: (area: number) => boolean): void {
  const { i32 } = views
  const area = cpuArea(cpu)
  const wasOnline = Atomics.exchange(i32, word(area + CPU.state), CpuState.dead) === CpuState.online
  // First of all: who is told of the death below must not take this CPU for one that is online.
  if (wasOnline) Atomics.sub(i32, word(HEADER.cpusOnline), 1)
  i32[word(area + CPU.thread)] = 0
  if (recoverLocks(area)) Atomics.add(i32, word(HEADER.cpuDeathsLocked), 1)
  i32[word(area + CPU.contextLevel)] = 0
  i32[word(area + CPU.currentTask)] = 0
  Atomics.store(i32, word(area + CPU.sleeping), 0)
  abandonTasks(views, cpu, SIGKILL)
  failEvents(views, area)
  Atomics.add(i32, word(area + CPU.quiescent), 1)
  Atomics.store(i32, word(area + CPU.nesting), 0)
  Atomics.add(i32, word(HEADER.cpuDeaths), 1)
  Atomics.notify(i32, word(HEADER.cpuDeaths))
  Atomics.notify(i32, word(HEADER.cpusOnline))
  Atomics.add(i32, word(HEADER.mainDoorbell), 1)
  Atomics.notify(i32, word(HEADER.mainDoorbell))
}

/** Takes a CPU that does not start out of service: nobody may wait for it any more. */
export function giveUpCpu(views: Views, cpu: number): void {
  Atomics.store(views.i32, word(cpuArea(cpu) + CPU.state), CpuState.broken)
  for (let slot = 0; slot < taskSlots(views); slot++) {
    const task = taskAddress(views, slot)
    const waits = views.u32[word(task + TASK.cpu)] === cpu && taskState(views, task) === TaskState.claimed
    if (waits) endTask(views, task, SIGKILL)
  }
  failEvents(views, cpuArea(cpu))
  Atomics.notify(views.i32, word(HEADER.cpusOnline))
}
